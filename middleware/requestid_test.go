package middleware

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

func TestRequestID(t *testing.T) {
	trusted := must(ParseProxies([]string{"10.0.0.1"}))
	for _, tc := range []struct {
		name, peer string
		sent       []string
		kept       bool
	}{
		{"none", "10.0.0.1:1", nil, false},
		{"from a proxy", "10.0.0.1:1", []string{"abc-123_.:Z"}, true},
		{"from a stranger", "192.0.2.1:1", []string{"abc"}, false},
		{"empty", "10.0.0.1:1", []string{""}, false},
		{"two", "10.0.0.1:1", []string{"a", "b"}, false},
		{"64 bytes", "10.0.0.1:1", []string{strings.Repeat("a", 64)}, true},
		{"65 bytes", "10.0.0.1:1", []string{strings.Repeat("a", 65)}, false},
		{"space", "10.0.0.1:1", []string{"a b"}, false},
		{"escape sequence", "10.0.0.1:1", []string{"\x1b[31m"}, false},
		{"not ASCII", "10.0.0.1:1", []string{"é"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var inside string
			e := engine(func(c *gin.Context) { inside = RequestIDFrom(c.Request.Context()) }, RequestID(trusted))
			r := request("GET")
			r.RemoteAddr = tc.peer
			r.Header["X-Request-Id"] = tc.sent
			got := serve(e, r).Header().Get("X-Request-Id")
			if got != inside {
				t.Errorf("answer says %q, context says %q", got, inside)
			}
			if tc.kept {
				if got != tc.sent[0] {
					t.Errorf("id = %q, want the proxy's %q", got, tc.sent[0])
				}
			} else if _, err := uuid.Parse(got); err != nil {
				t.Errorf("id = %q, want a new UUID", got)
			}
		})
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	e := engine(served, RequestID(nil))
	first := serve(e, request("GET")).Header().Get("X-Request-Id")
	if second := serve(e, request("GET")).Header().Get("X-Request-Id"); first == second {
		t.Errorf("two requests are both %s", first)
	}
}

func TestRequestIDFromNowhere(t *testing.T) {
	r, _ := http.NewRequest("GET", "/", nil)
	if got := RequestIDFrom(r.Context()); got != "" {
		t.Errorf("id without the gate = %q, want none", got)
	}
}
