// Package handlers holds the ways in over HTTP and stdio. A handler knows its wire and nothing else: it turns what comes in
// into an mcp.Message and a principal, hands both to the dispatcher or a session, and writes what comes back.
//
// Read this file first: it has every path and, left to right, the gates before it. fail.go has every status, and problem.go
// those of the REST face.
package handlers

import (
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// Sessions is where sessions live: mcp.Registry in one process.
type Sessions interface {
	Open(o mcp.OpenOptions) (*mcp.Stream, error)
	Deliver(id string, p *mcp.Principal, m *mcp.Message, claims *mcp.Revision) error
	Begin(o mcp.OpenOptions, m *mcp.Message) (*mcp.Stream, error)
	Post(id string, p *mcp.Principal, m *mcp.Message, claims *mcp.Revision) (*mcp.Stream, error)
	Listen(id string, p *mcp.Principal, lastEventID string) (*mcp.Stream, error)
	Revision(id string, p *mcp.Principal) (*mcp.Revision, bool)
	Leave(id string, p *mcp.Principal) bool
	Sessions() []mcp.SessionInfo
	Count() (sessions, connected int)
	End(name string) bool
}

// Options are what the handlers stand on. All fields are required but the marked ones.
type Options struct {
	Config    config.Config
	Version   string
	Server    *mcp.Server
	Sessions  Sessions
	Verifiers []middleware.Verifier   // whose credentials are taken, asked in this order; for every auth mode but none
	Tokens    *middleware.Tokens      // among Verifiers, for what clients are told of its issuers; nil: no tokens are taken
	Front     Front                   // nil: no OAuth front
	Metrics   http.Handler            // nil: no /metrics
	Refused   func(middleware.Reason) // told of each request that a gate turns away; nil: nobody is
	Counters  *middleware.Counters    // what rates are counted in; nil: counters of this API's own
	Draining  *atomic.Bool            // set once the server shuts down; nil: a flag of this API's own
	Log       *zap.Logger
}

// Front is the OAuth server in front of API keys.
type Front interface {
	// Mount adds its paths below base, and those of documents below root, each behind the gates.
	Mount(root, base gin.IRoutes, gates ...gin.HandlerFunc)
}

// API is the HTTP face.
type API struct {
	cfg      config.Config
	version  string
	server   *mcp.Server
	sessions Sessions
	metrics  http.Handler
	front    Front
	tokens   *middleware.Tokens
	log      *zap.Logger
	proxies  middleware.Proxies
	prefix   string // before every path that clients are told

	callerHeaders map[string]string // what each brings a caller's own credential for

	draining *atomic.Bool
	engine   *gin.Engine
}

// New makes the API and its routes. It fails on options that do not parse, naming the key.
func New(o Options) (*API, error) {
	if o.Counters == nil {
		o.Counters = middleware.NewCounters(nil)
	}
	if o.Draining == nil {
		o.Draining = new(atomic.Bool)
	}
	a := &API{
		cfg: o.Config, version: o.Version, server: o.Server, sessions: o.Sessions, metrics: o.Metrics, front: o.Front, tokens: o.Tokens,
		draining: o.Draining, log: o.Log,
	}
	g, err := newGates(o)
	if err != nil {
		return nil, err
	}
	a.proxies, a.callerHeaders = g.proxies, o.Config.Tools.CredentialHeaders()
	if a.prefix, err = publicPrefix(o.Config.Server); err != nil {
		return nil, err
	}
	a.routes(g)
	return a, nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// routes is the map of the server. The order of the gates is decided here and nowhere else: the cheapest refusal first;
// Host before CORS, because a rebound page is same-origin to its browser and sends no preflight; preflight before auth,
// because browsers send it without credentials; a limit before auth, because verifying costs.
func (a *API) routes(g *gates) {
	e := gin.New()
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false // a redirect loses the body of a POST for several clients
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false // addresses are told by middleware.Proxies alone
	e.Use(promptGate, g.requestID, g.problems, g.requestLog, g.recover, g.hostCheck, g.cors)
	e.NoRoute(a.inProblems("no-such-path", notFound))
	e.NoMethod(a.inProblems("method-not-allowed", methodNotAllowed))
	r := e.Group(a.cfg.Server.BasePath)

	// Health probes come often, by address and without credentials.
	r.GET("/livez", a.Live)
	r.GET("/readyz", a.Ready)
	r.GET("/health", a.Health)
	r.GET("/", a.Index)
	r.HEAD("/", a.Index)

	// What clients read before they have a credential.
	a.wellKnown(e, g)
	if a.front != nil {
		a.front.Mount(e, r, g.address, g.all)
	}

	callers := r.Group("", g.address, g.all, g.auth, g.principal)

	// HTTP+SSE. The paths that messages are posted to are those of four generations of servers; all take both spellings
	// of the id, and each is served with and without the slash that clients may or may not keep.
	for _, path := range []string{"/sse", "/sse/"} {
		callers.GET(path, a.SSE)
		callers.HEAD(path, headOfStream)
		callers.POST(path, onlyGet)
	}
	for _, path := range []string{"/messages", "/messages/", "/message", "/message/"} {
		callers.POST(path, g.body, a.Messages)
	}
	for _, path := range []string{"/sse/messages", "/sse/messages/"} {
		callers.POST(path, g.body, a.MessagesOrAnswer)
	}

	// Streamable HTTP of every revision, with sessions and without.
	for _, path := range []string{"/mcp", "/mcp/"} {
		callers.POST(path, g.body, a.Post)
		callers.GET(path, a.Get)
		callers.DELETE(path, a.Delete)
	}

	// Plain REST, for programs that do not speak MCP.
	callers.GET(toolsPath, a.ListTools)
	callers.HEAD(toolsPath, a.ListTools)
	callers.POST(toolsPath+"/:name", bodyOr(g.body), a.CallTool)
	callers.GET(openAPIPath, a.OpenAPI)
	callers.HEAD(openAPIPath, a.OpenAPI)

	// For operators.
	operators := callers.Group("", g.admin)
	operators.GET("/sessions", a.ListSessions)
	operators.GET("/sessions/:id", a.ShowSession)
	operators.DELETE("/sessions/:id", a.EndSession)
	if a.metrics != nil {
		operators.GET("/metrics", gin.WrapH(a.metrics))
	}
	a.engine = e
}
