package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

func TestRefusalBody(t *testing.T) {
	e := engine(func(c *gin.Context) {
		Refuse(c, &Refusal{Reason: RateLimited, Message: "<script>wait</script>", RetryAfter: 1100 * time.Millisecond})
	})
	w := serve(e, request("POST"))
	want := `{"jsonrpc":"2.0","error":{"code":-32600,"message":"\u003cscript\u003ewait\u003c/script\u003e",` +
		`"data":{"reason":"rate_limited","retryAfterSeconds":2}}}`
	if got := w.Body.String(); got != want { // row 72
		t.Errorf("body = %s\nwant   %s", got, want)
	}
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After = %q, want 2: rounded up", got)
	}
	refused(t, w, RateLimited)
}

func TestRefusalStatuses(t *testing.T) {
	for reason, want := range map[Reason]int{
		BadHost: 400, HostNotAllowed: 403, OriginNotAllowed: 403, BadCredentials: 400, Unauthorized: 401,
		MissingScope: 403, RateLimited: 429, TooLarge: 413, UnsupportedMedia: 415, BodyTimeout: 408, BodyCut: 400,
		Panicked: 500, AuthUnavailable: 503,
	} {
		if got := reason.Status(); got != want {
			t.Errorf("%s: status = %d, want %d", reason, got, want)
		}
		wantCode := -32600
		if want >= http.StatusInternalServerError {
			wantCode = -32603
		}
		if got := reason.code(); got != wantCode {
			t.Errorf("%s: code = %d, want %d", reason, got, wantCode)
		}
	}
}

func TestRefuseKeepsABegunAnswer(t *testing.T) {
	e := engine(func(c *gin.Context) {
		c.String(http.StatusOK, "begun")
		Refuse(c, &Refusal{Reason: Panicked, Message: "late"})
	})
	if w := serve(e, request("GET")); w.Code != 200 || w.Body.String() != "begun" {
		t.Errorf("answer = %d %q, want 200 begun", w.Code, w.Body)
	}
}

// TestRefuseAs: under the prefix another form has the body, and everything else stays.
func TestRefuseAs(t *testing.T) {
	form := func(c *gin.Context, r *Refusal) {
		c.String(r.Reason.Status(), "%s after %d: %s", r.Reason, r.RetrySeconds(), r.Message)
	}
	refuse := func(c *gin.Context) {
		Refuse(c, &Refusal{Reason: RateLimited, Message: "wait", RetryAfter: 1100 * time.Millisecond})
	}
	w := serve(engine(served, RefuseAs("/mc", form), refuse), request("GET"))
	if got := w.Body.String(); w.Code != 429 || got != "rate_limited after 2: wait" {
		t.Errorf("under the prefix: got %d %q, want the other form", w.Code, got)
	}
	if got := w.Header(); got.Get("Retry-After") != "2" || got.Get("X-Content-Type-Options") != "nosniff" || got.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: got %v, want those of every refusal", got)
	}
	w = serve(engine(served, RefuseAs("/things", form), refuse), request("GET"))
	refused(t, w, RateLimited)
}

func TestRefusalsAreEqualByReason(t *testing.T) {
	err := fmt.Errorf("read: %w", &Refusal{Reason: TooLarge, Message: "more than 7 bytes"})
	if !errors.Is(err, ErrTooLarge) {
		t.Error("a refusal for TooLarge is not ErrTooLarge")
	}
	if errors.Is(err, ErrBodyCut) {
		t.Error("a refusal for TooLarge is ErrBodyCut")
	}
}
