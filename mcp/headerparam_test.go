package mcp

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func withSchema(name, schema string) *Tool {
	spec := readOnly(name, "Has a schema of its own.")
	spec.InputSchema = jsontext.Value(schema)
	return NewTool(spec, func(_ context.Context, _ *Call, in map[string]any) (Text, error) {
		return Text(strings.Repeat("x", len(in))), nil
	})
}

func TestHeaderParamsAreFound(t *testing.T) {
	type nested struct {
		Name string `json:"name" header:"Customer"`
	}
	type params struct {
		Region string `json:"region" header:"Region"`
		Dry    bool   `json:"dry,omitempty" header:"X-Dry"`
		Limit  int    `json:"limit,omitempty" header:"limit"`
		Plain  string `json:"plain,omitempty"`
		Nested nested `json:"nested,omitzero"`
	}
	tool := NewTool(readOnly("marked", "Has marks."), func(context.Context, *Call, params) (Text, error) { return "", nil })
	server := newServer(t, Features{Tools: []*Tool{tool, addTool()}}, Options{})
	want := []HeaderParam{
		{"X-Dry", []string{"dry"}, "boolean"},
		{"limit", []string{"limit"}, "integer"},
		{"Customer", []string{"nested", "name"}, "string"},
		{"Region", []string{"region"}, "string"},
	}
	same := func(a, b HeaderParam) bool {
		return a.Name == b.Name && a.Type == b.Type && slices.Equal(a.Path, b.Path)
	}
	if got := server.HeaderParams("marked"); !slices.EqualFunc(got, want, same) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := server.HeaderParams("add"); got != nil {
		t.Errorf("a tool without marks: %v", got)
	}
	if got := server.HeaderParams("nothing"); got != nil {
		t.Errorf("no tool: %v", got)
	}
	entry := string(server.Tools(Anonymous(), nil)[0])
	if !strings.Contains(entry, `"region":{"type":"string","x-mcp-header":"Region"}`) {
		t.Errorf("clients see %s", entry)
	}
}

// Clients drop a tool for one bad mark, so no such tool is served.
func TestHeaderParamsAreRefused(t *testing.T) {
	for _, c := range []struct{ name, properties, says string }{
		{"an empty name", `"properties":{"a":{"type":"string","x-mcp-header":""}}`, "not a header name"},
		{"a name with a space", `"properties":{"a":{"type":"string","x-mcp-header":"My Region"}}`, "not a header name"},
		{"a name with a line's end", `"properties":{"a":{"type":"string","x-mcp-header":"A\r\nB"}}`, "not a header name"},
		{"a name with a colon", `"properties":{"a":{"type":"string","x-mcp-header":"A:B"}}`, "not a header name"},
		{"a name beyond ASCII", `"properties":{"a":{"type":"string","x-mcp-header":"Größe"}}`, "not a header name"},
		{"a name that is no text", `"properties":{"a":{"type":"string","x-mcp-header":true}}`, "not a header name"},
		{"one name twice", `"properties":{"a":{"type":"string","x-mcp-header":"Region"},"b":{"type":"string","x-mcp-header":"rEGION"}}`, "stands twice"},
		{"a number", `"properties":{"a":{"type":"number","x-mcp-header":"A"}}`, "only strings, integers and booleans"},
		{"an object", `"properties":{"a":{"type":"object","x-mcp-header":"A"}}`, "only strings, integers and booleans"},
		{"an array", `"properties":{"a":{"type":"array","x-mcp-header":"A"}}`, "only strings, integers and booleans"},
		{"no type", `"properties":{"a":{"x-mcp-header":"A"}}`, "only strings, integers and booleans"},
		{"two types", `"properties":{"a":{"type":["string","null"],"x-mcp-header":"A"}}`, "only strings, integers and booleans"},
		{"the root", `"x-mcp-header":"A"`, "only properties"},
		{"items", `"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}`, "only properties"},
		{"an alternative", `"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]`, "only properties"},
		{"a condition", `"if":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}`, "only properties"},
		{"a definition", `"$defs":{"a":{"type":"string","x-mcp-header":"A"}}`, "only properties"},
		{"additional properties", `"additionalProperties":{"type":"string","x-mcp-header":"A"}`, "only properties"},
		{"a dependent schema", `"dependentSchemas":{"a":{"properties":{"b":{"type":"string","x-mcp-header":"A"}}}}`, "only properties"},
		{"unevaluated properties", `"unevaluatedProperties":{"type":"string","x-mcp-header":"A"}`, "only properties"},
		{"unevaluated items", `"properties":{"a":{"type":"array","unevaluatedItems":{"type":"string","x-mcp-header":"A"}}}`, "only properties"},
	} {
		tool := withSchema("marked", `{"type":"object",`+c.properties+`}`)
		_, err := NewServer(Features{Tools: []*Tool{tool}}, Options{Info: Implementation{Name: "shop", Version: "1"}})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `tool "marked"`) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.says)
		}
	}
}

// A schema that its author wrote is shown as it was written, whatever in it we do not know, and is enforced.
func TestAWrittenSchemaIsShownAndEnforced(t *testing.T) {
	const written = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","x-order":["b","a"],` +
		`"properties":{"b":{"$ref":"#/$defs/colour"},"a":{"type":"array","prefixItems":[{"type":"integer"}],"items":false}},` +
		`"$defs":{"colour":{"enum":["red","green"],"$comment":"no blue"}},"oneOf":[{"required":["a"]},{"required":["b"]}],` +
		`"additionalProperties":false,"unknownKeyword":{"z":1,"a":[1e3,1.0]}}`
	server := newServer(t, Features{Tools: []*Tool{withSchema("own", written)}}, Options{})
	for i := range revisions {
		peer := NewPeer(Anonymous(), "", WireLocal, &revisions[i])
		m, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if got := string(server.Answer(t.Context(), peer, m)); !strings.Contains(got, `"inputSchema":`+written) {
			t.Errorf("%s sees %s", revisions[i].Name, got)
		}
	}
	for arguments, fits := range map[string]bool{
		`{"b":"red"}`:            true,
		`{"a":[1]}`:              true,
		`{}`:                     false,
		`{"a":[1],"b":"red"}`:    false,
		`{"b":"blue"}`:           false,
		`{"a":["x"]}`:            false,
		`{"a":[1,2]}`:            false,
		`{"b":"red","c":"more"}`: false,
	} {
		m, _ := Decode([]byte(callOf(1, "own", `,"arguments":`+arguments)))
		got := string(server.Answer(t.Context(), NewPeer(Anonymous(), "", WireLocal, Newest()), m))
		if strings.Contains(got, `"isError":true`) == fits {
			t.Errorf("%s: %s", arguments, got)
		}
	}
}

func TestAWrittenSchemaIsRefused(t *testing.T) {
	for name, written := range map[string]string{
		"no JSON":                `{`,
		"no object":              `{"type":"array"}`,
		"no type":                `{}`,
		"true":                   `true`,
		"a reference outwards":   `{"type":"object","properties":{"a":{"$ref":"https://example.com/schema.json"}}}`,
		"a reference to nothing": `{"type":"object","properties":{"a":{"$ref":"#/$defs/none"}}}`,
		"a bad default":          `{"type":"object","properties":{"a":{"type":"integer","default":"x"}}}`,
		"a dialect of others":    `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object"}`,
		"far too large":          `{"type":"object","anyOf":[` + strings.TrimSuffix(strings.Repeat(`{"required":["a"]},`, maxSubschemas), ",") + `]}`,
	} {
		_, err := NewServer(Features{Tools: []*Tool{withSchema("own", written)}}, Options{Info: Implementation{Name: "shop", Version: "1"}})
		if err == nil || !strings.Contains(err.Error(), `tool "own"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
