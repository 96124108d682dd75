package doctor

import (
	"context"
	"net/http"
)

// What a page of a stranger would bring.
const (
	foreignHost   = "rebound.example"
	foreignOrigin = "https://foreign.example"
)

// checkHost comes under a name that is not the server's.
func (p *probe) checkHost(ctx context.Context, s *sheet) {
	w := &p.door.mcp
	if w.absent || w.err != nil || w.turned {
		s.skip("host", "%s", w.closed)
		return
	}
	get := query{method: http.MethodGet, url: w.url, anonymous: true}
	own, err := p.ask(ctx, get)
	if err != nil {
		s.skip("host", "GET %s: %s", w.path, lastOf(err))
		return
	}
	get.host = foreignHost
	get.client = p.fresh
	foreign, err := p.ask(ctx, get)
	if err == nil && foreign.status == own.status && !foreign.hostRefused() {
		change := []string{"nginx: proxy_set_header Host $http_host;", "nginx: listen " + p.target.port + " default_server; return 444; in a server block of its own"}
		s.warn("host-foreign", because("the proxy hides the Host that came; a page whose name leads here (DNS rebinding) is taken for the server's own", change...),
			"a request under the Host %s is answered like one under %s (%d)", foreignHost, p.target.host, own.status)
		return
	}
	s.ok("host", "the Host %s is answered, another is not", p.target.host)
}

// checkOrigin comes as pages do: one of a stranger, one of the server itself, and the one that --origin names.
func (p *probe) checkOrigin(ctx context.Context, s *sheet) {
	w := &p.door.mcp
	if w.absent || w.err != nil || w.turned {
		s.skip("origin", "%s", w.closed)
		return
	}
	a, err := p.fromPage(ctx, foreignOrigin)
	switch {
	case err != nil:
		s.skip("origin", "%s", lastOf(err))
		return
	case a.status == http.StatusForbidden:
		s.ok("origin", "a page of another origin is refused, 403")
	case a.status == http.StatusUnauthorized:
		s.skip("origin", "a page of another origin is asked for a credential first: give --key to see more")
	case a.status < 300:
		change := []string{`nginx: remove proxy_set_header Origin "";`}
		if !p.server.ours {
			change = []string{"the server: check Origin, as every revision asks"}
		}
		s.fault("origin-foreign", because("any page that somebody opens may use the server in his name", change...), "a page of another origin is served, %d", a.status)
	default:
		s.info("origin", "a page of another origin is answered %d", a.status)
	}
	p.allowed(ctx, s, p.target.origin, "origin-own", "a page of the server's own",
		because("the server takes another URL for its own than its users do", "toolgate.yaml: server.public_url: "+p.target.base,
			"nginx: proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;"))
	if p.origin != "" {
		p.allowed(ctx, s, p.origin, "origin-refused", "a page of "+p.origin, because("it is not among the origins that may call",
			"toolgate.yaml: server.allowed_origins: ["+p.origin+"]"))
	}
}

func (p *probe) allowed(ctx context.Context, s *sheet, origin, id, who string, r remedy) {
	a, err := p.fromPage(ctx, origin)
	switch {
	case err != nil:
		s.skip("origin", "%s: %s", who, lastOf(err))
	case a.status == http.StatusForbidden && (a.reason() == "" || a.reason() == "origin_not_allowed"):
		s.fault(id, r, "%s is refused, 403", who)
	case a.status < 300 || a.status == http.StatusUnauthorized:
		s.ok("origin", "%s may call", who)
	default:
		s.info("origin", "%s is answered %d", who, a.status)
	}
}

// fromPage is an initialize as a page sends it.
func (p *probe) fromPage(ctx context.Context, origin string) (answer, error) {
	a, err := p.post(ctx, p.door.mcp.url, initialize(newestSession), "Origin", origin)
	if err == nil {
		p.leave(ctx, a)
	}
	return a, err
}
