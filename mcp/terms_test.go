package mcp

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// shelf is four tools of two toolsets.
func shelf() Features {
	tool := func(toolset, name string, readOnly bool) *Tool {
		spec := ToolSpec{Name: name, Toolset: toolset, Description: "Does it.", Annotations: ToolAnnotations{ReadOnlyHint: readOnly}}
		return NewTool(spec, func(_ context.Context, c *Call, _ none) (Text, error) {
			return Text("own jira credential: " + c.Credential("jira")), nil
		})
	}
	return Features{Tools: []*Tool{
		tool("jira", "get_issue", true), tool("jira", "make_issue", false), tool("files", "read_file", true), tool("files", "drop_file", false),
	}}
}

// told answers one request that came on terms.
func told(t *testing.T, server *Server, p *Principal, terms *Terms, method, params string) string {
	t.Helper()
	m, fault := Decode(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params))
	if fault != nil {
		t.Fatal(fault)
	}
	m.On(terms)
	peer := NewPeer(p, "", WireLocal, Newest())
	peer.Initialized = true
	return string(server.Answer(t.Context(), peer, m))
}

func TestTermsOnlyNarrow(t *testing.T) {
	server := newServer(t, shelf(), Options{})
	reader := &Principal{ID: "r", Scopes: []string{ScopeRead}}
	for _, tt := range []struct {
		name  string
		who   *Principal
		terms *Terms
		want  string
	}{
		{"none", Anonymous(), nil, "get_issue make_issue read_file drop_file read_more"},
		{"a toolset", Anonymous(), &Terms{Toolsets: []string{"jira"}}, "get_issue make_issue read_more"},
		{"a tool", Anonymous(), &Terms{Tools: []string{"read_file"}}, "read_file read_more"},
		{"a toolset and a tool", Anonymous(), &Terms{Toolsets: []string{"jira"}, Tools: []string{"read_file"}}, "get_issue make_issue read_file read_more"},
		{"less one", Anonymous(), &Terms{Exclude: []string{"drop_file", "read_more"}}, "get_issue make_issue read_file read_more"},
		{"what reads", Anonymous(), &Terms{ReadOnly: true}, "get_issue read_file read_more"},
		{"nothing that is there", Anonymous(), &Terms{Toolsets: []string{}}, "read_more"},
		{"more than the caller may", reader, &Terms{Tools: []string{"drop_file", "read_file"}}, "read_file read_more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var answer struct {
				Result struct {
					Tools []struct{ Name string } `json:"tools"`
				} `json:"result"`
			}
			if err := json.Unmarshal([]byte(told(t, server, tt.who, tt.terms, "tools/list", `{}`)), &answer, json.MatchCaseInsensitiveNames(true)); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, tool := range answer.Result.Tools {
				names = append(names, tool.Name)
				if got := told(t, server, tt.who, tt.terms, "tools/call", `{"name":"`+tool.Name+`"}`); strings.Contains(got, "left out") {
					t.Errorf("%s is listed and cannot be called: %s", tool.Name, got)
				}
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("listed %q, want %q", got, tt.want)
			}
			if n := len(server.Tools(tt.who, tt.terms)); n != len(names) {
				t.Errorf("Tools has %d tools, the list %d", n, len(names))
			}
			for _, tool := range shelf().Tools {
				got := told(t, server, tt.who, tt.terms, "tools/call", `{"name":"`+tool.Name+`"}`)
				if called := strings.Contains(got, "own jira credential"); called != strings.Contains(" "+tt.want+" ", " "+tool.Name+" ") {
					t.Errorf("%s: called = %v, listed %q: %s", tool.Name, called, tt.want, got)
				}
			}
		})
	}
}

func TestACallerBringsItsOwnCredential(t *testing.T) {
	server := newServer(t, shelf(), Options{})
	withKey := &Principal{ID: "k", Scopes: []string{ScopeRead}, Credentials: Credentials{"jira": "of-the-key"}}
	for _, tt := range []struct {
		name  string
		who   *Principal
		terms *Terms
		want  string
	}{
		{"none", Anonymous(), nil, "own jira credential: "},
		{"with the request", Anonymous(), &Terms{Credentials: Credentials{"jira": "of-the-request"}}, "own jira credential: of-the-request"},
		{"for another upstream", Anonymous(), &Terms{Credentials: Credentials{"github": "x"}}, "own jira credential: "},
		{"with the key", withKey, nil, "own jira credential: of-the-key"},
		{"with both", withKey, &Terms{Credentials: Credentials{"jira": "of-the-request"}}, "own jira credential: of-the-request"},
	} {
		if got := told(t, server, tt.who, tt.terms, "tools/call", `{"name":"get_issue"}`); !strings.Contains(got, `"text":"`+tt.want+`"`) {
			t.Errorf("%s: %s, want %q", tt.name, got, tt.want)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if shown := fmt.Sprintf(verb, withKey.Credentials); strings.Contains(shown, "of-the-key") {
			t.Errorf("%s shows %s", verb, shown)
		}
	}
	if shown, err := json.Marshal(withKey.Credentials); err != nil || strings.Contains(string(shown), "of-the-key") {
		t.Errorf("as JSON: %s, %v", shown, err)
	}
}

func TestATermOfABatchHoldsForEveryMessage(t *testing.T) {
	m, fault := Decode([]byte(`[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop_file"}},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read_file"}}]`))
	if fault != nil {
		t.Fatal(fault)
	}
	m.On(&Terms{ReadOnly: true})
	server := newServer(t, shelf(), Options{})
	peer := NewPeer(Anonymous(), "", WireLocal, Oldest())
	got := string(server.Answer(t.Context(), peer, m))
	if strings.Count(got, "left out") != 1 || strings.Count(got, "own jira") != 1 {
		t.Errorf("answers: %s, want one refused and one called", got)
	}
}

func TestSensitiveArgumentsAreHidden(t *testing.T) {
	type inner struct {
		Token string `json:"token,omitempty" sensitive:"true"`
		Shown string `json:"shown,omitempty"`
	}
	type args struct {
		User     string  `json:"user"`
		Password string  `json:"password" sensitive:"true" header:"Pass"`
		Nested   inner   `json:"nested"`
		Many     []inner `json:"many"`
	}
	tool := NewTool(readOnly("login", "Logs in."), func(context.Context, *Call, args) (Text, error) { return "", nil })
	if tool.err != nil {
		t.Fatal(tool.err)
	}
	if wire := string(tool.input.wire); strings.Contains(wire, sensitiveKeyword) || !strings.Contains(wire, `"x-mcp-header":"Pass"`) {
		t.Errorf("clients see %s, want no mark of ours", wire)
	}
	for _, tt := range []struct{ arguments, want string }{
		{
			`{"user":"a","password":"p1","nested":{"token":"p2","shown":"b"},"many":[{"token":"p3"},{"shown":"c"}]}`,
			`{"many":[{"token":"***"},{"shown":"c"}],"nested":{"shown":"b","token":"***"},"password":"***","user":"a"}`,
		},
		{`{"user":"a","password":["p1"]}`, `{"password":"***","user":"a"}`},
		{`{"user":`, `"***"`},
	} {
		if got := string(tool.Redact(jsontext.Value(tt.arguments))); got != tt.want {
			t.Errorf("redacted = %s, want %s", got, tt.want)
		}
	}
	written := NewTool(ToolSpec{
		Name: "w", Description: "W.", Annotations: ToolAnnotations{ReadOnlyHint: true},
		InputSchema: jsontext.Value(`{"type":"object","properties":{"key":{"type":"string","x-sensitive":true}}}`),
	}, func(context.Context, *Call, map[string]jsontext.Value) (Text, error) { return "", nil })
	if got := string(written.Redact(jsontext.Value(`{"key":"p"}`))); got != `{"key":"***"}` || strings.Contains(string(written.input.wire), sensitiveKeyword) {
		t.Errorf("a schema written out: redacted = %s, clients see %s", got, written.input.wire)
	}
}

func TestOutcomeShowsNoSensitiveArgument(t *testing.T) {
	type args struct {
		Password string `json:"password" sensitive:"true"`
	}
	var heard []string
	tool := NewTool(readOnly("login", "Logs in."), func(context.Context, *Call, args) (Text, error) { return "in", nil })
	server := newServer(t, Features{Tools: []*Tool{tool}}, Options{Observer: Observer{Done: func(o Outcome) {
		heard = append(heard, o.Tool+string(o.Arguments()))
	}}})
	told(t, server, Anonymous(), nil, "tools/call", `{"name":"login","arguments":{"password":"swordfish"}}`)
	told(t, server, Anonymous(), nil, "tools/list", `{}`)
	if len(heard) != 2 || heard[0] != `login{"password":"***"}` || heard[1] != "" {
		t.Errorf("heard %q, want the call with its argument hidden", heard)
	}
}

func TestAMarkThatCannotBeFollowedIsRefused(t *testing.T) {
	for _, written := range []string{
		`{"type":"object","properties":{"a":{"anyOf":[{"type":"string","x-sensitive":true}]}}}`,
		`{"type":"object","properties":{"a":{"$ref":"#/$defs/s"}},"$defs":{"s":{"type":"string","x-sensitive":true}}}`,
		`{"type":"object","additionalProperties":{"type":"string","x-sensitive":true}}`,
	} {
		if _, err := schemaFrom(jsontext.Value(written)); err == nil || !strings.Contains(err.Error(), sensitiveKeyword) {
			t.Errorf("%s = %v, want it refused", written, err)
		}
	}
	s, err := schemaFrom(jsontext.Value(`{"type":"object","properties":{"a/b":{"type":"object","x-sensitive":true,"properties":{"c":{"type":"string","x-sensitive":true}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(s.redact(jsontext.Value(`{"a/b":{"c":"x"}}`))); got != `{"a/b":"***"}` || strings.Contains(string(s.wire), sensitiveKeyword) {
		t.Errorf("redacted = %s, clients see %s", got, s.wire)
	}
}
