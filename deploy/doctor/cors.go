package doctor

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// pageHeaders are those that clients in browsers send, together, over the revisions.
func pageHeaders() []string {
	return []string{
		"Content-Type", "Accept", "Authorization", "Last-Event-ID", "Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name",
	}
}

// shownHeaders are those of answers that clients in browsers read; without the first, none gets past its handshake.
func shownHeaders() []string {
	return []string{"Mcp-Session-Id", "Mcp-Protocol-Version", "WWW-Authenticate"}
}

// checkCORS asks for leave as browsers do. Without --origin it does so for the server's own pages, which need none, and
// what is missing is a warning.
func (p *probe) checkCORS(ctx context.Context, s *sheet) {
	origin := p.origin
	if origin == "" {
		origin = p.target.origin
	}
	seen := 0
	for _, w := range []*way{&p.door.mcp, &p.door.sse} {
		if w.absent || w.turned || w.err != nil && !isLate(w.err) {
			continue
		}
		seen++
		if p.preflight(ctx, s, w, origin) {
			p.actual(ctx, s, w, origin)
		}
	}
	switch {
	case seen == 0:
		s.skip("cors", "%s", p.door.mcp.closed)
	case len(s.findings) == 0 && p.origin != "":
		s.ok("cors", "pages of %s may send what clients send, and read what they read", origin)
	case len(s.findings) == 0:
		s.ok("cors", "preflights are answered in full; --origin says for which pages it matters")
	}
}

// complain is a fault where --origin says that pages are to call.
func (p *probe) complain(s *sheet, id string, r remedy, format string, args ...any) {
	if s.has(id) {
		return
	}
	s.grade(p.origin != "", id, r, format, args...)
}

// preflight judges the answer to OPTIONS. It returns false where the origin is refused, of which checkOrigin speaks.
func (p *probe) preflight(ctx context.Context, s *sheet, w *way, origin string) bool {
	method := http.MethodPost
	if w == &p.door.sse {
		method = http.MethodGet
	}
	a, err := p.ask(ctx, query{method: http.MethodOptions, url: w.url, anonymous: true, header: []string{
		"Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", strings.ToLower(strings.Join(pageHeaders(), ",")),
	}})
	if err != nil {
		s.skip("cors", "OPTIONS %s: %s", w.path, lastOf(err))
		return true
	}
	if a.reason() == "origin_not_allowed" {
		if len(s.findings) == 0 {
			s.skip("cors", "pages of %s are refused, see origin", origin)
		}
		return false
	}
	if a.status == http.StatusUnauthorized {
		p.complain(s, "cors-preflight", because("browsers send preflights without credentials; something before the server asks for one", "nginx: no auth_basic or auth_request for OPTIONS at the location of "+w.path),
			"OPTIONS %s is answered 401", w.path)
		return true
	}
	if a.status < 200 || a.status > 299 {
		p.complain(s, "cors-preflight", because("the preflight does not get to the server, or the origin is not allowed", "toolgate.yaml: server.allowed_origins: ["+origin+"]",
			"nginx: no limit_except and no if ($request_method) at the location of "+w.path), "OPTIONS %s is answered %d", w.path, a.status)
		return true
	}
	if !p.origins(s, "OPTIONS "+w.path, a.header, origin) {
		return true
	}
	methods := listed(a.header, "Access-Control-Allow-Methods")
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if w == &p.door.mcp && !slices.Contains(methods, strings.ToLower(m)) && !slices.Contains(methods, "*") {
			p.complain(s, "cors-methods", because("pages may not send it", "nginx: remove add_header Access-Control-Allow-Methods, the server sends it"), "OPTIONS %s: %s is not allowed", w.path, m)
		}
	}
	var missing []string
	allowed := listed(a.header, "Access-Control-Allow-Headers")
	for _, name := range pageHeaders() {
		if slices.Contains(allowed, strings.ToLower(name)) || slices.Contains(allowed, "*") && name != "Authorization" {
			continue
		}
		missing = append(missing, name)
	}
	if len(missing) > 0 {
		p.complain(s, "cors-headers", because("clients in browsers send them, and the browser stops the request", "nginx: remove add_header Access-Control-Allow-Headers, the server sends them all"),
			"OPTIONS %s does not allow %s", w.path, strings.Join(missing, ", "))
	}
	return true
}

// origins judges whether an answer is for pages of origin.
func (p *probe) origins(s *sheet, what string, h http.Header, origin string) bool {
	lines := h.Values("Access-Control-Allow-Origin")
	switch {
	case len(lines) > 1 || len(lines) == 1 && strings.Contains(lines[0], ","):
		p.complain(s, "cors-twice", because("the proxy adds one to the server's, and browsers refuse two", "nginx: remove add_header Access-Control-Allow-Origin"),
			"%s has %d Access-Control-Allow-Origin headers", what, max(len(lines), 2))
		return false
	case len(lines) == 0:
		p.complain(s, "cors-origin", because("the origin is not among those that may call, or the header is taken off on the way", "toolgate.yaml: server.allowed_origins: ["+origin+"]",
			"nginx: remove proxy_hide_header Access-Control-Allow-Origin"), "%s has no Access-Control-Allow-Origin", what)
		return false
	case lines[0] != "*" && lines[0] != origin:
		p.complain(s, "cors-origin", because("browsers compare it exactly", "toolgate.yaml: server.allowed_origins: ["+origin+"]"), "%s allows %s, not %s", what, quoted(lines[0]), origin)
		return false
	}
	if lines[0] != "*" && !slices.Contains(listed(h, "Vary"), "origin") && !s.has("cors-vary") {
		s.warn("cors-vary", because("a cache may give one page's answer to another", "nginx: remove proxy_hide_header Vary"), "%s has no Vary: Origin", what)
	}
	return true
}

// actual looks at an answer that a page would read: an error too, or pages see no more than that the network failed.
func (p *probe) actual(ctx context.Context, s *sheet, w *way, origin string) {
	q := posting(w.url, initialize(newestSession), "Origin", origin)
	a, err := p.ask(ctx, q)
	if err != nil {
		s.skip("cors", "POST %s: %s", w.path, lastOf(err))
		return
	}
	p.leave(ctx, a)
	what := "POST " + w.path + " (" + http.StatusText(a.status) + ")"
	if !p.origins(s, what, a.header, origin) {
		return
	}
	var missing []string
	shown := listed(a.header, "Access-Control-Expose-Headers")
	for _, name := range shownHeaders() {
		if !slices.Contains(shown, strings.ToLower(name)) && !slices.Contains(shown, "*") {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		p.complain(s, "cors-expose", because("pages cannot read them: without Mcp-Session-Id they fail at the second message", "nginx: remove add_header Access-Control-Expose-Headers, the server sends it on every answer"),
			"%s does not expose %s", what, strings.Join(missing, ", "))
	}
}

// listed is a header's elements, in lower case.
func listed(h http.Header, name string) []string {
	var list []string
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			list = append(list, strings.ToLower(strings.TrimSpace(part)))
		}
	}
	return list
}
