package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Loopback says whether only this machine can reach the server directly. A host name other than localhost counts as
// reachable by others: what it resolves to is not ours to decide.
func (c Config) Loopback() bool { return isLoopback(c.Server.Host) }

// Listen is the addresses to listen on, as net.Listen takes them. For localhost there are two, 127.0.0.1 and ::1, because
// clients resolve the name either way; with port 0 there is only the first, because two free ports would not agree.
func (c Config) Listen() []string {
	port := strconv.Itoa(c.Server.Port)
	switch {
	case !strings.EqualFold(c.Server.Host, "localhost"):
		return []string{net.JoinHostPort(c.Server.Host, port)}
	case c.Server.Port == 0:
		return []string{net.JoinHostPort("127.0.0.1", port)}
	}
	return []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)}
}

// isLoopback is whether host, a name or an address without port, names this machine and nothing else.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
