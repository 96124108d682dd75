package tools

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestCalls goes the way a client's call goes: through the schema, its defaults, and back as JSON that fits the
// tool's output schema.
func TestCalls(t *testing.T) {
	c := connectToAll(t)
	schemas := outputSchemas(t, c)
	tests := []struct {
		name, tool, arguments string
		want                  []string // each in the text
	}{
		{"uppercase", "uppercase_text", `{"text":"hello world"}`, []string{"HELLO WORLD"}},
		{"count", "count_text", `{"text":"a b"}`, []string{`"words":2`}},
		{"search in text", "search_text", `{"text":"a\nb","pattern":"b"}`, []string{`{"line":2,"text":"b"}`}},
		{"search in text finds nothing", "search_text", `{"text":"a","pattern":"b"}`, []string{`"matches":[]`}},
		{"compare", "diff_text", `{"before":"a\n","after":"b\n"}`, []string{"-a\n+b\n"}},
		{"user", "get_user", `{"user_identity":"ALICE@EXAMPLE.COM"}`, []string{`"login":"alice"`, `"manager":"erin"`, `"enabled":true`}},
		{
			"nested by default", "is_user_in_dl", `{"user_identity":"alice","dl_name":"all-staff"}`,
			[]string{`"member":"yes"`, `"direct":false`, `"via":["engineering","product-development","headquarters","employees","all-staff"]`},
		},
		{"direct only", "is_user_in_dl", `{"user_identity":"alice","dl_name":"all-staff","nested":false}`, []string{`"member":"no"`, `"via":[]`}},
		{"direct member", "is_user_in_dl", `{"user_identity":"alice","dl_name":"engineering"}`, []string{`"member":"yes"`, `"direct":true`}},
		{"no member", "is_user_in_dl", `{"user_identity":"alice","dl_name":"finance"}`, []string{`"member":"no"`}},
		{"people", "search_users", `{"query":"finance"}`, []string{`"login":"uma"`}},
		{"no people", "search_users", `{"query":"astronaut"}`, []string{`"items":[]`}},
		{"groups", "get_user_groups", `{"user_identity":"alice"}`, []string{`"name":"book-club"`, `"total":2`, `"complete":true`}},
		{"members", "get_dl_members", `{"dl_name":"platform"}`, []string{`"kind":"list","name":"platform-oncall"`, `"kind":"user","name":"kofi"`}},
		{"an empty list", "get_dl_members", `{"dl_name":"mars-office"}`, []string{`"members":[]`, `"total":0`}},
		{"managers", "get_manager_chain", `{"user_identity":"dave"}`, []string{`"end":"top"`}},
		{"no managers", "get_manager_chain", `{"user_identity":"grace"}`, []string{`"chain":[]`}},
	}
	called := map[string]bool{}
	for _, tt := range tests {
		called[tt.tool] = true
		t.Run(tt.name, func(t *testing.T) {
			got := c.call(tt.tool, tt.arguments)
			if got.IsError {
				t.Fatalf("%s %s = error %q", tt.tool, tt.arguments, got.text())
			}
			for _, part := range tt.want {
				if !strings.Contains(got.text(), part) {
					t.Errorf("%s %s = %s, want %s in it", tt.tool, tt.arguments, got.text(), part)
				}
			}
			schema := schemas[tt.tool]
			if schema == nil {
				if got.StructuredContent != nil {
					t.Errorf("%s gives structured content and no schema of it", tt.tool)
				}
				return
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(got.StructuredContent)))
			if err != nil {
				t.Fatalf("structured content %q: %v", got.StructuredContent, err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s does not fit the output schema: %v", got.StructuredContent, err)
			}
		})
	}
	for tool := range listed(t, c) {
		if !called[tool] {
			t.Errorf("no call of %s is tested", tool)
		}
	}
}

func TestCallsThatTheModelCanMend(t *testing.T) {
	c := connectToAll(t)
	tests := []struct{ name, tool, arguments, want string }{
		{"nobody of that name", "get_user", `{"user_identity":"alcie"}`, "did you mean alice"},
		{"no list of that name", "is_user_in_dl", `{"user_identity":"alice","dl_name":"All Staff"}`, "did you mean all-staff"},
		{"an empty identity", "get_user", `{"user_identity":""}`, "user_identity"},
		{"an identity of spaces", "get_user", `{"user_identity":"  "}`, "user_identity is empty"},
		{"no identity", "is_user_in_dl", `{"dl_name":"finance"}`, "user_identity"},
		{"an empty list", "get_dl_members", `{"dl_name":" "}`, "dl_name is empty"},
		{"too large a page", "search_users", `{"query":"a","limit":51}`, "50"},
		{"too long a chain", "get_manager_chain", `{"user_identity":"alice","depth":11}`, "10"},
		{"a made-up cursor", "search_users", `{"query":"a","cursor":"page2"}`, "leave cursor out for the first page"},
		{"a misspelled argument", "is_user_in_dl", `{"user_identity":"alice","dl":"finance"}`, "dl_name"},
		{"an argument that is no string", "uppercase_text", `{"text":7}`, "text"},
		{"a bad pattern", "search_text", `{"text":"a","pattern":"("}`, "RE2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := c.call(tt.tool, tt.arguments)
			if !got.IsError || !strings.Contains(got.text(), tt.want) {
				t.Errorf("%s %s = isError %v %q, want an error with %q in it", tt.tool, tt.arguments, got.IsError, got.text(), tt.want)
			}
		})
	}
}

// listedTool is a tool as clients see it.
type listedTool struct {
	Name         string          `json:"name"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema"`
	Annotations  map[string]bool `json:"annotations"`
}

// listed returns the tools by name.
func listed(t *testing.T, c *client) map[string]listedTool {
	t.Helper()
	tools := map[string]listedTool{}
	for _, raw := range c.list("tools/list", "tools") {
		var tool listedTool
		if err := json.Unmarshal(raw, &tool); err != nil {
			t.Fatal(err)
		}
		tools[tool.Name] = tool
	}
	if len(tools) == 0 {
		t.Fatal("no tools are listed")
	}
	return tools
}

// outputSchemas compiles the output schema of each tool that has one.
func outputSchemas(t *testing.T, c *client) map[string]*jsonschema.Schema {
	t.Helper()
	compiled := map[string]*jsonschema.Schema{}
	for name, tool := range listed(t, c) {
		if tool.OutputSchema == nil {
			continue
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(tool.OutputSchema)))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("mem://"+name, document); err != nil {
			t.Fatal(err)
		}
		if compiled[name], err = compiler.Compile("mem://" + name); err != nil {
			t.Fatalf("output schema of %s: %v", name, err)
		}
	}
	return compiled
}
