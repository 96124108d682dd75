package mcp

import (
	"context"
	"time"
)

// Stream is the one open way from a session to its client. Its owner, a way in, takes events when Ready says so and
// writes them, until Done; then it writes what is left and calls Close. Only one goroutine may use it.
type Stream struct {
	session *Session
	ready   chan struct{}
	ctx     context.Context // ends when the session does, or when the client opens its stream again
	cancel  context.CancelCauseFunc
	resumed bool
	seen    uint64
}

// SessionID is the session's secret name.
func (st *Stream) SessionID() string { return st.session.id }

// Resumed says whether the client came back to a session it had.
func (st *Stream) Resumed() bool { return st.resumed }

// Ready holds a token while events wait.
func (st *Stream) Ready() <-chan struct{} { return st.ready }

// Done is closed when the stream must end: Cause says why.
func (st *Stream) Done() <-chan struct{} { return st.ctx.Done() }

// Cause is why the stream must end; nil before Done.
func (st *Stream) Cause() error { return context.Cause(st.ctx) }

// Take appends the events that wait to buf. It does not block.
func (st *Stream) Take(buf []Event) []Event {
	return st.session.out.take(st, buf, st.session.registry.opts.ResumeWindow)
}

// Tidy lets go of memory that is kept for a resume longer than needed. Call it with each heartbeat.
func (st *Stream) Tidy() {
	st.session.out.tidy(st.session.registry.opts.ResumeWindow)
}

// Close says that the stream is no longer written, and why. A session that can be resumed waits for its client for the
// resume window; any other ends. Of several calls the first counts.
func (st *Stream) Close(cause error) {
	st.cancel(cause)
	st.session.detach(st, cause)
}

// ClientGone is the cause to Close with when the client closed its connection.
func ClientGone() error { return errClientGone }

// attach opens a stream on the session, from the event after seen on; nil where that cannot be had any more, or the
// session has ended. A stream that was open is ended: its client has come back before we knew it was gone.
func (s *Session) attach(seen uint64, resumed bool) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	st := &Stream{session: s, ready: make(chan struct{}, 1), resumed: resumed, seen: seen}
	st.ctx, st.cancel = context.WithCancelCause(s.ctx)
	if !s.out.attach(st, seen) {
		st.cancel(nil)
		return nil
	}
	if s.stream != nil {
		s.stream.cancel(errReplaced)
	}
	s.stream = st
	if s.expiry != nil {
		s.expiry.Stop()
	}
	if resumed {
		s.registry.attached(s)
	}
	return st
}

// detach takes the closed stream off its session.
func (s *Session) detach(st *Stream, cause error) {
	window := s.registry.opts.ResumeWindow
	s.mu.Lock()
	switch {
	case s.ended: // the stream has written what was left
		s.mu.Unlock()
		s.out.discard()
		return
	case s.stream != st: // replaced
		s.mu.Unlock()
		return
	}
	s.stream = nil
	if window == 0 || s.received == 0 || s.draining {
		s.mu.Unlock()
		s.end(cause)
		return
	}
	s.detached = time.Now()
	s.expiry = time.AfterFunc(window, func() { s.expire(st) })
	s.registry.detached(s)
	s.mu.Unlock()
}

// expire ends a session whose client did not come back after last was closed.
func (s *Session) expire(last *Stream) {
	s.mu.Lock()
	waits := s.stream == nil && s.out.ownedBy(last)
	s.mu.Unlock()
	if waits {
		s.end(errNotResumed)
	}
}

// Seen is the number of the last event that the client had when the stream was opened; 0 on a new session.
func (st *Stream) Seen() uint64 { return st.seen }
