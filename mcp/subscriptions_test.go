package mcp

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

const listenToOne = `{"jsonrpc":"2.0","id":"s","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["notes://one"]},"_meta":{META}}}`

func (v *visitor) listen(text string) *Stream {
	v.w.tb.Helper()
	st, _, fault := v.open(text)
	if fault != nil {
		v.w.tb.Fatal(fault)
	}
	return st
}

func TestASubscriberThatDoesNotReadIsLetGo(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{}`)
		slow, fast := v.listen(listenToOne), v.listen(listenToOne)
		fast.Take(nil)
		for range singleEvents {
			w.server.ResourceUpdated("notes://one")
			if got := fast.Take(nil); len(got) != 1 {
				t.Fatalf("the other subscriber got %d events", len(got))
			}
		}
		<-slow.Done()
		if cause := slow.Cause(); !errors.Is(cause, errSlowClient) {
			t.Errorf("it ended with %v", cause)
		}
		if fast.Cause() != nil {
			t.Errorf("the other one ended with %v", fast.Cause())
		}
		slow.Close(slow.Cause())
		fast.Close(nil)
	})
}

func TestAClosedSubscriptionIsForgotten(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{}`)
		before := len(w.server.listeners)
		st := v.listen(listenToOne)
		st.Take(nil)
		st.Close(ClientGone())
		w.server.ResourceUpdated("notes://one")
		if got := st.Take(nil); got != nil {
			t.Errorf("after its end: %v", got)
		}
		if n := len(w.server.listeners); n != before {
			t.Errorf("%d listeners, want %d", n, before)
		}
	})
}

// Whatever changes while the server closes, the answer is the last that a subscriber is sent, and there is one.
func TestNothingComesAfterTheAnswerOfASubscription(t *testing.T) {
	w := newWorld(t, settings{})
	v := w.visit(Anonymous(), `{}`)
	var streams []*Stream
	for range 20 {
		streams = append(streams, v.listen(listenToOne))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				w.server.ResourceUpdated("notes://one")
			}
		})
	}
	wg.Go(func() { w.server.Close(t.Context()) })
	wg.Go(func() { w.server.Close(t.Context()) })
	wg.Wait()
	w.server.ResourceUpdated("notes://one")
	for _, st := range streams {
		events := st.Take(nil)
		if !st.Finished() || st.Cause() != nil {
			t.Errorf("finished %v, ended with %v", st.Finished(), st.Cause())
		}
		for i, e := range events {
			text := string(e.Data)
			if e.Answer != (i == len(events)-1) || strings.Contains(text, `"result"`) != e.Answer {
				t.Errorf("event %d of %d: %s", i+1, len(events), text)
			}
			if !strings.Contains(text, `"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}`) {
				t.Errorf("without a tag: %s", text)
			}
		}
		st.Close(nil)
	}
}

func TestASubscriptionHasItsLimit(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{}`)
		uris := func(n int) string {
			return strings.Replace(listenToOne, `"notes://one"`, strings.TrimSuffix(strings.Repeat(`"notes://one",`, n), ","), 1)
		}
		v.listen(uris(maxSubscriptions)).Close(nil)
		if _, _, fault := v.open(uris(maxSubscriptions + 1)); fault == nil || fault.Code != CodeInvalidParams {
			t.Errorf("too many resources: %v", fault)
		}
		bare, _, _ := strings.Cut(listenToOne, `,"_meta"`)
		m, _ := Decode([]byte(bare + `}}`))
		peer := NewPeer(Anonymous(), "", WireHTTP, Stateless())
		var streams []*Stream
		for range maxListens {
			st, fault := w.server.Listen(t.Context(), peer, m)
			if fault != nil {
				t.Fatal(fault)
			}
			streams = append(streams, st)
		}
		if _, _, fault := v.open(listenToOne); fault == nil || fault.Code != CodeInternal {
			t.Errorf("too many subscriptions: %v", fault)
		}
		streams[0].Close(nil)
		v.listen(listenToOne).Close(nil)
		for _, st := range streams[1:] {
			st.Close(nil)
		}
	})
}

// What subscribers hear of a task is true when they hear it, and the end comes last.
func TestTheEndOfATaskIsHeardLast(t *testing.T) {
	w := newWorld(t, settings{Features: workers})
	v := w.visit(principals("reader"), takesTasks)
	for i := range 50 {
		st, _, _ := v.open(v.toolCall(i, "asks", ""))
		<-st.Ready()
		id := taskIn(t, string(st.Take(nil)[0].Data))
		st.Close(nil)
		heard := v.listen(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":[%q]},"_meta":{META}}}`, id))
		answer := func(key, value string) {
			st, _, _ := v.open(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tasks/update","params":{"taskId":%q,"inputResponses":{%q:%s},"_meta":{META}}}`, id, key, value))
			<-st.Ready()
			st.Close(nil)
		}
		asked, ended, sent := false, false, false
		for !ended {
			answer("carrier", `{"action":"decline"}`) // until it is asked for
			<-heard.Ready()
			for _, e := range heard.Take(nil) {
				asked = asked || strings.Contains(string(e.Data), `"carrier-2"`)
				if completed := strings.Contains(string(e.Data), `"status":"completed"`); ended && !completed {
					t.Errorf("after the end: %s", e.Data)
				} else if completed {
					ended = true
				}
			}
			if asked && !sent {
				sent = true
				answer("carrier-2", `{"roots":[]}`)
			}
		}
		w.server.tasks.running.Wait()
		for _, e := range heard.Take(nil) {
			if !strings.Contains(string(e.Data), `"status":"completed"`) {
				t.Errorf("after the end: %s", e.Data)
			}
		}
		heard.Close(nil)
	}
}

// A change that nobody of this process subscribed to costs nothing and blocks nobody.
func TestSessionsHearNothingOfTasks(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		c := w.hello(OpenOptions{})
		taskIn(t, w.visit(Anonymous(), takesTasks).tool(1, "sorry", ""))
		synctest.Wait()
		if got := c.settled(); got != nil {
			t.Errorf("got %q", got)
		}
	})
}
