package mcp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
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
	telling sync.Mutex // one change after the other, so that subscribers hear the last one last
	cancel  context.CancelCauseFunc
	back    chan struct{} // closed when the tool is back before the task is known: gave holds what it gave
	done    chan struct{} // closed when the status is final

	mu      sync.Mutex
	known   bool // it has become a task
	gave    *given
	updated time.Time
	status  string
	asking  int                     // requests to the client that it has not answered (2025-11-25)
	result  *CallToolResult         // of a completed task, or a failed one (2025-11-25)
	refused *Error                  // of a failed one
	asked   map[string]*taskRequest // what the client is asked for and has not answered
	used    map[string]bool         // every key that asked ever had
}

// given is what a tool gave.
type given struct {
	result *CallToolResult
	err    error
	broke  bool  // by a panic
	ended  error // why its ctx had ended by then, if it had
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
		x: x, store: x.server.tasks, status: taskWorking,
		back: make(chan struct{}), done: make(chan struct{}),
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

// start runs the tool.
func (k *task) start(ctx context.Context, t *Tool, arguments jsontext.Value) {
	k.store.running.Go(func() {
		defer k.cancel(nil)
		var g given
		defer func() {
			if p := recover(); p != nil {
				g = given{err: panicked(p), broke: true}
			}
			g.ended = context.Cause(ctx)
			k.finish(g)
		}()
		g.result, g.err = t.run(ctx, &k.x.call, arguments)
	})
}

// finish takes what the tool gave. Before the task is known that is the call's, to be answered like any other's.
func (k *task) finish(g given) {
	k.mu.Lock()
	known := k.known
	if !known {
		k.gave = &g
		close(k.back)
	}
	k.mu.Unlock()
	if known {
		k.settle(g)
	}
}

// become makes a task of the call for good.
func (k *task) become() {
	k.mu.Lock()
	k.known = true
	gave := k.gave
	k.mu.Unlock()
	if gave != nil { // in the same instant
		k.settle(*gave)
	}
}

// settle gives the task its end. A tool's own error is a result; what broke is a failure (2026-07-28; in 2025-11-25 both
// are).
func (k *task) settle(g given) {
	k.x.call.end()
	k.mu.Lock()
	if k.final() {
		k.mu.Unlock()
		return
	}
	k.status = taskCompleted
	result := g.result
	switch {
	case g.stopped():
		k.refused = Errorf(CodeInternal, "the task was ended: %s", g.ended)
	case g.err != nil:
		k.refused, result = k.x.judge(g.err)
		if g.broke && k.refused == nil {
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

// stopped says whether the tool ended because it was told to.
func (g *given) stopped() bool {
	return g.ended != nil && (errors.Is(g.err, context.Canceled) || errors.Is(g.err, context.DeadlineExceeded) || errors.Is(g.err, g.ended))
}

// settled ends settle and stop; the caller holds k.mu, which it lets go.
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
	if k.final() {
		k.mu.Unlock()
		return nil, errCancelled
	}
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
			k.withdraw(waiting)
			return nil, context.Cause(ctx)
		case <-k.done:
			return nil, errCancelled
		}
	}
	return answers, nil
}

// withdraw takes back what nobody waits for any more.
func (k *task) withdraw(requests []*taskRequest) {
	k.mu.Lock()
	maps.DeleteFunc(k.asked, func(_ string, r *taskRequest) bool { return slices.Contains(requests, r) })
	k.resume()
	k.mu.Unlock()
	k.store.changed(k)
}

// resume sets the status back when the client is asked for nothing any more. The caller holds k.mu.
func (k *task) resume() {
	if k.status == taskInput && len(k.asked) == 0 && k.asking == 0 {
		k.status, k.updated = taskWorking, time.Now()
	}
}

// ask1 gives a request a key that the task never had. The caller holds k.mu.
func (k *task) ask1(r *taskRequest) {
	if k.asked == nil {
		k.asked = map[string]*taskRequest{}
	}
	k.asked[unusedKey(&k.used, cmp.Or(r.question.key(), "input"))] = r
}

// update takes answers; what was not asked, or is no answer, is passed over.
func (k *task) update(answers map[string]jsontext.Value) {
	changed := false
	k.mu.Lock()
	for key, answer := range answers {
		if r, ok := k.asked[key]; ok && r.question.valid(answer) {
			r.answer <- answer.Clone()
			delete(k.asked, key)
			k.updated, changed = time.Now(), true
		}
	}
	k.resume()
	k.mu.Unlock()
	if changed {
		k.store.changed(k)
	}
}
