package middleware

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOriginOnALoopbackBind(t *testing.T) {
	e := gate(HostOptions{Bind: "localhost", PublicURL: "https://mcp.example.com", AllowedHosts: []string{"proxy.example.com"}},
		"https://app.example.com", "https://*.wild.example.com", "http://dev.example.com:5173/", "vscode-webview://panel",
		"https://*.ports.example.com:8443")
	for _, tc := range []struct {
		name    string
		origins []string
		allowed bool
	}{
		{"none", nil, true}, // 115
		{"own", []string{"http://localhost:3002"}, true},      // 115
		{"public", []string{"https://mcp.example.com"}, true}, // 115
		{"public, port written out", []string{"https://mcp.example.com:443"}, true},
		{"listed", []string{"https://app.example.com"}, true}, // 115
		{"listed, in capitals", []string{"HTTPS://APP.example.com"}, true},
		{"listed with a port", []string{"http://dev.example.com:5173"}, true},
		{"listed application", []string{"vscode-webview://panel"}, true},
		{"one label", []string{"https://a.wild.example.com"}, true},
		{"loopback, other port", []string{"http://localhost:6274"}, true}, // R27
		{"loopback address", []string{"http://127.0.0.1:5173"}, true},     // R27
		{"loopback IPv6", []string{"http://[::1]:5173"}, true},            // R27
		{"111 foreign", []string{"http://evil.example"}, false},
		{"112 null", []string{"null"}, false},
		{"113 suffix", []string{"http://localhost.evil.example"}, false},
		{"113 fragment", []string{"http://evil.example#localhost"}, false},
		{"113 userinfo", []string{"http://localhost@evil"}, false},
		{"113 other port", []string{"https://app.example.com:8443"}, false},
		{"113 other port of a listed one", []string{"http://dev.example.com"}, false},
		{"113 other scheme", []string{"http://app.example.com"}, false},
		{"113 other scheme of the public one", []string{"http://mcp.example.com"}, false},
		{"113 look-alike", []string{"https://аpp.example.com"}, false}, // Cyrillic a
		{"113 look-alike in punycode", []string{"https://xn--pp-6kc.example.com"}, false},
		{"113 path", []string{"https://app.example.com/"}, false},
		{"113 prefix", []string{"https://app.example.com.evil.example"}, false},
		{"one label and a port", []string{"https://a.ports.example.com:8443"}, true},
		{"one label and another port", []string{"https://a.ports.example.com"}, false},
		{"one label and another scheme", []string{"http://a.wild.example.com"}, false},
		{"one label and a port where none is listed", []string{"https://a.wild.example.com:8443"}, false},
		{"one label before a look-alike", []string{"https://a.wild.example.com.evil.example"}, false},
		{"an asterisk itself", []string{"https://*.wild.example.com"}, false},
		{"no label", []string{"https://wild.example.com"}, false},
		{"two labels", []string{"https://a.b.wild.example.com"}, false},
		{"loopback by an application", []string{"capacitor://localhost"}, false},
		{"no scheme", []string{"localhost:3002"}, false},
		{"empty", []string{""}, false},
		{"file", []string{"file://"}, false},
		{"two in one", []string{"https://app.example.com https://app.example.com"}, false},
		{"114 several", []string{"https://app.example.com", "https://app.example.com"}, false},
	} {
		for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS"} { // 111: every method
			t.Run(tc.name+" "+method, func(t *testing.T) {
				r := request(method)
				if tc.origins != nil {
					r.Header["Origin"] = tc.origins
				}
				w := serve(e, r)
				if tc.allowed {
					wantServed(t, w)
					return
				}
				message := refused(t, w, OriginNotAllowed)
				if len(tc.origins) == 1 && !strings.Contains(message, "server.allowed_origins") {
					t.Errorf("message = %q, want the key to set", message)
				}
			})
		}
	}
}

func TestOriginBeyondLoopback(t *testing.T) {
	hosts := must(NewHosts(HostOptions{Bind: "0.0.0.0", AllowedHosts: []string{"tools.example.com"}}))
	proxies := must(ParseProxies([]string{"10.0.0.1"}))
	origins := must(NewOrigins(hosts, OriginOptions{Proxies: proxies}))
	for _, tc := range []struct {
		name, origin, host string
		change             func(*http.Request)
		want               bool
	}{
		{"own", "http://tools.example.com:3002", "tools.example.com:3002", nil, true},
		{"own, other port", "http://tools.example.com", "tools.example.com:3002", nil, false},
		{"own, other scheme", "https://tools.example.com:3002", "tools.example.com:3002", nil, false},
		{
			"own under TLS", "https://tools.example.com", "tools.example.com",
			func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, true,
		},
		{
			"own under a proxy's TLS", "https://tools.example.com", "tools.example.com",
			func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-Proto", "https") }, true,
		},
		{
			"a stranger's word for TLS", "https://tools.example.com", "tools.example.com",
			func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false,
		},
		{"rebound: own, but the host is foreign", "http://evil.example:3002", "evil.example:3002", nil, false},
		{"loopback page", "http://localhost:5173", "tools.example.com:3002", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := request("POST", "Host: "+tc.host, "Origin: "+tc.origin)
			if tc.change != nil {
				tc.change(r)
			}
			if got := origins.Allowed(r); got != tc.want {
				t.Errorf("allowed = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOriginNullWhenListed(t *testing.T) { // 112
	wantServed(t, serve(gate(HostOptions{Bind: "localhost"}, "null"), request("POST", "Origin: null")))
}

func TestNewOriginsRefuses(t *testing.T) {
	hosts := must(NewHosts(HostOptions{Bind: "localhost"}))
	for _, text := range []string{"*", "", "app.example.com", "https://app.example.com/path", "https://*", "https://u@h", "https://*.*.example.com", "://h"} {
		_, err := NewOrigins(hosts, OriginOptions{Allowed: []string{text}})
		if err == nil || !strings.Contains(err.Error(), "server.allowed_origins") {
			t.Errorf("%q: error = %v, want one that names server.allowed_origins", text, err)
		}
	}
	if _, err := NewOrigins(hosts, OriginOptions{PublicURL: "nonsense"}); err == nil {
		t.Error("a public URL without a scheme was taken")
	}
}

// Property: an allowed origin is, to a URL parser that is not ours, a scheme, one of the names and a port, nothing more.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{
		"null", "http://localhost:1", "https://app.example.com", "https://app.example.com@evil", "http://localhost#.evil",
		"https://evil/app.example.com", "http://[::1]", "https://app.example.com:443", "http://127.0.0.1.evil", "HTTP://LOCALHOST",
	} {
		f.Add(seed)
	}
	hosts := must(NewHosts(HostOptions{Bind: "localhost"}))
	origins := must(NewOrigins(hosts, OriginOptions{Allowed: []string{"https://app.example.com"}}))
	f.Fuzz(func(t *testing.T, text string) {
		r := &http.Request{Host: "localhost", URL: &url.URL{Path: "/"}, Header: http.Header{"Origin": {text}}}
		if !origins.Allowed(r) {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
			t.Fatalf("allowed %q, which is no origin: %#v, %v", text, u, err)
		}
		a, ok := parseAuthority(u.Host)
		web := u.Scheme == "http" || u.Scheme == "https"
		listed := u.Scheme == "https" && a.name == "app.example.com" && (u.Port() == "" || u.Port() == "443" || a.port == 443)
		if !ok || !listed && !(web && a.loopback()) {
			t.Fatalf("allowed %q", text)
		}
	})
}
