package middleware

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
)

const maxQuoted = 100 // bytes of a stranger's header that an error repeats

// HostOptions says which names are this server's.
type HostOptions struct {
	Bind         string   // server.host: the address or name it listens on; "" and 0.0.0.0 are every address
	PublicURL    string   // server.public_url, or ""
	AllowedHosts []string // server.allowed_hosts: "host" (any port), "host:port", "*.example.com" (one label)
}

// Hosts knows the names of this server. A page whose own name was made to resolve to us (DNS rebinding) is same-origin to
// its browser; only the Host header gives it away. There is no switch that turns this off.
//
// Allowed are the host of PublicURL, the AllowedHosts, the name or address of Bind, loopback names on a loopback bind or
// a connection that arrived on a loopback address, and the very address that the connection arrived on.
type Hosts struct {
	loopback bool
	patterns []hostPattern
}

// NewHosts returns an error that names the key for an option that does not parse.
func NewHosts(o HostOptions) (*Hosts, error) {
	h := &Hosts{}
	if bind, ok := parseHostPattern(o.Bind); ok && !bind.wildcard && !bind.addr.IsUnspecified() {
		h.loopback = bind.authority.loopback()
		h.patterns = append(h.patterns, bind)
	} else if !ok && o.Bind != "" {
		return nil, fmt.Errorf("server.host: %q is no address or host name", o.Bind)
	}
	if o.PublicURL != "" {
		own, err := parsePublicURL(o.PublicURL)
		if err != nil {
			return nil, err
		}
		own.port = 0 // nginx drops it with $host
		h.patterns = append(h.patterns, hostPattern{authority: own.authority})
	}
	for _, text := range o.AllowedHosts {
		p, ok := parseHostPattern(text)
		if !ok {
			return nil, fmt.Errorf("server.allowed_hosts: %q is no host name: write it like mcp.example.com, "+
				"mcp.example.com:8443 or *.example.com, without a scheme or path, names beyond ASCII in punycode", text)
		}
		h.patterns = append(h.patterns, p)
	}
	return h, nil
}

// parsePublicURL is the origin of server.public_url, whose path is somebody else's business.
func parsePublicURL(text string) (origin, error) {
	u, err := url.Parse(text)
	if err == nil && u.User == nil {
		if o, ok := parseOrigin(u.Scheme + "://" + u.Host); ok && (o.scheme == "http" || o.scheme == "https") {
			return o, nil
		}
	}
	return origin{}, fmt.Errorf("server.public_url: %q is no http or https URL: write it like https://mcp.example.com", text)
}

// check is the empty reason for a request to one of our names. An absolute-form target is judged by its own authority,
// whatever Host says (RFC 9112, 3.2.2). X-Forwarded-Host is not read.
func (h *Hosts) check(r *http.Request) Reason {
	a, ok := requestAuthority(r)
	switch {
	case !ok:
		return BadHost
	case h.allows(a, localAddr(r)):
		return ""
	}
	return HostNotAllowed
}

func (h *Hosts) allows(a authority, local netip.Addr) bool {
	if a.loopback() && (h.loopback || local.IsLoopback()) {
		return true
	}
	if a.addr.IsValid() && a.addr == local {
		return true
	}
	return slices.ContainsFunc(h.patterns, func(p hostPattern) bool {
		if !p.matchesHost(a) {
			return false
		}
		// A Host without a port means the scheme's, which a proxy in front of us may have changed.
		return p.port == 0 || p.port == a.port || a.port == 0 && (p.port == 80 || p.port == 443)
	})
}

func requestAuthority(r *http.Request) (authority, bool) {
	if r.URL.Host == "" {
		return parseAuthority(r.Host)
	}
	if r.URL.User != nil {
		return authority{}, false
	}
	return parseAuthority(r.URL.Host)
}

// localAddr is the address the connection arrived on; the zero Addr where there is none.
func localAddr(r *http.Request) netip.Addr {
	tcp, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// HostCheck refuses requests for foreign hosts (400 when the Host header is malformed, else 403) and from foreign origins
// (403). The answer names the key to set. On the exempt paths, health probes that come by address, any Host will do; the
// Origin is checked everywhere.
func HostCheck(hosts *Hosts, origins *Origins, exempt ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !slices.Contains(exempt, c.Request.URL.Path) {
			if reason := hosts.check(c.Request); reason != "" {
				origins.expose(c)
				Refuse(c, hostRefusal(reason, c.Request))
				return
			}
		}
		if !origins.Allowed(c.Request) {
			Refuse(c, originRefusal(c.Request))
		}
	}
}

func hostRefusal(reason Reason, r *http.Request) *Refusal {
	host := r.Host
	if r.URL.Host != "" {
		host = r.URL.Host
	}
	if reason == BadHost {
		return refusef(reason, "host %s is malformed: send a host name or address with an optional port", quoted(host))
	}
	return refusef(reason, "host %s is not a name of this server: if it should be, add it to server.allowed_hosts", quoted(host))
}

func originRefusal(r *http.Request) *Refusal {
	values := r.Header["Origin"]
	if len(values) > 1 {
		return refusef(OriginNotAllowed, "several Origin headers: send one, or none")
	}
	return refusef(OriginNotAllowed, "origin %s may not use this server: if it should, add it to server.allowed_origins",
		quoted(values[0]))
}

// quoted is a stranger's text, cut and escaped for an error message.
func quoted(s string) string {
	return fmt.Sprintf("%+q", s[:min(len(s), maxQuoted)])
}
