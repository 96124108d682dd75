package main

import (
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
	"toolgate/tools"
)

func TestPageInDocsIsCurrent(t *testing.T) {
	want, err := page()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/tools.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/tools.md has drifted; run go generate ./tools/internal/tooldoc (-want +got):\n%s", diff)
	}
}

func TestEveryToolsetStandsOnThePage(t *testing.T) {
	text, err := page()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"### `uppercase_text`", "### `get_user`", "`demo://readme`", "### Prompt `explain_note`", "### `read_more`"}
	for _, name := range tools.Toolsets() {
		want = append(want, "## Toolset `"+name+"`")
	}
	for _, part := range want {
		if n := strings.Count(string(text), part); n != 1 {
			t.Errorf("the page has %q %d times, want once", part, n)
		}
	}
}

func TestSchemaInWords(t *testing.T) {
	const object = `{"type":"object","required":["b"],"properties":{
		"b":{"type":"string","description":"Text.","minLength":1,"maxLength":9,"default":"x"},
		"a":{"type":"array","description":"Many.","items":{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}},
		"c":{"type":"string","description":"Choice.","enum":["yes","no"]}}}`
	var s schema
	if err := json.Unmarshal([]byte(object), &s); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range s.Properties {
		got = append(got, p.name+": "+p.kind()+": "+p.what())
	}
	want := []string{
		`b: string: Text. From 1 to 9 characters. Default: "x".`,
		"a: array of objects: Many.",
		"c: string: Choice. One of yes, no.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("properties in words (-want +got):\n%s", diff)
	}
}

func TestManner(t *testing.T) {
	tests := []struct {
		hints mcp.ToolAnnotations
		want  string
	}{
		{mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true}, "Read-only"},
		{mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: true}, "Read-only, reaches outside"},
		{mcp.ToolAnnotations{DestructiveHint: true, IdempotentHint: true}, "Changes data, may destroy, a second call changes nothing more"},
	}
	for _, tt := range tests {
		if got := manner(tt.hints); got != tt.want {
			t.Errorf("manner(%+v) = %q, want %q", tt.hints, got, tt.want)
		}
	}
}
