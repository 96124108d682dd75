package declare

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
	"toolgate/mcp"
)

// read decodes parameters as packs do.
func read(t *testing.T, text string) []Parameter {
	t.Helper()
	tree, err := config.ParseTree("tools.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	var parameters []Parameter
	if err := tree.Decode(&parameters); err != nil {
		t.Fatal(err)
	}
	return parameters
}

func TestCheck(t *testing.T) {
	good := Tool{At: config.Position{File: "tools.yaml", Line: 3}, Name: "get_order", Description: "One order."}
	change := func(f func(*Tool)) Tool {
		tool := good
		f(&tool)
		return tool
	}
	parameter := func(text string) Tool {
		return change(func(tool *Tool) { tool.Parameters = read(t, "- {name: p, description: D., "+text+"}") })
	}
	tests := []struct {
		name string
		tool Tool
		want string // empty: no fault
	}{
		{"a good one", good, ""},
		{"no name", change(func(tool *Tool) { tool.Name = "" }), `tools.yaml:3: tool "": a name is required`},
		{"a digit first", change(func(tool *Tool) { tool.Name = "1x" }), "a letter first"},
		{"a long name", change(func(tool *Tool) { tool.Name = strings.Repeat("x", maxName+1) }), "the name has 41 characters"},
		{"no description", change(func(tool *Tool) { tool.Description = "" }), "a description is required"},
		{"destructive only", change(func(tool *Tool) { tool.Destructive = true }), "it is destructive but not write"},
		{"too many parameters", change(func(tool *Tool) { tool.Parameters = make([]Parameter, maxParameters+1) }), "65 parameters"},
		{"a parameter twice", change(func(tool *Tool) {
			tool.Parameters = read(t, "- {name: p, description: D.}\n- {name: p, description: D.}")
		}), `tools.yaml:2: tool "get_order": parameter "p": there twice`},
		{"a parameter's name", change(func(tool *Tool) { tool.Parameters = read(t, "- {name: a-b, description: D.}") }), `parameter "a-b": a name is made of`},
		{"a parameter without description", change(func(tool *Tool) { tool.Parameters = read(t, "- {name: p}") }), "a description is required: models fill it in"},
		{"a type", parameter("type: text"), `type "text" is none of string, integer`},
		{"an array", parameter("type: array, items: number"), ""},
		{"items of no array", parameter("items: number"), "items is for arrays"},
		{"items of no type", parameter("type: array, items: object"), `items "object" is none of`},
		{"an enum of numbers", parameter("type: integer, enum: ['1']"), "are for strings"},
		{"a minimum of a string", parameter("minimum: 1"), "minimum and maximum are for numbers"},
		{"bounds", parameter("type: integer, minimum: 2, maximum: 1"), "minimum is above maximum"},
		{"a pattern", parameter("pattern: '('"), "pattern: error parsing regexp"},
		{"required with a default", parameter("required: true, default: x"), "it is required and has a default"},
		{"a default of another type", parameter("type: integer, default: x"), "default: "},
		{"a default out of bounds", parameter("type: integer, maximum: 5, default: 6"), "default: "},
		{"a good default", parameter("type: integer, maximum: 5, default: 5"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.tool.Check()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Check = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestInputSchema(t *testing.T) {
	tool := Tool{Name: "x", Description: "X.", Parameters: read(t, `
- {name: b, description: B., type: integer, minimum: 1, default: 2}
- {name: a, description: A., enum: [x, y]}
- {name: l, description: L., type: array, items: integer, required: false}
- {name: s, description: S., sensitive: true, max_length: 5, pattern: "^x"}
`)}
	if err := tool.Check(); err != nil {
		t.Fatal(err)
	}
	got := tool.InputSchema()
	var value any
	if err := json.Unmarshal(got, &value); err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"object","properties":{` +
		`"b":{"type":"integer","description":"B.","default":2,"minimum":1},` +
		`"a":{"type":"string","description":"A.","enum":["x","y"]},` +
		`"l":{"type":"array","items":{"type":"integer"},"description":"L."},` +
		`"s":{"type":"string","description":"S.","maxLength":5,"pattern":"^x","x-sensitive":true}},` +
		`"required":["a","s"],"additionalProperties":false}`
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, value); diff != "" {
		t.Errorf("InputSchema = %s (-want +got):\n%s", got, diff)
	}
	if b, a := strings.Index(string(got), `"b"`), strings.Index(string(got), `"a"`); b > a {
		t.Errorf("InputSchema = %s, want the parameters in their order", got)
	}
	if faults := Lint(got); len(faults) > 0 {
		t.Errorf("Lint of it = %q, want none", faults)
	}
	if got := string(Tool{}.InputSchema()); got != `{"type":"object","additionalProperties":false}` {
		t.Errorf("InputSchema without parameters = %s", got)
	}
}

func TestHintsAndTitle(t *testing.T) {
	tests := []struct {
		tool  Tool
		hints mcp.ToolAnnotations
		title string
	}{
		{Tool{Name: "get_order"}, mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true}, "Get order"},
		{Tool{Name: "x", Title: "Y", Write: true, Destructive: true, OpenWorld: true}, mcp.ToolAnnotations{DestructiveHint: true, OpenWorldHint: true}, "Y"},
		{Tool{Name: "set-it", Write: true, Idempotent: true}, mcp.ToolAnnotations{IdempotentHint: true}, "Set it"},
	}
	for _, tt := range tests {
		if got := tt.tool.Annotations(); got != tt.hints {
			t.Errorf("%s: Annotations = %+v, want %+v", tt.tool.Name, got, tt.hints)
		}
		if got := tt.tool.ShownTitle(); got != tt.title {
			t.Errorf("%s: ShownTitle = %q, want %q", tt.tool.Name, got, tt.title)
		}
	}
}
