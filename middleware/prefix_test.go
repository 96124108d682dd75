package middleware

import (
	"net/http/httptest"
	"testing"
)

func TestPrefix(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, peer, said, want string }{
		{"a trusted proxy's plain path", "10.1.2.3:4", "/app", "/app"},
		{"a trailing slash is dropped", "10.1.2.3:4", "/app/", "/app"},
		{"several segments", "10.1.2.3:4", "/team-a/tools_1", "/team-a/tools_1"},
		{"nothing said", "10.1.2.3:4", "", "/own"},
		{"a stranger's word", "192.0.2.1:4", "/app", "/own"},
		{"another host", "10.1.2.3:4", "//evil.example", "/own"},
		{"a way up", "10.1.2.3:4", "/app/../admin", "/own"},
		{"the end of a line", "10.1.2.3:4", "/app\nevent: x", "/own"},
		{"a query", "10.1.2.3:4", "/app?x=1", "/own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/sse", nil)
			r.RemoteAddr = test.peer
			r.Header["X-Forwarded-Prefix"] = []string{test.said}
			if got := proxies.Prefix(r, "/own"); got != test.want {
				t.Errorf("Prefix = %q, want %q", got, test.want)
			}
		})
	}
}
