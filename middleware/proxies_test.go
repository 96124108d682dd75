package middleware

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddr(t *testing.T) {
	proxies := must(ParseProxies([]string{"127.0.0.1", "10.0.0.0/8", "fd00::/8"}))
	for _, tc := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:999", nil, "192.0.2.1"},
		{"129 stranger forwards", "192.0.2.1:999", []string{"198.51.100.7"}, "192.0.2.1"},
		{"proxy names the client", "127.0.0.1:999", []string{"198.51.100.7"}, "198.51.100.7"},
		{"130 evil, real", "127.0.0.1:999", []string{"203.0.113.66, 198.51.100.7"}, "198.51.100.7"},
		{"130 in two lines", "127.0.0.1:999", []string{"203.0.113.66", "198.51.100.7"}, "198.51.100.7"},
		{"two proxies", "127.0.0.1:999", []string{"203.0.113.66, 198.51.100.7, 10.1.2.3"}, "198.51.100.7"},
		{"proxies only", "127.0.0.1:999", []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9"},
		{"garbage before a proxy", "127.0.0.1:999", []string{"<evil>, 10.1.2.3"}, "10.1.2.3"},
		{"empty", "127.0.0.1:999", []string{""}, "127.0.0.1"},
		{"with port", "127.0.0.1:999", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"IPv6 with port", "127.0.0.1:999", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"IPv4 in IPv6 peer", "[::ffff:127.0.0.1]:999", []string{"198.51.100.7"}, "198.51.100.7"},
		{"zone", "[fe80::1%eth0]:999", nil, "fe80::1"},
		{"no address", "@", []string{"198.51.100.7"}, "invalid IP"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := request("GET", "X-Real-IP: 203.0.113.99", "Forwarded: for=203.0.113.99", "CF-Connecting-IP: 203.0.113.99") // 132
			r.RemoteAddr = tc.peer
			r.Header["X-Forwarded-For"] = tc.forwarded
			if got := proxies.ClientAddr(r).String(); got != tc.want {
				t.Errorf("client = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestParseProxiesRefuses(t *testing.T) {
	for _, text := range []string{"", "proxy", "10.0.0.0/33", "fe80::1%eth0", "10.0.0.1:80"} {
		_, err := ParseProxies([]string{text})
		if err == nil || !strings.Contains(err.Error(), "server.trusted_proxies") {
			t.Errorf("%q: error = %v, want one that names server.trusted_proxies", text, err)
		}
	}
}

// Property: only a trusted peer's header counts, and what comes out is the peer or stands in the header.
func FuzzClientAddr(f *testing.F) {
	for _, seed := range []string{"", "1.2.3.4", "1.2.3.4, 10.0.0.1", "[::1]:80,,", "::ffff:1.2.3.4", "1.2.3.4%eth0"} {
		f.Add(seed)
	}
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := &http.Request{RemoteAddr: "192.0.2.1:1", Header: http.Header{"X-Forwarded-For": {forwarded}}}
		if got := proxies.ClientAddr(r).String(); got != "192.0.2.1" {
			t.Fatalf("a stranger's header made it %s", got)
		}
		r.RemoteAddr = "10.0.0.1:1"
		got := proxies.ClientAddr(r)
		if got == netip.MustParseAddr("10.0.0.1") {
			return
		}
		for entry := range strings.SplitSeq(forwarded, ",") {
			if addr, ok := parseForwarded(entry); ok && addr == got {
				return
			}
		}
		t.Fatalf("client %s stands nowhere in %q", got, forwarded)
	})
}
