package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
)

// secret is what no other host may see.
const secret = "Bearer s3cret"

func authorize(_ context.Context, h http.Header) error {
	h.Set("Authorization", secret)
	h.Set("X-Api-Key", secret)
	return nil
}

func TestRequestIsSentBelowBaseURL(t *testing.T) {
	type sent struct{ method, uri, agent, accept, auth, body string }
	var got sent
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = sent{r.Method, r.RequestURI, r.UserAgent(), r.Header.Get("Accept"), r.Header.Get("Authorization"), string(body)}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "made")
	}))
	defer s.Close()
	c := made(t, Options{Name: "Jira", BaseURL: s.URL + "/jira/", Private: []string{"127.0.0.1"}, Authorize: authorize}, wires{})
	resp, err := c.Do(t.Context(), Request{
		Method: "POST", Path: "/rest/a%2Fb", Query: map[string][]string{"jql": {"a = b&c"}},
		Header: map[string]string{"accept": "application/json"}, Body: []byte("{}"),
	})
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	want := sent{"POST", "/jira/rest/a%2Fb?jql=a+%3D+b%26c", "toolgate", "application/json", secret, "{}"}
	if got != want {
		t.Errorf("sent %+v, want %+v", got, want)
	}
	if resp.Status != http.StatusCreated || string(resp.Body) != "made" {
		t.Errorf("answer = %d %q, want 201 made", resp.Status, resp.Body)
	}
}

func TestPathsThatWouldLeadElsewhere(t *testing.T) {
	c := local(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.RequestURI) }, Options{})
	for _, path := range []string{
		"/../admin", "..", "/a/../../b", "/%2e%2e/b", "/a/.%2E", "/./a", "/a%2f..%2fb", "/a\\..\\b", "/a%5c..%5cb", "/a?b=c", "/a#b", "/%zz", "/%",
	} {
		if _, err := c.Do(t.Context(), Request{Path: path}); err == nil {
			t.Errorf("Do(%s) was sent, want an error", path)
		}
	}
}

func TestPathStaysAPath(t *testing.T) {
	var host, uri string
	c := local(t, func(_ http.ResponseWriter, r *http.Request) { host, uri = r.Host, r.RequestURI }, Options{})
	base := strings.TrimPrefix(c.opts.BaseURL, "http://")
	for path, want := range map[string]string{
		"": "/", "a": "/a", "@evil.example/": "/@evil.example/", "//evil.example/": "//evil.example/", ":80/": "/:80/",
		"/a..b/...": "/a..b/...", "/%C3%A9": "/%C3%A9",
	} {
		get(t, c, path)
		if host != base || uri != want {
			t.Errorf("Do(%s) asked %s for %s, want %s for %s", path, host, uri, base, want)
		}
	}
}

func TestOptionsThatCouldNotWork(t *testing.T) {
	for name, opts := range map[string]Options{
		"no name":           {BaseURL: "https://a.example"},
		"no URL":            {Name: "Jira"},
		"a file":            {Name: "Jira", BaseURL: "file:///etc/passwd"},
		"another scheme":    {Name: "Jira", BaseURL: "gopher://a.example"},
		"no host":           {Name: "Jira", BaseURL: "https:///a"},
		"a password":        {Name: "Jira", BaseURL: "https://a:s3cret@b.example"},
		"a broken password": {Name: "Jira", BaseURL: "https://a:s3cret@b.example:x"},
		"a query":           {Name: "Jira", BaseURL: "https://a.example?b=c"},
		"a host to allow":   {Name: "Jira", BaseURL: "https://a.example", Private: []string{"http://b"}},
		"a host to follow":  {Name: "Jira", BaseURL: "https://a.example", Follow: []string{"*"}},
		"a time":            {Name: "Jira", BaseURL: "https://a.example", Timeout: -1},
	} {
		c, err := New(opts)
		if err == nil {
			c.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error %q tells a password", name, err)
		}
	}
}

func TestHTTPAsksNoOtherHost(t *testing.T) {
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	c := local(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, Options{Authorize: authorize})
	base := strings.TrimPrefix(c.opts.BaseURL, "http://")
	for address, want := range map[string]error{
		other.URL:                           ErrElsewhere,
		"http://169.254.169.254/":           ErrElsewhere,
		"http://2130706433/":                ErrElsewhere,
		"http://a@" + base:                  ErrRefused,
		"http://a:b@" + base:                ErrRefused,
		"http://" + base + "@evil.example/": ErrRefused,
		"file:///etc/passwd":                ErrRefused,
		"gopher://127.0.0.1:70/":            ErrRefused,
		"ftp://" + base:                     ErrRefused,
	} {
		resp, err := c.HTTP().Get(address)
		if err == nil {
			resp.Body.Close()
		}
		wantError(t, err, 0, want)
	}
	resp, err := c.HTTP().Get(c.opts.BaseURL + "/x")
	if err != nil {
		t.Fatalf("BaseURL's own host: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("status = %d, want %d as an answer", resp.StatusCode, http.StatusTeapot)
	}
	if asked.Load() != 0 {
		t.Errorf("the other host was asked %d times, want 0", asked.Load())
	}
}

func TestHostHeaderIsThatOfTheURL(t *testing.T) {
	var host string
	c := local(t, func(_ http.ResponseWriter, r *http.Request) { host = r.Host }, Options{})
	req, err := http.NewRequestWithContext(t.Context(), "GET", c.opts.BaseURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "inside.example"
	resp, err := c.HTTP().Do(req)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	resp.Body.Close()
	if want := c.base.Host; host != want {
		t.Errorf("Host = %s, want %s", host, want)
	}
}

func TestRedirectWithinTheHostIsFollowed(t *testing.T) {
	var referers []string
	c := local(t, func(w http.ResponseWriter, r *http.Request) {
		referers = append(referers, r.Referer())
		if n := len(r.URL.Path); n <= maxRedirects {
			http.Redirect(w, r, r.URL.Path+"x?token=y", http.StatusMovedPermanently)
			return
		}
		io.WriteString(w, r.Header.Get("Authorization"))
	}, Options{Authorize: authorize})
	if resp := get(t, c, "/"); string(resp.Body) != secret {
		t.Errorf("the credential after %d redirects = %q, want it", maxRedirects, resp.Body)
	}
	if got := strings.Join(referers, ""); got != "" {
		t.Errorf("Referer = %q, want none", got)
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	var leaked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	defer other.Close()
	for _, test := range []struct {
		name, method, to string
		status           int
		want             error
		text             string
	}{
		{"another host", "GET", other.URL, 302, ErrElsewhere, "Jira redirects to another host, which is not followed"},
		{"another host, method kept", "GET", other.URL, 307, ErrElsewhere, "Jira redirects to another host, which is not followed"},
		{"inward", "GET", "http://169.254.169.254/latest/meta-data/", 302, ErrElsewhere, "Jira redirects to another host, which is not followed"},
		{"another port", "GET", "http://127.0.0.1:1/", 302, ErrElsewhere, "Jira redirects to another host, which is not followed"},
		{"a file", "GET", "file:///etc/passwd", 302, ErrRefused, ""},
		{"gopher", "GET", "gopher://127.0.0.1/", 302, ErrRefused, ""},
		{"a user", "GET", "http://a@127.0.0.1/", 302, ErrRefused, ""},
		{"to itself", "GET", "/", 302, errRedirects, "Jira redirects again and again"},
		{"a POST", "POST", "/x", 302, errMoved, "Jira redirects a request that may change something, which is not followed"},
		{"a POST that stays one", "POST", "/x", 308, errMoved, "Jira redirects a request that may change something, which is not followed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked int
			c := local(t, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Location", test.to)
				w.WriteHeader(test.status)
			}, Options{Authorize: authorize})
			_, err := c.Do(t.Context(), Request{Method: test.method, Body: []byte("x")})
			e := wantError(t, err, 0, test.want)
			if test.text != "" && e.Error() != test.text {
				t.Errorf("text = %q, want %q", e.Error(), test.text)
			}
			if asked > maxRedirects+1 {
				t.Errorf("asked %d times, want %d at most", asked, maxRedirects+1)
			}
		})
	}
	if leaked.Load() != 0 {
		t.Errorf("the other host was asked %d times, want 0", leaked.Load())
	}
}

func TestRedirectNeverGoesFromTLSToNone(t *testing.T) {
	c := made(t, Options{Name: "Jira", BaseURL: "https://jira.example", Follow: []string{"*.blob.example"}}, wires{})
	via := []*http.Request{{Method: "GET", URL: &url.URL{Scheme: "https", Host: "jira.example"}}}
	for _, to := range []string{"http://jira.example/", "http://a.blob.example/"} {
		u, _ := url.Parse(to)
		req := (&http.Request{Method: "GET", URL: u}).WithContext(t.Context())
		wantError(t, c.redirect(req, via), 0, ErrElsewhere)
		if _, err := c.check(u); !errors.Is(err, ErrElsewhere) {
			t.Errorf("check(%s) = %v, want %v", to, err, ErrElsewhere)
		}
	}
}

func TestRedirectMayGoToTLSOnTheSameHost(t *testing.T) {
	c := made(t, Options{Name: "Jira", BaseURL: "http://jira.example:8080"}, wires{})
	for to, want := range map[string]bool{
		"http://jira.example:8080/": true, "https://JIRA.example/": true, "https://jira.example:443/": true,
		"http://jira.example/": false, "https://jira.example:8443/": false, "https://jira.example.evil/": false,
	} {
		u, _ := url.Parse(to)
		if got := c.atHome(u); got != want {
			t.Errorf("atHome(%s) = %t, want %t", to, got, want)
		}
	}
}

func TestRedirectToStorageIsFollowedWithoutCredentials(t *testing.T) {
	var got http.Header
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		io.WriteString(w, "the log")
	}))
	defer storage.Close()
	u, _ := url.Parse(storage.URL)
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != secret {
			t.Errorf("Authorization = %q, want it", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, storage.URL+"/x?sig=y", http.StatusFound)
	}
	c := local(t, handler, Options{Authorize: authorize, Follow: []string{u.Host}})
	resp, err := c.Do(t.Context(), Request{Path: "/log", Header: map[string]string{
		"Accept": "text/plain", "Cookie": "a=b", "X-Token": "t", "Authorization": secret,
	}})
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	if string(resp.Body) != "the log" {
		t.Errorf("body = %q, want that of the storage", resp.Body)
	}
	for name, values := range got {
		switch name {
		case "Accept", "Accept-Encoding", "User-Agent":
		default:
			t.Errorf("the storage was sent %s: %s", name, values)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", storage.URL, strings.NewReader("x"))
	_, err = c.HTTP().Do(req)
	wantError(t, err, 0, ErrElsewhere)
}

func TestRedirectToStorageIsGuarded(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://inside.example/", http.StatusFound)
	}))
	defer s.Close()
	c := made(t, Options{Name: "GitHub", BaseURL: s.URL, Private: []string{"127.0.0.1"}, Follow: []string{"inside.example"}},
		wires{resolver: newNames(t, map[string][][]netip.Addr{"inside.example": {addrs("127.0.0.1")}})})
	_, err := c.Do(t.Context(), Request{})
	wantError(t, err, 0, ErrRefused)
}

func TestErrorOfAuthorizeIsReturned(t *testing.T) {
	errNone := errors.New("send a token")
	c := local(t, func(http.ResponseWriter, *http.Request) { t.Error("asked without a credential") },
		Options{Authorize: func(context.Context, http.Header) error { return errNone }})
	if _, err := c.Do(t.Context(), Request{}); !errors.Is(err, errNone) || err.Error() != errNone.Error() {
		t.Errorf("error = %v, want %v", err, errNone)
	}
}

func TestCallerIsFoundByAuthorize(t *testing.T) {
	c := local(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) }, Options{
		Authorize: func(ctx context.Context, h http.Header) error {
			h.Set("Authorization", "Bearer "+Caller(ctx))
			return nil
		},
	})
	resp, err := c.Do(As(t.Context(), "own"), Request{})
	if err != nil || string(resp.Body) != "Bearer own" {
		t.Errorf("sent %v, %v; want Bearer own", resp, err)
	}
}

func TestEndOfTheCallerIsReturned(t *testing.T) {
	errStopped := errors.New("the client cancelled the call")
	bubble(t, Options{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer time.AfterFunc(time.Second, func() { cancel(errStopped) }).Stop()
		if _, err := c.Do(ctx, Request{}); err != errStopped {
			t.Errorf("error = %v, want %v", err, errStopped)
		}
	})
}

func TestCloseEndsWhatIsAsked(t *testing.T) {
	bubble(t, Options{Cache: time.Minute}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(t *testing.T, c *Client) {
		defer time.AfterFunc(time.Second, c.Close).Stop()
		for _, method := range []string{"GET", "GET", "POST"} {
			_, err := c.Do(t.Context(), Request{Method: method})
			e := wantError(t, err, 0, errClosed)
			if want := "Jira is not asked any more: the server is shutting down"; e.Error() != want {
				t.Errorf("text = %q, want %q", e.Error(), want)
			}
		}
	})
}

func TestLibrariesDoNotChangeTheClient(t *testing.T) {
	c := local(t, func(http.ResponseWriter, *http.Request) {}, Options{})
	c.HTTP().Transport = nil
	if c.HTTP().Transport == nil {
		t.Error("a change to what HTTP gave is in what it gives next")
	}
}

func TestTLSOfAStrangerIsNotTrusted(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = zap.NewStdLog(zap.NewNop()) // it says that the client broke off
	s.StartTLS()
	defer s.Close()
	c := made(t, Options{Name: "Jira", BaseURL: s.URL, Private: []string{"127.0.0.1"}}, wires{})
	_, err := c.Do(t.Context(), Request{})
	e := wantError(t, err, 0, nil)
	if want := "Jira could not be reached: its certificate is not valid or not trusted"; e.Error() != want {
		t.Errorf("text = %q, want %q", e.Error(), want)
	}
}

func TestHTTP2IsSpoken(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	c := made(t, Options{Name: "Jira", BaseURL: s.URL, Private: []string{"127.0.0.1"}}, wires{tls: trusting(s)})
	if resp := get(t, c, "/"); string(resp.Body) != "HTTP/2.0" {
		t.Errorf("protocol = %s, want HTTP/2.0", resp.Body)
	}
}
