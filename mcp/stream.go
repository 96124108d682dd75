package mcp

import (
	"context"
	"time"
)

// Stream is the one open way of a lane's events to its client. Its owner, a way in, takes events when Ready says so and
// writes them, until Done or Finished; then it writes what is left and calls Close. Only one goroutine may use it.
type Stream struct {
	out     *outbox
	window  time.Duration // for which what was taken is kept
	ready   chan struct{}
	ctx     context.Context // ends when the session does, or when the client opens its stream again
	cancel  context.CancelCauseFunc
	session string
	lane    uint64
	resumed bool
	seen    uint64
	closed  func(*Stream, error)
	keep    func()
	poll    func()
}

// SessionID is the session's secret name.
func (st *Stream) SessionID() string { return st.session }

// Lane is the lane's number: 0 is the session's standing one, any other that of one POST.
func (st *Stream) Lane() uint64 { return st.lane }

// Resumed says whether the client came back to a stream it had.
func (st *Stream) Resumed() bool { return st.resumed }

// Seen is the number of the last event that the client had when the stream was opened; 0 on a new one.
func (st *Stream) Seen() uint64 { return st.seen }

// Ready holds a token while events wait, or when the stream has finished.
func (st *Stream) Ready() <-chan struct{} { return st.ready }

// Done is closed when the stream must end: Cause says why.
func (st *Stream) Done() <-chan struct{} { return st.ctx.Done() }

// Cause is why the stream must end; nil before Done.
func (st *Stream) Cause() error { return context.Cause(st.ctx) }

// Take appends the events that wait to buf. It does not block.
func (st *Stream) Take(buf []Event) []Event { return st.out.take(st, buf, st.window) }

// Finished says that everything the stream is for was taken: the answer of its POST.
func (st *Stream) Finished() bool { return st.out.isFinished() }

// Tidy lets go of memory that is kept for a resume longer than needed. Call it with each heartbeat.
func (st *Stream) Tidy() { st.out.tidy(st.window) }

// Keep says that the client was told event ids, and so may come back for what it missed of a POST's answer.
func (st *Stream) Keep() { st.keep() }

// Polls says that the client can be hung up on before its answer, and will come back: Cause is then ErrHungUp.
func (st *Stream) Polls() { st.poll() }

// Close says that the stream is no longer written, and why. What can be resumed waits for its client for the resume
// window; anything else ends. Of several calls the first counts.
func (st *Stream) Close(cause error) {
	st.cancel(cause)
	st.closed(st, cause)
}

// ClientGone is the cause to Close with when the client closed its connection.
func ClientGone() error { return errClientGone }
