package doctor

import (
	"context"
	"net/http"
	"strings"
)

// checkPaths comes the wrong way, as clients do that feel for a transport: they go by the exact status.
func (p *probe) checkPaths(ctx context.Context, s *sheet) {
	p.wrongMethod(ctx, s, &p.door.mcp, http.MethodGet, http.MethodPost, "get-mcp", "Cursor asks again for ever, mcp-remote gives up")
	p.wrongMethod(ctx, s, &p.door.sse, http.MethodPost, http.MethodGet, "post-sse", "clients that try the newer transport first fall back on exactly this")
	p.unknownPath(ctx, s)
}

func (p *probe) wrongMethod(ctx context.Context, s *sheet, w *way, method, right, id, why string) {
	if w.closed != "" && !strings.HasPrefix(w.closed, "nothing arrives") {
		s.skip(id, "%s %s: %s", method, w.path, w.closed)
		return
	}
	q := query{method: method, url: w.url, header: []string{"Accept", acceptStream}}
	if method == http.MethodPost {
		q = posting(w.url, initialize(newestSession))
	}
	a, err := p.ask(ctx, q)
	r := because(why+"; the proxy may answer instead of the server", "nginx: no limit_except, error_page or proxy_intercept_errors at the location of "+w.path)
	switch {
	case err != nil && a.status == 0:
		s.skip(id, "%s %s: %s", method, w.path, lastOf(err))
	case a.status == http.StatusMethodNotAllowed && strings.Contains(a.header.Get("Allow"), right):
		s.ok(id, "%s %s is 405 with Allow: %s", method, w.path, a.header.Get("Allow"))
	case a.status == http.StatusMethodNotAllowed:
		s.warn(id, r, "%s %s is 405 without Allow: %s (%s)", method, w.path, right, a.made())
	case a.status == http.StatusNotFound && method == http.MethodPost:
		s.ok(id, "%s %s is 404", method, w.path)
	default:
		s.grade(p.server.ours, id, r, "%s %s is answered %s, not 405", method, w.path, a.made())
	}
}

func (p *probe) unknownPath(ctx context.Context, s *sheet) {
	const none = "/toolgate-doctor-no-such-path"
	path := p.target.prefix + none
	a, err := p.ask(ctx, query{method: http.MethodGet, url: p.target.base + none})
	switch {
	case err != nil:
		s.skip("unknown-path", "%s: %s", path, lastOf(err))
	case a.status == http.StatusNotFound && a.json():
		s.ok("unknown-path", "an unknown path is 404 in JSON")
	case a.status == http.StatusNotFound:
		s.warn("unknown-path-html", because("the proxy answers for the server, or does not pass all of it on", "nginx: proxy_intercept_errors off; in location "+p.target.prefix+"/"),
			"an unknown path is a 404 that is no JSON (%s)", a.made())
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status >= 500:
		s.info("unknown-path", "an unknown path is answered %d", a.status)
	default:
		s.warn("unknown-path-page", because("something has an answer for every path; clients take it for what they were looking for", "nginx: no try_files … /index.html at the location of "+p.target.prefix+"/"),
			"an unknown path is answered %s, not 404", a.made())
	}
}

// checkExposed looks what a stranger may read of what is for operators.
func (p *probe) checkExposed(ctx context.Context, s *sheet) {
	open := 0
	for _, e := range []struct{ path, id, holds, mark string }{
		{"/sessions", "sessions-open", "who has a session's id can write to it, and anybody may end it", `"sessions"`},
		{"/metrics", "metrics-open", "it tells who calls which tools, and how often", "# "},
	} {
		a, err := p.ask(ctx, query{method: http.MethodGet, url: p.target.base + e.path, anonymous: true})
		if err != nil || a.status != http.StatusOK || !strings.Contains(string(a.body), e.mark) {
			continue
		}
		open++
		if p.target.local() {
			s.info(e.id, "%s is open, on this machine alone", e.path)
			continue
		}
		s.fault(e.id, because(e.holds, "toolgate.yaml: auth.mode: keys", "nginx: location "+p.target.prefix+e.path+" { return 404; }"), "%s is open to everyone", p.target.prefix+e.path)
	}
	var probes []string
	for _, path := range []string{"/livez", "/readyz"} {
		if a, err := p.ask(ctx, query{method: http.MethodGet, url: p.target.base + path, anonymous: true}); err == nil && a.status == http.StatusOK && a.json() {
			probes = append(probes, p.target.prefix+path)
		}
	}
	if len(probes) > 0 && !p.target.local() {
		s.info("probes-open", "%s: open to everyone; they say ok and no more, and are for load balancers", strings.Join(probes, ", "))
	}
	if open == 0 {
		s.ok("exposed", "what is for operators is closed to strangers")
	}
}
