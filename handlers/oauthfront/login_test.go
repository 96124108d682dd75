package oauthfront

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

// wantPageHeaders checks what keeps a page to itself.
func wantPageHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, h.Get(name), want)
		}
	}
	policy := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'sha256-"} {
		if !strings.Contains(policy, want) {
			t.Errorf("Content-Security-Policy: got %q, want %q in it", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("Content-Security-Policy: got %q, want nothing unsafe", policy)
	}
}

func TestTheLoginPageSaysWhoWantsWhat(t *testing.T) {
	w := newWorld(t, nil)
	form, page := w.page(request(w.registerClient(callback), "scope", "tools:read admin"))
	for _, want := range []string{"Test Client", "not verified", "127.0.0.1:4711", "tools:read", "Administer", "tools.example.com"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page does not show %q:\n%s", want, page.Body)
		}
	}
	wantPageHeaders(t, page.Header())
	if external := regexp.MustCompile(`(?i)(src|href)=|<script|url\(|@import`).FindString(page.Body.String()); external != "" {
		t.Errorf("the page fetches something: %s", external)
	}
	cookie := page.Header().Get("Set-Cookie")
	for _, want := range []string{"__Host-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("Set-Cookie: got %q, want %q in it", cookie, want)
		}
	}
	answer := w.back(w.submit(form, w.key, "allow"))
	if answer.Get("code") == "" || answer.Get("state") != "state of the client" || answer.Get("iss") != publicURL {
		t.Errorf("the client is told %v, want a code, its state and the issuer", answer)
	}
}

func TestWithoutTLSTheCookieIsAPlainOne(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Server.PublicURL = "http://localhost:3002" })
	form, page := w.page(request(w.registerClient(callback), "resource", "-"))
	if cookie := page.Header().Get("Set-Cookie"); strings.Contains(cookie, "Secure") || strings.Contains(cookie, "__Host-") || !strings.Contains(cookie, "HttpOnly") {
		t.Errorf("Set-Cookie: got %q, want one that a browser keeps over http", cookie)
	}
	if answer := w.back(w.submit(form, " "+w.key+"\n", "allow")); answer.Get("code") == "" {
		t.Errorf("the client is told %v, want a code for a key that was pasted with space around it", answer)
	}
}

func TestNamesOfClientsCannotPretend(t *testing.T) {
	w := newWorld(t, nil)
	got := w.do(http.MethodPost, registerPath, `{"client_name":"<script>alert(1)</script>\u202eBank\u0000 \n of`+strings.Repeat(" x", 200)+`","redirect_uris":["`+callback+`"]}`,
		"Content-Type", "application/json")
	_, page := w.page(request(decode[registered](t, got).ID))
	body := page.Body.String()
	if strings.Contains(body, "<script") || strings.Contains(body, "\u202e") || strings.Contains(body, strings.Repeat(" x", 100)) {
		t.Errorf("the page holds what the client's name smuggled in:\n%s", body)
	}
}

func TestDenyIsToldToTheClient(t *testing.T) {
	w := newWorld(t, nil)
	form, _ := w.page(request(w.registerClient(callback)))
	got := w.back(w.submit(form, "", "deny"))
	if got.Get("error") != "access_denied" || got.Get("state") != "state of the client" || got.Get("iss") != publicURL || got.Has("code") {
		t.Errorf("the client is told %v, want access_denied, its state and the issuer", got)
	}
}

func TestAWrongKeyShowsThePageAgain(t *testing.T) {
	w := newWorld(t, nil)
	form, _ := w.page(request(w.registerClient(callback)))
	for _, wrong := range []string{"", "tg_" + strings.Repeat("A", 26), w.key[:len(w.key)-1], w.key + "x"} {
		got := w.submit(form, wrong, "allow")
		if got.Code != http.StatusForbidden || !strings.Contains(got.Body.String(), "This is no key of this server") || got.Header().Get("Location") != "" {
			t.Errorf("key %q: got %d, want 403 and the page again", wrong, got.Code)
		}
		if wrong != "" && strings.Contains(got.Body.String(), wrong) {
			t.Errorf("the page repeats the key %q", wrong)
		}
		wantPageHeaders(t, got.Header())
		form = hidden(got.Body.String())
	}
	if answer := w.back(w.submit(form, w.key, "allow")); answer.Get("code") == "" {
		t.Errorf("the right key, after all: the client is told %v, want a code", answer)
	}
}

func TestWrongKeysOfAnAddressAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		client := w.registerClient(callback)
		form, _ := w.page(request(client))
		for i := range 10 {
			if got := w.submit(form, "wrong", "allow"); got.Code != http.StatusForbidden {
				t.Fatalf("wrong key %d: got %d, want 403", i+1, got.Code)
			}
		}
		got := w.submit(form, "wrong", "allow")
		if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
			t.Errorf("wrong key 11: got %d, Retry-After %q, want 429", got.Code, got.Header().Get("Retry-After"))
		}
		if answer := w.back(w.submit(form, w.key, "allow")); answer.Get("code") == "" {
			t.Errorf("the right key meanwhile: the client is told %v, want a code", answer)
		}
		<-time.After(61 * time.Second)
		if got := w.submit(form, "wrong", "allow"); got.Code != http.StatusForbidden {
			t.Errorf("a wrong key after a minute: got %d, want 403", got.Code)
		}
	})
}

// A form counts from the browser that was shown it, for the request that it was shown for, and not for ever.
func TestFormsOfOthersAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	client := w.registerClient(callback)
	form, _ := w.page(request(client))
	other, _ := w.page(request(client, "state", "another login"))
	for name, test := range map[string]struct {
		change func(form url.Values)
		cookie string // another one; "-" for none
		want   int
	}{
		"no cookie":               {cookie: "-", want: http.StatusForbidden},
		"another browser":         {cookie: w.front.seal.newCookie(), want: http.StatusForbidden},
		"a cookie made elsewhere": {cookie: "made.up", want: http.StatusForbidden},
		"no answer":               {change: func(f url.Values) { f.Del("answer") }, want: http.StatusForbidden},
		"that of another login":   {change: func(f url.Values) { f.Set("answer", other.Get("answer")) }, want: http.StatusForbidden},
		"a changed request":       {change: func(f url.Values) { f.Set("request", f.Get("request")+"A") }, want: http.StatusBadRequest},
		"no request":              {change: func(f url.Values) { f.Del("request") }, want: http.StatusBadRequest},
	} {
		mine := w.jar[w.front.cookie]
		switch test.cookie {
		case "-":
			delete(w.jar, w.front.cookie)
		case "":
		default:
			w.jar[w.front.cookie] = test.cookie
		}
		copied := url.Values{"request": form["request"], "answer": form["answer"]}
		if test.change != nil {
			test.change(copied)
		}
		if got := w.submit(copied, w.key, "allow"); got.Code != test.want || got.Header().Get("Location") != "" {
			t.Errorf("%s: got %d to %q, want %d", name, got.Code, got.Header().Get("Location"), test.want)
		}
		w.jar[w.front.cookie] = mine
	}
	for _, f := range []url.Values{form, other} { // two logins at once, in one browser
		if answer := w.back(w.submit(f, w.key, "allow")); answer.Get("code") == "" {
			t.Errorf("the browser's own form: the client is told %v, want a code", answer)
		}
	}
}

func TestALoginPageIsGoodForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		form, _ := w.page(request(w.registerClient(callback)))
		<-time.After(loginTTL + time.Second)
		if got := w.submit(form, w.key, "allow"); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "took too long") {
			t.Errorf("got %d %s, want 400 and what to do", got.Code, got.Body)
		}
	})
}
