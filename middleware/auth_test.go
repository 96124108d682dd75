package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
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
		invalid   = bare + `, error="invalid_token", error_description="the key or token is unknown or has expired"`
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

// sayingVerifier says the same of every credential, and counts how often it is asked.
type sayingVerifier struct {
	principal *mcp.Principal
	err       error
	asked     int
}

func (v *sayingVerifier) Verify(context.Context, string) (*mcp.Principal, error) {
	v.asked++
	return v.principal, v.err
}

// TestVerifiersInOrder: the first that knows a credential has the last word, and what cannot be judged is never a yes.
func TestVerifiersInOrder(t *testing.T) {
	alice, bob := &mcp.Principal{ID: "alice"}, &mcp.Principal{ID: "bob"}
	for _, tc := range []struct {
		name   string
		says   []sayingVerifier
		status int
		body   string // what is in it
		asked  []int
	}{
		{"the first knows it", []sayingVerifier{{principal: alice}, {principal: bob}}, 200, "alice", []int{1, 0}},
		{"the second knows it", []sayingVerifier{{err: ErrNotKnown}, {principal: bob}}, 200, "bob", []int{1, 1}},
		{"nobody does", []sayingVerifier{{err: ErrNotKnown}, {err: ErrNotKnown}}, 401, "unknown or has expired", []int{1, 1}},
		{"the first knows that it is bad", []sayingVerifier{{err: fmt.Errorf("%w: it is stale", ErrNotValid)}, {principal: bob}}, 401, "it is stale", []int{1, 0}},
		{"the first cannot tell", []sayingVerifier{{err: fmt.Errorf("%w: secret detail", ErrNoVerdict)}, {principal: bob}}, 503, "cannot be judged", []int{1, 0}},
		{"the first breaks", []sayingVerifier{{err: errors.New("secret detail")}, {principal: bob}}, 503, "cannot be judged", []int{1, 0}},
		{"the first says neither", []sayingVerifier{{}, {principal: bob}}, 503, "cannot be judged", []int{1, 0}},
		{"nobody knows its issuer", []sayingVerifier{{err: fmt.Errorf("%w: %w", ErrNotKnown, errForeign)}, {err: ErrNotKnown}}, 401, "issuer", []int{1, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var verifiers []Verifier
			for i := range tc.says {
				verifiers = append(verifiers, &tc.says[i])
			}
			w := serve(engine(whoAsks, must(Auth(AuthOptions{Verifiers: verifiers}))), request("POST", "Authorization: Bearer x"))
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("answer = %d %s, want %d and %q", w.Code, w.Body, tc.status, tc.body)
			}
			if after := w.Header().Get("Retry-After"); (after != "") != (tc.status == 503) {
				t.Errorf("Retry-After = %q with %d", after, w.Code)
			}
			if tc.status == 503 && w.Header().Get("WWW-Authenticate") != "" {
				t.Error("a client is sent for another credential, and this one may be good")
			}
			for i, v := range tc.says {
				if v.asked != tc.asked[i] {
					t.Errorf("verifier %d was asked %d times, want %d", i, v.asked, tc.asked[i])
				}
			}
		})
	}
}

// TestChallenges: what a client is told to do, with the resource's metadata and without (2025-11-25, authorization).
func TestChallenges(t *testing.T) {
	const metadata = "https://tools.example.com/.well-known/oauth-protected-resource/mcp"
	reader := &sayingVerifier{principal: &mcp.Principal{ID: "x", Scopes: []string{mcp.ScopeRead, "jira:read"}}}
	bad := &sayingVerifier{err: fmt.Errorf(`%w: a "quote", a \ and a`+"\n"+`break`, ErrNotValid)}
	oauth := AuthOptions{Metadata: metadata, Scope: mcp.ScopeRead, MetadataOf: map[string]string{"/livez": "https://tools.example.com/other"}}
	mapped := oauth
	mapped.Ask = func(scope string) string {
		return map[string]string{mcp.ScopeRead: "api://t/read", mcp.ScopeWrite: "api://t/write"}[scope]
	}
	given := oauth
	given.Ask = func(string) string { return "" }
	const invalidToken = `, error="invalid_token", error_description="the credential is not valid: a \"quote\", a \\ and abreak"`
	for _, tc := range []struct {
		name     string
		options  AuthOptions
		verifier Verifier
		path     string
		headers  []string
		want     string
	}{
		{"92 no token", oauth, reader, "/mcp", nil, `Bearer resource_metadata="` + metadata + `", scope="tools:read"`},
		{"no token, on another resource", oauth, reader, "/livez", nil, `Bearer resource_metadata="https://tools.example.com/other", scope="tools:read"`},
		{"no token, where scopes have other names", mapped, reader, "/mcp", nil, `Bearer resource_metadata="` + metadata + `", scope="api://t/read"`},
		{"no token, where scopes cannot be asked for", given, reader, "/mcp", nil, `Bearer resource_metadata="` + metadata + `"`},
		{"no token, without OAuth", AuthOptions{}, reader, "/mcp", nil, `Bearer realm="toolgate"`},
		{"a bad token", oauth, bad, "/mcp", []string{"Authorization: Bearer x"}, `Bearer resource_metadata="` + metadata + `", scope="tools:read"` + invalidToken},
		{"a bad token, without OAuth", AuthOptions{}, bad, "/mcp", []string{"Authorization: Bearer x"}, `Bearer realm="toolgate"` + invalidToken},
		{"106 two credentials", oauth, reader, "/mcp", []string{"Authorization: Bearer x", "X-API-Key: y"}, `Bearer error="invalid_request"`},
		{"107 Basic", oauth, reader, "/mcp", []string{"Authorization: Basic eDp5"}, `Bearer resource_metadata="` + metadata + `", scope="tools:read"`},
		{
			"103 a missing scope, what was there kept", oauth, reader, "/mcp",
			[]string{"Authorization: Bearer x"},
			`Bearer error="insufficient_scope", scope="jira:read tools:write", resource_metadata="` + metadata + `", error_description="this needs the scope tools:write, which the credential does not have"`,
		},
		{
			"103 a missing scope, where scopes have other names", mapped, reader, "/mcp",
			[]string{"Authorization: Bearer x"},
			`Bearer error="insufficient_scope", scope="api://t/write", resource_metadata="` + metadata + `", error_description="this needs the scope tools:write, which the credential does not have"`,
		},
		{
			"103 a missing scope, without OAuth",
			AuthOptions{},
			reader, "/mcp",
			[]string{"Authorization: Bearer x"},
			`Bearer realm="toolgate", error="insufficient_scope", scope="tools:write"`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.options.Verifiers = []Verifier{tc.verifier}
			r := request("POST", tc.headers...)
			r.URL.Path = tc.path
			w := serve(engine(served, must(Auth(tc.options)), RequireScope(mcp.ScopeWrite)), r)
			if got := w.Header().Values("WWW-Authenticate"); len(got) != 1 || got[0] != tc.want {
				t.Errorf("challenge = %q\nwant        %q", got, tc.want)
			}
		})
	}
}

// TestAgedTokensAreNoGuesses: a client whose token's time is over has to hear 401 to get another, however often that is.
func TestAgedTokensAreNoGuesses(t *testing.T) {
	aged := &sayingVerifier{err: fmt.Errorf("%w: it has expired: %w", ErrNotValid, ErrAged)}
	e := engine(served, must(Auth(AuthOptions{Verifiers: []Verifier{aged}, Failures: newLimiter("auth_failures", "1-M")})))
	for range 5 {
		refused(t, serve(e, request("POST", "Authorization: Bearer x")), Unauthorized)
	}
}

// FuzzChallenge: whatever is said in a challenge, it is one line of printable ASCII whose parameters say just that.
func FuzzChallenge(f *testing.F) {
	for _, seed := range []string{"plain", `a "quote"`, `\`, "line\r\nbreak: x", "ünïcode\x00", `", error="x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := param("error_description", text)
		kept := strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return -1
			}
			return r
		}, text)
		if text == "" {
			if got != "" {
				t.Errorf("nothing becomes %q", got)
			}
			return
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(got, `error_description="`), `"`)
		var read strings.Builder
		for i := 0; i < len(inner); i++ { // as RFC 9110, 5.6.4 has it read
			switch {
			case inner[i] == '"', inner[i] < ' ', inner[i] > '~':
				t.Fatalf("%q becomes %q, which ends early or holds what no header may", text, got)
			case inner[i] == '\\':
				i++
			}
			read.WriteByte(inner[i])
		}
		if read.String() != kept {
			t.Errorf("%q is read as %q, want %q", text, read.String(), kept)
		}
	})
}

// FuzzCredential: of a request that carries its credential in one header and nowhere else the gate finds just that, and of
// any other it finds nothing.
func FuzzCredential(f *testing.F) {
	f.Add("Bearer abc", "", "")
	f.Add("bearer  abc ", "abc", "")
	f.Add("Basic abc", "abc", "x=1")
	f.Add("", "abc", "access_token=abc")
	f.Fuzz(func(t *testing.T, authorization, apiKey, query string) {
		r := &http.Request{Header: http.Header{}, URL: &url.URL{Path: "/mcp", RawQuery: query}}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		if apiKey != "" {
			r.Header["X-Api-Key"] = []string{apiKey}
		}
		key, refusal := credential(r)
		if (refusal == nil) != (key != "") {
			t.Fatalf("credential = %q and refusal = %v", key, refusal)
		}
		if refusal == nil && (keyInQuery(r.URL) || !strings.Contains(authorization+apiKey, key) || apiKey != "" && apiKey != key) {
			t.Errorf("credential = %q of Authorization %q, X-API-Key %q and ?%s", key, authorization, apiKey, query)
		}
	})
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
