package middleware

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

func whoAsks(c *gin.Context) { c.String(http.StatusOK, PrincipalFrom(c.Request.Context()).ID) }

func TestAuthByKey(t *testing.T) {
	plain, key := NewKey("ci", []string{mcp.ScopeRead})
	expired, expiredKey := NewKey("old", []string{mcp.ScopeRead})
	expiredKey.Expires = time.Now().Add(-time.Second)
	e := engine(whoAsks, must(Auth(AuthOptions{Verifiers: []Verifier{storeOf(t, key, expiredKey)}})))
	const (
		bare      = `Bearer realm="toolgate"`
		invalid   = bare + `, error="invalid_token", error_description="the key is unknown or has expired"`
		malformed = bare + `, error="invalid_request"`
	)
	flipped := plain[:len(plain)-1] + string(plain[len(plain)-1]^1)
	for _, tc := range []struct {
		name      string
		headers   []string
		want      Reason
		challenge string
	}{
		{"bearer", []string{"Authorization: Bearer " + plain}, "", ""},
		{"107 bearer in lower case", []string{"Authorization: bearer " + plain}, "", ""},
		{"two spaces", []string{"Authorization: Bearer  " + plain}, "", ""},
		{"X-API-Key", []string{"X-API-Key: " + plain}, "", ""},
		{"both, equal", []string{"Authorization: Bearer " + plain, "X-API-Key: " + plain}, "", ""},
		{"92 none", nil, Unauthorized, bare},
		{"105 wrong by one bit", []string{"Authorization: Bearer " + flipped}, Unauthorized, invalid},
		{"expired", []string{"Authorization: Bearer " + expired}, Unauthorized, invalid},
		{"106 both, different", []string{"Authorization: Bearer " + plain, "X-API-Key: " + expired}, BadCredentials, malformed},
		{"107 twice", []string{"Authorization: Bearer " + plain, "Authorization: Bearer " + plain}, BadCredentials, malformed},
		{"X-API-Key twice", []string{"X-API-Key: " + plain, "X-API-Key: " + plain}, BadCredentials, malformed},
		{"107 Basic", []string{"Authorization: Basic " + plain}, Unauthorized, bare},
		{"Basic beside a key", []string{"Authorization: Basic eDp5", "X-API-Key: " + plain}, Unauthorized, bare},
		{"no scheme", []string{"Authorization: " + plain}, Unauthorized, bare},
		{"empty", []string{"Authorization: Bearer "}, Unauthorized, bare},
		{"empty beside a key", []string{"Authorization: Bearer ", "X-API-Key: " + plain}, BadCredentials, malformed},
		{"100 too long", []string{"Authorization: Bearer " + strings.Repeat("a", 100_000)}, Unauthorized, invalid},
		{"a key and more", []string{"Authorization: Bearer " + plain + " x"}, Unauthorized, invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := serve(e, request("POST", tc.headers...))
			if tc.want != "" {
				refused(t, w, tc.want)
				if strings.Contains(w.Body.String(), plain) {
					t.Errorf("the answer quotes the key: %s", w.Body)
				}
			} else if w.Code != 200 || w.Body.String() != "key:"+key.ID {
				t.Errorf("answer = %d %q, want 200 key:%s", w.Code, w.Body, key.ID)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != tc.challenge {
				t.Errorf("challenge = %q\nwant        %q", got, tc.challenge)
			}
		})
	}
}

func TestAuthRefusesKeysInTheURL(t *testing.T) { // 93
	plain, key := NewKey("ci", []string{mcp.ScopeRead})
	e := engine(whoAsks, must(Auth(AuthOptions{Verifiers: []Verifier{storeOf(t, key)}})))
	for _, name := range []string{"access_token", "token", "api_key", "API-KEY", "apikey", "key", "authorization"} {
		r := httptest.NewRequest("POST", "/mcp?session_id=1&"+name+"="+plain, nil)
		message := refused(t, serve(e, r), Unauthorized)
		if !strings.Contains(message, "Authorization: Bearer") || strings.Contains(message, plain) {
			t.Errorf("%s: message = %q, want the header to use, and not the key", name, message)
		}
		r.Header.Set("Authorization", "Bearer "+plain)
		refused(t, serve(e, r), Unauthorized)
	}
	r := httptest.NewRequest("POST", "/mcp?session_id=1&sessionId=2", nil)
	r.Header.Set("Authorization", "Bearer "+plain)
	if w := serve(e, r); w.Code != 200 {
		t.Errorf("status = %d with a session in the URL, want 200", w.Code)
	}
}

func TestAuthLimitsWrongKeys(t *testing.T) { // 105
	synctest.Test(t, func(t *testing.T) {
		plain, key := NewKey("ci", []string{mcp.ScopeRead})
		e := engine(whoAsks, must(Auth(AuthOptions{
			Verifiers: []Verifier{storeOf(t, key)}, Failures: newLimiter("auth_failures", "10-M"),
		})))
		wrong := func() *http.Request { return request("POST", "Authorization: Bearer tg_wrong") }
		for range 10 {
			refused(t, serve(e, wrong()), Unauthorized)
		}
		w := serve(e, wrong())
		refused(t, w, RateLimited)
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if w := serve(e, request("POST", "Authorization: Bearer "+plain)); w.Code != 200 {
			t.Errorf("status = %d for a right key behind the same address, want 200", w.Code)
		}
		refused(t, serve(e, request("POST")), Unauthorized) // asking without a key is how clients begin
		elsewhere := wrong()
		elsewhere.RemoteAddr = "198.51.100.1:1"
		refused(t, serve(e, elsewhere), Unauthorized)
		<-time.After(61 * time.Second)
		refused(t, serve(e, wrong()), Unauthorized)
	})
}

func TestAuthNone(t *testing.T) {
	for _, tc := range []struct {
		name     string
		loopback bool
		want     int
	}{{"on loopback, everybody is the admin", true, 200}, {"beyond loopback, nobody is", false, 403}} {
		t.Run(tc.name, func(t *testing.T) {
			e := engine(whoAsks, must(Auth(AuthOptions{Open: true, Loopback: tc.loopback})), RequireScope(mcp.ScopeAdmin))
			if w := serve(e, request("GET")); w.Code != tc.want {
				t.Errorf("status = %d, want %d", w.Code, tc.want)
			}
			e = engine(whoAsks, must(Auth(AuthOptions{Open: true, Loopback: tc.loopback})), RequireScope(mcp.ScopeWrite))
			if w := serve(e, request("GET")); w.Code != 200 {
				t.Errorf("status = %d for tools, want 200", w.Code)
			}
		})
	}
}

func TestAuthOptionsRefused(t *testing.T) {
	for _, o := range []AuthOptions{{}, {Loopback: true}} {
		if _, err := Auth(o); err == nil || !strings.Contains(err.Error(), "auth.mode") {
			t.Errorf("%+v: error = %v, want one that names auth.mode", o, err)
		}
	}
}

func TestRequireScope(t *testing.T) { // 103
	for _, tc := range []struct {
		holds, needs string
		ok           bool
	}{
		{mcp.ScopeAdmin, mcp.ScopeAdmin, true},
		{mcp.ScopeAdmin, mcp.ScopeRead, true},
		{mcp.ScopeWrite, mcp.ScopeRead, true},
		{mcp.ScopeRead, mcp.ScopeWrite, false},
		{mcp.ScopeWrite, mcp.ScopeAdmin, false},
	} {
		as := func(c *gin.Context) { setPrincipal(c, &mcp.Principal{ID: "x", Scopes: []string{tc.holds}}) }
		w := serve(engine(served, as, RequireScope(tc.needs)), request("GET"))
		if tc.ok {
			wantServed(t, w)
			continue
		}
		refused(t, w, MissingScope)
		want := `Bearer realm="toolgate", error="insufficient_scope", scope="` + tc.needs + `"`
		if got := w.Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("challenge = %q, want %q", got, want)
		}
	}
	refused(t, serve(engine(served, RequireScope(mcp.ScopeAdmin)), request("GET")), Unauthorized)
}
