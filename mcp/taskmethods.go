package mcp

import (
	"context"
	"maps"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// coreTask is a task as 2025-11-25 shows it.
type coreTask struct {
	TaskID       string `json:"taskId"`
	Status       string `json:"status"`
	CreatedAt    string `json:"createdAt"`
	UpdatedAt    string `json:"lastUpdatedAt"`
	TTL          int64  `json:"ttl"`          // milliseconds
	PollInterval int64  `json:"pollInterval"` // milliseconds
}

// extTask is a task as the extension shows it: the fields, and what the status brings.
type extTask struct {
	TaskID        string                  `json:"taskId"`
	Status        string                  `json:"status"`
	CreatedAt     string                  `json:"createdAt"`
	UpdatedAt     string                  `json:"lastUpdatedAt"`
	TTL           int64                   `json:"ttlMs"`
	PollInterval  int64                   `json:"pollIntervalMs"`
	Result        *CallToolResult         `json:"result,omitzero"`
	Error         *Error                  `json:"error,omitzero"`
	InputRequests map[string]inputRequest `json:"inputRequests,omitempty"`
}

// createdTask is the answer to a call that became a task of the extension; encode gives it the result type task.
type createdTask struct{ extTask }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// announced is the answer that names the task, as the caller's revision has it.
func (k *task) announced() any {
	if k.x.peer.Revision.Stateless {
		shown := k.ext()
		shown.Status, shown.Result, shown.Error, shown.InputRequests = taskWorking, nil, nil, nil
		return createdTask{shown}
	}
	shown := k.core()
	shown.Status = taskWorking
	return struct {
		Task coreTask `json:"task"`
	}{shown}
}

func (k *task) core() coreTask {
	k.mu.Lock()
	defer k.mu.Unlock()
	return coreTask{
		TaskID: k.id, Status: k.status, CreatedAt: stamp(k.created), UpdatedAt: stamp(k.updated),
		TTL: k.ttl.Milliseconds(), PollInterval: taskPoll.Milliseconds(),
	}
}

func (k *task) ext() extTask {
	k.mu.Lock()
	defer k.mu.Unlock()
	shown := extTask{
		TaskID: k.id, Status: k.status, CreatedAt: stamp(k.created), UpdatedAt: stamp(k.updated),
		TTL: k.ttl.Milliseconds(), PollInterval: taskPoll.Milliseconds(), Error: k.refused,
	}
	if k.refused == nil && k.status == taskCompleted {
		shown.Result = k.result
	}
	if len(k.asked) > 0 {
		shown.InputRequests = map[string]inputRequest{}
		for key, r := range k.asked {
			shown.InputRequests[key] = r.inputRequest
		}
	}
	return shown
}

type taskIDParams struct {
	TaskID         string         `json:"taskId"`
	InputResponses jsontext.Value `json:"inputResponses"`
}

// task finds the task that a request is about.
func (s *Server) task(x *exchange, id string) (*task, error) {
	switch rev := x.peer.Revision; {
	case rev.Stateless && !x.peer.takesTasks():
		return nil, missingTasks()
	case !rev.Stateless && !rev.CoreTasks:
		return nil, Errorf(CodeMethodNotFound, "method not found: %s", x.msg.Method)
	}
	return s.tasks.find(id, x.peer.Principal)
}

func (s *Server) getTask(_ context.Context, x *exchange, p taskIDParams) (any, error) {
	k, err := s.task(x, p.TaskID)
	switch {
	case err != nil:
		return nil, err
	case x.peer.Revision.Stateless:
		return k.ext(), nil
	}
	return k.core(), nil
}

func (s *Server) cancelTask(_ context.Context, x *exchange, p taskIDParams) (any, error) {
	k, err := s.task(x, p.TaskID)
	if err != nil {
		return nil, err
	}
	switch stopped := k.stop(); {
	case x.peer.Revision.Stateless:
		return empty{}, nil
	case !stopped:
		return nil, Errorf(CodeInvalidParams, "the task is over already")
	}
	return k.core(), nil
}

// updateTask takes what a task asked for (the extension).
func (s *Server) updateTask(_ context.Context, x *exchange, p taskIDParams) (empty, error) {
	k, err := s.task(x, p.TaskID)
	if err != nil {
		return empty{}, err
	}
	var answers map[string]jsontext.Value
	if p.InputResponses.Kind() != '{' || json.Unmarshal(p.InputResponses, &answers) != nil {
		return empty{}, Errorf(CodeInvalidParams, "params: inputResponses must be an object")
	}
	k.update(answers)
	return empty{}, nil
}

// taskResult waits for the end of a task and gives what its call would have given (2025-11-25).
func (s *Server) taskResult(ctx context.Context, x *exchange, p taskIDParams) (any, error) {
	k, err := s.task(x, p.TaskID)
	if err != nil {
		return nil, err
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.refused != nil:
		return nil, k.refused
	case k.status == taskCancelled:
		return nil, Errorf(CodeInvalidParams, "the task was cancelled: it has no result")
	}
	result := *k.result
	result.Meta = maps.Clone(result.Meta)
	if result.Meta == nil {
		result.Meta = map[string]any{}
	}
	result.Meta[metaRelatedTask] = relatedTask{k.id}
	return struct{ *CallToolResult }{&result}, nil // presented already, when the task ended
}

// metaRelatedTask tags what belongs to a task of 2025-11-25.
const metaRelatedTask = "io.modelcontextprotocol/related-task"

type relatedTask struct {
	TaskID string `json:"taskId"`
}

type listTasksResult struct {
	Tasks      []coreTask `json:"tasks"`
	NextCursor string     `json:"nextCursor,omitempty"`
}

// listTasks lists the caller's own tasks (2025-11-25), where there is a caller to tell apart.
func (s *Server) listTasks(_ context.Context, x *exchange, p listParams) (*listTasksResult, error) {
	if !x.peer.Revision.CoreTasks || x.peer.Principal.ID == "" {
		return nil, Errorf(CodeMethodNotFound, "method not found: %s", x.msg.Method)
	}
	shown, next, err := page("tasks", s.tasks.of(x.peer.Principal), func(k *task) string { return k.id }, p.Cursor, s.opts.PageSize)
	if err != nil {
		return nil, err
	}
	result := &listTasksResult{NextCursor: next}
	for _, k := range shown {
		result.Tasks = append(result.Tasks, k.core())
	}
	return result, nil
}

// coreTaskCapability is what initialize says of tasks (2025-11-25).
type coreTaskCapability struct {
	List     *empty `json:"list,omitzero"` // only where callers can be told apart
	Cancel   empty  `json:"cancel"`
	Requests struct {
		Tools struct {
			Call empty `json:"call"`
		} `json:"tools"`
	} `json:"requests"`
}
