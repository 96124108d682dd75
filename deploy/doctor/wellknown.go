package doctor

import (
	"context"
	"net/http"
	"sync"
)

// checkWellKnown asks for the documents that clients ask for before anything else. Where there is no OAuth, each has to be
// a 404 in JSON: a page, a redirect or an error makes clients try to log in and fail.
func (p *probe) checkWellKnown(ctx context.Context, s *sheet) {
	t := p.target
	list := []string{
		resourceDocument + t.prefix + "/mcp", resourceDocument, "/.well-known/oauth-authorization-server" + t.prefix,
		"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration",
	}
	answers, errs := make([]answer, len(list)), make([]error, len(list))
	var wg sync.WaitGroup
	for i, path := range list {
		wg.Go(func() {
			answers[i], errs[i] = p.ask(ctx, query{method: http.MethodGet, url: t.origin + path, anonymous: true, header: []string{"Accept", "application/json"}})
		})
	}
	wg.Wait()
	pass := because("the proxy answers itself, or asks who reads it", "nginx: location /.well-known/ { proxy_pass http://127.0.0.1:3002; auth_basic off; auth_request off; }")
	documents := 0
	for i, a := range answers {
		if i > 0 && list[i] == list[i-1] || i > 2 && list[i] == list[2] {
			continue // without a prefix
		}
		switch {
		case errs[i] != nil:
			s.skip("well-known", "%s: %s", list[i], lastOf(errs[i]))
		case a.status == http.StatusOK && a.json():
			documents++
		case a.status == http.StatusNotFound && a.json():
		case a.reason() != "":
			if !s.has("well-known") {
				s.skip("well-known", "%s is turned away: %s", list[i], a.reason())
			}
		case a.status == http.StatusNotFound:
			if !s.has("well-known-html") {
				s.warn("well-known-html", pass, "%s is a 404 that is no JSON (%s): older clients stumble over it", list[i], a.made())
			}
		case !s.has("well-known-trap"):
			s.fault("well-known-trap", pass, "%s is answered %s: clients take it for OAuth and fail", list[i], a.made())
		}
	}
	if !s.has("well-known-html") && !s.has("well-known-trap") && !s.has("well-known") {
		if documents > 0 {
			s.ok("well-known", "%d of the documents of OAuth are there, the others are 404 in JSON", documents)
		} else {
			s.ok("well-known", "there is no OAuth, and its documents are 404 in JSON")
		}
	}
}
