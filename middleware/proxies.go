package middleware

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses of reverse proxies whose X-Forwarded-For, -Proto and -Prefix and X-Request-Id are believed.
// Nil believes nobody. Forwarded, X-Real-IP, X-Forwarded-Host and vendors' headers are never read.
type Proxies []netip.Prefix

// ParseProxies reads addresses ("127.0.0.1") and networks ("10.0.0.0/8", "fd00::/8"), as in server.trusted_proxies.
func ParseProxies(list []string) (Proxies, error) {
	proxies := make(Proxies, 0, len(list))
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("server.trusted_proxies: %q is no address or network: write it like 10.0.0.0/8", text)
			}
			addr = addr.Unmap()
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

func (p Proxies) contain(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// ClientAddr is the address a request comes from: the peer's, or, where the peer is a trusted proxy, the right-most
// address of X-Forwarded-For that is not one. What stands left of it was written by strangers. IPv4 in IPv6 is unwrapped
// and zones are dropped. The zero Addr means that the connection has no IP address.
func (p Proxies) ClientAddr(r *http.Request) netip.Addr {
	addr := peerAddr(r)
	if !p.contain(addr) {
		return addr
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var entry string
			rest, entry, more = cutLast(rest)
			next, ok := parseForwarded(entry)
			if !ok {
				return addr // whoever wrote this is behind the last proxy we could name
			}
			if addr = next; !p.contain(addr) {
				return addr
			}
		}
	}
	return addr
}

// secure says whether the client's own connection is TLS: ours, or the trusted proxy's in front of us.
func (p Proxies) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	proto := r.Header["X-Forwarded-Proto"]
	return len(proto) == 1 && strings.EqualFold(proto[0], "https") && p.contain(peerAddr(r))
}

func peerAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// cutLast takes the last element off a comma-separated list; more says whether any are left.
func cutLast(list string) (rest, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// parseForwarded reads one element of X-Forwarded-For; some proxies add the port.
func parseForwarded(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	addr, err := netip.ParseAddr(entry)
	if err != nil {
		withPort, err := netip.ParseAddrPort(entry)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
