package middleware

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// gate builds HostCheck from options, with /livez exempt.
func gate(host HostOptions, allowedOrigins ...string) http.Handler {
	hosts := must(NewHosts(host))
	origins := must(NewOrigins(hosts, OriginOptions{PublicURL: host.PublicURL, Allowed: allowedOrigins}))
	return engine(served, HostCheck(hosts, origins, "/livez"))
}

// arrivedOn puts the address that the connection arrived on where net/http puts it.
func arrivedOn(r *http.Request, local string) *http.Request {
	addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(local))
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
}

func TestHostCheckOnALoopbackBind(t *testing.T) {
	e := gate(HostOptions{
		Bind:         "localhost",
		PublicURL:    "https://mcp.example.com/base",
		AllowedHosts: []string{"Tools.Example.org", "fixed.example.org:8443", "*.wild.example.org", "web.example.org:443", "::2"},
	})
	for _, tc := range []struct {
		host string
		want Reason
	}{
		{"localhost", ""},
		{"localhost:3002", ""},
		{"localhost:", ""},
		{"LOCALHOST:8080", ""},                   // 117
		{"localhost.", ""},                       // 117
		{"localhost.:99", ""},                    // 117
		{"[::1]:8080", ""},                       // 117
		{"[0:0:0:0:0:0:0:1]", ""},                // 117
		{"[::ffff:127.0.0.1]:80", ""},            // 117
		{"127.1.2.3", ""},                        // 117
		{"127.0.0.1:65535", ""},                  //
		{"mcp.example.com", ""},                  // 120
		{"mcp.example.com:3002", ""},             // 120, nginx with $http_host
		{"tools.example.org:1", ""},              // listed without a port: any port
		{"fixed.example.org:8443", ""},           // listed with a port
		{"a.wild.example.org", ""},               //
		{"web.example.org", ""},                  // its port is https's own
		{"[::2]:5", ""},                          //
		{"", BadHost},                            // 50, HTTP/1.0
		{"a b", BadHost},                         // 50
		{"localhost:8080.evil.example", BadHost}, // 51
		{"localhost:8080@x", BadHost},            // 51
		{"localhost@evil", BadHost},              // 113
		{"evil.example#localhost", BadHost},      // 113
		{"localhost/..", BadHost},                //
		{"localhost:+80", BadHost},               //
		{"localhost:0", BadHost},                 //
		{"localhost:65536", BadHost},             //
		{"localhost:80:80", BadHost},             //
		{"localhost..", BadHost},                 //
		{".localhost", BadHost},                  //
		{"[::1", BadHost},                        //
		{"[::1]x", BadHost},                      //
		{"[::1%25lo]", BadHost},                  //
		{"[127.0.0.1]", BadHost},                 //
		{"::1", BadHost},                         // no brackets
		{"lоcalhost", BadHost},                   // Cyrillic o
		{"%6cocalhost", BadHost},                 //
		{strings.Repeat("a", 64), BadHost},       //
		{"evil.example", HostNotAllowed},         // 116
		{"localhost.evil.example", HostNotAllowed},
		{"evil-localhost", HostNotAllowed},
		{"127.0.0.1.evil.example", HostNotAllowed},
		{"127.1", HostNotAllowed}, // a name to us; browsers send the address
		{"0x7f000001", HostNotAllowed},
		{"0.0.0.0", HostNotAllowed},
		{"192.0.2.1", HostNotAllowed},
		{"[::]", HostNotAllowed},
		{"xn--lcalhost-67g", HostNotAllowed},
		{"mcp.example.com.evil.example", HostNotAllowed},
		{"xmcp.example.com", HostNotAllowed},
		{"fixed.example.org", HostNotAllowed},
		{"fixed.example.org:8444", HostNotAllowed},
		{"wild.example.org", HostNotAllowed},
		{"a.b.wild.example.org", HostNotAllowed},
		{"web.example.org:80", HostNotAllowed},
	} {
		t.Run("host "+tc.host, func(t *testing.T) {
			w := serve(e, request("POST", "Host: "+tc.host))
			if tc.want == "" {
				wantServed(t, w)
				return
			}
			message := refused(t, w, tc.want)
			if tc.want == HostNotAllowed && !strings.Contains(message, "server.allowed_hosts") {
				t.Errorf("message = %q, want the key to set", message)
			}
		})
	}
}

func TestHostCheckOnEveryAddress(t *testing.T) {
	for _, tc := range []struct {
		name, bind, local, host string
		want                    Reason
	}{
		{"own address", "0.0.0.0", "192.0.2.10:3002", "192.0.2.10:3002", ""},
		{"own address, other port", "0.0.0.0", "192.0.2.10:3002", "192.0.2.10:80", ""},
		{"own IPv6 address", "::", "[2001:db8::10]:3002", "[2001:DB8:0::10]", ""},
		{"IPv4 on an IPv6 socket", "", "[::ffff:192.0.2.10]:3002", "192.0.2.10", ""},
		{"other address", "0.0.0.0", "192.0.2.10:3002", "192.0.2.11", HostNotAllowed},
		{"loopback name from this machine", "0.0.0.0", "127.0.0.1:3002", "localhost:3002", ""},
		{"loopback name from elsewhere", "0.0.0.0", "192.0.2.10:3002", "localhost:3002", HostNotAllowed},
		{"loopback address from elsewhere", "", "192.0.2.10:3002", "127.0.0.1", HostNotAllowed},
		{"public name", "0.0.0.0", "192.0.2.10:3002", "mcp.example.com", ""},
		{"foreign name", "0.0.0.0", "127.0.0.1:3002", "evil.example", HostNotAllowed},
		{"bound name", "tools.internal", "192.0.2.10:3002", "tools.internal:3002", ""},
		{"bound address", "192.0.2.10", "192.0.2.10:3002", "192.0.2.10", ""},
		{"the wildcard address is nobody's name", "0.0.0.0", "192.0.2.10:3002", "0.0.0.0", HostNotAllowed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := gate(HostOptions{Bind: tc.bind, PublicURL: "https://mcp.example.com"})
			w := serve(e, arrivedOn(request("POST", "Host: "+tc.host), tc.local))
			if tc.want == "" {
				wantServed(t, w)
			} else {
				refused(t, w, tc.want)
			}
		})
	}
}

// Row 118.
func TestHostCheckJudgesAbsoluteTargets(t *testing.T) {
	e := gate(HostOptions{Bind: "localhost"})
	for _, tc := range []struct {
		target, host string
		want         Reason
	}{
		{"http://localhost/mcp", "evil.example", ""},
		{"http://evil.example/mcp", "localhost", HostNotAllowed},
		{"http://user@localhost/mcp", "localhost", BadHost},
		{"http://localhost@evil.example/mcp", "localhost", BadHost},
	} {
		r := request("POST")
		r.URL = must(url.Parse(tc.target))
		r.Host = tc.host
		w := serve(e, r)
		if tc.want == "" {
			wantServed(t, w)
		} else {
			refused(t, w, tc.want)
		}
	}
}

func TestHostCheckIgnoresForwardedHosts(t *testing.T) { // 119
	e := gate(HostOptions{Bind: "localhost"})
	refused(t, serve(e, request("POST", "Host: evil.example", "X-Forwarded-Host: localhost", "Forwarded: host=localhost")), HostNotAllowed)
	wantServed(t, serve(e, request("POST", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example")))
}

func TestHostCheckExemptsProbesFromHostOnly(t *testing.T) {
	e := gate(HostOptions{Bind: "localhost"})
	r := httptest.NewRequest("GET", "/livez", nil)
	r.Host = "10.1.2.3:3002"
	wantServed(t, serve(e, r))
	r.Header.Set("Origin", "http://10.1.2.3:3002")
	refused(t, serve(e, r), OriginNotAllowed)
}

// Row 126, for a page that is allowed and a name that is not.
func TestHostRefusalIsReadableByAllowedPages(t *testing.T) {
	e := gate(HostOptions{Bind: "localhost"}, "https://app.example.com")
	w := serve(e, request("GET", "Host: evil.example", "Origin: https://app.example.com"))
	refused(t, w, HostNotAllowed)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "https://app.example.com" {
		t.Errorf("Access-Control-Allow-Origin = %q, want the page's", got)
	}
	w = serve(e, request("GET", "Host: evil.example", "Origin: http://evil.example"))
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("Access-Control-Allow-Origin = %q for a foreign page, want none", got)
	}
}

func TestNewHostsRefuses(t *testing.T) {
	for _, tc := range []struct {
		options HostOptions
		key     string
	}{
		{HostOptions{Bind: "not a host"}, "server.host"},
		{HostOptions{PublicURL: "mcp.example.com"}, "server.public_url"},
		{HostOptions{PublicURL: "ftp://mcp.example.com"}, "server.public_url"},
		{HostOptions{PublicURL: "https://user:pw@mcp.example.com"}, "server.public_url"},
		{HostOptions{AllowedHosts: []string{"https://mcp.example.com"}}, "server.allowed_hosts"},
		{HostOptions{AllowedHosts: []string{"*"}}, "server.allowed_hosts"},
		{HostOptions{AllowedHosts: []string{"*.*.example.com"}}, "server.allowed_hosts"},
		{HostOptions{AllowedHosts: []string{"*.1.2.3.4"}}, "server.allowed_hosts"},
		{HostOptions{AllowedHosts: []string{""}}, "server.allowed_hosts"},
		{HostOptions{AllowedHosts: []string{"bücher.example"}}, "server.allowed_hosts"},
	} {
		if _, err := NewHosts(tc.options); err == nil || !strings.Contains(err.Error(), tc.key) {
			t.Errorf("%+v: error = %v, want one that names %s", tc.options, err, tc.key)
		}
	}
}

// Property: an accepted Host is, to a URL parser that is not ours, one of the names and nothing more.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{
		"localhost", "LOCALHOST.:80", "[::1]:1", "localhost:80@evil", "a.wild.example.org", "localhost#x",
		"evil.example", "localhost.evil.example", "127.0.0.1:", "[::ffff:127.0.0.1]", "mcp.example.com\x00", "localhost\\@evil",
	} {
		f.Add(seed)
	}
	hosts := must(NewHosts(HostOptions{Bind: "localhost", PublicURL: "https://mcp.example.com", AllowedHosts: []string{"*.wild.example.org"}}))
	f.Fuzz(func(t *testing.T, host string) {
		r := &http.Request{Host: host, URL: &url.URL{Path: "/mcp"}}
		if hosts.check(r) != "" {
			return
		}
		u, err := url.Parse("http://" + host + "/")
		if err != nil {
			t.Fatalf("accepted %q, which is no authority: %v", host, err)
		}
		if u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.Path != "/" {
			t.Fatalf("accepted %q, which is more than an authority: %#v", host, u)
		}
		name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		addr, _ := netip.ParseAddr(name)
		label, isWild := strings.CutSuffix(name, ".wild.example.org")
		switch {
		case name == "localhost", name == "mcp.example.com", addr.Unmap().IsLoopback():
		case isWild && label != "" && !strings.Contains(label, "."):
		default:
			t.Fatalf("accepted %q, which names %q", host, name)
		}
	})
}
