package middleware

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// OriginOptions says which web pages may use the server.
type OriginOptions struct {
	PublicURL string   // server.public_url, or ""; its own pages are allowed
	Allowed   []string // server.allowed_origins: "https://app.example.com", "https://*.example.com" (one label), "null"
	Proxies   Proxies  // whose X-Forwarded-Proto tells the scheme of our own origin
}

// Origins decides which web pages may use the server; HostCheck and CORS share the decision. Compared are scheme, host
// and port of parsed origins, never prefixes or suffixes of text.
type Origins struct {
	hosts   *Hosts
	public  origin
	listed  []originPattern
	null    bool
	proxies Proxies
}

type originPattern struct {
	scheme string
	hostPattern
}

// NewOrigins returns an error that names the key for an option that does not parse. "*" is refused: any page that a
// user happens to open could then drive the server.
func NewOrigins(hosts *Hosts, o OriginOptions) (*Origins, error) {
	origins := &Origins{hosts: hosts, proxies: o.Proxies}
	if o.PublicURL != "" {
		public, err := parsePublicURL(o.PublicURL)
		if err != nil {
			return nil, err
		}
		origins.public = public
	}
	for _, text := range o.Allowed {
		switch p, ok := parseOriginPattern(strings.TrimSuffix(text, "/")); {
		case text == "null":
			origins.null = true
		case text == "*":
			return nil, fmt.Errorf("server.allowed_origins: * would let every web page use this server: " +
				"list the origins, like https://app.example.com or https://*.example.com")
		case !ok:
			return nil, fmt.Errorf("server.allowed_origins: %q is no origin: write scheme, host and port only, "+
				"like https://app.example.com or http://localhost:5173", text)
		default:
			origins.listed = append(origins.listed, p)
		}
	}
	return origins, nil
}

// Allowed says whether the page that sent the request may use the server. Requests without an Origin come from programs
// and are allowed; several Origin headers never are. Allowed are our own origin (that of the public URL, or of the Host
// that the request was accepted under), the listed ones, and on a loopback bind every origin on this machine.
func (o *Origins) Allowed(r *http.Request) bool {
	values := r.Header["Origin"]
	switch len(values) {
	case 0:
		return true
	case 1:
		if values[0] == "null" {
			return o.null
		}
		page, ok := parseOrigin(values[0])
		return ok && (o.knows(page) || o.own(page, r))
	}
	return false
}

// knows decides what does not depend on the request.
func (o *Origins) knows(page origin) bool {
	web := page.scheme == "http" || page.scheme == "https"
	switch {
	case page == o.public:
		return true
	case web && o.hosts.loopback && page.loopback():
		return true
	}
	return slices.ContainsFunc(o.listed, func(p originPattern) bool {
		return p.scheme == page.scheme && p.port == page.port && p.matchesHost(page.authority)
	})
}

// own says that the page was served under the name that the request was sent to.
func (o *Origins) own(page origin, r *http.Request) bool {
	scheme := "http"
	if o.proxies.secure(r) {
		scheme = "https"
	}
	a, ok := requestAuthority(r)
	if !ok || o.hosts.check(r) != "" {
		return false
	}
	return page == origin{scheme: scheme, authority: a}.withPort()
}

// expose lets an allowed page read the answer, errors included, where the CORS gate is not reached.
func (o *Origins) expose(c *gin.Context) {
	if len(c.Request.Header["Origin"]) == 1 && o.Allowed(c.Request) {
		c.Header("Access-Control-Allow-Origin", c.Request.Header["Origin"][0])
		c.Header("Vary", "Origin")
	}
}

// origin is a parsed Origin header (RFC 6454, 7), its port filled in.
type origin struct {
	scheme string
	authority
}

func parseOrigin(s string) (origin, bool) {
	scheme, rest, found := strings.Cut(s, "://")
	a, ok := parseAuthority(rest)
	if !found || !ok || !validScheme(scheme) {
		return origin{}, false
	}
	return origin{scheme: strings.ToLower(scheme), authority: a}.withPort(), true
}

func (o origin) withPort() origin {
	if o.port == 0 {
		o.port = defaultPort(o.scheme)
	}
	return o
}

func parseOriginPattern(s string) (originPattern, bool) {
	scheme, rest, found := strings.Cut(s, "://")
	host, ok := parseHostPattern(rest)
	if !found || !ok || !validScheme(scheme) {
		return originPattern{}, false
	}
	p := originPattern{scheme: strings.ToLower(scheme), hostPattern: host}
	if p.port == 0 {
		p.port = defaultPort(p.scheme)
	}
	return p, true
}

func defaultPort(scheme string) uint16 {
	switch scheme {
	case "http":
		return 80
	case "https":
		return 443
	}
	return 0
}

// validScheme follows RFC 3986, 3.1: browsers' extensions and desktop applications have schemes of their own.
func validScheme(s string) bool {
	for i, b := range []byte(s) {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z':
		case i > 0 && ('0' <= b && b <= '9' || b == '+' || b == '-' || b == '.'):
		default:
			return false
		}
	}
	return s != ""
}
