package middleware

import (
	"net/http"
	"regexp"
	"strings"
)

// pathPrefix is what a prefix may be: nothing in it can end a line, leave the path, or name another host.
var pathPrefix = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*){1,16}$`)

// Prefix is what stands before our paths in the client's eyes: what a trusted proxy says in X-Forwarded-Prefix, if it is
// a plain path, else otherwise.
func (p Proxies) Prefix(r *http.Request, otherwise string) string {
	said := strings.TrimSuffix(r.Header.Get("X-Forwarded-Prefix"), "/")
	if said == "" || !p.contain(peerAddr(r)) || !pathPrefix.MatchString(said) {
		return otherwise
	}
	return said
}
