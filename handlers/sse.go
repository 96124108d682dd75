package handlers

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// The Tutorial document's heartbeat: an event of its own, for clients that ask for it.
const (
	pingEventEvery = 5 * time.Second
	pingEvent      = "event: ping\ndata: Server is alive!\n\n"
)

// SSE is GET /sse (2024-11-05, transports): it opens a session and streams its events, the endpoint to post to first, until
// the client goes or the session ends. A client that comes back with Last-Event-ID in time gets its session and what it
// missed. Query parameters choose older servers' ways for one stream: ping=event, endpoint=json, announce=session.
func (a *API) SSE(c *gin.Context) {
	rev, _ := mcp.RevisionNamed(c.GetHeader("MCP-Protocol-Version"))
	stream, err := a.sessions.Open(mcp.OpenOptions{
		Principal:   middleware.PrincipalFrom(c.Request.Context()),
		Addr:        a.address(c),
		Wire:        mcp.WireSSE,
		Revision:    rev,
		LastEventID: c.GetHeader("Last-Event-ID"),
	})
	if err != nil {
		fail(c, mcp.ID{}, err)
		return
	}
	middleware.LineFrom(c.Request.Context()).SetSession(stream.SessionID())
	header := c.Writer.Header()
	header["Content-Type"] = []string{"text/event-stream"}
	header["Cache-Control"] = []string{"no-cache, no-transform"}
	header["X-Accel-Buffering"] = []string{"no"} // nginx, by default, would hold every event back
	c.Status(http.StatusOK)

	w := &sseWriter{stream: stream, control: http.NewResponseController(c.Writer), timeout: a.cfg.SSE.WriteTimeout}
	w.pending = a.opening(c, stream)
	query := c.Request.URL.Query()
	every, comment := a.cfg.SSE.PingInterval, true
	if a.cfg.SSE.PingStyle == config.PingEvent || query.Get("ping") == string(config.PingEvent) {
		comment = false
		if query.Has("ping") {
			every = min(every, pingEventEvery)
		}
	}
	heartbeat := time.NewTimer(spread(every))
	defer heartbeat.Stop()

	// c.Stream flushes after each step. It looks at the client between steps only, so each step does so itself.
	c.Stream(func(out io.Writer) bool {
		if w.open(out) {
			return w.err == nil
		}
		select {
		case <-c.Request.Context().Done():
			w.err = mcp.ClientGone()
		case <-stream.Done():
			w.events(out) // what was answered before the end still goes out
			w.err = stream.Cause()
		case <-stream.Ready():
			w.events(out)
		case now := <-heartbeat.C:
			stream.Tidy()
			w.heartbeat(out, now, comment)
			heartbeat.Reset(spread(every))
		}
		return w.err == nil
	})
	if w.err == nil { // c.Stream saw the client go before a step did
		w.err = mcp.ClientGone()
	}
	stream.Close(w.err)
}

// spread is d give or take 10 %, so that streams opened together do not all beat together.
func spread(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1) //nolint:gosec // no secret
}

// opening is what a stream begins with, each on a flush of its own: the Go SDK loses what comes in one read with the
// endpoint event.
func (a *API) opening(c *gin.Context, stream *mcp.Stream) []string {
	cfg := a.cfg.SSE
	path := a.endpoint(c.Request, stream.SessionID())
	if cfg.EndpointStyle == config.EndpointJSON || c.Query("endpoint") == string(config.EndpointJSON) {
		path = `{"url":"` + path + `"}` // nothing in it needs escaping
	}
	opening := []string{"event: endpoint\ndata: " + path + "\nid: " + mcp.EventID(stream.SessionID(), stream.Seen()) + "\n\n"}
	if cfg.AnnounceSession || c.Query("announce") == "session" {
		opening = append(opening, "event: message\ndata: "+
			`{"jsonrpc":"2.0","method":"notifications/initialized","params":{"sessionId":"`+stream.SessionID()+`"}}`+"\n\n")
	}
	return opening
}

// endpoint is where the stream's client posts to: a path without a host, which stays right behind any proxy.
func (a *API) endpoint(r *http.Request, id string) string {
	path := a.cfg.SSE.MessagePath
	name := "session_id"
	if path == "/message" {
		name = "sessionId"
	}
	return a.proxies.Prefix(r, a.prefix) + path + "?" + name + "=" + id
}

// address is whose sessions are counted together.
func (a *API) address(c *gin.Context) string {
	return middleware.AddressKey(a.proxies.ClientAddr(c.Request))
}

// sseWriter writes one stream. Every write has a deadline: a client that stops reading is removed, not waited for.
type sseWriter struct {
	stream  *mcp.Stream
	control *http.ResponseController
	timeout time.Duration
	pending []string // of the opening
	batch   []mcp.Event
	scratch []byte
	err     error // why the stream ends
}

// open writes the next part of the opening; false where all of it is written.
func (w *sseWriter) open(out io.Writer) bool {
	if len(w.pending) == 0 {
		return false
	}
	w.begin()
	w.write(out, []byte(w.pending[0]))
	w.pending = w.pending[1:]
	return true
}

func (w *sseWriter) begin() {
	if err := w.control.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		w.err = err
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
		w.scratch = append(w.scratch[:0], "event: message\nid: "...)
		w.scratch = append(w.scratch, w.stream.SessionID()...)
		w.scratch = append(w.scratch, '.')
		w.scratch = strconv.AppendUint(w.scratch, e.Seq, 10)
		w.scratch = append(w.scratch, "\ndata: "...)
		w.write(out, w.scratch)
		w.write(out, e.Data)
		w.write(out, newlines)
	}
	clear(w.batch) // the events are not ours to keep
}

var newlines = []byte("\n\n")

// heartbeat keeps proxies from taking the stream for dead, and finds out when the client is. A comment needs no blank line
// after it, and some clients count blank lines as events.
func (w *sseWriter) heartbeat(out io.Writer, now time.Time, comment bool) {
	w.begin()
	beat := pingEvent
	if comment {
		beat = ": ping - " + now.UTC().Format(time.RFC3339) + "\n"
	}
	w.write(out, []byte(beat))
}

// headOfStream answers HEAD /sse: the headers, and no session.
func headOfStream(c *gin.Context) {
	c.Header("Content-Type", "text/event-stream")
	c.Header("Cache-Control", "no-cache, no-transform")
	c.Status(http.StatusOK)
}

// publicPrefix is what stands before our paths in the eyes of clients: the path of public_url, else base_path.
func publicPrefix(s config.Server) (string, error) {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return "", err
	}
	if path := strings.TrimSuffix(u.Path, "/"); path != "" {
		return path, nil
	}
	return s.BasePath, nil
}
