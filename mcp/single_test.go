package mcp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressComesOnItsOwnStreamOnly(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{}`)
		steps, _, _ := v.open(v.toolCall(1, "steps", "")) // no token, no progress
		told, _, _ := v.open(callOf(2, "steps", `,"_meta":{META,"progressToken":2}`))
		waits, _, _ := v.open(v.toolCall(3, "wait", ""))
		synctest.Wait()
		for _, c := range []struct {
			st   *Stream
			want int
		}{{steps, 1}, {told, 4}, {waits, 0}} {
			events := c.st.Take(nil)
			if len(events) != c.want {
				t.Errorf("%d events, want %d: %v", len(events), c.want, events)
			}
			for i, e := range events {
				if e.Answer != (i == len(events)-1) {
					t.Errorf("event %d: answer %v", i, e.Answer)
				}
			}
		}
		w.gate <- struct{}{}
		<-waits.Ready()
		for _, st := range []*Stream{steps, told, waits} {
			st.Close(nil)
		}
	})
}

func TestClosingAStreamCancelsItsRequest(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{}`)
		v.send(v.toolCall(1, "wait", ""))
		other, _, _ := v.open(v.toolCall(2, "wait", ""))
		synctest.Wait()
		v.leave()
		if cause := <-w.ended; !errors.Is(cause, errClientGone) {
			t.Errorf("the call ended with %v", cause)
		}
		w.gate <- struct{}{}
		<-other.Ready()
		if got := other.Take(nil); len(got) != 1 || !strings.Contains(string(got[0].Data), "let go") {
			t.Errorf("another request of the same client: %v", got)
		}
		other.Close(nil)
		if got := strings.Join(w.heard.outcomes, " "); got != "tools/call:cancelled tools/call:" {
			t.Errorf("the observer heard %s", got)
		}
	})
}

func TestTheEndOfItsContextCancelsARequest(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancelCause(t.Context())
		m, _ := Decode([]byte(metaOf(callOf(1, "wait", `,"_meta":{META}`), "{}")))
		e, _ := ReadEnvelope(m)
		st := w.server.Stream(ctx, e.Peer(Anonymous(), "", WireHTTP), m)
		synctest.Wait()
		cancel(errClientGone)
		if cause := <-w.ended; !errors.Is(cause, errClientGone) {
			t.Errorf("the call ended with %v", cause)
		}
		synctest.Wait()
		if got := st.Take(nil); got != nil {
			t.Errorf("it was answered: %v", got)
		}
		st.Close(ClientGone())
	})
}

// Who does not read loses progress and logs, and never the answer.
func TestAnAnswerComesAfterDroppedProgress(t *testing.T) {
	inBubble(t, settings{
		Options:  Options{CallTimeout: time.Second},
		Features: endless(func(c *Call, i int) { c.Progress(float64(i), 0, strings.Repeat("a", 1000)) }),
	}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{}`)
		v.send(callOf(1, "endless", `,"_meta":{META,"progressToken":1}`))
		advance(time.Second)
		if cause := <-w.ended; !errors.Is(cause, errDeadline) {
			t.Errorf("the call ended with %v", cause)
		}
		got := v.settled()
		if len(got) != singleEvents+1 || !strings.Contains(got[singleEvents], "did not finish within 1s") {
			t.Errorf("%d events, want %d; the last is %.200s", len(got), singleEvents+1, got[len(got)-1])
		}
	})
}

func TestAnAnswerSaysItsCode(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{}`)
		for text, code := range map[string]int{
			`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{META}}}`:                                  CodeMethodNotFound,
			`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"notes://gone","_meta":{META}}}`:   CodeInvalidParams,
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask","_meta":{META}}}`:               CodeMissingCapability,
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sorry","_meta":{META}}}`:             0,
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{META}}}`:                            0,
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":7,"_meta":{META}}}`: CodeInvalidParams,
		} {
			st, _, fault := v.open(text)
			if fault != nil {
				t.Fatal(fault)
			}
			<-st.Ready()
			if events := st.Take(nil); len(events) != 1 || events[0].Code != code || !events[0].Answer {
				t.Errorf("%s: got %+v, want code %d", text, events, code)
			}
			st.Close(nil)
		}
	})
}

// Every method says whether stateless requests have it, as the dispatcher does.
func TestServes(t *testing.T) {
	server := newServer(t, newYard().features(), Options{})
	for name, want := range map[string]bool{
		"server/discover": true, "tools/list": true, "tools/call": true, "subscriptions/listen": true, "tasks/get": true,
		"tasks/update": true, "tasks/cancel": true, "skills/list": true, "skills/get": true, "resources/directory/read": true,
		"resources/read": true, "prompts/get": true, "completion/complete": true,
		"initialize": false, "ping": false, "logging/setLevel": false, "resources/subscribe": false, "resources/unsubscribe": false,
		"tasks/list": false, "tasks/result": false, "listTools": false, "callTool": false, "": false, "no/such": false,
	} {
		if got := server.Serves(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
