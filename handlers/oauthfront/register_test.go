package oauthfront

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"toolgate/config"
)

func TestRegistrationTellsWhatWasKept(t *testing.T) {
	w := newWorld(t, nil)
	got := w.do(http.MethodPost, registerPath, `{"client_name":" My  Client ","redirect_uris":["cursor://anysphere.cursor/callback","https://app.example.com/cb"],
		"grant_types":["authorization_code","refresh_token","implicit"],"response_types":["code"],"token_endpoint_auth_method":"client_secret_basic",
		"scope":"tools:read","jwks":{"keys":[]},"unknown":[1]}`, "Content-Type", "application/json; charset=utf-8")
	r := decode[registered](t, got)
	if got.Code != http.StatusCreated || got.Header().Get("Cache-Control") != "no-store" || strings.Contains(got.Body.String(), "secret") {
		t.Errorf("got %d %q %s, want 201, no-store, and no secret", got.Code, got.Header().Get("Cache-Control"), got.Body)
	}
	if r.ID == "" || r.IssuedAt == 0 || r.Name != "My Client" || len(r.RedirectURIs) != 2 || r.AuthMethod != "none" || len(r.GrantTypes) != 2 {
		t.Errorf("got %+v, want an id, the name, both URIs, and a public client with code and refresh", r)
	}
}

func TestRegistrationsThatAreRefused(t *testing.T) {
	uris := func(n int, uri string) string {
		text, err := json.Marshal(slices.Repeat([]string{uri}, n))
		if err != nil {
			t.Fatal(err)
		}
		return `{"redirect_uris":` + string(text) + `}`
	}
	for name, test := range map[string]struct{ body, kind, want string }{
		"no redirect URI":          {`{"client_name":"x"}`, "application/json", "invalid_redirect_uri"},
		"plain http":               {uris(1, "http://app.example.com/cb"), "application/json", "invalid_redirect_uri"},
		"a program":                {uris(1, "javascript:alert(1)//.com"), "application/json", "invalid_redirect_uri"},
		"too many":                 {uris(maxRedirectURIs+1, callback), "application/json", "invalid_redirect_uri"},
		"too long":                 {uris(1, "https://a.example/"+strings.Repeat("x", maxRedirectURI)), "application/json", "invalid_redirect_uri"},
		"too much":                 {uris(5, "https://a.example/"+strings.Repeat("x", 1000)), "application/json", "invalid_redirect_uri"},
		"no code":                  {`{"redirect_uris":["` + callback + `"],"grant_types":["client_credentials"]}`, "application/json", "invalid_client_metadata"},
		"the implicit flow":        {`{"redirect_uris":["` + callback + `"],"response_types":["token"]}`, "application/json", "invalid_client_metadata"},
		"no JSON":                  {`redirect_uris=x`, "application/json", "invalid_client_metadata"},
		"another type":             {`{}`, "text/plain", "invalid_client_metadata"},
		"a body that is too large": {`{"x":"` + strings.Repeat("x", maxClientBody) + `"}`, "application/json", "invalid_client_metadata"},
	} {
		w := newWorld(t, nil)
		got := w.do(http.MethodPost, registerPath, test.body, "Content-Type", test.kind)
		if answer := decode[registrationError](t, got); got.Code != http.StatusBadRequest || answer.Error != test.want || answer.Description == "" {
			t.Errorf("%s: got %d %+v, want 400 %s and why", name, got.Code, answer, test.want)
		}
	}
}

func TestRegistrationsOfAnAddressAreLimited(t *testing.T) {
	w := newWorld(t, nil)
	for range 30 {
		w.registerClient(callback)
	}
	got := w.do(http.MethodPost, registerPath, `{"redirect_uris":["`+callback+`"]}`, "Content-Type", "application/json")
	if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
		t.Errorf("registration 31 in a minute: got %d, want 429 with Retry-After", got.Code)
	}
}

// Strangers who register push out one another, and nobody whose client is in use.
func TestClientsAreForgottenFromTheOneLongestUnused(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Auth.Front.Clients = 3 })
	used, got := w.given()
	first, second := w.registerClient(callback), w.registerClient(callback)
	w.page(request(first)) // seen again
	third := w.registerClient(callback)
	for id, want := range map[string]bool{used: true, first: true, second: false, third: true} {
		if _, known := w.front.store.client(id); known != want {
			t.Errorf("client %s: known %v, want %v", id, known, want)
		}
	}
	if answer := w.tokens(exchange(second, "x")); answer.Error != "invalid_client" || answer.status != http.StatusUnauthorized {
		t.Errorf("a forgotten client: got %+v, want 401 invalid_client, which makes clients register anew", answer)
	}
	if next := w.tokens(renewal(used, got.Refresh)); next.Access == "" {
		t.Errorf("the client in use: got %+v, want tokens", next)
	}
}

// The text that strangers register is bounded as their number is, and goes in the same order.
func TestClientsAreBoundedInBytes(t *testing.T) {
	w := newWorld(t, nil)
	small := client{RedirectURIs: []string{callback}}
	large := client{RedirectURIs: []string{"https://a.example/" + strings.Repeat("x", 2000), "https://a.example/" + strings.Repeat("y", 2000)}}
	s := w.front.store
	s.room = 3 * (large.size() + len(clientIDPrefix) + 26)
	used, _ := w.given()
	first := s.register(small).ID
	for range 100 {
		s.register(small)
	}
	var last string
	for range 3 {
		last = s.register(large).ID
	}
	clients, _ := s.kept()
	total := 0
	for _, c := range clients {
		total += c.size()
	}
	if total > s.room || total != s.bytes {
		t.Errorf("kept %d bytes, counted as %d, want %d at most", total, s.bytes, s.room)
	}
	for id, want := range map[string]bool{used: true, first: false, last: true} {
		if _, known := s.client(id); known != want {
			t.Errorf("client %s: known %v, want %v", id, known, want)
		}
	}
	again, err := newStore(10, time.Hour, func() {})
	if err != nil {
		t.Fatal(err)
	}
	again.restore(append(clients, clients...), nil)
	if len(clients) == 0 || again.bytes != total {
		t.Errorf("restored twice over: counted as %d bytes, want %d", again.bytes, total)
	}
}

// FuzzRegistration: whatever is sent, what is kept is bounded, names answers that may be sent, and can be shown.
func FuzzRegistration(f *testing.F) {
	for _, seed := range []string{
		`{"redirect_uris":["http://localhost/cb"],"client_name":"x"}`, `{"redirect_uris":["a.b://c"]}`, `[]`, `{"redirect_uris":null}`,
		`{"redirect_uris":["https://h/?a=b"],"grant_types":["authorization_code"],"response_types":["code"]}`, `{"client_name":"\ud800\u202e"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var m metadata
		if json.Unmarshal(body, &m) != nil {
			return
		}
		c, err := m.client("id")
		if err != nil {
			return
		}
		if len(c.RedirectURIs) == 0 || len(c.RedirectURIs) > maxRedirectURIs || len([]rune(c.Name)) > maxClientName {
			t.Errorf("kept %d URIs and a name of %d runes", len(c.RedirectURIs), len([]rune(c.Name)))
		}
		for _, uri := range c.RedirectURIs {
			if err := checkRedirectURI(uri); err != nil || !c.redirects(uri) {
				t.Errorf("%q is kept: %v, and is an answer sent there: %v", uri, err, c.redirects(uri))
			}
		}
		if plainName(c.Name) != c.Name {
			t.Errorf("the name %q is not plain: %q", c.Name, plainName(c.Name))
		}
	})
}
