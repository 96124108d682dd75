package mcp

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// single is the lane of one request without a session: its answer, and before it the progress and log messages that belong
// to it. Closing its stream cancels the request (2026-07-28, transports).
type single struct {
	outbox
	level Level
	quiet bool // no log messages were asked for
}

// Stream starts one request of a peer without a session and opens the stream its answer comes on. The request
// ends with ctx, with its answer, and when the stream is closed.
func (s *Server) Stream(ctx context.Context, peer *Peer, m *Message) *Stream {
	l := &single{outbox: outbox{maxEvents: singleEvents, maxBytes: singleBytes}, quiet: peer.LogLevel == ""}
	if !l.quiet {
		l.level = Level(slices.Index(levelNames[:], peer.LogLevel))
	}
	st := &Stream{out: &l.outbox, ready: make(chan struct{}, 1), keep: func() {}, poll: func() {}}
	st.ctx, st.cancel = context.WithCancelCause(ctx)
	l.attach(st, 0)
	var x *exchange
	x = s.begin(st.ctx, peer, l, m, func(answer []byte, code int) {
		if answer != nil {
			l.answer(answer, code, x.ending())
		}
		l.finish()
	})
	st.closed = func(_ *Stream, cause error) { x.abandon(cause) }
	go x.run() // ends with its handler; its answer comes at the deadline at the latest
	return st
}

// Bounds of what waits for the stream of one request.
const (
	singleEvents = 256
	singleBytes  = 1 << 20
)

func (l *single) answer(data []byte, code int, how *Ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.final = true
	l.add(Event{Data: data, Answer: true, Code: code, Ending: how})
}

func (l *single) notify(method string, params any) {
	l.put(encodeNotification(method, params)) // beyond the bound progress and logs are dropped; the answer has a place of its own
}

// ask cannot be: what the client is asked for goes into the result, by Call.Ask.
func (l *single) ask(context.Context, string, any) (jsontext.Value, error) {
	return nil, errCannotAsk
}

func (l *single) logLevel() Level {
	if l.quiet {
		return LevelEmergency + 1
	}
	return l.level
}

func (l *single) after() link                   { return nil }
func (l *single) setLogLevel(Level)             {}
func (l *single) initialize(*Peer) *Error       { return nil }
func (l *single) subscribe(string, bool) *Error { return nil }
