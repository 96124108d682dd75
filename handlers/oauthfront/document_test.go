package oauthfront

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

// site is a web site with documents of clients, over TLS on this machine.
type site struct {
	*httptest.Server
	hits    atomic.Int32
	handler http.HandlerFunc
}

func newSite(t *testing.T, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{handler: handler}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		s.handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) host() string { return strings.TrimPrefix(s.URL, "https://") }

// trusts makes the front trust the site's certificate, as it trusts those of the system.
func (s *site) trusts(f *Front) {
	f.readers.web.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12,
	}
}

func describe(id, more string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"client_id":%q,"client_name":"Documented","redirect_uris":[%q]%s}`, id, callback, more)
	}
}

func TestAClientIsKnownByItsDocument(t *testing.T) {
	s := newSite(t, nil)
	id := s.URL + "/client.json"
	s.handler = describe(id, `,"token_endpoint_auth_method":"none"`)
	w := newWorld(t, func(c *config.Config) { c.Auth.Front.PrivateHosts = []string{s.host()} })
	s.trusts(w.front)
	_, page := w.page(request(id))
	if !strings.Contains(page.Body.String(), "Documented") || !strings.Contains(page.Body.String(), "<dd>"+s.host()) {
		t.Errorf("the page does not show the client's name and the host that vouches for it:\n%s", page.Body)
	}
	got := w.tokens(exchange(id, w.login(w.key, request(id))))
	if next := w.tokens(renewal(id, got.Refresh)); w.works(next.Access) != w.keyID {
		t.Errorf("got %+v, then %+v, want tokens that work", got, next)
	}
	if hits := s.hits.Load(); hits != 1 {
		t.Errorf("the document was fetched %d times, want once", hits)
	}
	if answer := w.ask(request(id, "redirect_uri", "https://evil.example/cb")); answer.Code != http.StatusBadRequest {
		t.Errorf("a redirect URI that is not in the document: got %d, want 400", answer.Code)
	}
}

func TestDocumentsThatAreNotTaken(t *testing.T) {
	for name, answer := range map[string]func(id string) http.HandlerFunc{
		"of another client": func(id string) http.HandlerFunc { return describe(id+"x", "") },
		"with a secret": func(id string) http.HandlerFunc {
			return describe(id, `,"token_endpoint_auth_method":"client_secret_post"`)
		},
		"with a key": func(id string) http.HandlerFunc {
			return describe(id, `,"token_endpoint_auth_method":"private_key_jwt"`)
		},
		"without redirect URIs": func(id string) http.HandlerFunc { return describe(id, `,"redirect_uris":[]`) },
		"too large":             func(id string) http.HandlerFunc { return describe(id, `,"x":"`+strings.Repeat("x", maxDocument)+`"`) },
		"no JSON": func(string) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte("<html>"))
			}
		},
		"a page": func(id string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				describe(id, "")(httptest.NewRecorder(), r)
			}
		},
		"a redirect": func(id string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/client.json" {
					http.Redirect(w, r, "/elsewhere.json", http.StatusFound)
					return
				}
				describe(id, "")(w, r)
			}
		},
		"an error": func(string) http.HandlerFunc { return http.NotFound },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			id := s.URL + "/client.json"
			s.handler = answer(id)
			w := newWorld(t, func(c *config.Config) { c.Auth.Front.PrivateHosts = []string{"127.0.0.1"} })
			s.trusts(w.front)
			for range 2 {
				if got := w.ask(request(id)); got.Code != http.StatusBadRequest || got.Header().Get("Location") != "" {
					t.Errorf("got %d to %q, want a page with 400", got.Code, got.Header().Get("Location"))
				}
			}
			if hits := s.hits.Load(); hits != 1 {
				t.Errorf("asked %d times for two tries, want once: what failed is remembered for a while, and no redirect is followed", hits)
			}
		})
	}
}

func TestNoDocumentIsFetchedFromInside(t *testing.T) {
	s := newSite(t, nil)
	id := s.URL + "/client.json"
	s.handler = describe(id, "")
	_, port, err := net.SplitHostPort(s.host())
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string][]string{"nothing": nil, "another host": {"localhost", "10.0.0.1"}, "another port": {"127.0.0.1:1"}} {
		w := newWorld(t, func(c *config.Config) { c.Auth.Front.PrivateHosts = private })
		s.trusts(w.front)
		for _, client := range []string{id, "https://[::1]:" + port + "/client.json", "https://[::ffff:127.0.0.1]:" + port + "/client.json", "https://0.0.0.0:" + port + "/client.json"} {
			if got := w.ask(request(client)); got.Code != http.StatusBadRequest || strings.Contains(got.Body.String(), "refused") {
				t.Errorf("%s named, %s: got %d %s, want 400 and nothing of what is there", name, client, got.Code, got.Body)
			}
		}
	}
	if hits := s.hits.Load(); hits != 0 {
		t.Errorf("the site inside was asked %d times, want never", hits)
	}
}

func TestPublicAddresses(t *testing.T) {
	for _, addr := range []string{"8.8.8.8", "93.184.216.34", "2606:4700::1111", "192.0.1.1"} {
		if !isPublic(netip.MustParseAddr(addr)) {
			t.Errorf("%s is not taken for public", addr)
		}
	}
	for _, addr := range []string{
		"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.0.0.0", "192.0.0.192",
		"198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "fe80::1", "fe80::1%eth0",
		"fd00:ec2::254", "fc00::1", "64:ff9b::a00:1", "2002:a00:1::", "2001::1", "2001:db8::1", "ff02::1", "::10.0.0.1", "5f00::1",
	} {
		if isPublic(netip.MustParseAddr(addr)) {
			t.Errorf("%s is taken for public", addr)
		}
	}
}

func TestIDsThatAreDocuments(t *testing.T) {
	for id, want := range map[string]bool{
		"https://client.example.com/oauth.json": true, "https://client.example.com:8443/a/b": true,
		"https://client.example.com/": false, "https://client.example.com": false, "http://client.example.com/x": false,
		"https://client.example.com/x?y": false, "https://client.example.com/x#y": false, "https://u@client.example.com/x": false,
		"https://client.example.com/../x": false, "https://client.example.com/a/./x": false, "https://CLIENT.example.com/x": false,
		"tgc_ABC": false, "": false, "https:///x": false, "https://client.example.com/%2e%2e/x": false,
	} {
		if got := documentID(id); got != want {
			t.Errorf("%q: got %v, want %v", id, got, want)
		}
	}
}

// A site that says nothing is waited for as long as is allowed, and only so many are waited for at once.
func TestWaitingForDocumentsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := newDocuments(nil)
		if err != nil {
			t.Fatal(err)
		}
		d.web.Transport = silent{}
		began := time.Now()
		ended := make(chan error, maxFetches)
		for i := range maxFetches {
			go func() {
				_, err := d.client(t.Context(), fmt.Sprint("address ", i/maxFetchesOfOne), fmt.Sprintf("https://slow.example.com/%d", i))
				ended <- err
			}()
		}
		synctest.Wait()
		if _, err := d.client(t.Context(), "another address", "https://other.example.com/x"); !errors.Is(err, errDocumentBusy) {
			t.Errorf("one more: got %v, want errDocumentBusy", err)
		}
		for range maxFetches {
			if err := <-ended; !errors.Is(err, errDocumentReach) {
				t.Errorf("got %v, want errDocumentReach", err)
			}
		}
		if took := time.Since(began); took != documentTimeout {
			t.Errorf("it took %v, want %v", took, documentTimeout)
		}
	})
}

// An address that names silent sites keeps nobody else waiting.
func TestAnAddressHasFewDocumentsFetchedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := newDocuments(nil)
		if err != nil {
			t.Fatal(err)
		}
		d.web.Transport = silent{}
		ended := make(chan error, maxFetches)
		for i := range maxFetches {
			go func() {
				_, err := d.client(t.Context(), "attacker", fmt.Sprintf("https://slow.example.com/%d", i))
				ended <- err
			}()
		}
		synctest.Wait()
		if busy := len(ended); busy != maxFetches-maxFetchesOfOne {
			t.Errorf("of %d at once %d were refused, want all but %d", maxFetches, busy, maxFetchesOfOne)
		}
		d.web.Transport = &counting{id: "https://client.example.com/x"}
		if _, err := d.client(t.Context(), "somebody else", "https://client.example.com/x"); err != nil {
			t.Errorf("somebody else meanwhile: %v", err)
		}
		if _, err := d.client(t.Context(), "attacker", "https://client.example.com/x"); err != nil {
			t.Errorf("what is known already: %v", err)
		}
		<-time.After(documentTimeout)
		synctest.Wait()
		d.web.Transport = &counting{id: "https://client.example.com/y"}
		if _, err := d.client(t.Context(), "attacker", "https://client.example.com/y"); err != nil {
			t.Errorf("the same address, later: %v", err)
		}
		if len(d.running) != 0 {
			t.Errorf("counted as under way: %v, want none", d.running)
		}
	})
}

// What failed is not asked for again at once, and is after a minute. A browser that goes away says nothing of a document.
func TestDocumentsThatFailedAreLeftAloneForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := newDocuments(nil)
		if err != nil {
			t.Fatal(err)
		}
		id := "https://client.example.com/x"
		wrong, right := &counting{id: id + "other"}, &counting{id: id}
		d.web.Transport = wrong
		for range 3 {
			if _, err := d.client(t.Context(), "a", id); !errors.Is(err, errDocumentOther) {
				t.Errorf("got %v, want errDocumentOther", err)
			}
		}
		if wrong.n != 1 {
			t.Errorf("fetched %d times, want once", wrong.n)
		}
		d.web.Transport = right
		<-time.After(failureAge)
		if _, err := d.client(t.Context(), "a", id); err != nil || right.n != 1 {
			t.Errorf("after a minute: %v, fetched %d times, want a client", err, right.n)
		}

		d.web.Transport = silent{}
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		if _, err := d.client(gone, "a", id+"y"); err == nil {
			t.Error("a silent site has described a client")
		}
		d.web.Transport = &counting{id: id + "y"}
		if _, err := d.client(t.Context(), "a", id+"y"); err != nil {
			t.Errorf("after a browser that went away: %v, want a client", err)
		}
	})
}

func TestFailedDocumentsPushOutNoGoodOnes(t *testing.T) {
	d, err := newDocuments(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := &counting{id: "https://client.example.com/x"}
	d.web.Transport = good
	wanted := func() {
		if _, err := d.client(t.Context(), "a", good.id); err != nil {
			t.Fatal(err)
		}
	}
	wanted()
	for i := range 2 * maxDocuments {
		if _, err := d.client(t.Context(), "a", fmt.Sprintf("https://client.example.com/%d", i)); !errors.Is(err, errDocumentOther) {
			t.Fatalf("got %v, want errDocumentOther", err)
		}
	}
	wanted()
	if good.n != 2*maxDocuments+1 || d.failed.Len() != maxDocuments {
		t.Errorf("fetched %d times, with %d failures kept, want the good one fetched once and %d failures", good.n, d.failed.Len(), maxDocuments)
	}
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

func TestADocumentIsFetchedAgainAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := newDocuments(nil)
		if err != nil {
			t.Fatal(err)
		}
		id := "https://client.example.com/x"
		count := counting{id: id}
		d.web.Transport = &count
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {documentAge - time.Second, 1}, {time.Second, 2}} {
			<-time.After(step.after)
			if _, err := d.client(t.Context(), "a", id); err != nil || count.n != step.want {
				t.Errorf("after another %v: %v, fetched %d times, want %d", step.after, err, count.n, step.want)
			}
		}
	})
}

type counting struct {
	id, redirectURI string
	n               int
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n++
	w := httptest.NewRecorder()
	more := ""
	if c.redirectURI != "" {
		more = fmt.Sprintf(`,"redirect_uris":[%q]`, c.redirectURI)
	}
	describe(c.id, more)(w, r)
	return w.Result(), nil
}

// Who has a document is as much a stranger as who registers, until somebody has logged in by it.
func TestAClientWithADocumentIsToldOnceSomebodyLoggedIn(t *testing.T) {
	const id, there = "https://client.example.com/x", "https://client.example.com/cb"
	w := newWorld(t, nil)
	w.front.readers.web.Transport = &counting{id: id, redirectURI: there}
	wrong := request(id, "redirect_uri", there, "prompt", "none")
	if got := w.ask(wrong); got.Code != http.StatusBadRequest || got.Header().Get("Location") != "" {
		t.Errorf("before a login: got %d to %q, want a page with 400", got.Code, got.Header().Get("Location"))
	}
	w.tokens(exchange(id, w.login(w.key, request(id, "redirect_uri", there)), "redirect_uri", there))
	if to := w.location(w.ask(wrong)); !strings.HasPrefix(to, there) {
		t.Errorf("after one: the browser is sent to %q, want the client", to)
	}
}

func TestClientsWithDocumentsOfAnAddressAreLimited(t *testing.T) {
	w := newWorld(t, nil)
	w.front.readers.web.Transport = &counting{id: "https://client.example.com/x"}
	var last url.Values
	for range 61 {
		last = request("https://client.example.com/x")
		if got := w.ask(last); got.Code != http.StatusSeeOther {
			if !strings.Contains(got.Body.String(), "too many applications") {
				t.Errorf("got %d %s, want to be told that it was too often", got.Code, got.Body)
			}
			return
		}
	}
	t.Error("61 logins in a minute were begun from one address")
}

// FuzzDocument: whatever a document says, it describes the client at its own URL or none.
func FuzzDocument(f *testing.F) {
	const id = "https://client.example.com/x"
	for _, seed := range []string{
		`{"client_id":"https://client.example.com/x","redirect_uris":["http://localhost/cb"]}`, `{"client_id":"https://evil.example/x"}`,
		`{"CLIENT_ID":"https://client.example.com/x","redirect_uris":["a:b"]}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := readDocument(id, text)
		if err == nil && (c.ID != id || len(c.RedirectURIs) == 0 || !c.redirects(c.RedirectURIs[0])) {
			t.Errorf("%q: got %+v", text, c)
		}
	})
}
