package doctor

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// seenHost finds the Host that a refusal says it got.
var seenHost = regexp.MustCompile(`[Hh]ost "([^"]*)"`)

// turnedAway judges an answer that is not the protocol's: the gate of Host names, a proxy that reaches nobody, a redirect,
// a password that the proxy asks for. It returns false where the answer is none of these.
func (p *probe) turnedAway(s *sheet, path string, a answer) bool {
	switch {
	case a.hostRefused():
		p.hostRefused(s, path, a)
	case a.reason() == "origin_not_allowed":
		s.fault("origin-added", because("a request without an Origin arrived with one", `nginx: remove proxy_set_header Origin from the location of `+path),
			"%s refuses the request for its Origin, and it had none", path)
	case a.status >= 300 && a.status < 400:
		p.redirected(s, path, a)
	case a.status == http.StatusBadGateway, a.status == http.StatusGatewayTimeout,
		a.status == http.StatusServiceUnavailable && !a.json():
		s.fault("upstream-down", because("the proxy does not reach the server: it is down, or listens elsewhere", "nginx: proxy_pass http://127.0.0.1:3002; (server.host and server.port of toolgate.yaml)"),
			"%s is answered by the proxy: %s", path, a.made())
	case a.status == http.StatusServiceUnavailable:
		s.fault("overloaded", because("it is full, or shuts down: "+quoted(a.said()), "toolgate.yaml: limits.sessions"), "%s is answered 503", path)
	case a.status == http.StatusUnauthorized && strings.HasPrefix(strings.ToLower(a.header.Get("WWW-Authenticate")), "basic"):
		s.fault("proxy-password", because("the proxy asks for a password, which MCP clients do not have; the server asks for keys itself", "nginx: auth_basic off;", "toolgate.yaml: auth.mode: keys"),
			"%s is answered 401 with a Basic challenge", path)
	case a.status == http.StatusForbidden && a.html():
		s.fault("proxy-forbids", because("the proxy or a firewall before it refuses the request", "nginx: look for deny, limit_except and WAF rules at the location of "+path),
			"%s is answered by the proxy: %s", path, a.made())
	default:
		return false
	}
	return true
}

// hostRefused tells a Host that was changed on the way from one that the server does not know for its own.
func (p *probe) hostRefused(s *sheet, path string, a answer) {
	seen := ""
	if m := seenHost.FindStringSubmatch(a.said()); m != nil {
		seen = m[1]
	}
	name := seen
	if u, err := url.Parse("//" + seen); err == nil && u.Hostname() != "" {
		name = u.Hostname()
	}
	if seen != "" && !strings.EqualFold(name, p.target.host) {
		s.fault("host-rewritten", because("the proxy sends another Host than it got; a location that has a proxy_set_header of its own inherits none",
			"nginx: proxy_set_header Host $http_host; in the location of "+path), "%s refuses the Host %s: what was sent is %s", path, quoted(seen), p.target.host)
		return
	}
	s.fault("host-refused", because("the server does not know the name for its own, and refuses it against DNS rebinding",
		"toolgate.yaml: server.public_url: "+p.target.base, "toolgate.yaml: server.allowed_hosts: ["+p.target.host+"], if it has several names"),
		"%s refuses the Host %s", path, p.target.host)
}

func (p *probe) redirected(s *sheet, path string, a answer) {
	to := a.header.Get("Location")
	if u, err := url.Parse(to); err == nil {
		u.RawQuery, u.User = "", nil
		to = u.String()
	}
	cause := "most clients follow no redirect, or lose the body on it"
	change := []string{"clients: the URL that it leads to", "nginx: proxy_pass in the location of " + path + " instead of return or rewrite"}
	if strings.Contains(strings.ToLower(to), "login") || strings.Contains(to, "oauth2") {
		cause = "a proxy sends to a page for logging in, which MCP clients cannot use"
		change = []string{"nginx: auth_request off; in the location of " + path, "toolgate.yaml: auth.mode: oauth"}
	}
	s.fault("redirected", because(cause, change...), "%s is answered %d, to %s", path, a.status, quoted(to))
}
