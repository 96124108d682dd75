package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

// sseWriter writes one stream as server-sent events. Every write has a deadline: a client that stops reading is removed,
// not waited for.
type sseWriter struct {
	stream  *mcp.Stream
	control *http.ResponseController
	timeout time.Duration
	prefix  string                     // of event ids: "id: …"; empty: events have none
	pending []string                   // what the stream begins with, each on a flush of its own
	taken   []mcp.Event                // taken from the stream before it began to be written
	polls   bool                       // the client takes the time to wait from the stream (2025-11-25); older ones choke on it
	beat    func(now time.Time) string // keeps proxies from taking the stream for dead
	expires time.Time                  // when the credential ends that the stream stands on; zero: never
	batch   []mcp.Event
	scratch []byte
	err     error // why the stream ends
}

// newWriter makes the writer of a stream and sets the headers of its answer.
func (a *API) newWriter(c *gin.Context, stream *mcp.Stream) *sseWriter {
	header := c.Writer.Header()
	header["Content-Type"] = []string{"text/event-stream"}
	header["Cache-Control"] = []string{"no-cache, no-transform"}
	header["X-Accel-Buffering"] = []string{"no"} // nginx, by default, would hold every event back
	c.Status(http.StatusOK)
	return &sseWriter{
		stream: stream, control: http.NewResponseController(c.Writer), timeout: a.cfg.SSE.WriteTimeout, beat: commentBeat,
	}
}

// commentBeat needs no blank line after it, and some clients count blank lines as events.
func commentBeat(now time.Time) string { return ": ping - " + now.UTC().Format(time.RFC3339) + "\n" }

// eventBeat is the Tutorial document's, for clients that ask for it.
func eventBeat(time.Time) string { return "event: ping\ndata: Server is alive!\n\n" }

// run writes the stream until the client goes, the session ends, the credential does, or what the stream is for was written;
// then it closes the stream. It blocks for as long.
func (w *sseWriter) run(c *gin.Context, every time.Duration) {
	heartbeat := time.NewTimer(spread(every))
	defer heartbeat.Stop()
	var expired <-chan time.Time
	if !w.expires.IsZero() {
		expiry := time.NewTimer(time.Until(w.expires))
		defer expiry.Stop()
		expired = expiry.C
	}

	// c.Stream flushes after each step. It looks at the client between steps only, so each step does so itself.
	c.Stream(func(out io.Writer) bool {
		if w.open(out) {
			return w.err == nil
		}
		select {
		case <-c.Request.Context().Done():
			w.err = mcp.ClientGone()
		case <-w.stream.Done():
			w.events(out) // what was answered before the end still goes out
			if w.polls && errors.Is(w.stream.Cause(), mcp.ErrShuttingDown) {
				w.write(out, fmt.Appendf(nil, "retry: %d\n\n", comeBack().Milliseconds()))
			}
			w.end(w.stream.Cause())
		case <-w.stream.Ready():
			w.events(out)
			if w.stream.Finished() {
				w.end(io.EOF)
			}
		case <-expired:
			w.events(out)
			w.end(mcp.ErrExpired)
		case now := <-heartbeat.C:
			w.stream.Tidy()
			w.begin()
			w.write(out, []byte(w.beat(now)))
			heartbeat.Reset(spread(every))
		}
		return w.err == nil
	})
	if w.err == nil { // c.Stream saw the client go before a step did
		w.err = mcp.ClientGone()
	}
	w.stream.Close(w.err)
}

// end notes why the stream ends, unless it has ended worse already.
func (w *sseWriter) end(cause error) {
	if w.err == nil {
		w.err = cause
	}
}

// open writes the next part of the opening; false where all of it is written.
func (w *sseWriter) open(out io.Writer) bool {
	switch {
	case len(w.pending) > 0:
		w.begin()
		w.write(out, []byte(w.pending[0]))
		w.pending = w.pending[1:]
	case len(w.taken) > 0:
		w.begin()
		for _, e := range w.taken {
			w.event(out, e)
		}
		if w.taken = nil; w.stream.Finished() {
			w.end(io.EOF)
		}
	default:
		return false
	}
	return true
}

func (w *sseWriter) begin() {
	if err := w.control.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		w.end(err)
	}
}

func (w *sseWriter) write(out io.Writer, b []byte) {
	if w.err == nil {
		_, w.err = out.Write(b)
	}
}

// events writes all that waits, for one flush. Names and the number go through a small buffer, the data as it is.
func (w *sseWriter) events(out io.Writer) {
	w.batch = w.stream.Take(w.batch[:0])
	w.begin()
	for _, e := range w.batch {
		w.event(out, e)
	}
	clear(w.batch) // the events are not ours to keep
}

func (w *sseWriter) event(out io.Writer, e mcp.Event) {
	w.scratch = append(w.scratch[:0], "event: message\n"...)
	if w.prefix != "" {
		w.scratch = append(w.scratch, w.prefix...)
		w.scratch = strconv.AppendUint(w.scratch, e.Seq, 10)
		w.scratch = append(w.scratch, '\n')
	}
	w.scratch = append(w.scratch, "data: "...)
	w.write(out, w.scratch)
	w.write(out, e.Data)
	w.write(out, newlines)
}

var newlines = []byte("\n\n")
