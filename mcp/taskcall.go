package mcp

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// takesTasks says whether the client can be answered with a task of the extension; it says so in each request.
func (p *Peer) takesTasks() bool {
	_, ok := p.Capabilities.Extensions[extensionTasks]
	return ok && p.Revision.Stateless
}

// taskParams is what a client of 2025-11-25 adds to a call that it wants as a task.
type taskParams struct {
	TTL *float64 `json:"ttl"` // milliseconds
}

// asTask decides whether a call may become a task, and for how long that is kept.
func (x *exchange) asTask(t *Tool, p *taskParams) (may bool, ttl time.Duration, err error) {
	switch rev := x.peer.Revision; {
	case rev.Stateless && x.peer.takesTasks():
		return t.Task != TaskNever, taskTTL, nil
	case rev.Stateless && t.Task == TaskRequired:
		return false, 0, missingTasks()
	case !rev.CoreTasks:
		return false, 0, nil
	case p == nil && t.Task == TaskRequired:
		return false, 0, Errorf(CodeMethodNotFound, "%s runs only as a task: call it with params.task", t.Name)
	case p == nil:
		return false, 0, nil
	case t.Task == TaskNever:
		return false, 0, Errorf(CodeMethodNotFound, "%s does not run as a task", t.Name)
	}
	ttl = taskTTL
	if p.TTL != nil {
		ttl = time.Duration(min(max(*p.TTL, 0), float64(maxTaskTTL.Milliseconds()))) * time.Millisecond
	}
	return true, max(ttl, time.Second), nil
}

func missingTasks() *Error {
	return &Error{
		Code: CodeMissingCapability, Message: "this needs a client that takes tasks",
		Data: map[string]any{"requiredCapabilities": map[string]any{"extensions": map[string]any{extensionTasks: empty{}}}},
	}
}

// callAsTask calls a tool that may become a task: at once, or when it is slow, or when it says so (Call.Background). It
// returns the result, or what names the task.
func (x *exchange) callAsTask(ctx context.Context, t *Tool, arguments jsontext.Value, ttl time.Duration) (any, error) {
	ctx, k := x.newTask(ctx, ttl)
	most := ttl
	if t.Timeout > 0 { // who bounds a tool bounds it whatever becomes of the call
		most = min(most, t.Timeout)
	}
	ctx, unbind := context.WithTimeoutCause(ctx, most, errDeadline)
	context.AfterFunc(ctx, unbind) // the timer goes with the tool
	become := make(chan struct{})
	x.call.task = &callTask{task: k, become: become, ready: make(chan struct{})}
	now := x.peer.Revision.CoreTasks || !t.AsksFirst && (t.Task == TaskOptional || t.Task == TaskRequired)
	if now {
		x.then = func() { k.start(ctx, t, arguments) }
		return x.name(k)
	}
	k.start(ctx, t, arguments)
	slow := time.NewTimer(taskSlow)
	defer slow.Stop()
	waitSlow := slow.C
	if t.AsksFirst {
		waitSlow = nil
	}
	select {
	case <-k.back:
		return k.gave.result, k.gave.err
	case <-become:
	case <-waitSlow:
	case <-x.ctx.Done():
		k.cancel(context.Cause(x.ctx))
		return nil, context.Cause(x.ctx)
	}
	return x.name(k)
}

// name makes the task known, lets its call outlive the request, and is the answer that names it.
func (x *exchange) name(k *task) (any, error) {
	if err := k.store.add(k); err != nil {
		x.then = nil
		k.cancel(err)
		return nil, err
	}
	x.call.outlive(k)
	close(x.call.task.ready)
	k.become()
	return k.announced(), nil
}

// taskLink is the link of a task of 2025-11-25: what goes over it names the task, and the task shows that its client is
// asked.
type taskLink struct {
	link
	task *task
}

func (l *taskLink) notify(method string, params any) { l.link.notify(method, l.tag(params)) }

func (l *taskLink) ask(ctx context.Context, method string, params any) (jsontext.Value, error) {
	l.task.asks(+1)
	defer l.task.asks(-1)
	return l.link.ask(ctx, method, l.tag(params))
}

// tag adds the task's name to the _meta of params, which have none.
func (l *taskLink) tag(params any) any {
	members, err := json.Marshal(params)
	if err != nil {
		return params // and encodeMessage finds the same
	}
	tagged := fmt.Appendf(nil, `{"_meta":{%q:{"taskId":%q}}`, metaRelatedTask, l.task.id)
	if len(members) > len("{}") && members[0] == '{' {
		tagged = append(append(tagged, ','), members[1:]...)
	} else {
		tagged = append(tagged, '}')
	}
	return jsontext.Value(tagged)
}

// asks counts a request to the client in, or out.
func (k *task) asks(n int) {
	k.mu.Lock()
	if k.asking += n; k.asking == 1 && n > 0 && !k.final() {
		k.status, k.updated = taskInput, time.Now()
	}
	k.resume()
	k.mu.Unlock()
	k.store.changed(k)
}

// callTask is what a Call knows of the task that it may become.
type callTask struct {
	task   *task
	become chan struct{} // closed by Background, once
	asked  bool
	ready  chan struct{} // closed when the task is known
}

// Background lets the request be answered now, with a task, where its client takes one, and the tool go on; elsewhere, or
// where the call is a task already, it does nothing. It is for tools with AsksFirst, after their questions. It returns when
// the client can ask for the task.
func (c *Call) Background(ctx context.Context) {
	k := c.task
	if k == nil {
		return
	}
	c.mu.Lock()
	if !k.asked {
		k.asked = true
		close(k.become)
	}
	c.mu.Unlock()
	select {
	case <-k.ready:
	case <-ctx.Done():
	}
}

// inTask is the task that the call has become; nil before, and where it never does.
func (c *Call) inTask() *task {
	if c.task == nil {
		return nil
	}
	select {
	case <-c.task.ready:
		return c.task.task
	default:
		return nil
	}
}
