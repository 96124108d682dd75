package mcp

import (
	"context"
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// asks are our own requests to one client that it has not answered yet. The session's lock guards them.
type asks struct {
	last    uint64
	waiting map[string]chan *Message // by id key; each channel takes one message
}

// settle hands a response to whoever asked; false where nobody waits for it.
func (a *asks) settle(m *Message) bool {
	answer, ok := a.waiting[m.ID.key()]
	if ok {
		delete(a.waiting, m.ID.key())
		answer <- m
	}
	return ok
}

// ask sends a request on a lane and waits for its answer, which comes by deliver. Our ids are strings, so that they never meet a client's numbers.
func (s *Session) ask(ctx context.Context, l *lane, method string, params any) (jsontext.Value, error) {
	answer := make(chan *Message, 1)
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil, context.Cause(s.ctx)
	}
	if s.asks.waiting == nil {
		s.asks.waiting = map[string]chan *Message{}
	}
	s.asks.last++
	id := `"srv-` + strconv.FormatUint(s.asks.last, 10) + `"`
	s.asks.waiting[id] = answer
	s.mu.Unlock()

	if !l.put(encodeRequest(id, method, params)) {
		l.overflow()
	}
	select {
	case m := <-answer:
		return answered(method, m)
	case <-ctx.Done():
		s.mu.Lock()
		_, waiting := s.asks.waiting[id]
		delete(s.asks.waiting, id)
		s.mu.Unlock()
		if !waiting { // it came in the same instant, and must not be taken back
			return answered(method, <-answer)
		}
		if cause := context.Cause(ctx); !errors.Is(cause, errClientGone) {
			s.takeBack(l, cancelledParams{RequestID: jsontext.Value(id), Reason: cause.Error()})
		}
		return nil, context.Cause(ctx)
	}
}

// takeBack tells the client that a request of ours needs no answer any more: on its lane, or on the standing one where the
// call was answered at its deadline.
func (s *Session) takeBack(l *lane, p cancelledParams) {
	event := encodeNotification("notifications/cancelled", p)
	how := l.offer(event)
	if how == tooLate {
		l = &s.standing
		how = l.offer(event)
	}
	if how == tooFull {
		l.overflow()
	}
}

func answered(method string, m *Message) (jsontext.Value, error) {
	if m.Error != nil {
		return nil, ToolErrorf("the client refused %s: %s", method, clip(m.Error.Message, 300))
	}
	return m.Result, nil
}

// encodeNotification makes the line of a notification. Params are our own structs, or a pack's log data: what cannot be
// encoded of that is replaced by words.
func encodeNotification(method string, params any) []byte {
	return encodeMessage(`{"jsonrpc":"2.0","method":"`+method+`"`, params)
}

func encodeRequest(id, method string, params any) []byte {
	return encodeMessage(`{"jsonrpc":"2.0","id":`+id+`,"method":"`+method+`"`, params)
}

func encodeMessage(head string, params any) []byte {
	if params == nil {
		return []byte(head + "}")
	}
	value, err := json.Marshal(params, json.Deterministic(true))
	if err != nil {
		value, _ = json.Marshal(logParams{Level: LevelError.String(), Data: "a message could not be encoded"}) // plain strings: cannot fail
	}
	line := make([]byte, 0, len(head)+len(`,"params":}`)+len(value))
	line = append(line, head...)
	line = append(line, `,"params":`...)
	line = append(line, value...)
	return append(line, '}')
}
