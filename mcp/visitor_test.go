package mcp

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

// visitor is a client without a session: each request of its stands alone, with what it can do written into it. In what it
// sends, META stands for the members of _meta that every request needs.
type visitor struct {
	w         *world
	principal *Principal
	can       string    // clientCapabilities
	streams   []*Stream // of its requests that are not answered, and of its subscriptions
	waiting   []string  // events taken and not looked at yet
}

func (w *world) visit(p *Principal, can string) *visitor {
	return &visitor{w: w, principal: p, can: can}
}

// open does what a way in does with a body, and gives the stream of the answer, or what refuses it.
func (v *visitor) open(text string) (*Stream, ID, *Error) {
	v.w.tb.Helper()
	m, fault := Decode([]byte(metaOf(text, v.can)))
	if fault != nil {
		return nil, m.ID, fault
	}
	envelope, fault := ReadEnvelope(m)
	if fault != nil {
		return nil, m.ID, fault
	}
	peer := envelope.Peer(v.principal, "", WireHTTP)
	if m.IsListen() {
		st, fault := v.w.server.Listen(v.w.tb.Context(), peer, m)
		return st, m.ID, fault
	}
	return v.w.server.Stream(v.w.tb.Context(), peer, m), m.ID, nil
}

// send opens a stream and keeps it among those that take looks at.
func (v *visitor) send(text string) (refused string) {
	v.w.tb.Helper()
	st, id, fault := v.open(text)
	if fault != nil {
		return string(AppendError(nil, id, fault))
	}
	v.streams = append(v.streams, st)
	return ""
}

// take moves what waits on the streams into waiting, in the order in which they were opened, and closes those that have
// said everything. A stream ends with its answer and with nothing else.
func (v *visitor) take() {
	v.w.tb.Helper()
	v.streams = slices.DeleteFunc(v.streams, func(st *Stream) bool {
		answered := false
		for _, e := range st.Take(nil) {
			if answered {
				v.w.tb.Errorf("after the answer: %s", e.Data)
			}
			v.waiting = append(v.waiting, string(e.Data))
			answered = e.Answer
		}
		if answered != st.Finished() {
			v.w.tb.Errorf("answered %v, but finished %v", answered, st.Finished())
		}
		if answered {
			st.Close(nil)
		}
		return answered
	})
}

// settled is every event there is once nothing moves any more; only in a bubble.
func (v *visitor) settled() []string {
	v.w.tb.Helper()
	synctest.Wait()
	v.take()
	events := v.waiting
	v.waiting = nil
	return events
}

// ask sends a request and gives its answer; only in a bubble, and only of what answers without more ado.
func (v *visitor) ask(text string) string {
	v.w.tb.Helper()
	if refused := v.send(text); refused != "" {
		return refused
	}
	events := v.settled()
	if len(events) != 1 {
		v.w.tb.Fatalf("%s\n got %q, want one answer", text, events)
	}
	return events[0]
}

// tool calls a tool: more are further members of its params.
func (v *visitor) tool(id int, name, more string) string {
	v.w.tb.Helper()
	return v.ask(v.toolCall(id, name, more))
}

func (v *visitor) toolCall(id int, name, more string) string {
	return callOf(id, name, more+`,"_meta":{META}`)
}

// leave closes every stream.
func (v *visitor) leave() {
	for _, st := range v.streams {
		st.Close(ClientGone())
	}
	v.streams = nil
}

// metaOf puts the members of _meta in the place of META, for a client that can do what can says.
func metaOf(text, can string) string {
	meta := fmt.Sprintf(`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":%s`, can)
	return metaWord.ReplaceAllLiteralString(text, meta)
}

// inBubble runs a test in a bubble with a world of its own, and ends what tasks are left.
func inBubble(t *testing.T, s settings, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s)
		f(t, w)
		w.server.EndTasks(t.Context())
	})
}
