package handlers

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// pingEventEvery is the interval of the Tutorial document's heartbeat.
const pingEventEvery = 5 * time.Second

// SSE is GET /sse (2024-11-05, transports): it opens a session and streams its events, the endpoint to post to first, until
// the client goes or the session ends. A client that comes back with Last-Event-ID in time gets its session and what it
// missed. Query parameters choose older servers' ways for one stream: ping=event, endpoint=json, announce=session.
func (a *API) SSE(c *gin.Context) {
	rev, _ := mcp.HandshakeRevision(c.GetHeader("MCP-Protocol-Version"))
	principal := middleware.PrincipalFrom(c.Request.Context())
	stream, err := a.sessions.Open(mcp.OpenOptions{
		Principal:   principal,
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
	w := a.newWriter(c, stream)
	w.prefix, w.expires = "id: "+stream.SessionID()+".", principal.Expires
	w.pending = a.opening(c, stream)
	query := c.Request.URL.Query()
	every := a.cfg.SSE.PingInterval
	if a.cfg.SSE.PingStyle == config.PingEvent || query.Get("ping") == string(config.PingEvent) {
		w.beat = eventBeat
		if query.Has("ping") {
			every = min(every, pingEventEvery)
		}
	}
	w.run(c, every)
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
