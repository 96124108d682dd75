package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

// withToken is call with a progress token.
func withToken(id, tool, arguments string) string {
	return strings.Replace(call(id, tool, arguments), `"params":{`, `"params":{"_meta":{"progressToken":"t"},`, 1)
}

// TestAnswerIsJSON: within a second, and with nothing before it, an answer is plain JSON; a client that takes nothing else
// gets that however long it takes, and whatever is said before.
func TestAnswerIsJSON(t *testing.T) {
	for _, tt := range []struct {
		name, accept string
		takes        time.Duration
	}{
		{"at once", both, 0},
		{"just within a second", both, 999 * time.Millisecond},
		{"after 50 s, JSON alone", "Accept: application/json", 50 * time.Second},
		{"after 50 s, anything", "Accept: */*", 50 * time.Second},
		{"after 50 s, no Accept", "-Accept", 50 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.begin("2025-11-25")
				go func() { pass(tt.takes); w.pack.gate <- struct{}{} }()
				began := time.Now()
				got := s.send(withToken("1", "wait", `{}`), tt.accept)
				if got.status != http.StatusOK || got.body != textResult("1", "let go") || got.header.Get("Content-Type") != "application/json" {
					t.Errorf("got %d %q %s, want the answer in JSON", got.status, got.header.Get("Content-Type"), got.body)
				}
				if took := time.Since(began); took != tt.takes {
					t.Errorf("it took %v, want %v", took, tt.takes)
				}
			})
		})
	}
	t.Run("what is said before is left out", func(t *testing.T) {
		s := newWorld(t).talk().begin("2025-11-25")
		got := s.send(withToken("1", "tell", `{"steps":3}`), "Accept: application/json")
		if got.status != http.StatusOK || got.body != textResult("1", "told") {
			t.Errorf("got %d %s, want the answer alone", got.status, got.body)
		}
	})
}

// TestAnswerFlows: after a second of silence, or with the first thing that is said before the answer, it is a stream, which
// ends with the answer.
func TestAnswerFlows(t *testing.T) {
	const progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":%d,"total":2}}`
	const logged = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"tell","data":"a step"}}`
	event := func(n int, data string) string { return fmt.Sprintf("event: message\nid: 2_%d\ndata: %s\n\n", n, data) }
	for _, tt := range []struct {
		name, message, accept string
		after                 time.Duration // until the stream begins
		want                  []string
	}{
		{
			"said at once", withToken("1", "tell", `{"steps":2,"every":300}`), both, 0,
			[]string{event(1, fmt.Sprintf(progress, 1)), event(2, logged), event(3, fmt.Sprintf(progress, 2)), event(4, logged), event(5, textResult("1", "told"))},
		},
		{"silent for long", call("1", "wait", `{}`), both, time.Second, []string{event(1, textResult("1", "let go"))}},
		{"a stream alone, at once", call("1", "uppercase_text", `{"text":"x"}`), "Accept: text/event-stream", 0, []string{event(1, textResult("1", "X"))}},
		{"an error, a stream alone", `{"jsonrpc":"2.0","id":1,"method":"no/such"}`, "Accept: text/*", 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t).talk()
				s := w.begin("2025-06-18") // the initialize was on lane 1
				began := time.Now()
				answer := s.flow(tt.message, tt.accept)
				if took := time.Since(began); took != tt.after {
					t.Errorf("the stream began after %v, want %v", took, tt.after)
				}
				if strings.Contains(tt.message, `"wait"`) {
					w.pack.gate <- struct{}{}
				}
				frames := answer.wantEnd()
				if tt.want == nil {
					if len(frames) != 1 || !strings.Contains(frames[0], `"code":-32601`) {
						t.Errorf("got %q, want the error and nothing else", frames)
					}
					return
				}
				if got, want := strings.Join(frames, ""), strings.Join(tt.want, ""); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

// TestAnswerHeartbeat: a stream on which nothing is said has a comment about every 15 s.
func TestAnswerHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.begin("2025-06-18")
		answer := s.flow(call("1", "wait", `{}`))
		for range 3 {
			before := time.Now()
			frame, err := answer.frame()
			if err != nil || !strings.HasPrefix(frame, ": ping - ") {
				t.Fatalf("got %q (%v), want a comment", frame, err)
			}
			if took := time.Since(before); took < 13*time.Second || took > 17*time.Second {
				t.Errorf("the comment came after %v, want about 15s", took)
			}
		}
		w.pack.gate <- struct{}{}
		if got := answer.next(); got != textResult("1", "let go") {
			t.Errorf("got %s", got)
		}
		answer.wantEnd()
	})
}

// TestQuestionsFlow: what a tool asks its client comes on the stream of its own call, and the answers by other POSTs.
func TestQuestionsFlow(t *testing.T) {
	for _, revision := range []string{"2025-06-18", "2025-11-25"} {
		t.Run(revision, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t).talk()
				s := w.begin(revision)
				standing := s.stream(http.MethodGet, "/mcp", "", s.head...)
				standing.event() // its first bytes
				other := s.flow(call("2", "wait", `{}`))
				asking := s.flow(call("1", "ask", `{}`))
				if revision == "2025-11-25" {
					asking.event() // what primes the stream
				}
				for _, step := range []struct{ id, method, answer string }{
					{`"srv-1"`, "elicitation/create", `{"action":"accept","content":{}}`},
					{`"srv-2"`, "sampling/createMessage", `{"role":"assistant","model":"m","content":{"type":"text","text":"x"}}`},
				} {
					if got, want := asking.next(), `{"jsonrpc":"2.0","id":`+step.id+`,"method":"`+step.method+`",`; !strings.HasPrefix(got, want) {
						t.Fatalf("got %s, want %s…", got, want)
					}
					s.tell(`{"jsonrpc":"2.0","id":` + step.id + `,"result":` + step.answer + `}`)
				}
				if got := asking.next(); got != textResult("1", "accept by m") {
					t.Errorf("got %s", got)
				}
				asking.wantEnd()
				w.pack.gate <- struct{}{}
				for _, frame := range other.wantEnd() {
					if strings.Contains(frame, "srv-") {
						t.Errorf("on another call's stream: %q", frame)
					}
				}
				s.do(http.MethodDelete, "/mcp", "", s.head...)
				for _, frame := range standing.wantEnd() {
					if strings.Contains(frame, "message") {
						t.Errorf("on the standing stream: %q", frame)
					}
				}
			})
		})
	}
}

// TestPriming: streams of 2025-11-25 begin with an event that has nothing but an id and the time to wait before a client
// comes back; older clients choke on such a one.
func TestPriming(t *testing.T) {
	for revision, primed := range map[string]bool{"2024-11-05": false, "2025-03-26": false, "2025-06-18": false, "2025-11-25": true} {
		t.Run(revision, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.begin(revision)
				answer := s.flow(call("1", "uppercase_text", `{"text":"x"}`), "Accept: text/event-stream")
				standing := s.stream(http.MethodGet, "/mcp", "", s.head...)
				want := map[bool][]string{
					true:  {"id: 2_0\nretry: 1000\ndata: \n\n", "id: 0_0\nretry: 1000\ndata: \n\n"},
					false: {"event: message\nid: 2_1\ndata: " + textResult("1", "X") + "\n\n", ": ok\n"},
				}[primed]
				for i, stream := range []*stream{answer, standing} {
					if got, err := stream.frame(); err != nil || got != want[i] {
						t.Errorf("the stream begins with %q (%v), want %q", got, err, want[i])
					}
				}
			})
		})
	}
}

// TestManyAnswersAtOnce: calls of one session run side by side, each answered where it was asked.
func TestManyAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10
		w := newWorld(t, func(c *config.Config) { c.Limits.CallsPerSession = n }).talk()
		s := w.begin("2025-06-18")
		var answers []*stream
		for i := range n {
			answers = append(answers, s.flow(withToken(fmt.Sprint(i), "tell", `{"steps":2,"every":2000}`)))
		}
		for i, answer := range answers {
			frames := answer.wantEnd()
			if last := frames[len(frames)-1]; !strings.HasSuffix(last, "data: "+textResult(fmt.Sprint(i), "told")+"\n\n") || len(frames) != 5 {
				t.Errorf("call %d: got %d events, the last %q, want 2 steps and its own answer", i, len(frames), last)
			}
		}
	})
}

// TestSameIDInManySessions: ids are each session's own.
func TestSameIDInManySessions(t *testing.T) {
	w := newWorld(t, unlimited)
	done := make(chan string, 20)
	for i := range cap(done) {
		s := w.begin("2025-11-25")
		go func() {
			text := fmt.Sprintf("S%d", i)
			if got := s.send(call("1", "uppercase_text", `{"text":"`+text+`"}`)).body; got != textResult("1", text) {
				done <- got
				return
			}
			done <- ""
		}()
	}
	for range cap(done) {
		if wrong := <-done; wrong != "" {
			t.Errorf("got %s, which is not the session's own answer", wrong)
		}
	}
}

// TestCancelInSession: a cancelled call has no answer, and its POST ends; another session's notification changes nothing.
func TestCancelInSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).talk()
		s, other := w.begin("2025-06-18"), w.begin("2025-06-18")
		flowing := s.flow(call("1", "tell", `{"steps":2,"every":60000}`))
		cancelled := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`
		other.tell(cancelled)
		synctest.Wait()
		select {
		case <-w.pack.began:
			t.Fatal("another session's notification cancelled the call")
		default:
		}
		s.tell(cancelled)
		w.heard()
		for _, frame := range flowing.wantEnd() {
			if strings.Contains(frame, `"id":1`) {
				t.Errorf("got %q, want no answer", frame)
			}
		}
		waiting := make(chan *answer, 1)
		go func() { waiting <- s.send(call("2", "wait", `{}`)) }()
		w.heard()
		s.tell(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}`)
		if got := <-waiting; got.status != http.StatusAccepted || got.body != "" {
			t.Errorf("cancelled before its answer began: got %d %q, want 202 and nothing", got.status, got.body)
		}
	})
}

// TestEndBeforeTheAnswer: a client that takes JSON alone hears of an end for which there is no answer, however long it
// waited.
func TestEndBeforeTheAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		end    func(s *httpSession)
		status int
	}{
		"the session's": {func(s *httpSession) { s.do(http.MethodDelete, "/mcp", "", s.head...) }, http.StatusNotFound},
		"its own": {func(s *httpSession) {
			s.tell(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		}, http.StatusAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.begin("2025-11-25")
				waiting := make(chan *answer, 1)
				go func() { waiting <- s.send(call("1", "wait", `{}`), "Accept: application/json") }()
				w.heard()
				pass(40 * time.Second)
				tt.end(s)
				if got := <-waiting; got.status != tt.status {
					t.Errorf("got %d %s, want %d", got.status, got.body, tt.status)
				}
			})
		})
	}
}
