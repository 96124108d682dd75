package mcp

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// methodListen opens a subscription (2026-07-28): its answer is a stream that lasts.
const methodListen = "subscriptions/listen"

// maxListens bounds the subscriptions of the process.
const maxListens = 10_000

// filter is what a subscription hears of. As an acknowledgement it lists what will be honoured.
type filter struct {
	Tools     bool     `json:"toolsListChanged,omitzero"`
	Prompts   bool     `json:"promptsListChanged,omitzero"`
	Resources bool     `json:"resourcesListChanged,omitzero"`
	URIs      []string `json:"resourceSubscriptions,omitempty"`
	TaskIDs   []string `json:"taskIds,omitempty"`
}

func (f *filter) hears(c change) bool {
	switch c.method {
	case "notifications/tools/list_changed":
		return f.Tools
	case "notifications/prompts/list_changed":
		return f.Prompts
	case "notifications/resources/list_changed":
		return f.Resources
	}
	if c.task != nil {
		return slices.Contains(f.TaskIDs, c.task.id)
	}
	return slices.Contains(f.URIs, c.uri)
}

// params is what a subscription is told of a change.
func (c change) params(tag subscriptionMeta) any {
	if c.task != nil {
		return struct {
			extTask
			Meta subscriptionMeta `json:"_meta"`
		}{c.task.ext(), tag}
	}
	return struct {
		URI  string           `json:"uri,omitempty"`
		Meta subscriptionMeta `json:"_meta"`
	}{c.uri, tag}
}

// taskChanged tells the subscriptions to a task.
func (s *Server) taskChanged(k *task) {
	k.telling.Lock()
	defer k.telling.Unlock()
	s.announce(change{method: "notifications/tasks", task: k})
}

// subscriptionMeta tags every message of a subscription with its request's id, as it was written.
type subscriptionMeta struct {
	ID jsontext.Value `json:"io.modelcontextprotocol/subscriptionId"`
}

// IsListen says whether a request opens a subscription: Listen serves it, not Stream.
func (m *Message) IsListen() bool { return m.Method == methodListen && m.IsRequest() }

// Listen opens a subscription and its stream: the acknowledgement first, then what the filter hears of, until the stream is
// closed or the server closes, which the request's answer says. The error is for the client.
func (s *Server) Listen(ctx context.Context, peer *Peer, m *Message) (*Stream, *Error) {
	var p struct {
		Notifications *filter `json:"notifications"`
	}
	switch err := decodeParams(m.Params, &p); {
	case err != nil:
		return nil, Errorf(CodeInvalidParams, "params: notifications must be an object of booleans and a list of URIs")
	case p.Notifications == nil:
		return nil, Errorf(CodeInvalidParams, "params: notifications is required")
	case len(p.Notifications.URIs) > maxSubscriptions:
		return nil, Errorf(CodeInvalidParams, "params: at most %d resources can be subscribed to at a time", maxSubscriptions)
	}
	wanted := p.Notifications
	if len(wanted.TaskIDs) > 0 && !peer.takesTasks() {
		return nil, missingTasks()
	}
	wanted.TaskIDs = slices.DeleteFunc(wanted.TaskIDs, func(id string) bool {
		_, err := s.tasks.find(id, peer.Principal)
		return err != nil
	})
	if !peer.Principal.Can(ScopeRead) {
		wanted.URIs = nil
	}
	tag := subscriptionMeta{jsontext.Value(m.ID.raw)}
	l := &single{outbox: outbox{maxEvents: singleEvents, maxBytes: singleBytes}}
	st := &Stream{out: &l.outbox, ready: make(chan struct{}, 1), keep: func() {}, poll: func() {}}
	st.ctx, st.cancel = context.WithCancelCause(ctx)
	l.attach(st, 0)
	l.put(encodeNotification("notifications/subscriptions/acknowledged", struct {
		Notifications *filter          `json:"notifications"`
		Meta          subscriptionMeta `json:"_meta"`
	}{wanted, tag}))
	hearing := &listener{
		principal: peer.Principal,
		change: func(c change) {
			if !wanted.hears(c) {
				return
			}
			if !l.put(encodeNotification(c.method, c.params(tag))) {
				st.cancel(errSlowClient)
			}
		},
		end: func() {
			l.putAnswer(s.listenResult(m.ID, tag), 0)
		},
	}
	s.mu.Lock()
	full := len(s.listeners) > maxListens
	s.mu.Unlock()
	if full || !s.listen(hearing) {
		st.cancel(ErrShuttingDown)
		return nil, Errorf(CodeInternal, "no more subscriptions can be served now: try again later")
	}
	st.closed = func(*Stream, error) { s.unlisten(hearing) }
	return st, nil
}

func (s *Server) listenResult(id ID, tag subscriptionMeta) []byte {
	result, err := json.Marshal(struct {
		ResultType string           `json:"resultType"`
		Meta       subscriptionMeta `json:"_meta"`
	}{"complete", tag})
	if err != nil {
		return AppendError(nil, id, Errorf(CodeInternal, "internal error")) // cannot be: an id was decoded
	}
	return append(append([]byte(`{"jsonrpc":"2.0","id":`+id.raw+`,"result":`), result...), '}')
}
