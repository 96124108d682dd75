package oauthfront

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

func TestALoginGivesATokenThatIsWorthTheKey(t *testing.T) {
	w := newWorld(t, nil)
	client, got := w.given()
	if got.Type != "Bearer" || got.ExpiresIn != int(w.cfg.Auth.Front.TokenTTL/time.Second) || got.Scope != mcp.ScopeWrite {
		t.Errorf("the token is %+v, want a Bearer for 600 seconds and %s", got, mcp.ScopeWrite)
	}
	p, err := w.front.Verify(t.Context(), got.Access)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != w.keyID || p.Name != "tester" || !slices.Equal(p.Scopes, []string{mcp.ScopeWrite}) || !near(p.Expires, time.Now().Add(w.cfg.Auth.Front.TokenTTL)) {
		t.Errorf("the principal is %+v, want that of the key %s until the token ends", p, w.keyID)
	}
	next := w.tokens(renewal(client, got.Refresh))
	if next.status != http.StatusOK || next.Refresh == got.Refresh || next.Access == got.Access || w.works(next.Access) != w.keyID {
		t.Errorf("the refreshed token is %+v, want new ones that work", next)
	}
}

func TestCredentialsOfTheKeyGoWithTheToken(t *testing.T) {
	w := newWorld(t, nil)
	w.listed[0].Credentials = map[string]string{"jira": "own-secret"}
	w.saveKeys()
	_, got := w.given()
	p, err := w.front.Verify(t.Context(), got.Access)
	if err != nil || p.Credentials["jira"] != "own-secret" {
		t.Errorf("the principal is %+v, %v, want the key's own credential for jira", p, err)
	}
}

func TestScopesAreThoseAskedForThatTheKeyHas(t *testing.T) {
	for name, test := range map[string]struct {
		key   []string
		asked string
		want  string // empty: the page says that nothing can be granted
	}{
		"less than the key has":                {[]string{mcp.ScopeWrite}, "tools:read", "tools:read"},
		"more than the key has":                {[]string{mcp.ScopeRead}, "tools:read tools:write admin", "tools:read"},
		"nothing that the key has":             {[]string{mcp.ScopeRead}, "admin", ""},
		"administration, by asking":            {[]string{mcp.ScopeAdmin}, "admin", "admin"},
		"nothing asked":                        {[]string{mcp.ScopeRead, "jira:read"}, "-", "tools:read jira:read"},
		"nothing asked of an administrator":    {[]string{mcp.ScopeAdmin}, "-", "tools:write"},
		"nothing asked of a writer with more":  {[]string{mcp.ScopeAdmin, mcp.ScopeRead, "jira:read"}, "-", "tools:read jira:read tools:write"},
		"unknown ones are dropped":             {[]string{mcp.ScopeRead}, "openid tools:read offline_access", "tools:read"},
		"unknown ones alone are nothing asked": {[]string{mcp.ScopeRead}, "openid profile", "tools:read"},
		"those of the operator":                {[]string{mcp.ScopeRead, "jira:read"}, "jira:read jira:write", "jira:read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			key, _ := w.addKey(test.key...)
			client := w.registerClient(callback)
			form, _ := w.page(request(client, "scope", test.asked))
			answer := w.submit(form, key, "allow")
			if test.want == "" {
				if answer.Code != http.StatusForbidden || !strings.Contains(answer.Body.String(), "This key may do nothing") {
					t.Errorf("got %d %s, want 403 and the page that says so", answer.Code, answer.Body)
				}
				return
			}
			got := w.tokens(exchange(client, w.back(answer).Get("code")))
			p, err := w.front.Verify(t.Context(), got.Access)
			if err != nil || got.Scope != test.want || strings.Join(p.Scopes, " ") != test.want {
				t.Errorf("granted %q, principal %+v, %v, want %q", got.Scope, p, err, test.want)
			}
		})
	}
}

func TestATokenIsNeverWorthMoreThanItsKeyIsNow(t *testing.T) {
	for name, test := range map[string]struct {
		change func(w *world)
		want   []string // nil: the token is worth nothing
	}{
		"the key is removed":     {func(w *world) { w.listed = nil }, nil},
		"the key has expired":    {func(w *world) { w.listed[0].Expires = time.Now().Add(-time.Second) }, nil},
		"the key may less":       {func(w *world) { w.listed[0].Scopes = []string{mcp.ScopeRead} }, []string{mcp.ScopeRead}},
		"the key may more":       {func(w *world) { w.listed[0].Scopes = []string{mcp.ScopeAdmin} }, []string{mcp.ScopeRead, mcp.ScopeWrite}},
		"another key is removed": {func(w *world) { w.listed = w.listed[:1] }, []string{mcp.ScopeRead, mcp.ScopeWrite}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.addKey(mcp.ScopeRead)
			client, got := w.given(mcp.ScopeRead, mcp.ScopeWrite)
			test.change(w)
			w.saveKeys()
			p, err := w.front.Verify(t.Context(), got.Access)
			if test.want == nil {
				if !errors.Is(err, middleware.ErrNotValid) || !errors.Is(err, middleware.ErrAged) {
					t.Errorf("the token: got %+v, %v, want ErrNotValid, and that nobody guessed it", p, err)
				}
				if next := w.tokens(renewal(client, got.Refresh)); next.Error != "invalid_grant" {
					t.Errorf("the refresh token: got %+v, want invalid_grant", next)
				}
				return
			}
			if err != nil || !slices.Equal(p.Scopes, test.want) {
				t.Errorf("the token: got %+v, %v, want the scopes %q", p, err, test.want)
			}
		})
	}
}

func TestWhatIsNoAccessTokenOfOurs(t *testing.T) {
	w := newWorld(t, nil)
	_, got := w.given()
	other := newWorld(t, nil)
	_, foreign := other.given()
	elsewhere := newWorld(t, func(c *config.Config) { c.Server.PublicURL = "https://other.example.com" })
	elsewhere.front.seal.access = w.front.seal.access
	otherPlace, err := elsewhere.front.seal.newAccess(grant{ID: "x", Key: w.keyID}, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	login, err := w.front.seal.newLogin(&loginClaims{}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(got.Access, ".")
	for name, test := range map[string]struct {
		token string
		want  error
	}{
		"an api key":              {w.key, middleware.ErrNotKnown},
		"a token of an issuer":    {strings.TrimPrefix(got.Access, accessPrefix), middleware.ErrNotKnown},
		"nothing":                 {"", middleware.ErrNotKnown},
		"a refresh token":         {got.Refresh, middleware.ErrNotValid},
		"another front's":         {foreign.Access, middleware.ErrNotValid},
		"one for another place":   {otherPlace, middleware.ErrNotValid},
		"a sealed login":          {accessPrefix + login, middleware.ErrNotValid},
		"a changed one":           {got.Access[:len(got.Access)-2] + "AA", middleware.ErrNotValid},
		"one without a signature": {accessPrefix + "eyJhbGciOiJub25lIn0." + strings.Split(rest, ".")[0] + ".", middleware.ErrNotValid},
		"its beginning":           {head, middleware.ErrNotValid},
		"many dots":               {accessPrefix + strings.Repeat(".", 5000), middleware.ErrNotValid},
	} {
		if p, err := w.front.Verify(t.Context(), test.token); !errors.Is(err, test.want) || errors.Is(err, middleware.ErrAged) {
			t.Errorf("%s: got %+v, %v, want %v", name, p, err, test.want)
		}
	}
}

func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		client, got := w.given()
		<-time.After(w.cfg.Auth.Front.TokenTTL - time.Second)
		if w.works(got.Access) == "" {
			t.Error("the token has ended before its time")
		}
		<-time.After(2 * time.Second)
		if w.works(got.Access) != "" {
			t.Error("the token works after its time")
		}
		if _, err := w.front.Verify(t.Context(), got.Access); !errors.Is(err, middleware.ErrAged) {
			t.Errorf("got %v, want to be told that nobody guessed it", err)
		}
		if _, err := w.front.Verify(t.Context(), got.Access[:len(got.Access)-3]+"AAA"); errors.Is(err, middleware.ErrAged) {
			t.Errorf("an old token with another signature: got %v, want it taken for guessed", err)
		}
		next := w.tokens(renewal(client, got.Refresh))
		if w.works(next.Access) != w.keyID {
			t.Errorf("refreshed: got %+v, want a token that works", next)
		}
		<-time.After(w.cfg.Auth.Front.RefreshTTL + time.Second)
		if late := w.tokens(renewal(client, next.Refresh)); late.Error != "invalid_grant" {
			t.Errorf("after %v: got %+v, want invalid_grant", w.cfg.Auth.Front.RefreshTTL, late)
		}
	})
}

// Every client comes with a token whose time is over, to be told to refresh it: the gate does not take an office for a guesser.
func TestTokensThatHaveEndedAreNotCountedAsGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		_, got := w.given()
		counts, err := middleware.NewMemoryStore(10)
		if err != nil {
			t.Fatal(err)
		}
		failures, err := middleware.NewLimiter(middleware.LimiterOptions{Name: "auth", Rate: "2-M", Store: counts, Log: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		gate, err := middleware.Auth(middleware.AuthOptions{Verifiers: []middleware.Verifier{w.front}, Failures: failures})
		if err != nil {
			t.Fatal(err)
		}
		w.router.GET("/behind", gate)
		<-time.After(w.cfg.Auth.Front.TokenTTL + time.Second)
		for i := range 10 {
			if answer := w.do(http.MethodGet, "/behind", "", "Authorization", "Bearer "+got.Access); answer.Code != http.StatusUnauthorized || answer.Header().Get("WWW-Authenticate") == "" {
				t.Fatalf("request %d: got %d %q, want 401 and a challenge", i+1, answer.Code, answer.Header().Get("WWW-Authenticate"))
			}
		}
		answers := []int{}
		for range 3 {
			answers = append(answers, w.do(http.MethodGet, "/behind", "", "Authorization", "Bearer "+accessPrefix+"guess").Code)
		}
		if !slices.Equal(answers, []int{http.StatusUnauthorized, http.StatusUnauthorized, http.StatusTooManyRequests}) {
			t.Errorf("guesses: got %v, want 401 twice, then 429", answers)
		}
	})
}

func TestATokenDoesNotOutliveItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		end := time.Now().Add(3 * time.Minute)
		w.listed[0].Expires = end
		w.saveKeys()
		_, got := w.given()
		p, err := w.front.Verify(t.Context(), got.Access)
		if err != nil || p.Expires.After(end) || got.ExpiresIn > 180 {
			t.Errorf("the token is %+v, %+v, %v, want it to end with the key at %v", got, p, err, end)
		}
	})
}

func TestACodeIsGoodOnceAndForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		client := w.registerClient(callback)
		code := w.login(w.key, request(client))
		<-time.After(codeTTL)
		if got := w.tokens(exchange(client, code)); got.Error != "invalid_grant" {
			t.Errorf("after a minute: got %+v, want invalid_grant", got)
		}
	})
}

func TestACodeThatComesTwiceEndsWhatCameOfIt(t *testing.T) {
	w := newWorld(t, nil)
	client := w.registerClient(callback)
	code := w.login(w.key, request(client))
	got := w.tokens(exchange(client, code))
	if w.works(got.Access) == "" {
		t.Fatalf("the first exchange: got %+v, want tokens", got)
	}
	if again := w.tokens(exchange(client, code)); again.Error != "invalid_grant" {
		t.Errorf("the second exchange: got %+v, want invalid_grant", again)
	}
	if w.works(got.Access) != "" {
		t.Error("the access token still works")
	}
	if next := w.tokens(renewal(client, got.Refresh)); next.Error != "invalid_grant" {
		t.Errorf("the refresh token: got %+v, want invalid_grant", next)
	}
}

// Of many that come at once with one code, or one refresh token, one at most gets tokens; and since the others were there, none
// that work.
func TestAtOnceIsTwiceToo(t *testing.T) {
	w := newWorld(t, nil)
	client := w.registerClient(callback)
	code := w.login(w.key, request(client))
	_, refresh, err := w.front.store.redeem(w.login(w.key, request(client)), client, "", verifier)
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]url.Values{"code": exchange(client, code), "refresh token": renewal(client, refresh)} {
		var wg sync.WaitGroup
		answers := make([]tokenAnswer, 8)
		for i := range answers {
			wg.Go(func() { answers[i] = w.tokens(form) })
		}
		wg.Wait()
		got := 0
		for _, a := range answers {
			if a.Access != "" {
				got++
				if w.works(a.Access) != "" {
					t.Errorf("%s: the tokens of a login that was seen twice still work", name)
				}
			}
		}
		if got != 1 {
			t.Errorf("%s: %d got tokens, want one", name, got)
		}
	}
}

func TestACodeIsForWhoAskedForIt(t *testing.T) {
	for name, test := range map[string]struct {
		changes []string
		want    string
	}{
		"another verifier":     {[]string{"code_verifier", "another"}, "invalid_grant"},
		"no verifier":          {[]string{"code_verifier", "-"}, "invalid_request"},
		"another redirect URI": {[]string{"redirect_uri", "http://127.0.0.1:4711/other"}, "invalid_grant"},
		"another client":       {[]string{"client_id", "OTHER"}, "invalid_grant"},
		"no client":            {[]string{"client_id", "-"}, "invalid_request"},
		"a stranger":           {[]string{"client_id", "nobody"}, "invalid_client"},
		"a secret":             {[]string{"client_secret", "hush"}, "invalid_client"},
		"another resource":     {[]string{"resource", "https://other.example.com/mcp"}, "invalid_target"},
		"another code":         {[]string{"code", "made-up"}, "invalid_grant"},
		"another grant":        {[]string{"grant_type", "password"}, "unsupported_grant_type"},
		"a grant of machines":  {[]string{"grant_type", "client_credentials"}, "unauthorized_client"},
		"no redirect URI":      {[]string{"redirect_uri", "-"}, ""}, // OAuth 2.1 has none there
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			client, other := w.registerClient(callback), w.registerClient(callback)
			for i, v := range test.changes {
				if v == "OTHER" {
					test.changes[i] = other
				}
			}
			got := w.tokens(exchange(client, w.login(w.key, request(client)), test.changes...))
			if got.Error != test.want || (got.Access == "") != (test.want != "") {
				t.Errorf("got %+v, want the error %q", got, test.want)
			}
		})
	}
}

func TestARefreshTokenThatComesTwiceEndsTheLogin(t *testing.T) {
	w := newWorld(t, nil)
	client, first := w.given()
	second := w.tokens(renewal(client, first.Refresh))
	_, bystander := w.given()
	if again := w.tokens(renewal(client, first.Refresh)); again.Error != "invalid_grant" {
		t.Errorf("the first token a second time: got %+v, want invalid_grant", again)
	}
	if w.works(second.Access) != "" || w.works(first.Access) != "" {
		t.Error("access tokens of the login still work")
	}
	if next := w.tokens(renewal(client, second.Refresh)); next.Error != "invalid_grant" {
		t.Errorf("the second token: got %+v, want invalid_grant", next)
	}
	if w.works(bystander.Access) == "" {
		t.Error("another login of the same key has ended too")
	}
}

func TestARefreshTokenIsItsClientsAlone(t *testing.T) {
	w := newWorld(t, nil)
	client, got := w.given()
	if stolen := w.tokens(renewal(w.registerClient(callback), got.Refresh)); stolen.Error != "invalid_grant" {
		t.Errorf("another client: got %+v, want invalid_grant", stolen)
	}
	if next := w.tokens(renewal(client, got.Refresh)); w.works(next.Access) == "" {
		t.Errorf("its own client, after that: got %+v, want tokens", next)
	}
}

func TestARefreshMayNarrowButNotWiden(t *testing.T) {
	w := newWorld(t, nil)
	client, got := w.given(mcp.ScopeRead, mcp.ScopeWrite)
	form := renewal(client, got.Refresh)
	form.Set("scope", mcp.ScopeAdmin)
	if wider := w.tokens(form); wider.Error != "invalid_scope" {
		t.Errorf("wider: got %+v, want invalid_scope", wider)
	}
	form.Set("scope", mcp.ScopeRead)
	narrow := w.tokens(form) // the token was not used up by the error
	if p, err := w.front.Verify(t.Context(), narrow.Access); err != nil || !slices.Equal(p.Scopes, []string{mcp.ScopeRead}) {
		t.Errorf("narrower: got %+v, %+v, %v, want %s", narrow, p, err, mcp.ScopeRead)
	}
	if again := w.tokens(renewal(client, narrow.Refresh)); again.Scope != "tools:read tools:write" {
		t.Errorf("the next one: got the scopes %q, want those of the login", again.Scope)
	}
}

func TestRevocationEndsTheLogin(t *testing.T) {
	for name, which := range map[string]func(tokenAnswer) string{
		"by the refresh token": func(a tokenAnswer) string { return a.Refresh },
		"by the access token":  func(a tokenAnswer) string { return a.Access },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			client, got := w.given()
			other := w.registerClient(callback)
			for _, harmless := range []url.Values{
				{"client_id": {other}, "token": {which(got)}}, {"client_id": {client}, "token": {"no token"}},
			} {
				if r := w.post(revokePath, harmless); r.Code != http.StatusOK || w.works(got.Access) == "" {
					t.Errorf("revoking %v: got %d, works for %q, want 200 and a token that works", harmless, r.Code, w.works(got.Access))
				}
			}
			if r := w.post(revokePath, url.Values{"client_id": {client}, "token": {which(got)}}); r.Code != http.StatusOK {
				t.Errorf("got %d %s, want 200", r.Code, r.Body)
			}
			if _, err := w.front.Verify(t.Context(), got.Access); !errors.Is(err, middleware.ErrNotValid) || !errors.Is(err, middleware.ErrAged) {
				t.Errorf("the access token: got %v, want it refused, and that nobody guessed it", err)
			}
			if next := w.tokens(renewal(client, got.Refresh)); next.Error != "invalid_grant" {
				t.Errorf("the refresh token: got %+v, want invalid_grant", next)
			}
		})
	}
}

func TestRequestsForTokensHaveOneForm(t *testing.T) {
	w := newWorld(t, nil)
	client := w.registerClient(callback)
	form := exchange(client, w.login(w.key, request(client))).Encode()
	for name, test := range map[string]struct{ path, body, kind string }{
		"in the URL":        {tokenPath + "?" + form, "", "application/x-www-form-urlencoded"},
		"a parameter twice": {tokenPath, form + "&client_id=other", "application/x-www-form-urlencoded"},
		"as JSON":           {tokenPath, `{"grant_type":"authorization_code"}`, "application/json"},
		"too large":         {tokenPath, form + "&x=" + strings.Repeat("x", maxTokenBody), "application/x-www-form-urlencoded"},
		"badly encoded":     {tokenPath, "%zz", "application/x-www-form-urlencoded"},
	} {
		got := w.do(http.MethodPost, test.path, test.body, "Content-Type", test.kind)
		if answer := decode[tokenAnswer](t, got); got.Code != http.StatusBadRequest || answer.Error != "invalid_request" {
			t.Errorf("%s: got %d %+v, want 400 invalid_request", name, got.Code, answer)
		}
	}
	if got := w.do(http.MethodPost, tokenPath, form, "Content-Type", "application/x-www-form-urlencoded"); got.Code != http.StatusOK {
		t.Errorf("the right form, after all that: got %d %s, want 200", got.Code, got.Body)
	}
}

func TestLoginsOfOneKeyAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	other, otherID := w.addKey(mcp.ScopeRead)
	client := w.registerClient(callback)
	kept := w.tokens(exchange(client, w.login(other, request(client))))
	_, first := w.given()
	for range maxKeyGrants {
		code := w.front.store.authorize(code{grant: grant{Client: client, Key: w.keyID}, challenge: request("").Get("code_challenge")})
		if _, _, err := w.front.store.redeem(code, client, "", verifier); err != nil {
			t.Fatal(err)
		}
	}
	if w.works(first.Access) != "" {
		t.Errorf("the oldest of %d logins of a key still stands", maxKeyGrants+1)
	}
	if w.works(kept.Access) != otherID {
		t.Error("an older login of another key has ended with them")
	}
}

func TestNoTokenOrKeyIsLogged(t *testing.T) {
	w := newWorld(t, nil)
	client, got := w.given()
	w.tokens(renewal(client, got.Refresh))
	w.tokens(renewal(client, got.Refresh))
	form, _ := w.page(request(client))
	w.submit(form, "tg_WRONGWRONGWRONG", "allow")
	lines := w.logs.All()
	if len(lines) < 2 {
		t.Fatalf("got %d lines, want one for the login and one for the wrong key", len(lines))
	}
	for _, line := range lines {
		text := line.Message
		for _, field := range line.Context {
			text += " " + field.String
		}
		for _, secret := range []string{w.key, got.Access, got.Refresh, "tg_WRONG"} {
			if strings.Contains(text, secret) {
				t.Errorf("the log holds a secret: %s", text)
			}
		}
	}
}
