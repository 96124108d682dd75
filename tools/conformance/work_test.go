package conformance

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

// begin calls a tool that becomes a task and gives the task's name.
func (v *visitor) begin(tool, arguments string) string {
	v.t.Helper()
	r := v.call(tool, arguments, "")
	if r.Type != "task" || r.Status != "working" || r.TaskID == "" {
		v.t.Fatalf("%s %s = %+v, want a task", tool, arguments, r)
	}
	return r.TaskID
}

// after lets d pass and looks at the task.
func (v *visitor) after(d time.Duration, task string) *reply {
	v.t.Helper()
	<-time.After(d)
	synctest.Wait()
	return v.ask("tasks/get", fmt.Sprintf(`"taskId":%q`, task))
}

func TestWorkEnds(t *testing.T) {
	tests := []struct {
		tool, arguments string
		takes           time.Duration
		status          string
		isError         bool
		want            string // text of the result, or of the error
	}{
		{"slow_compute", `{"seconds":7,"label":"sums"}`, 7 * time.Second, "completed", false, `"sums" took 7 seconds.`},
		{"failing_job", `{}`, time.Second, "completed", true, "this job fails on purpose, for testing"},
		{"protocol_error_job", `{}`, step, "failed", false, "this job breaks off on purpose, for testing"},
	}
	for _, tt := range tests {
		t.Run(tt.tool, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := visit(t, everything)
				task := v.begin(tt.tool, tt.arguments)
				if r := v.after(tt.takes-time.Millisecond, task); r.Status != "working" {
					t.Errorf("just before %v: %+v, want working", tt.takes, r)
				}
				r := v.after(time.Millisecond, task)
				var got string
				switch {
				case r.Status != tt.status:
				case r.Error != nil:
					got = r.Error.Message
				case r.Result.IsError == tt.isError:
					got = r.Result.text()
				}
				if got != tt.want {
					t.Errorf("after %v: %+v, want %s with isError %v and %q", tt.takes, r, tt.status, tt.isError, tt.want)
				}
			})
		})
	}
}

func TestWorkThatIsCancelledStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(t, everything)
		task := v.begin("slow_compute", `{"seconds":60}`)
		v.ask("tasks/cancel", fmt.Sprintf(`"taskId":%q`, task))
		stopped := make(chan struct{})
		go func() { v.server.EndTasks(t.Context()); close(stopped) }()
		synctest.Wait() // no time passes
		select {
		case <-stopped:
		default:
			t.Error("the tool works on after its task was cancelled")
		}
		if r := v.after(0, task); r.Status != "cancelled" {
			t.Errorf("the task is %s, want cancelled", r.Status)
		}
	})
}

func TestWorkWithoutTasks(t *testing.T) {
	v := visit(t, `{"elicitation":{}}`)
	for tool, arguments := range map[string]string{"greet": `{"name":"Bo"}`, "slow_compute": `{"seconds":0}`} {
		if r := v.call(tool, arguments, ""); r.Type != "complete" || r.IsError {
			t.Errorf("%s %s = %+v, want a result at once", tool, arguments, r)
		}
	}
	for _, tool := range []string{"failing_job", "protocol_error_job", "multi_input", "test_tool_with_task"} {
		if _, r, refused := v.send("tools/call", fmt.Sprintf(`"name":%q`, tool), ""); refused == nil || refused.Code != mcp.CodeMissingCapability {
			t.Errorf("%s = %+v, %+v, want a refusal that names tasks", tool, r, refused)
		}
	}
}

func TestGreetingIsNeverATask(t *testing.T) {
	if r := visit(t, everything).call("greet", `{"name":"Bo"}`, ""); r.Type != "complete" || r.text() != "Hello, Bo!" {
		t.Errorf("greet = %+v, want a greeting at once", r)
	}
}

func TestTasksAsk(t *testing.T) {
	const yes, no = `{"action":"accept","content":{"confirm":true}}`, `{"action":"accept","content":{"confirm":false}}`
	tests := []struct {
		name, tool, arguments string
		rounds                []round
		want                  string
	}{
		{"yes", "confirm_delete", `{"filename":"a.txt"}`, []round{{[]string{"confirm"}, `{"confirm":` + yes + `}`}}, "a.txt may go."},
		{"no", "confirm_delete", `{"filename":"a.txt"}`, []round{{[]string{"confirm"}, `{"confirm":` + no + `}`}}, "a.txt stays."},
		{
			"one by one", "multi_input", `{}`,
			[]round{{[]string{"confirm", "user_name"}, `{"user_name":` + alice + `}`}, {[]string{"confirm"}, `{"confirm":` + yes + `}`}},
			"Both are answered: " + alice + ", " + yes + ".",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := visit(t, everything)
				task := v.begin(tt.tool, tt.arguments)
				for _, round := range tt.rounds {
					r := v.after(0, task)
					var want []string
					for _, key := range round.asks {
						want = append(want, key+" elicitation/create")
					}
					slices.Sort(want)
					if diff := cmp.Diff(want, r.asks()); r.Status != "input_required" || diff != "" {
						t.Fatalf("the task is %s and asks (-want +got):\n%s", r.Status, diff)
					}
					v.ask("tasks/update", fmt.Sprintf(`"taskId":%q,"inputResponses":%s`, task, round.answers))
				}
				if r := v.after(0, task); r.Status != "completed" || r.Result.text() != tt.want {
					t.Errorf("the task is %s with %+v, want completed with %q", r.Status, r.Result, tt.want)
				}
			})
		})
	}
}

func TestSomeWorkBeginsWithAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tool = "test_tool_with_task"
		v := visit(t, everything)
		r := v.call(tool, `{}`, "")
		if diff := cmp.Diff([]string{"user_name elicitation/create"}, r.asks()); diff != "" || r.TaskID != "" {
			t.Fatalf("the first result is of the task %q and asks (-want +got):\n%s", r.TaskID, diff)
		}
		r = v.call(tool, `{}`, answered(r.RequestState, `{"user_name":`+alice+`}`))
		if r.Type != "task" || r.RequestState != "" || r.InputRequests != nil {
			t.Fatalf("the second result = %+v, want a task and nothing else", r)
		}
		if r = v.after(step, r.TaskID); r.Status != "completed" || r.Result.text() != "Done for Alice." {
			t.Errorf("the task is %s with %+v, want it done for Alice", r.Status, r.Result)
		}
	})
}
