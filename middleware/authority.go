package middleware

import (
	"net/netip"
	"strconv"
	"strings"
)

const (
	maxHostName = 253 // bytes of a name (RFC 1035, 2.3.4)
	maxLabel    = 63  // bytes between two dots
)

// authority is a parsed host[:port] (RFC 3986, 3.2, without userinfo). Two spellings of the same place are equal values.
type authority struct {
	name string     // lower case, without a trailing dot; empty for an address
	addr netip.Addr // invalid for a name
	port uint16     // 0 where none is given
}

// parseAuthority reads host[:port] and nothing else: no userinfo, path, fragment, zone or percent-encoding. Addresses in
// IPv6 stand in brackets.
func parseAuthority(s string) (authority, bool) {
	var a authority
	var host, port string
	var hasPort bool
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return a, false
		}
		host = s[1:end]
		if rest := s[end+1:]; rest != "" {
			if rest[0] != ':' {
				return a, false
			}
			port, hasPort = rest[1:], true
		}
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return a, false
		}
		a.addr = addr.Unmap()
	} else {
		host, port, hasPort = strings.Cut(s, ":")
		if addr, err := netip.ParseAddr(host); err == nil {
			a.addr = addr
		} else if a.name = strings.ToLower(strings.TrimSuffix(host, ".")); !validName(a.name) {
			return authority{}, false
		}
	}
	if !hasPort || port == "" { // "host:" is the same as "host" (RFC 3986, 3.2.3)
		return a, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return authority{}, false
	}
	a.port = uint16(n)
	return a, true
}

// validName takes what resolvers take: letters, digits, hyphens and underscores in labels. Names beyond ASCII come in
// punycode from every browser.
func validName(name string) bool {
	if name == "" || len(name) > maxHostName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel {
			return false
		}
		for _, b := range []byte(label) {
			if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' {
				return false
			}
		}
	}
	return true
}

// loopback says that the place is this machine, whatever the resolver thinks.
func (a authority) loopback() bool {
	return a.name == "localhost" || a.addr.IsLoopback()
}

// sameHost ignores the port.
func (a authority) sameHost(b authority) bool {
	return a.name == b.name && a.addr == b.addr
}

// hostPattern is an authority, or "*." and a name, which stands for every name with exactly one label more.
type hostPattern struct {
	authority
	wildcard bool
}

func parseHostPattern(s string) (hostPattern, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" { // IPv6 without brackets, as people write it in lists
		return hostPattern{authority: authority{addr: addr.Unmap()}}, true
	}
	rest, wildcard := strings.CutPrefix(s, "*.")
	a, ok := parseAuthority(rest)
	if !ok || wildcard && a.name == "" {
		return hostPattern{}, false
	}
	return hostPattern{authority: a, wildcard: wildcard}, true
}

// matchesHost ignores the port.
func (p hostPattern) matchesHost(a authority) bool {
	if !p.wildcard {
		return p.sameHost(a)
	}
	label, parent, found := strings.Cut(a.name, ".")
	return found && label != "" && parent == p.name
}
