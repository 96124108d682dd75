package handlers

import (
	"net/http"
	"sync/atomic"

	"toolgate/mcp"
)

// CallLimit is mcp.Options.Limit: how many seconds a caller has to wait, 0 for none.
type CallLimit = func(p *mcp.Peer, method, tool string) int

// Live is the API in force: another may take its place while requests are under way. Each request, and each stream, is
// served to its end by the one it began with. The zero Live serves nothing until Use.
type Live struct {
	api      atomic.Pointer[API]
	draining atomic.Bool
}

// Use puts an API in force.
func (l *Live) Use(a *API) { l.api.Store(a) }

// Draining is the flag that the APIs share; see Options.
func (l *Live) Draining() *atomic.Bool { return &l.draining }

// Drain makes /readyz say 503 from now on: the first step of a shutdown.
func (l *Live) Drain() { l.draining.Store(true) }

// ServeHTTP implements http.Handler.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.api.Load().ServeHTTP(w, r) }
