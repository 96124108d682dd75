package handlers

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
	"toolgate/middleware"
)

// Streamable HTTP: one URL for every revision. The body says which era a request is of; headers only confirm it.

// pollAfter is what clients are told to wait before they come back for a stream that was cut.
const pollAfter = time.Second

// comeBack is what those are told whose stream a shutdown ends, each something else, or they would all come back at once.
func comeBack() time.Duration {
	return pollAfter + rand.N(4*time.Second) //nolint:gosec // no secret
}

// Post is POST /mcp. What a request asks decides where it goes, in this order: a claim to stand alone (2026-07-28) goes to
// the stateless way; an initialize opens a session, or is answered without one where the client cannot take a stream; a
// session's id names the session; anything else is answered as it stands.
func (a *API) Post(c *gin.Context) {
	accept := acceptOf(c.Request.Header)
	if !accept.json && !accept.stream {
		fail(c, mcp.ID{}, errNotAcceptable)
		return
	}
	m, ok := a.readMessage(c)
	if !ok {
		return
	}
	middleware.LineFrom(c.Request.Context()).SetMethod(m.Method)
	if slices.ContainsFunc(m.Batch, (*mcp.Message).Claims) {
		fail(c, mcp.ID{}, mcp.Errorf(mcp.CodeInvalidRequest, "a batch cannot hold requests of a revision without batches"))
		return
	}
	switch claims, modern := standsAlone(m), namesStateless(c.Request.Header); {
	case claims, modern, m.Method == "server/discover", m.Method == "subscriptions/listen":
		a.stateless(c, m, accept)
	case c.GetHeader(headerSession) != "":
		a.postSession(c, m, accept)
	case m.Method == "initialize" && m.IsRequest() && accept.json && accept.stream:
		a.begin(c, m, accept)
	case accept.json && accept.stream:
		fail(c, m.ID, errNoSessionHeader)
	case !accept.json && m.Requests() > 0:
		fail(c, m.ID, errNotAcceptable)
	default:
		a.respondAlone(c, m, assumedRevision)
	}
}

// headerSession names the session on Streamable HTTP.
const headerSession = "Mcp-Session-Id"

// accept is what a client takes for an answer. One that names the stream before JSON gets a stream where either would do.
type accept struct{ json, stream, streamFirst bool }

func acceptOf(h http.Header) accept {
	lines := h["Accept"]
	if len(lines) == 0 {
		return accept{json: true}
	}
	var a accept
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			mediaType, _, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(mediaType)) {
			case "application/json", "application/*":
				a.json = true
			case "text/event-stream", "text/*":
				a.stream, a.streamFirst = true, a.streamFirst || !a.json
			case "*/*":
				a.json = true
			}
		}
	}
	return a
}

// begin opens a session with its initialize. The session is named only in the answer to one that succeeds; of one that
// fails nothing stays.
func (a *API) begin(c *gin.Context, m *mcp.Message, accept accept) {
	principal := middleware.PrincipalFrom(c.Request.Context())
	stream, err := a.sessions.Begin(mcp.OpenOptions{Principal: principal, Addr: a.address(c), Wire: mcp.WireHTTP}, m)
	if err != nil {
		fail(c, m.ID, err)
		return
	}
	middleware.LineFrom(c.Request.Context()).SetSession(stream.SessionID())
	accept.streamFirst = false // the session is named in the headers, and only where the answer is no error
	r := response{api: a, c: c, stream: stream, accept: accept, lanes: true, begins: func(first mcp.Event) {
		if first.Code == 0 {
			c.Header(headerSession, stream.SessionID())
		}
	}}
	r.write()
	if r.code != 0 {
		a.sessions.Leave(stream.SessionID(), principal)
	}
}

// postSession gives a session its message and answers with what the session says to it.
func (a *API) postSession(c *gin.Context, m *mcp.Message, accept accept) {
	id, principal, ok := a.session(c, m.ID)
	if !ok {
		return
	}
	stream, err := a.sessions.Post(id, principal, m, nil)
	switch {
	case err != nil:
		fail(c, m.ID, err)
	case stream == nil:
		c.Status(http.StatusAccepted)
		c.Writer.WriteHeaderNow()
	default:
		rev, _ := a.sessions.Revision(id, principal)
		r := response{api: a, c: c, stream: stream, accept: accept, lanes: true, prime: rev != nil && rev.Icons}
		r.write()
	}
}

// session checks what names a session and a revision; where it cannot be served, it has answered.
func (a *API) session(c *gin.Context, id mcp.ID) (string, *mcp.Principal, bool) {
	name := c.GetHeader(headerSession)
	principal := middleware.PrincipalFrom(c.Request.Context())
	middleware.LineFrom(c.Request.Context()).SetSession(name)
	if version := c.GetHeader(headerVersion); version != "" {
		if _, ok := mcp.HandshakeRevision(version); !ok {
			fail(c, id, errVersionHeader)
			return "", nil, false
		}
	}
	if _, ok := a.sessions.Revision(name, principal); !ok {
		fail(c, id, mcp.ErrNoSession)
		return "", nil, false
	}
	return name, principal, true
}

// Get is GET /mcp: the standing stream of a session, or, with Last-Event-ID, the stream that this event was on. Without a
// session there is none: 405 tells clients so.
func (a *API) Get(c *gin.Context) {
	if c.GetHeader(headerSession) == "" {
		onlyPost(c)
		return
	}
	if accept := acceptOf(c.Request.Header); !accept.stream && len(c.Request.Header["Accept"]) > 0 && !strings.Contains(c.GetHeader("Accept"), "*/*") {
		fail(c, mcp.ID{}, errNotStream)
		return
	}
	id, principal, ok := a.session(c, mcp.ID{})
	if !ok {
		return
	}
	stream, err := a.sessions.Listen(id, principal, c.GetHeader("Last-Event-ID"))
	if err != nil {
		fail(c, mcp.ID{}, err)
		return
	}
	rev, _ := a.sessions.Revision(id, principal)
	w := a.newWriter(c, stream)
	w.expires = principal.Expires
	w.polls = rev != nil && rev.Icons
	w.lane(w.polls && !stream.Resumed())
	if len(w.pending) == 0 {
		w.pending = []string{": ok\n\n"} // the headers, and proof of life, at once
	}
	w.run(c, a.cfg.SSE.PingInterval)
}

// Delete is DELETE /mcp: its client ends the session.
func (a *API) Delete(c *gin.Context) {
	if c.GetHeader(headerSession) == "" {
		fail(c, mcp.ID{}, errNoSessionHeader)
		return
	}
	id, principal, ok := a.session(c, mcp.ID{})
	if !ok {
		return
	}
	if !a.sessions.Leave(id, principal) {
		fail(c, mcp.ID{}, mcp.ErrNoSession)
		return
	}
	c.Status(http.StatusNoContent)
}

// lane numbers the stream's events for Last-Event-ID; prime begins it with an event that has nothing but its id and the
// time to wait, so that a client can come back even if it saw nothing else (2025-11-25; older clients choke on it).
func (w *sseWriter) lane(prime bool) {
	w.prefix = fmt.Sprintf("id: %d_", w.stream.Lane())
	w.stream.Keep()
	if prime {
		w.pending = []string{fmt.Sprintf("id: %s\nretry: %d\ndata: \n\n", mcp.LaneEventID(w.stream.Lane(), w.stream.Seen()), pollAfter.Milliseconds())}
	}
}
