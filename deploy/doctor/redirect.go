package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
)

// checkRedirect looks what plain HTTP does with a POST, which is what clients send that were given the wrong scheme.
func (p *probe) checkRedirect(ctx context.Context, s *sheet) {
	t := p.target
	if !t.secure {
		return
	}
	if t.port != "443" {
		s.skip("redirect", "plain HTTP beside port %s is on a port that cannot be guessed", t.port)
		return
	}
	q := posting("http://"+t.host+t.prefix+"/mcp", initialize(newestSession))
	q.anonymous = true // never in clear text
	a, err := p.ask(ctx, q)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" || isLate(err) {
			s.ok("redirect", "plain HTTP is not served")
		} else {
			s.info("redirect", "plain HTTP: %s", lastOf(err))
		}
		return
	}
	to := a.header.Get("Location")
	switch {
	case a.status == http.StatusPermanentRedirect || a.status == http.StatusTemporaryRedirect:
		s.warn("redirect-308", because("the AI SDK and curl follow no redirect", "clients: the https URL"), "plain HTTP is answered %d, which keeps the body of a POST", a.status)
	case a.status >= 300 && a.status < 400:
		s.fault("redirect-301", because("clients turn the POST into a GET and lose its body", "nginx: return 308 https://$host$request_uri;"),
			"plain HTTP is answered %d, to %s", a.status, quoted(strings.SplitN(to, "?", 2)[0]))
	case a.status < 300 || a.status == http.StatusUnauthorized:
		s.warn("plain-served", because("keys of clients that were given the wrong scheme travel in clear text, and work", "nginx: return 308 https://$host$request_uri; in the server of port 80"),
			"plain HTTP is served too (%d)", a.status)
	default:
		s.ok("redirect", "plain HTTP is answered %d", a.status)
	}
}
