package mcp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
)

func TestDeadlineAnswersForAToolThatHearsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Options: Options{CallTimeout: 10 * time.Second}})
		c := w.hello(OpenOptions{})
		c.call(1, "stubborn", "")
		advance(10*time.Second - time.Nanosecond)
		if got := c.settled(); got != nil {
			t.Errorf("before the deadline: %v", got)
		}
		advance(time.Nanosecond)
		want := `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"stubborn did not finish within 10s and was stopped; ask for less, or try again later"}],"isError":true}}`
		if got := c.settled(); len(got) != 1 || got[0] != want {
			t.Errorf("at the deadline\n got %v\nwant %s", got, want)
		}
		if w.heard.stuck != 1 {
			t.Errorf("stuck: %d, want 1", w.heard.stuck)
		}
		w.gate <- struct{}{}
		if got := c.settled(); got != nil {
			t.Errorf("when the tool returned: %v", got)
		}
		if w.heard.stuck != 0 {
			t.Errorf("stuck after the tool returned: %d, want 0", w.heard.stuck)
		}
	})
}

// A tool that stops at its deadline, as it should, is told of as a timeout and not as an error of ours.
func TestDeadlineOfAToolThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Options: Options{CallTimeout: time.Second}})
		for i := range 300 {
			c := w.hello(OpenOptions{})
			c.call(1, "wait", "")
			<-time.After(time.Second)
			if got := c.next(); !strings.Contains(got, "wait did not finish within 1s") {
				t.Fatalf("call %d: got %s", i, got)
			}
			c.stream.Close(ClientGone())
			if err := <-w.ended; err == nil {
				t.Fatal("the session ended without a cause")
			}
		}
		synctest.Wait()
		if w.heard.stuck != 0 || w.heard.failures != nil {
			t.Errorf("stuck %d, failures %v", w.heard.stuck, w.heard.failures)
		}
	})
}

// A tool that returns at the very instant of its deadline is not stuck, whoever comes first.
func TestStuckIsCountedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tool := NewTool(readOnly("prompt", "Returns at its deadline."), func(context.Context, *Call, none) (Text, error) {
			<-time.After(time.Second)
			return "in time", nil
		})
		w := newWorld(t, settings{
			Options:  Options{CallTimeout: time.Second},
			Features: func(*yard) Features { return Features{Tools: []*Tool{tool}} },
		})
		c := w.hello(OpenOptions{})
		for i := range 2000 {
			c.call(i, "prompt", "")
			<-time.After(time.Second)
			if got := c.settled(); len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf(`"id":%d,`, i)) {
				t.Fatalf("call %d: got %v", i, got)
			}
		}
		if w.heard.stuck != 0 {
			t.Errorf("stuck: %d, want 0", w.heard.stuck)
		}
	})
}

func TestDeadlineOfAReadIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &Resource{
			URI: "notes://slow", Name: "slow", Description: "Takes its time.",
			Read: func(ctx context.Context, _ *Call, _ string) ([]ResourceContents, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}
		w := newWorld(t, settings{
			Options:  Options{CallTimeout: time.Second},
			Features: func(*yard) Features { return Features{Resources: []*Resource{slow}} },
		})
		c := w.hello(OpenOptions{})
		c.send(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"notes://slow"}}`)
		advance(time.Second)
		want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"resources/read did not finish within 1s"}}`
		if got := c.settled(); len(got) != 1 || got[0] != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

func TestAToolMayHaveItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Features: func(y *yard) Features {
			spec := readOnly("hasty", "Has two seconds.")
			spec.Timeout = 2 * time.Second
			return Features{Tools: []*Tool{NewTool(spec, func(ctx context.Context, _ *Call, _ none) (Text, error) {
				<-ctx.Done()
				return "", ctx.Err()
			})}}
		}})
		c := w.hello(OpenOptions{})
		c.call(1, "hasty", "")
		advance(2 * time.Second)
		if got := c.settled(); len(got) != 1 || !strings.Contains(got[0], "hasty did not finish within 2s") {
			t.Errorf("got %v", got)
		}
	})
}

func TestHeartbeatTellsThatACallWorksOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Options: Options{CallTimeout: time.Minute, ProgressInterval: 15 * time.Second}})
		c := w.hello(OpenOptions{})
		c.call(1, "wait", `,"_meta":{"progressToken":"t"}`)
		c.call(2, "wait", "")
		var events []string
		for range 4 {
			advance(14 * time.Second)
			events = append(events, c.settled()...)
		}
		last := -1.0
		for i, event := range events {
			progress := progressOf(t, event)
			if progress.Message != fmt.Sprintf("still working after %ds", 15*(i+1)) || string(progress.ProgressToken) != `"t"` {
				t.Errorf("event %d: %s", i, event)
			}
			if progress.Progress <= last {
				t.Errorf("progress %v after %v", progress.Progress, last)
			}
			last = progress.Progress
		}
		if len(events) != 3 {
			t.Errorf("%d heartbeats in 56 s, want 3: %v", len(events), events)
		}
		w.gate <- struct{}{}
		w.gate <- struct{}{}
		if got := c.settled(); len(got) != 2 {
			t.Errorf("got %v, want two answers", got)
		}
		advance(time.Minute)
		if got := c.settled(); got != nil {
			t.Errorf("after the answers: %v", got)
		}
	})
}

func progressOf(t *testing.T, event string) progressParams {
	t.Helper()
	var m struct {
		Method string         `json:"method"`
		Params progressParams `json:"params"`
	}
	if err := json.Unmarshal([]byte(event), &m); err != nil || m.Method != "notifications/progress" {
		t.Fatalf("got %s, want a progress", event)
	}
	return m.Params
}

// What a tool counts may be bytes: a heartbeat's step must show beside any number.
func TestHeartbeatIsGreaterThanAnyProgress(t *testing.T) {
	for _, reported := range []float64{1, 1e6, 1e10, 1e15, 1e300} {
		t.Run(strconv.FormatFloat(reported, 'g', -1, 64), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{
					Options: Options{ProgressInterval: time.Second, CallTimeout: time.Minute},
					Features: func(y *yard) Features {
						return Features{Tools: []*Tool{NewTool(readOnly("copies", "Copies."), func(_ context.Context, c *Call, _ none) (Text, error) {
							c.Progress(reported, 0, "")
							<-y.gate
							return "", nil
						})}}
					},
				})
				c := w.hello(OpenOptions{})
				c.call(1, "copies", `,"_meta":{"progressToken":1}`)
				advance(2 * time.Second)
				events := c.settled()
				if len(events) != 3 {
					t.Fatalf("got %v, want the tool's own progress and two heartbeats", events)
				}
				for i := 1; i < len(events); i++ {
					if before, after := progressOf(t, events[i-1]), progressOf(t, events[i]); after.Progress <= before.Progress {
						t.Errorf("progress %v after %v", after.Progress, before.Progress)
					}
				}
				w.gate <- struct{}{}
			})
		})
	}
}

func TestNothingIsSentAfterTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{
			Options: Options{CallTimeout: time.Second},
			Features: func(y *yard) Features {
				return Features{Tools: []*Tool{NewTool(readOnly("late", "Talks on."), func(_ context.Context, c *Call, _ none) (Text, error) {
					<-y.gate
					c.Progress(1, 2, "")
					c.Log(LevelEmergency, "late")
					return "", nil
				})}}
			},
		})
		c := w.hello(OpenOptions{})
		c.call(1, "late", `,"_meta":{"progressToken":1}`)
		advance(time.Second)
		if got := c.settled(); len(got) != 1 {
			t.Fatalf("got %v, want the answer at the deadline", got)
		}
		w.gate <- struct{}{}
		if got := c.settled(); got != nil {
			t.Errorf("after the answer: %v", got)
		}
	})
}

func TestCancellationReachesTheTool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.hello(OpenOptions{})
		c.call(1, "wait", "")
		synctest.Wait()
		c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		if cause := <-w.ended; !errors.Is(cause, errCancelled) {
			t.Errorf("the tool's ctx ended with %v", cause)
		}
		if got := c.settled(); got != nil {
			t.Errorf("a cancelled call was answered: %v", got)
		}
		if got := w.heard.outcomes[len(w.heard.outcomes)-1]; got != "tools/call:cancelled" {
			t.Errorf("outcome %s", got)
		}
	})
}

func TestPanicIsLoggedWithItsStackAndWithoutItsText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.hello(OpenOptions{})
		c.call(1, "panics", "")
		answer := c.next()
		if len(w.heard.failures) != 1 {
			t.Fatalf("failures: %q", w.heard.failures)
		}
		id, whole, _ := strings.Cut(w.heard.failures[0], " ")
		if strings.Contains(whole, "out of paper") || !strings.Contains(whole, "fixture_test.go") {
			t.Errorf("logged with its text, which may quote a secret, or without its stack: %s", whole)
		}
		if !strings.Contains(answer, id) || strings.Contains(answer, "paper") {
			t.Errorf("the client was told %s; the log says %s", answer, id)
		}
	})
}

func TestAMisfitIsLoggedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.hello(OpenOptions{})
		c.call(1, "misfit", "")
		if answer := c.next(); strings.Contains(answer, "blue") {
			t.Errorf("half an answer: %s", answer)
		}
		if len(w.heard.failures) != 1 || !strings.Contains(w.heard.failures[0], "does not fit the tool's own output schema") {
			t.Errorf("failures: %q", w.heard.failures)
		}
	})
}

// lateCtx is a context whose client answers, and then cancels, between its question and the wait for the answer.
type lateCtx struct {
	context.Context
	meanwhile func()
}

func (c lateCtx) Done() <-chan struct{} { c.meanwhile(); return c.Context.Done() }

// An answer that came is taken, and not taken back, though the call is cancelled in the same instant.
func TestAnAnswerWinsOverACancellation(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			answer := make(chan error, 1)
			var c *client
			w := newWorld(t, settings{Features: func(*yard) Features {
				return Features{Tools: []*Tool{NewTool(readOnly("roots", "Asks."), func(ctx context.Context, call *Call, _ none) (Text, error) {
					ctx, cancel := context.WithCancel(ctx)
					defer cancel()
					_, err := call.Roots(lateCtx{ctx, func() {
						c.send(`{"jsonrpc":"2.0","id":"srv-1","result":{"roots":[]}}`)
						cancel()
					}}, RootsRequest{})
					answer <- err
					return "", nil
				})}}
			}})
			c = w.open(OpenOptions{})
			c.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}}}}`)
			c.call(1, "roots", "")
			if err := <-answer; err != nil {
				t.Errorf("the answer was lost: %v", err)
			}
			for _, event := range c.settled() {
				if strings.Contains(event, "notifications/cancelled") {
					t.Errorf("an answered question was taken back")
				}
			}
		})
	}
}

func TestProcessSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Options: Options{MaxCalls: 1}})
		a, b := w.hello(OpenOptions{}), w.hello(OpenOptions{})
		a.call(1, "wait", "")
		synctest.Wait()
		b.call(2, "wait", "")
		advance(time.Second - time.Nanosecond)
		if got := b.settled(); got != nil {
			t.Errorf("before the wait was over: %v", got)
		}
		advance(time.Nanosecond)
		want := `{"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"the server is busy: try again in 1 second","data":{"retryAfterSeconds":1}}}`
		if got := b.settled(); len(got) != 1 || got[0] != want {
			t.Errorf("got %v, want %s", got, want)
		}
		b.send(`{"jsonrpc":"2.0","id":3,"method":"tools/list"}`)
		if got := b.settled(); len(got) != 1 {
			t.Errorf("a list waited for a slot: %v", got)
		}
		b.call(4, "echo", `,"arguments":{"text":"after all"}`)
		w.gate <- struct{}{}
		if got := b.settled(); len(got) != 1 || !strings.Contains(got[0], "after all") {
			t.Errorf("a call that got the slot in time: %v", got)
		}
	})
}

func TestLimitIsAskedAboutEveryRequest(t *testing.T) {
	var asked []string
	server := newServer(t, newYard().features(), Options{Limit: func(_ *Peer, method, tool string) int {
		asked = append(asked, method+" "+tool)
		return 7
	}})
	for method, params := range map[string]string{
		"tools/list":          `{}`,
		"tools/call":          `{"name":"add","arguments":{"a":1}}`,
		"resources/read":      `{"uri":"notes://one"}`,
		"prompts/get":         `{"name":"shared"}`,
		"completion/complete": `{"ref":{"type":"ref/prompt","name":"triage"},"argument":{"name":"order","value":""}}`,
	} {
		asked = nil
		m, fault := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`))
		if fault != nil {
			t.Fatal(fault)
		}
		answer := string(server.Answer(t.Context(), NewPeer(Anonymous(), "", WireLocal, Newest()), m))
		if len(asked) != 1 || !strings.HasPrefix(asked[0], method+" ") || !strings.Contains(answer, "7 seconds") {
			t.Errorf("%s: asked about %q, answered %s", method, asked, answer)
		}
	}
}
