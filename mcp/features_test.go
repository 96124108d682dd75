package mcp

import (
	"context"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestNewServerNamesEveryFault(t *testing.T) {
	run := func(context.Context, *Call, none) (Text, error) { return "", nil }
	read := func(context.Context, *Call, string) ([]ResourceContents, error) { return nil, nil }
	good := NewTool(readOnly("good", "Good."), run)
	_, err := NewServer(Features{
		Tools: []*Tool{
			good, good,
			NewTool(readOnly("with space", "A name."), run),
			NewTool(readOnly(strings.Repeat("a", 65), "A long name."), run),
			NewTool(readOnly("mute", ""), run),
			NewTool(readOnly("read_more", "Ours."), run),
			NewTool(readOnly("number", "No struct."), func(context.Context, *Call, int) (Text, error) { return "", nil }),
			NewTool(readOnly("limits", "A bad tag."), func(context.Context, *Call, struct {
				A int `json:"a" minimum:"x"`
			},
			) (Text, error) {
				return "", nil
			}),
			NewTool(readOnly("default", "A default that does not fit."), func(context.Context, *Call, struct {
				A string `json:"a,omitempty" enum:"x,y" default:"z"`
			},
			) (Text, error) {
				return "", nil
			}),
		},
		Resources: []*Resource{{URI: "a://b", Name: "b", Description: "Without Read."}, {URI: "a://c", Name: "c", Description: "Twice.", Read: read}, {URI: "a://c", Name: "c", Description: "Twice.", Read: read}},
		Templates: []*ResourceTemplate{{URITemplate: "a://{", Name: "t", Description: "Not a template."}, {URITemplate: "a://{b}"}},
		Prompts:   []*Prompt{{Name: "p"}},
	}, Options{Info: Implementation{Name: "shop", Version: "1"}})
	if err == nil {
		t.Fatal("a server was made")
	}
	for _, fault := range []string{
		`tool "good" is there twice`, `tool "with space": a name is`, `tool "` + strings.Repeat("a", 65) + `": a name is`,
		`tool "mute": a description`, `tool "read_more" is there twice`, `tool "number": `, `tool "limits": field A: tag minimum`,
		`tool "default": `, `resource "a://b": `, `resource "a://c" is there twice`, `resource template "a://{": `,
		`resource template "a://{b}": `, `prompt "p": `,
	} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%q is not among the faults", fault)
		}
	}
}

func TestSetFeaturesKeepsTheFormerOnesOnAFault(t *testing.T) {
	server := newServer(t, Features{Tools: []*Tool{addTool()}}, Options{})
	if err := server.SetFeatures(Features{Prompts: []*Prompt{{}}}); err == nil {
		t.Error("bad features were taken")
	}
	if n := server.ToolCount(); n != 2 {
		t.Errorf("%d tools, want 2", n)
	}
}

// What a principal sees is what it can call.
func TestListAndCallDecideAlike(t *testing.T) {
	server := newServer(t, Features{Tools: []*Tool{
		NewTool(readOnly("reads", "Reads."), func(context.Context, *Call, none) (Text, error) { return "", nil }),
		NewTool(ToolSpec{Name: "writes", Description: "Writes."}, func(context.Context, *Call, none) (Text, error) { return "", nil }),
		NewTool(ToolSpec{Name: "rules", Description: "Rules.", Scope: ScopeAdmin}, func(context.Context, *Call, none) (Text, error) { return "", nil }),
		NewTool(ToolSpec{Name: "special", Description: "Special.", Scope: "special"}, func(context.Context, *Call, none) (Text, error) { return "", nil }),
	}}, Options{})
	for _, c := range []struct {
		scopes []string
		sees   string
	}{
		{nil, ""},
		{[]string{ScopeRead}, "reads read_more"},
		{[]string{ScopeWrite}, "reads writes read_more"},
		{[]string{"special"}, "special read_more"},
		{[]string{ScopeAdmin}, "reads writes rules special read_more"},
	} {
		p := &Principal{ID: "key:1", Scopes: c.scopes}
		peer := NewPeer(p, "", WireLocal, Newest())
		var list struct {
			Result struct {
				Tools []struct {
					Name string `json:"name"`
				} `json:"tools"`
			} `json:"result"`
		}
		m, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err := json.Unmarshal(server.Answer(t.Context(), peer, m), &list); err != nil {
			t.Fatal(err)
		}
		var sees []string
		for _, tool := range list.Result.Tools {
			sees = append(sees, tool.Name)
		}
		if got := strings.Join(sees, " "); got != c.sees || len(server.Tools(p, nil)) != len(sees) {
			t.Errorf("%v sees %q, want %q", c.scopes, got, c.sees)
		}
		for _, tool := range []string{"reads", "writes", "rules", "special"} {
			m, _ := Decode([]byte(callOf(1, tool, "")))
			refused := strings.Contains(string(server.Answer(t.Context(), peer, m)), "needs the scope")
			if refused == strings.Contains(" "+c.sees+" ", " "+tool+" ") {
				t.Errorf("%v: the call of %s is refused: %v", c.scopes, tool, refused)
			}
		}
	}
}

func TestAnswerEndsWithItsClient(t *testing.T) {
	y := newYard()
	server := newServer(t, y.features(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	m, _ := Decode([]byte(callOf(1, "wait", "")))
	answer := make(chan []byte)
	go func() { answer <- server.Answer(ctx, NewPeer(Anonymous(), "", WireLocal, Newest()), m) }()
	cancel()
	if got := <-answer; got != nil {
		t.Errorf("answered %s", got)
	}
}
