package handlers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Live is GET /livez: the process answers.
func (a *API) Live(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// Ready is GET /readyz: new clients may come. 503 while the server shuts down, and until it has the keys of every issuer.
func (a *API) Ready(c *gin.Context) {
	if a.draining.Load() {
		c.JSON(http.StatusServiceUnavailable, gin.H{"status": "draining"})
		return
	}
	if a.tokens != nil {
		if err := a.tokens.Ready(); err != nil {
			c.JSON(http.StatusServiceUnavailable, gin.H{"status": "waiting", "for": err.Error()})
			return
		}
	}
	c.JSON(http.StatusOK, gin.H{"status": "ok"})
}

// MetricsOnly serves /metrics and nothing else, for a listener of its own.
func MetricsOnly(m *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	return mux
}

// health is the body of GET /health; the names are those of the documents' servers.
type health struct {
	Status           string `json:"status"` // ok, draining
	Mode             string `json:"mode"`   // standalone: one process, nothing shared
	Transport        string `json:"transport"`
	Timestamp        string `json:"timestamp"`
	Version          string `json:"version"`
	Tools            int    `json:"tools"`
	ActiveSessions   int    `json:"activeSessions"`
	ConnectedClients int    `json:"connected_clients"` // sessions whose stream is open
}

// Health is GET /health: state at a glance, for people and for load balancers. It is 200 while the process lives.
func (a *API) Health(c *gin.Context) {
	h := health{
		Status: "ok", Mode: "standalone", Transport: "sse, streamable-http", Timestamp: time.Now().UTC().Format(time.RFC3339),
		Version: a.version, Tools: a.server.ToolCount(),
	}
	if a.draining.Load() {
		h.Status = "draining"
	}
	h.ActiveSessions, h.ConnectedClients = a.sessions.Count()
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, h)
}

// Index is GET /: what this is, for whoever opened it in a browser.
func (a *API) Index(c *gin.Context) {
	c.String(http.StatusOK, "Toolgate %s, a server of the Model Context Protocol.\n\nConnect a client to %s/mcp, or an older one to %s/sse\nPlain HTTP: %s/api/openapi.json\nState: %s/health\n",
		a.version, a.prefix, a.prefix, a.prefix, a.prefix)
}
