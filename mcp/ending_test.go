package mcp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// endingTools end in every way that a tool decides.
func endingTools() Features {
	reads := ToolAnnotations{ReadOnlyHint: true}
	fails := func(name string, err error) *Tool {
		return NewTool(ToolSpec{Name: name, Description: "Fails.", Annotations: reads}, func(context.Context, *Call, struct{}) (Text, error) {
			return "", err
		})
	}
	type params struct {
		N int8 `json:"n"`
	}
	return Features{Tools: []*Tool{
		fails("says_no", ToolErrorf("no")),
		fails("breaks", errors.New("broken")),
		fails("refuses", Errorf(CodeInvalidRequest, "not like this")),
		NewTool(ToolSpec{Name: "works", Description: "Works.", Annotations: reads}, func(_ context.Context, _ *Call, in params) (Text, error) {
			return "done", nil
		}),
		NewTool(ToolSpec{Name: "writes", Description: "Writes."}, func(context.Context, *Call, struct{}) (Text, error) { return "done", nil }),
		NewTool(ToolSpec{Name: "job", Description: "Is long.", Annotations: reads, Task: TaskRequired}, func(context.Context, *Call, struct{}) (Text, error) {
			return "done", nil
		}),
		NewTool(ToolSpec{Name: "hangs", Description: "Hangs.", Annotations: reads, Timeout: time.Second}, func(ctx context.Context, _ *Call, _ struct{}) (Text, error) {
			<-ctx.Done()
			return "", context.Cause(ctx)
		}),
	}}
}

// TestEnding: a request without a session says how it ended, in a word for programs.
func TestEnding(t *testing.T) {
	call := func(tool, arguments string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`
	}
	for _, tt := range []struct {
		name, message string
		limit         int
		want          Ending
	}{
		{"done", call("works", `{"n":1}`), 0, Ending{}},
		{"no tool", call("work", `{}`), 0, Ending{Failure: FailureNoTool}},
		{"arguments", call("works", `{}`), 0, Ending{Failure: FailureArguments, Arguments: []ArgumentFault{
			{Name: "n", Detail: `"n" is required: an integer from -128 to 127`},
		}}},
		{"a scope", call("writes", `{}`), 0, Ending{Failure: FailureScope, Scope: ScopeWrite}},
		{"a scope before the limit", call("writes", `{}`), 3, Ending{Failure: FailureScope, Scope: ScopeWrite}},
		{"the tool's limit", call("works", `{}`), 3, Ending{Failure: FailureRate, RetryAfter: 3}},
		{"the method's limit", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 3, Ending{Failure: FailureRate, RetryAfter: 3}},
		{"the tool", call("says_no", `{}`), 0, Ending{Failure: FailureTool}},
		{"ours", call("breaks", `{}`), 0, Ending{Failure: FailureInternal}},
		{"a task alone", call("job", `{}`), 0, Ending{Failure: FailureTaskOnly}},
		{"too slow", call("hangs", `{}`), 0, Ending{Failure: FailureTimeout}},
		{"refused by the tool", call("refuses", `{}`), 0, Ending{Failure: FailureRefused}},
		{"refused", `{"jsonrpc":"2.0","id":1,"method":"tools/fly"}`, 0, Ending{Failure: FailureRefused}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged string
				s, err := NewServer(endingTools(), Options{
					Info:     Implementation{Name: "test", Version: "1"},
					Limit:    func(*Peer, string, string) int { return tt.limit },
					Observer: Observer{Failed: func(_ Outcome, id string, _ error) { logged = id }},
				})
				if err != nil {
					t.Fatal(err)
				}
				m, fault := Decode([]byte(tt.message))
				if fault != nil {
					t.Fatal(fault)
				}
				reader := &Principal{ID: "reader", Scopes: []string{ScopeRead}}
				stream := s.Stream(t.Context(), NewPeer(reader, "", WireREST, Newest()), m)
				defer stream.Close(nil)
				<-stream.Ready()
				events := stream.Take(nil)
				if len(events) != 1 || events[0].Ending == nil {
					t.Fatalf("got %+v, want an answer that says how it ended", events)
				}
				tt.want.ErrorID = logged
				if diff := cmp.Diff(&tt.want, events[0].Ending); diff != "" {
					t.Errorf("%s\n(-want +got):\n%s", events[0].Data, diff)
				}
				if (logged != "") != (tt.want.Failure == FailureInternal) {
					t.Errorf("logged under %q", logged)
				}
			})
		})
	}
}

// TestContinuation: a note that a rest is kept for is known, and only to whom it was given.
func TestContinuation(t *testing.T) {
	s, err := NewServer(endingTools(), Options{Info: Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	mine, other := &Principal{ID: "mine"}, &Principal{ID: "other"}
	note := s.rests.keep(mine.ID, rest{text: "more"})
	name, ok := s.Continuation(mine, note)
	if !ok {
		t.Fatalf("%s: got no continuation", note)
	}
	for _, tt := range []struct {
		name string
		p    *Principal
		text string
	}{
		{"another's", other, note},
		{"a text around it", mine, "See: " + note},
		{"a note of nothing", mine, `Cut to fit: {"continuation": "none"}.`},
		{"a note without a name", mine, "Cut to fit: "},
	} {
		if got, ok := s.Continuation(tt.p, tt.text); ok {
			t.Errorf("%s: got %q, want none", tt.name, got)
		}
	}
	if _, ok := s.rests.take(mine.ID, name); !ok {
		t.Error("there is nothing to take by the name")
	}
	if _, ok := s.Continuation(mine, note); ok {
		t.Error("what was read is still said to be there")
	}
}
