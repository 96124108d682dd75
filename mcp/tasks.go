package mcp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// TaskMode says whether a tool may run as a task: answered at once with a name, by which its client asks for the result
// later. The experimental tasks of 2025-11-25 are asked for by the client, call by call; those of the extension to
// 2026-07-28 are the server's choice for clients that take them.
type TaskMode int

// The task modes.
const (
	TaskAuto     TaskMode = iota // where the client asks for it; and where it takes tasks and the call is slow
	TaskNever                    // always answered with its result
	TaskOptional                 // for every client that takes tasks
	TaskRequired                 // and for no other client
)

// Limits of tasks.
const (
	taskTTL      = time.Hour      // for which a task is kept from its creation, unless the client asks otherwise
	maxTaskTTL   = 24 * time.Hour // what a client may ask for
	taskPoll     = time.Second    // how often a client may ask
	taskSlow     = 2 * time.Second
	maxTasks     = 10_000 // in the process
	maxTasksEach = 100    // of one principal
)

// extensionTasks is the extension's name (2026-07-28).
const extensionTasks = "io.modelcontextprotocol/tasks"

// Statuses of a task; the last three are final.
const (
	taskWorking   = "working"
	taskInput     = "input_required"
	taskCompleted = "completed"
	taskFailed    = "failed"
	taskCancelled = "cancelled"
)

// task is one call that goes on after its request was answered. Its name is unguessable, and good only for the principal
// whose call it is.
type task struct {
	id      string
	owner   string
	created time.Time
	ttl     time.Duration
	x       *exchange // the call it came from
	store   *tasks
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when the status is final

	mu      sync.Mutex
	updated time.Time
	status  string
	result  *CallToolResult         // of a completed task, or a failed one (2025-11-25)
	refused *Error                  // of a failed one
	again   bool                    // it never became a task: the client is asked first
	asked   map[string]*taskRequest // what the client is asked for and has not answered
	used    map[string]bool         // every key that asked ever had
}

type taskRequest struct {
	inputRequest
	question Question
	answer   chan jsontext.Value // takes one
}

// tasks are those of the process.
type tasks struct {
	mu      sync.Mutex
	byID    map[string]*task
	byOwner map[string]int
	running sync.WaitGroup
	changed func(*task) // tells subscribers; must not block
}

func newTasks(changed func(*task)) *tasks {
	return &tasks{byID: map[string]*task{}, byOwner: map[string]int{}, changed: changed}
}

// newTask makes the task of a call; it is not known to anybody before add.
func (x *exchange) newTask(ctx context.Context, ttl time.Duration) (context.Context, *task) {
	now := time.Now()
	k := &task{
		id: "task_" + rand.Text(), owner: x.peer.Principal.ID, created: now, updated: now, ttl: ttl,
		x: x, store: x.server.tasks, status: taskWorking, done: make(chan struct{}),
	}
	ctx, k.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return ctx, k
}

// add makes the task known. It fails where there are too many.
func (s *tasks) add(k *task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byID) >= maxTasks || s.byOwner[k.owner] >= maxTasksEach && k.owner != "" {
		return Errorf(CodeInternal, "too many tasks are kept: wait until some have expired")
	}
	s.byID[k.id] = k
	s.byOwner[k.owner]++
	time.AfterFunc(k.ttl, func() { // ends with the task's time
		k.cancel(errDeadline)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.byID, k.id)
		countDown(s.byOwner, k.owner)
	})
	return nil
}

// find looks a task of a principal up; another's does not exist.
func (s *tasks) find(id string, p *Principal) (*task, error) {
	s.mu.Lock()
	k, ok := s.byID[id]
	s.mu.Unlock()
	if !ok || k.owner != p.ID {
		return nil, Errorf(CodeInvalidParams, "no such task: %q", clip(id, 64))
	}
	return k, nil
}

// of lists a principal's tasks, oldest first.
func (s *tasks) of(p *Principal) []*task {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := slices.DeleteFunc(slices.Collect(maps.Values(s.byID)), func(k *task) bool { return k.owner != p.ID })
	slices.SortFunc(mine, func(a, b *task) int { return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id)) })
	return mine
}

// end cancels every task and waits for their tools, until ctx ends.
func (s *tasks) end(ctx context.Context, cause error) {
	s.mu.Lock()
	for _, k := range s.byID {
		k.cancel(cause)
	}
	s.mu.Unlock()
	returned := make(chan struct{})
	go func() { s.running.Wait(); close(returned) }()
	select {
	case <-returned:
	case <-ctx.Done():
	}
}

// start runs the tool. What it gives goes to finish, whether by then it is a task or not.
func (k *task) start(ctx context.Context, t *Tool, arguments jsontext.Value) {
	k.store.running.Go(func() {
		defer k.cancel(nil)
		defer func() {
			if p := recover(); p != nil {
				k.finish(nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack()), true)
			}
		}()
		result, err := t.run(ctx, &k.x.call, arguments)
		k.finish(result, err, false)
	})
}

// finish settles the task. A tool's own error is a result; what broke is a failure (2026-07-28; in 2025-11-25 both are).
func (k *task) finish(result *CallToolResult, err error, broke bool) {
	k.x.call.end()
	k.mu.Lock()
	if k.final() {
		k.mu.Unlock()
		return
	}
	k.status = taskCompleted
	if k.again = errors.Is(err, errInputRequired); err != nil && !k.again {
		k.refused, result = k.x.judge(err)
		if broke && k.refused == nil {
			k.refused, result = Errorf(CodeInternal, "%s", *result.Content[0].Text), nil
		}
	}
	if result != nil {
		k.result = k.x.server.present(k.x, result)
	}
	if k.refused != nil || k.result != nil && k.result.IsError && !k.x.peer.Revision.Stateless {
		k.status = taskFailed
	}
	k.settled()
}

// settled ends finish and stop; the caller holds k.mu, which it lets go.
func (k *task) settled() {
	k.updated = time.Now()
	k.asked = nil
	close(k.done)
	k.mu.Unlock()
	k.store.changed(k)
}

// final says whether the status is. The caller holds k.mu.
func (k *task) final() bool {
	return k.status == taskCompleted || k.status == taskFailed || k.status == taskCancelled
}

// stop cancels the task; false where it is over already. It stays cancelled, whatever its tool still gives.
func (k *task) stop() bool {
	k.x.call.end()
	k.mu.Lock()
	if k.final() {
		k.mu.Unlock()
		return false
	}
	k.status = taskCancelled
	k.settled()
	k.cancel(errCancelled)
	return true
}

// ask asks the client by the task's status and waits for the answers that update brings.
func (k *task) ask(ctx context.Context, questions []Question, requests []inputRequest) ([]jsontext.Value, error) {
	waiting := make([]*taskRequest, len(questions))
	k.mu.Lock()
	for i, q := range questions {
		waiting[i] = &taskRequest{requests[i], q, make(chan jsontext.Value, 1)}
		k.ask1(waiting[i])
	}
	k.status, k.updated = taskInput, time.Now()
	k.mu.Unlock()
	k.store.changed(k)
	answers := make([]jsontext.Value, len(questions))
	for i, r := range waiting {
		select {
		case answers[i] = <-r.answer:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return answers, nil
}

// ask1 gives a request a key that the task never had. The caller holds k.mu.
func (k *task) ask1(r *taskRequest) {
	if k.asked == nil {
		k.asked = map[string]*taskRequest{}
	}
	if k.used == nil {
		k.used = map[string]bool{}
	}
	name := cmp.Or(r.question.key(), "input")
	key := name
	for n := 2; k.used[key]; n++ {
		key = fmt.Sprintf("%s-%d", name, n)
	}
	k.used[key], k.asked[key] = true, r
}

// update takes answers; what was not asked, or is no answer, is passed over.
func (k *task) update(answers map[string]jsontext.Value) {
	k.mu.Lock()
	for key, answer := range answers {
		if r, ok := k.asked[key]; ok && r.question.valid(answer) {
			r.answer <- answer.Clone()
			delete(k.asked, key)
			k.updated = time.Now()
		}
	}
	if k.status == taskInput && len(k.asked) == 0 {
		k.status = taskWorking
	}
	k.mu.Unlock()
	k.store.changed(k)
}
