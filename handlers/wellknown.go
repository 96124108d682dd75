package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// Where clients look for documents.
const (
	wellKnownResource = "/.well-known/oauth-protected-resource"   // RFC 9728, 3
	wellKnownServer   = "/.well-known/oauth-authorization-server" // RFC 8414, 3
)

// resource is a URL by which clients know this server: each is an OAuth resource of its own to them.
type resource struct {
	url      string
	metadata string   // the URL of its document
	end      string   // of its path: /mcp, /sse, or empty where the operator called it something else
	paths    []string // of ours, below base_path, that a challenge names the document on
}

// resources are the one that tokens are for, and where that is /mcp, HTTP+SSE beside it. What they are called is the
// configuration's, whatever Host a request names.
//
// The document is named below the URL of the server, not at the origin's root, which may be somebody else's behind a proxy.
// It is served at the root too, where clients look that were told nothing.
func resources(cfg config.Config) []resource {
	var known []resource
	for _, name := range middleware.Resources(cfg.ResourceURL()) {
		r := resource{url: name}
		for _, end := range []string{"/mcp", "/sse"} {
			if base, ok := strings.CutSuffix(name, end); ok {
				r.metadata, r.end = base+wellKnownResource+end, end
			}
		}
		if r.metadata == "" {
			r.metadata = insertPath(name, wellKnownResource)
		}
		known = append(known, r)
	}
	if len(known) > 1 {
		known[1].paths = []string{"/sse", "/sse/", "/messages", "/messages/", "/message", "/message/", "/sse/messages", "/sse/messages/"}
	}
	return known
}

// insertPath puts a well-known path between a URL's host and its path.
func insertPath(text, known string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + known + strings.TrimSuffix(u.EscapedPath(), "/")
}

// pathOf is the path of a URL of ours; the configuration was checked.
func pathOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Path
}

// protectedResource is the metadata of a resource (RFC 9728, 2).
type protectedResource struct {
	Resource   string   `json:"resource"`
	Name       string   `json:"resource_name"`
	Servers    []string `json:"authorization_servers"`
	Scopes     []string `json:"scopes_supported,omitempty"`
	BearerFrom []string `json:"bearer_methods_supported"`
}

// wellKnown adds the documents under /.well-known that clients look for; without OAuth there are none, and the answer is
// the 404 of every unknown path. They are for everyone: no credential is asked for, every web page may read them, and since
// nothing in them comes from the request, any Host will do.
func (a *API) wellKnown(e *gin.Engine, g *gates) {
	if !a.cfg.Auth.Discoverable() {
		return
	}
	public := e.Group("")
	public.Handlers = gin.HandlersChain{promptGate, g.requestID, g.requestLog, g.recover, anyOrigin, g.address, g.all}
	serve := func(path string, handler gin.HandlerFunc) {
		public.GET(path, handler)
		public.HEAD(path, handler)
		public.OPTIONS(path, noContent)
	}
	base := a.cfg.Server.BasePath
	taken := map[string]bool{} // the first resource is the one at a path that several have
	for _, r := range resources(a.cfg) {
		for _, path := range []string{
			pathOf(insertPath(r.url, wellKnownResource)), // RFC 9728, 3.1
			wellKnownResource, wellKnownResource + r.end, base + wellKnownResource, base + wellKnownResource + r.end,
		} {
			if !taken[path] {
				taken[path] = true
				serve(path, a.resourceDocument(r))
			}
		}
	}
	if a.tokens == nil || !a.cfg.Auth.Has(config.AuthOAuth) || a.cfg.Auth.Has(config.AuthFront) { // the front has its own there
		return
	}
	serve(wellKnownServer, a.serverDocument)
	if base != "" {
		serve(base+wellKnownServer, a.serverDocument)
	}
}

// resourceDocument answers with the metadata of a resource.
func (a *API) resourceDocument(r resource) gin.HandlerFunc {
	document := protectedResource{Resource: r.url, Name: "Toolgate", BearerFrom: []string{"header"}}
	if a.cfg.Auth.Has(config.AuthOAuth) {
		document.Servers = append(document.Servers, a.cfg.Auth.JWT.Issuers...)
	}
	if a.cfg.Auth.Has(config.AuthFront) {
		document.Servers = append(document.Servers, a.cfg.Issuer())
	}
	ask := asked(a.cfg.Auth)
	for _, scope := range []string{mcp.ScopeRead, mcp.ScopeWrite} {
		if ask != nil {
			scope = ask(scope)
		}
		if scope != "" {
			document.Scopes = append(document.Scopes, scope)
		}
	}
	body, err := json.Marshal(document)
	if err != nil { // texts
		panic(err)
	}
	return func(c *gin.Context) { publicDocument(c, body) }
}

// serverDocument is GET /.well-known/oauth-authorization-server. It answers with the metadata of the first issuer (2025-03-26, authorization: clients look for it at the root of
// the server that they call). It names the issuer's own endpoints.
func (a *API) serverDocument(c *gin.Context) {
	body, err := a.tokens.ServerMetadata(c.Request.Context())
	if err != nil {
		c.Header("Retry-After", "30")
		c.Header("Cache-Control", "no-store")
		c.JSON(http.StatusServiceUnavailable, gin.H{"error": "temporarily_unavailable"})
		return
	}
	publicDocument(c, body)
}

func publicDocument(c *gin.Context, body []byte) {
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "application/json", body)
}

// anyOrigin lets every web page read the answer. There is nothing secret in it, and no credential opens more.
func anyOrigin(c *gin.Context) {
	c.Header("Access-Control-Allow-Origin", "*")
	if c.Request.Method == http.MethodOptions {
		c.Header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		c.Header("Access-Control-Allow-Headers", "*")
		c.Header("Access-Control-Max-Age", "600")
	}
}

func noContent(c *gin.Context) { c.Status(http.StatusNoContent) }
