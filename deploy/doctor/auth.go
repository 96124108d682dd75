package doctor

import (
	"context"
	"net/http"
	"regexp"
	"strings"
)

// checkAuth judges how a stranger is told to come back, and whether our credential is taken.
func (p *probe) checkAuth(ctx context.Context, s *sheet) {
	d := &p.door
	if d.mcp.err != nil || d.mcp.turned || d.mcp.absent && d.sse.absent {
		s.skip("auth", "%s", d.mcp.closed)
		return
	}
	if !d.wants {
		if d.mcp.closed == "" || d.sse.closed == "" {
			p.openToAll(s)
		} else {
			s.skip("auth", "%s", d.mcp.closed)
		}
		return
	}
	challenged := d.stranger
	if challenged.status != http.StatusUnauthorized {
		challenged = d.sse.answer
	}
	p.challenge(ctx, s, challenged)
	p.ownKey(s)
}

func (p *probe) openToAll(s *sheet) {
	if p.target.local() {
		s.info("auth", "no credential is asked for, on this machine alone")
		return
	}
	s.warn("auth-none", because("everyone who reaches it may call every tool", "toolgate.yaml: auth.mode: keys", "toolgate.yaml: auth.keys_file: keys.yaml, which toolgate keys new writes"),
		"no credential is asked for")
}

// challenge judges a 401 (RFC 6750, 3, and RFC 9728, 5.1).
func (p *probe) challenge(ctx context.Context, s *sheet, a answer) {
	lines := a.header.Values("WWW-Authenticate")
	if len(lines) == 0 || !strings.HasPrefix(strings.ToLower(lines[0]), "bearer") {
		change := []string{"nginx: remove proxy_hide_header WWW-Authenticate, proxy_intercept_errors and error_page 401"}
		s.fault("challenge-missing", because("clients do not know what to do about a 401 without it; the proxy may have taken it off, or answered itself", change...),
			"401 without WWW-Authenticate: Bearer (%s)", a.made())
		return
	}
	if metadata := parameter(strings.Join(lines, ", "), "resource_metadata"); metadata != "" {
		s.ok("auth", "a stranger is answered 401 and told where to read on")
		p.resourceMetadata(ctx, s, metadata)
		return
	}
	if found, ok := p.unnamedMetadata(ctx); ok {
		s.warn("challenge-metadata", because("clients before 2025-11-25 know of no other way to it", "toolgate.yaml: auth.mode: oauth"),
			"the challenge does not name the resource metadata, which is at %s", found)
		p.resourceMetadata(ctx, s, found)
		return
	}
	s.ok("auth", "a stranger is answered 401 with a Bearer challenge; there is no OAuth")
	if !p.target.local() {
		s.info("auth-keys", "connectors of claude.ai cannot send a key of their user's; auth.mode: front lets them log in with one")
	}
}

// authParam is one parameter of a challenge.
var authParam = regexp.MustCompile(`(?i)([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))`)

// parameter is the value of a challenge's parameter; empty: there is none.
func parameter(challenge, name string) string {
	for _, m := range authParam.FindAllStringSubmatch(challenge, -1) {
		if strings.EqualFold(m[1], name) {
			return strings.ReplaceAll(m[2], `\`, "") + m[3]
		}
	}
	return ""
}

// ownKey says what came of our credential.
func (p *probe) ownKey(s *sheet) {
	d := &p.door
	if p.key == "" || !p.trusted() {
		s.skip("auth-key", "give --key to see what a client with a credential sees")
		return
	}
	a := d.mcp.answer
	if d.mcp.absent {
		a = d.sse.answer
	}
	switch {
	case a.status == http.StatusUnauthorized && p.server.ours && parameter(a.header.Get("WWW-Authenticate"), "error") == "":
		s.fault("key-stripped", because("the Authorization header does not arrive: the proxy takes it off", "nginx: proxy_set_header Authorization $http_authorization; proxy_pass_request_headers on;"),
			"the key is answered like none, 401")
	case a.status == http.StatusUnauthorized && p.server.ours && strings.HasPrefix(p.key, "tg_") && parameter(a.header.Get("WWW-Authenticate"), "resource_metadata") != "":
		s.fault("key-refused", because("it is unknown or has expired, or tokens alone are taken", "toolgate.yaml: auth.mode: [keys, front], for keys to be taken beside tokens",
			"keys file: the entry that toolgate keys new NAME writes"), "the key is refused, 401: %s", quoted(a.said()))
	case a.status == http.StatusUnauthorized:
		s.fault("key-refused", because("it is unknown, has expired, or is of another server", "keys file: the entry that toolgate keys new NAME writes", "toolgate.yaml: auth.keys_file"),
			"the key is refused, 401: %s", quoted(a.said()))
	case a.status == http.StatusForbidden:
		s.fault("key-scope", because("it may not do this: "+quoted(a.said()), "keys file: scopes: [tools:read]"), "the key is refused, 403")
	case a.status < 300:
		s.ok("auth-key", "the key is taken")
	default:
		s.info("auth-key", "with the key, %s is answered %d", d.mcp.path, a.status)
	}
}
