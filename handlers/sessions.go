package handlers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

// session is one session as operators see it.
type session struct {
	ID           string              `json:"id"`
	Client       *mcp.Implementation `json:"client,omitempty"`
	Revision     string              `json:"revision"`
	Transport    string              `json:"transport"`
	Principal    string              `json:"principal"`
	Address      string              `json:"address"`
	Connected    bool                `json:"connected"`
	Opened       time.Time           `json:"opened"`
	AgeSeconds   int                 `json:"ageSeconds"`
	LastActivity time.Time           `json:"lastActivity"`
	Messages     uint64              `json:"messages"`
	Inbox        int                 `json:"inbox"`
	Outbox       int                 `json:"outbox"`
	Calls        int                 `json:"callsInFlight"`
}

// ListSessions is GET /sessions: {count, sessions: [id…]}, and with verbose=1 everything about each, and
// a digest of the tools as clients see them: while it stays the same, no description became another. An id is a secret: who
// has it, and no credential is asked for, can post to the session. So where credentials are asked for, what stands here is
// a handle, which is good for looking at a session and ending it, and nothing else.
func (a *API) ListSessions(c *gin.Context) {
	infos := a.sessions.Sessions()
	if c.Query("verbose") != "1" {
		ids := make([]string, len(infos))
		for i := range infos {
			ids[i] = a.shownID(&infos[i])
		}
		c.JSON(http.StatusOK, gin.H{"count": len(ids), "sessions": ids})
		return
	}
	shown := make([]session, len(infos))
	for i := range infos {
		shown[i] = a.shown(&infos[i])
	}
	offered := gin.H{"count": a.server.ToolCount(), "sha256": a.server.ToolsDigest()}
	c.JSON(http.StatusOK, gin.H{"count": len(shown), "sessions": shown, "tools": offered})
}

// ShowSession is GET /sessions/{id}.
func (a *API) ShowSession(c *gin.Context) {
	name := plainID(c.Param("id"))
	for _, info := range a.sessions.Sessions() {
		if info.ID == name || info.Handle == name {
			c.JSON(http.StatusOK, a.shown(&info))
			return
		}
	}
	fail(c, mcp.ID{}, mcp.ErrNoSession)
}

// EndSession is DELETE /sessions/{id}: its calls are cancelled and its stream is closed.
func (a *API) EndSession(c *gin.Context) {
	if !a.sessions.End(plainID(c.Param("id"))) {
		fail(c, mcp.ID{}, mcp.ErrNoSession)
		return
	}
	c.Status(http.StatusNoContent)
}

func (a *API) shownID(info *mcp.SessionInfo) string {
	if a.cfg.Auth.Open() {
		return info.ID
	}
	return info.Handle
}

func (a *API) shown(info *mcp.SessionInfo) session {
	s := session{
		ID: a.shownID(info), Revision: info.Revision, Transport: string(info.Wire),
		Principal: info.Principal, Address: info.Addr, Connected: info.Connected,
		Opened: info.Opened.UTC(), AgeSeconds: int(time.Since(info.Opened).Seconds()), LastActivity: info.Active.UTC(),
		Messages: info.Messages, Inbox: info.Inbox, Outbox: info.Outbox, Calls: info.Calls,
	}
	if info.Client.Name != "" {
		s.Client = &info.Client
	}
	return s
}
