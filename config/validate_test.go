package config

import (
	"strings"
	"testing"
)

// Each grammar with what it takes and what it refuses.
func TestGrammars(t *testing.T) {
	publicURL := func(text string) error {
		_, err := parsePublicURL(text)
		return err
	}
	long := strings.Repeat("a.", 127) + "a"
	for _, grammar := range []struct {
		name    string
		check   func(string) error
		takes   []string
		refuses []string
	}{
		{
			"host", checkHost,
			[]string{"localhost", "tools.example.com", "127.0.0.1", "::", "fe80::1%eth0", "fe80::1%br-lan_0.100~a", "my_container", "1.example.com"},
			[]string{"", "localhost:1", "[::1]", "::1%a b", "::1%a;b", "::1%{}", "::1%a\nb", "::1%$a", "::1%a%b", "::1%\"", "http://a", "a b", "-a", "a-", "a..b", "a.", "256.0.0.1", "1.2.3", "*", long, strings.Repeat("a", 64), "ü.example.com"},
		},
		{
			"allowed host", checkHostPattern,
			[]string{"a", "a.example.com", "a.example.com:8080", "192.0.2.1", "192.0.2.1:80", "::1", "[::1]", "[::1]:80", "*.example.com"},
			[]string{
				"", "*", "*.", "*.com", "**.example.com", "a*.example.com", "*.*.com", "*.example.com:80", "a.example.com:", "a:port", "a:+1",
				"a:65536", "[::1", "::1]", "[a]", "[192.0.2.1]", "[fe80::1%eth0]", "fe80::1%eth0", "a/b", "https://a", "a@b",
			},
		},
		{
			"origin", checkOrigin,
			[]string{
				"https://a.example.com", "http://localhost:5173", "http://[::1]:8080", "vscode-webview://abc", "https://a:80", "http://a:443",
				"https://*.example.com", "https://*.example.com:8443", "http://*.a.example.com",
			},
			[]string{
				"", "*", "null", "a.example.com", "//a", "https://", "https://a/", "https://a/b", "https://a?b", "https://a#b", "https://u@a", "https://A",
				"HTTPS://a", "https://a:443", "http://a:80", "https://a:", "http://localhost:*", "https://a b", "file:///a",
				"https://*", "https://*.com", "https://*.*.example.com", "https://**.example.com", "https://a*.example.com", "https://a.*.com",
				"https://*.example.com/", "https://*.Example.com", "https://*.example.com:443", "https://*.example.com:*", "https://*.192.0.2.1",
				"https://*.u@example.com", "*://a.example.com", "*.example.com", "https://*.example.com:",
			},
		},
		{
			"trusted proxy", checkProxy,
			[]string{"192.0.2.1", "10.0.0.0/8", "::1", "2001:db8::/32", "fc00::/7"},
			[]string{
				"", "proxy", "0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "8000::/1", "2000::/3", "10.0.0.1/0", "10.0.0.0/33", "10.0.0.0/", "::ffff:10.0.0.1", "::ffff:0.0.0.0/96", "fe80::1%eth0", "*",
				"192.0.2.1:80",
			},
		},
		{
			"base path", checkBasePath,
			[]string{"", "/a", "/a/b-c/d_e.f~g"},
			[]string{"a", "/a//b", "//a", "/.", "/a/..", "/a b", "/a?b", "/a#b", "/a%2fb", "/{a}", "/:a", "/*a", "/ä"},
		},
		{
			"public url", publicURL,
			[]string{"https://a.example.com", "http://localhost:3002", "https://[::1]:1/a/b"},
			[]string{
				"", "a.example.com", "/a", "ftp://a", "https://", "https:///a", "https://a?b=c", "https://a?", "https://a#", "https://a#b", "https://u:p@a",
				"https://a:0", "https://a:port", "https://a/b//c", "https://a/%2e%2e", "https://a b", "https://*.a.com",
			},
		},
		{
			"name", checkName,
			[]string{"text", "demo_write", "a.b-c1"},
			[]string{"a b", "a/b", "a,b", "*", "ä"},
		},
	} {
		for _, text := range grammar.takes {
			if err := grammar.check(text); err != nil {
				t.Errorf("%s %q: %v, want it taken", grammar.name, text, err)
			}
		}
		for _, text := range grammar.refuses {
			if err := grammar.check(text); err == nil {
				t.Errorf("%s %q was taken, want it refused", grammar.name, text)
			}
		}
	}
}

// A canary stands for the password in a URL: it may be in no problem, however much else is wrong.
func TestPublicURLHidesItsPassword(t *testing.T) {
	for _, url := range []string{"https://user:canary@a.example.com", "ftp://user:canary@a", "https://user:canary@a b", "https://user:canary@a?b"} {
		_, _, err := Load(Source{Dir: t.TempDir(), Env: []string{"TOOLGATE_SERVER_PUBLIC_URL=" + url}})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v, want one without the password", err)
		}
	}
}

// A tag that cannot be read would switch its check off or fail every configuration.
func TestRangeTagsAreReadable(t *testing.T) {
	cfg := Default()
	ranges := 0
	for _, f := range fields(&cfg) {
		limits := f.tag.Get("range")
		if limits == "" {
			continue
		}
		ranges++
		if low, high, err := f.bounds(limits); err != nil || low >= high {
			t.Errorf("%s: range %q reads as %d to %d, error %v", f.name, limits, low, high, err)
		}
	}
	if ranges == 0 {
		t.Error("no key has a range")
	}
}
