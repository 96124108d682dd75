package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

// quietFor is how long a request may go unanswered before its answer begins as a stream: within it most are answered, as
// plain JSON; after it a proxy, or the client, wants to see something.
const quietFor = time.Second

// response writes the answer of one POST from its stream: as JSON where nothing but the answer comes, and soon; else as a
// stream, where the client takes one.
type response struct {
	api    *API
	c      *gin.Context
	stream *mcp.Stream
	accept accept
	lanes  bool                       // events have ids, and can be resumed
	prime  bool                       // a stream begins with an id
	begins func(first mcp.Event)      // called before the headers go; may be nil
	status func(answer mcp.Event) int // of an answer in JSON; nil: 200
	code   int                        // of the answer, if it was an error in JSON
}

// write blocks until the answer has gone, or the client has. It closes the stream.
func (r *response) write() {
	if r.prime && r.accept.stream {
		r.stream.Polls()
	}
	wait := time.NewTimer(quietFor)
	defer wait.Stop()
	if !r.accept.json || r.accept.streamFirst {
		r.flow(nil)
		return
	}
	var events []mcp.Event
	for {
		quiet := wait.C
		if !r.accept.stream {
			quiet = nil // nothing but JSON will do, however long it takes
		}
		select {
		case <-r.c.Request.Context().Done():
			r.stream.Close(mcp.ClientGone())
			return
		case <-r.stream.Done():
			events = r.stream.Take(events)
			if errors.Is(r.stream.Cause(), mcp.ErrHungUp) {
				r.flow(events) // what the client needs to come back
				return
			}
			if !r.answer(events) {
				fail(r.c, mcp.ID{}, gone(r.stream.Cause()))
			}
			r.stream.Close(r.stream.Cause())
			return
		case <-quiet:
			r.flow(events)
			return
		case <-r.stream.Ready():
			events = r.stream.Take(events)
			if r.answer(events) {
				r.stream.Close(nil)
				return
			}
			if r.accept.stream && len(events) > 0 {
				r.flow(events)
				return
			}
			if r.stream.Finished() { // the client cancelled: there is no answer
				promptly(r.c)
				r.c.Status(http.StatusAccepted)
				r.c.Writer.WriteHeaderNow()
				r.stream.Close(nil)
				return
			}
		}
	}
}

// answer writes the answer as JSON, if it is there and, where the client takes a stream, if nothing came before it.
func (r *response) answer(events []mcp.Event) bool {
	n := len(events)
	if n == 0 || !events[n-1].Answer || n > 1 && r.accept.stream {
		return false
	}
	last := events[n-1]
	if r.code = last.Code; r.begins != nil {
		r.begins(last)
	}
	status := http.StatusOK
	if r.status != nil {
		status = r.status(last)
	}
	promptly(r.c)
	r.c.Data(status, "application/json", last.Data)
	return true
}

// flow writes a stream, with what was taken from it already.
func (r *response) flow(taken []mcp.Event) {
	if r.begins != nil {
		r.begins(mcp.Event{})
	}
	w := r.api.newWriter(r.c, r.stream)
	if r.lanes {
		w.lane(r.prime)
	}
	if w.taken = taken; len(taken)+len(w.pending) == 0 {
		w.begin()
		r.c.Writer.Flush() // the headers: who waits sees that there will be an answer
	}
	w.run(r.c, r.api.cfg.SSE.PingInterval)
}

// gone is why there is no answer: the server's end, or the session's, whatever brought that about.
func gone(cause error) error {
	if errors.Is(cause, mcp.ErrShuttingDown) {
		return cause
	}
	return mcp.ErrNoSession
}
