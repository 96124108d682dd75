package text

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

func TestUppercase(t *testing.T) {
	tests := []struct{ text, want string }{
		{"hello world", "HELLO WORLD"},
		{"", ""},
		{"élan, ångström, жизнь", "ÉLAN, ÅNGSTRÖM, ЖИЗНЬ"},
		{"1 2\n3\t!", "1 2\n3\t!"},
	}
	for _, tt := range tests {
		got, err := uppercase(t.Context(), nil, textArgs{Text: tt.text})
		if err != nil || string(got) != tt.want {
			t.Errorf("uppercase(%q) = %q, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestCount(t *testing.T) {
	tests := []struct {
		name, text string
		want       countResult
	}{
		{"nothing", "", countResult{}},
		{"words and a last line break", "one two\nthree\n", countResult{Characters: 14, Letters: 11, Words: 3, Lines: 2, Bytes: 14}},
		{"no last line break", "a\nb", countResult{Characters: 3, Letters: 2, Words: 2, Lines: 2, Bytes: 3}},
		{"characters are not bytes", "žluťoučký 🐎", countResult{Characters: 11, Letters: 9, Words: 2, Lines: 1, Bytes: 18}},
		{"spaces of other scripts part words", "日\u3000本", countResult{Characters: 3, Letters: 2, Words: 2, Lines: 1, Bytes: 9}},
		{"only line breaks", "\n\n", countResult{Characters: 2, Lines: 2, Bytes: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := count(t.Context(), nil, textArgs{Text: tt.text})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("count(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	const log = "GET /a 200\r\nPOST /b 500\nget /c 404\n\nGET /d 500"
	tests := []struct {
		name string
		in   searchArgs
		want searchResult
	}{
		{
			"numbers from one, no carriage returns",
			searchArgs{Text: log, Pattern: `^GET .* \d+$`, Limit: 10},
			searchResult{[]matchingLine{{1, "GET /a 200"}, {5, "GET /d 500"}}, 2},
		},
		{
			"any case",
			searchArgs{Text: log, Pattern: `^GET|^post`, IgnoreCase: true, Limit: 10},
			searchResult{[]matchingLine{{1, "GET /a 200"}, {2, "POST /b 500"}, {3, "get /c 404"}, {5, "GET /d 500"}}, 4},
		},
		{
			"beyond the limit only counted",
			searchArgs{Text: log, Pattern: `500`, Limit: 1},
			searchResult{[]matchingLine{{2, "POST /b 500"}}, 2},
		},
		{
			"an empty line",
			searchArgs{Text: log, Pattern: `^$`, Limit: 10},
			searchResult{[]matchingLine{{4, ""}}, 1},
		},
		{"nothing found", searchArgs{Text: log, Pattern: "DELETE", Limit: 10}, searchResult{}},
		{"nothing to search", searchArgs{Pattern: ".*", Limit: 10}, searchResult{}},
		{
			"a long line is cut between characters",
			searchArgs{Text: strings.Repeat("ž", maxShown+1), Pattern: "ž", Limit: 10},
			searchResult{[]matchingLine{{1, strings.Repeat("ž", maxShown) + "…"}}, 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := search(t.Context(), nil, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("search for %q (-want +got):\n%s", tt.in.Pattern, diff)
			}
		})
	}
}

func TestSearchTellsTheModelWhatIsWrongWithAPattern(t *testing.T) {
	tests := []struct{ name, pattern, want string }{
		{"no pattern", "a(", "missing closing )"},
		{"look-around", "(?<=a)b", "RE2"},
		{"a costly one", "(a{100}){9}", "too costly"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := search(t.Context(), nil, searchArgs{Text: "a", Pattern: tt.pattern, Limit: 1})
			var forModel *mcp.ToolError
			if !errors.As(err, &forModel) || !strings.Contains(forModel.Message, tt.want) {
				t.Errorf("search for %q = %v, want an error for the model with %q in it", tt.pattern, err, tt.want)
			}
		})
	}
}

func TestSearchEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := search(ctx, nil, searchArgs{Text: "a\nb", Pattern: "c", Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("search after the call was cancelled = %v, want %v", err, context.Canceled)
	}
}

func TestCompare(t *testing.T) {
	tests := []struct{ name, before, after, want string }{
		{"the same", "a\n", "a\n", "The texts are the same."},
		{"a changed line", "a\nb\nc\n", "a\nB\nc\n", "--- before\n+++ after\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"from nothing", "", "a\n", "--- before\n+++ after\n@@ -0,0 +1,1 @@\n+a\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := compare(t.Context(), nil, compareArgs{tt.before, tt.after})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("compare (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompareRefusesTooManyLines(t *testing.T) {
	_, err := compare(t.Context(), nil, compareArgs{After: strings.Repeat("\n", maxLines+1)})
	var forModel *mcp.ToolError
	if !errors.As(err, &forModel) || !strings.Contains(forModel.Message, "after has 20001 lines") {
		t.Errorf("compare = %v, want an error for the model that names the side and its lines", err)
	}
}
