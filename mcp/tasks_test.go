package mcp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
)

// takesTasks is what a client declares that takes tasks and can be asked.
const takesTasks = `{"elicitation":{},"roots":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`

// taskIn is the name of the task that an answer names.
func taskIn(t *testing.T, answer string) string {
	t.Helper()
	var a struct {
		Result struct {
			ResultType string   `json:"resultType"`
			TaskID     string   `json:"taskId"`
			Task       coreTask `json:"task"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil || a.Result.TaskID+a.Result.Task.TaskID == "" {
		t.Fatalf("got %s, want a task", answer)
	}
	return a.Result.TaskID + a.Result.Task.TaskID
}

func (v *visitor) task(id int, method, task, more string) string {
	v.w.tb.Helper()
	return v.ask(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"taskId":%q%s,"_meta":{META}}}`, id, method, task, more))
}

func TestTaskNamesAreUnguessable(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		seen := map[string]bool{}
		for i := range 50 {
			v := w.visit(&Principal{ID: fmt.Sprint(i), Scopes: []string{ScopeRead}}, takesTasks)
			id := taskIn(t, v.tool(1, "sorry", ""))
			if seen[id] || !regexp.MustCompile(`^task_[A-Z2-7]{26}$`).MatchString(id) {
				t.Fatalf("task %q", id)
			}
			seen[id] = true
		}
	})
}

func TestTasksHaveTheirLimits(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		v := w.visit(principals("reader"), takesTasks)
		for i := range maxTasksEach {
			taskIn(t, v.tool(i, "sorry", ""))
		}
		want := `"error":{"code":-32603,"message":"too many tasks are kept: wait until some have expired"}}`
		if got := v.tool(1, "sorry", ""); !strings.HasSuffix(got, want) {
			t.Errorf("one more: %s", got)
		}
		// of a call that turned out to be slow, too
		v.send(v.toolCall(2, "auto", ""))
		advance(taskSlow)
		if cause := <-w.ended; cause == nil {
			t.Error("its tool goes on")
		}
		if got := v.settled(); len(got) != 1 || !strings.HasSuffix(got[0], want) {
			t.Errorf("a slow one: %q", got)
		}
		taskIn(t, w.visit(principals("reader2"), takesTasks).tool(1, "sorry", ""))
		advance(taskTTL)
		taskIn(t, v.tool(3, "sorry", ""))
	})
}

func TestATaskOutlivesItsRequest(t *testing.T) {
	inBubble(t, settings{Features: workers, Options: Options{CallTimeout: time.Second}}, func(t *testing.T, w *world) {
		v := w.visit(principals("reader"), takesTasks)
		id := taskIn(t, v.tool(1, "optional", ""))
		advance(taskTTL - time.Second) // neither the end of its stream nor the server's call timeout is its end
		w.gate <- struct{}{}
		synctest.Wait()
		if got := v.task(2, "tasks/get", id, ""); !strings.Contains(got, `"status":"completed"`) {
			t.Errorf("got %s", got)
		}
	})
}

func TestATaskOutlivesItsSession(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		p := w.begin(principals("reader"), `{}`)
		id := taskIn(t, p.call(1, "optional", `,"task":{},"_meta":{"progressToken":1}`).answer())
		chatty := taskIn(t, p.call(2, "chatty", `,"task":{},"_meta":{"progressToken":2}`).answer())
		w.registry.Leave(p.id, p.principal)
		w.gate <- struct{}{}
		w.gate <- struct{}{}
		later := w.begin(principals("reader"), `{}`)
		for _, task := range []string{id, chatty} {
			got := later.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tasks/result","params":{"taskId":%q}}`, task)).answer()
			if !strings.Contains(got, "worked") {
				t.Errorf("got %s", got)
			}
		}
	})
}

// Over POSTs, what belongs to a task comes on the standing stream: its request's own is over.
func TestATaskAsksOnTheStandingStream(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		p := w.begin(principals("reader"), `{"elicitation":{},"roots":{}}`)
		standing := p.listen()
		id := taskIn(t, p.call(1, "asks", `,"task":{}`).answer())
		tag := `"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"` + id + `"}}`
		if got := standing.settled(); len(got) != 1 || !strings.Contains(got[0], "elicitation/create") || !strings.Contains(got[0], tag) {
			t.Fatalf("got %q", got)
		}
		p.send(`{"jsonrpc":"2.0","id":"srv-1","result":{"action":"decline"}}`)
		if got := standing.settled(); len(got) != 1 || !strings.Contains(got[0], `"params":{`+tag+`}`) {
			t.Fatalf("got %q", got)
		}
		p.send(`{"jsonrpc":"2.0","id":"srv-2","result":{"roots":[]}}`)
		got := p.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tasks/result","params":{"taskId":%q}}`, id)).answer()
		if !strings.Contains(got, tag) {
			t.Errorf("got %s", got)
		}
	})
}

// Whoever waits for a result waits until there is one, or never will be.
func TestAResultIsWaitedFor(t *testing.T) {
	for end, want := range map[string]string{"let go": "worked", "cancel": "the task was cancelled: it has no result"} {
		inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
			p := w.begin(principals("reader"), `{}`)
			id := taskIn(t, p.call(1, "optional", `,"task":{}`).answer())
			var waiting []*client
			for i := range 3 {
				waiting = append(waiting, p.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tasks/result","params":{"taskId":%q}}`, 2+i, id)))
			}
			advance(30 * time.Minute) // no deadline but the task's own
			for _, c := range waiting {
				if got := c.settled(); got != nil {
					t.Fatalf("before the end: %q", got)
				}
			}
			if end == "cancel" {
				p.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":9,"method":"tasks/cancel","params":{"taskId":%q}}`, id)).answer()
			} else {
				w.gate <- struct{}{}
			}
			for _, c := range waiting {
				if got := c.answer(); !strings.Contains(got, want) {
					t.Errorf("%s: got %s", end, got)
				}
			}
		})
	}
}

// A client that goes before its call has become a task cancels it, as any other call; that is no error of ours.
func TestWhoGoesBeforeThereIsATaskCancels(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		v := w.visit(principals("reader"), takesTasks)
		v.send(v.toolCall(1, "auto", ""))
		advance(taskSlow - time.Nanosecond)
		v.leave()
		if cause := <-w.ended; !errors.Is(cause, errClientGone) {
			t.Errorf("the tool's ctx ended with %v", cause)
		}
		advance(time.Second)
		if w.heard.failures != nil || strings.Join(w.heard.outcomes, " ") != "tools/call:cancelled" {
			t.Errorf("outcomes %q, failures %q", w.heard.outcomes, w.heard.failures)
		}
	})
}

// A quick call is counted as what it was, though it might have become a task.
func TestQuickCallsAreObservedAsCalls(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		v := w.visit(principals("reader"), takesTasks)
		v.send(v.toolCall(1, "auto", `,"arguments":{"fails":true}`))
		synctest.Wait()
		w.gate <- struct{}{}
		v.settled()
		if got := strings.Join(w.heard.outcomes, " "); got != "tools/call:tool_error" {
			t.Errorf("the observer heard %s", got)
		}
	})
}

func TestAPanicInATaskIsLoggedWithoutItsText(t *testing.T) {
	inBubble(t, settings{Features: workers}, func(t *testing.T, w *world) {
		v := w.visit(principals("reader"), takesTasks)
		id := taskIn(t, v.tool(1, "panics", ""))
		synctest.Wait()
		if len(w.heard.failures) != 1 || strings.Contains(w.heard.failures[0], "hunter2") || !strings.Contains(w.heard.failures[0], "fixture_workers_test.go") {
			t.Errorf("failures: %q", w.heard.failures)
		}
		if got := v.task(2, "tasks/get", id, ""); strings.Contains(got, "hunter2") || !strings.Contains(got, `"status":"failed"`) {
			t.Errorf("got %s", got)
		}
	})
}

func TestEndTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Features: workers})
		v := w.visit(principals("reader"), takesTasks)
		id := taskIn(t, v.tool(1, "optional", ""))
		w.server.EndTasks(t.Context())
		if cause := <-w.ended; !errors.Is(cause, ErrShuttingDown) {
			t.Errorf("the tool's ctx ended with %v", cause)
		}
		if got := v.task(2, "tasks/get", id, ""); !strings.Contains(got, `"status":"failed"`) || !strings.Contains(got, "the server is shutting down") {
			t.Errorf("got %s", got)
		}
		if w.heard.failures != nil {
			t.Errorf("failures %q", w.heard.failures)
		}
	})
	synctest.Test(t, func(t *testing.T) { // and does not wait for ever
		w := newWorld(t, settings{})
		v := w.visit(principals("reader"), takesTasks)
		v.send(v.toolCall(1, "stubborn", ""))
		advance(taskSlow)
		taskIn(t, v.settled()[0])
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		started := time.Now()
		w.server.EndTasks(ctx)
		if took := time.Since(started); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		w.gate <- struct{}{}
	})
}

// A tool may talk, and the clock of its heartbeats tick, in the instant in which its call becomes a task.
func TestACallTalksWhileItBecomesATask(t *testing.T) {
	talks := func(y *yard) Features {
		first := readOnly("talks", "Talks on and on.")
		first.AsksFirst = true
		return Features{Tools: []*Tool{NewTool(first, func(ctx context.Context, c *Call, _ none) (Text, error) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range 200 {
					c.Progress(float64(i), 0, "")
					c.Log(LevelError, i)
					c.Hangup()
				}
			}()
			c.Background(ctx)
			<-done
			return "talked", nil
		})}}
	}
	w := newWorld(t, settings{Features: talks, Options: Options{ProgressInterval: time.Microsecond}})
	for i := range 50 {
		v := w.visit(principals("reader"), takesTasks)
		st, _, _ := v.open(callOf(i, "talks", `,"_meta":{META,"progressToken":1,"io.modelcontextprotocol/logLevel":"debug"}`))
		for !st.Finished() {
			<-st.Ready()
			st.Take(nil)
		}
		st.Close(nil)
		w.server.tasks.running.Wait()
	}
	if w.heard.failures != nil {
		t.Errorf("failures %q", w.heard.failures)
	}
}
