package mcp

import (
	"context"
	"strings"
	"testing"
	"time"
)

type mark struct{}

// TestWhoSawARequestBeginSeesItEnd: the context that an observer made is the tool's, and what a request says of its trace
// beats what the way in says.
func TestWhoSawARequestBeginSeesItEnd(t *testing.T) {
	var began []Beginning
	var ended []Outcome
	first := Observer{Begin: func(ctx context.Context, b Beginning) (context.Context, func(Outcome)) {
		began = append(began, b)
		return context.WithValue(ctx, mark{}, "first"), func(o Outcome) { ended = append(ended, o) }
	}}
	seen, done := "", 0
	second := Observer{
		Begin: func(ctx context.Context, _ Beginning) (context.Context, func(Outcome)) {
			seen, _ = ctx.Value(mark{}).(string)
			return ctx, nil
		},
		Done: func(Outcome) { done++ },
	}
	var inTool string
	tool := NewTool(ToolSpec{Name: "look", Description: "Looks."}, func(ctx context.Context, _ *Call, _ struct{}) (struct{}, error) {
		inTool, _ = ctx.Value(mark{}).(string)
		return struct{}{}, nil
	})
	server := newServer(t, Features{Tools: []*Tool{tool}}, Options{Observer: Observers(Observer{}, first, second)})
	ask := func(params string) {
		t.Helper()
		m, fault := Decode([]byte(`{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"look"` + params + `}}`))
		if fault != nil {
			t.Fatal(fault)
		}
		m.On(&Terms{Trace: Trace{Parent: "of the way in"}})
		if got := string(server.Answer(t.Context(), NewPeer(Anonymous(), "192.0.2.1", WireHTTP, Newest()), m)); !strings.Contains(got, `"result"`) {
			t.Fatalf("got %s", got)
		}
	}
	ask(`,"_meta":{"traceparent":"of the message","tracestate":"s","baggage":"b"}`)
	ask("")
	if inTool != "first" || seen != "first" {
		t.Errorf("the tool saw %q and the second observer %q, want what the first put there", inTool, seen)
	}
	if len(began) != 2 || len(ended) != 2 || done != 2 {
		t.Fatalf("began %d, ended %d, done %d times, want 2 each", len(began), len(ended), done)
	}
	if want := (Trace{"of the message", "s", "b"}); began[0].Trace != want {
		t.Errorf("trace = %+v, want %+v", began[0].Trace, want)
	}
	if want := (Trace{Parent: "of the way in"}); began[1].Trace != want {
		t.Errorf("trace without _meta = %+v, want %+v", began[1].Trace, want)
	}
	if o := ended[0]; o.Method != "tools/call" || o.Tool != "look" || o.Addr != "192.0.2.1" || o.ID != began[0].ID {
		t.Errorf("outcome = %+v", o)
	}
}

func TestObserversAreAllTold(t *testing.T) {
	var told []string
	one := func(name string) Observer {
		note := func(what string) { told = append(told, name+" "+what) }
		return Observer{
			Done:          func(Outcome) { note("done") },
			SessionOpened: func(Wire) { note("opened") },
			SessionClosed: func(Wire, error, time.Duration) { note("closed") },
			Stuck:         func(int) { note("stuck") },
			Failed:        func(Outcome, string, error) { note("failed") },
		}
	}
	all := Observers(one("a"), Observer{}, one("b"))
	all.Done(Outcome{})
	all.SessionOpened(WireSSE)
	all.SessionClosed(WireSSE, nil, 0)
	all.Stuck(1)
	all.Failed(Outcome{}, "", nil)
	want := "a done, b done, a opened, b opened, a closed, b closed, a stuck, b stuck, a failed, b failed"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	if none := Observers(Observer{}, Observer{}); none.Begin != nil || none.Done != nil {
		t.Error("observers that hear nothing are called")
	}
}
