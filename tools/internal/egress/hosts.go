package egress

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// host is an entry of a list of hosts.
type host struct {
	name string // lower case; an address as netip writes it
	port string // empty: every one
	tree bool   // every host below name, and not name itself
}

type hosts []host

// parseHosts reads HOST and HOST:PORT; with trees, *.DOMAIN too.
func parseHosts(texts []string, trees bool) (hosts, error) {
	var all hosts
	for _, text := range texts {
		h, err := parseHost(text, trees)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

func parseHost(text string, trees bool) (host, error) {
	name, port := strings.TrimSpace(text), ""
	var tree bool
	if trees {
		name, tree = strings.CutPrefix(name, "*.")
	}
	if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && !tree {
		return host{name: addr.String()}, nil
	}
	if strings.Contains(name, ":") {
		var err error
		if name, port, err = net.SplitHostPort(name); err != nil {
			return host{}, fmt.Errorf("%q is not HOST or HOST:PORT", text)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return host{}, fmt.Errorf("%q has no port from 1 to 65535", text)
		}
	}
	if name == "" || strings.ContainsAny(name, "/@*?#[] ") {
		return host{}, fmt.Errorf("%q is not HOST or HOST:PORT", text)
	}
	return host{name: canonical(name), port: port, tree: tree}, nil
}

// match says whether a host and port of a URL are in the list.
func (all hosts) match(name, port string) bool {
	name = canonical(name)
	for _, h := range all {
		if h.port != "" && h.port != port {
			continue
		}
		if !h.tree && name == h.name || h.tree && strings.HasSuffix(name, "."+h.name) {
			return true
		}
	}
	return false
}

// canonical is the one way in which a host is written here.
func canonical(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.String()
	}
	return strings.TrimSuffix(strings.ToLower(name), ".")
}

// numeric says whether a host that is no address ends in a number: some resolvers read such names as addresses, as in
// 2130706433 or 0x7f.1 (URL Standard, 3.5).
func numeric(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	name = strings.TrimSuffix(name, ".")
	last := strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
	if digits, hex := strings.CutPrefix(last, "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// portOf is the port of a URL, written out or not.
func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}
