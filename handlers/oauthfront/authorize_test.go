package oauthfront

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"toolgate/config"
)

func TestRequestsThatAreRefusedToTheClient(t *testing.T) {
	w := newWorld(t, nil)
	client := w.registerClient(callback)
	for name, test := range map[string]struct {
		changes []string
		want    string
	}{
		"no PKCE":                  {[]string{"code_challenge", "-", "code_challenge_method", "-"}, "invalid_request"},
		"plain PKCE":               {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"PKCE without a method":    {[]string{"code_challenge_method", "-"}, "invalid_request"},
		"a challenge that is none": {[]string{"code_challenge", "short"}, "invalid_request"},
		"the implicit flow":        {[]string{"response_type", "token"}, "unsupported_response_type"},
		"no response type":         {[]string{"response_type", "-"}, "unsupported_response_type"},
		"a fragment":               {[]string{"response_mode", "fragment"}, "invalid_request"},
		"a form":                   {[]string{"response_mode", "form_post"}, "invalid_request"},
		"a request object":         {[]string{"request", "eyJ"}, "request_not_supported"},
		"no page":                  {[]string{"prompt", "none"}, "login_required"},
		"another resource":         {[]string{"resource", "https://other.example.com/mcp"}, "invalid_target"},
		"a resource's fragment":    {[]string{"resource", publicURL + "/mcp#x"}, "invalid_target"},
		"a path below it":          {[]string{"resource", publicURL + "/mcp/more"}, "invalid_target"},
	} {
		answer := w.ask(request(client, test.changes...))
		if to := w.location(answer); !strings.HasPrefix(to, callback+"?") {
			t.Errorf("%s: the browser is sent to %q, want the client", name, to)
		}
		got := w.back(answer)
		if got.Get("error") != test.want || got.Get("iss") != publicURL || got.Get("state") != "state of the client" || got.Has("code") {
			t.Errorf("%s: the client is told %v, want %s, its state and the issuer", name, got, test.want)
		}
	}
}

// A stranger's client does not make this server a hop to wherever it likes: what is wrong is told to the person, who may follow
// or not. Once somebody has logged in by the client, and where the answer stays on the person's machine, it is told to the client.
func TestWrongRequestsSendNobodyToAStranger(t *testing.T) {
	const stranger = "https://stranger.example/cb?a=1&b=2"
	w := newWorld(t, nil)
	client := w.registerClient(stranger, callback, "https://localhost/cb", "com.example.app:/cb")
	for name, changes := range map[string][]string{
		"a wrong response type": {"response_type", "token"}, "no page": {"prompt", "none"}, "another resource": {"resource", "https://other.example.com"},
	} {
		got := w.ask(request(client, append(changes, "redirect_uri", stranger)...))
		if got.Code != http.StatusBadRequest || got.Header().Get("Location") != "" || !strings.Contains(got.Body.String(), "stranger.example") {
			t.Errorf("%s: got %d to %q, want a page with 400 that names the host", name, got.Code, got.Header().Get("Location"))
		}
		wantPageHeaders(t, got.Header())
	}

	page := w.ask(request(client, "redirect_uri", stranger, "prompt", "none")).Body.String()
	link := regexp.MustCompile(`<a href="([^"]*)"`).FindStringSubmatch(page)
	if link == nil {
		t.Fatalf("the page has no link to follow:\n%s", page)
	}
	to, err := url.Parse(html.UnescapeString(link[1]))
	if err != nil {
		t.Fatal(err)
	}
	if q := to.Query(); to.Host != "stranger.example" || q.Get("error") != "login_required" || q.Get("iss") != publicURL || q.Get("state") == "" || q.Get("b") != "2" {
		t.Errorf("the link leads to %s, want what the client would have been told", to)
	}

	for _, here := range []string{callback, "https://localhost/cb", "com.example.app:/cb"} {
		if to := w.location(w.ask(request(client, "redirect_uri", here, "prompt", "none"))); !strings.HasPrefix(to, here+"?error=login_required") {
			t.Errorf("%s: the browser is sent to %q, want the client", here, to)
		}
	}

	good := request(client, "redirect_uri", stranger)
	w.tokens(exchange(client, w.login(w.key, good), "redirect_uri", stranger))
	if to := w.location(w.ask(request(client, "redirect_uri", stranger, "prompt", "none"))); !strings.HasPrefix(to, stranger) {
		t.Errorf("once somebody has logged in: the browser is sent to %q, want the client", to)
	}
}

func TestRequestsThatAreRefusedToThePerson(t *testing.T) {
	w := newWorld(t, nil)
	client := w.registerClient(callback, "https://app.example.com/cb")
	for name, v := range map[string]url.Values{
		"no client":                   request(""),
		"an unknown client":           request("tgc_nobody"),
		"no redirect URI":             request(client, "redirect_uri", "-"),
		"another redirect URI":        request(client, "redirect_uri", "https://evil.example/cb"),
		"a longer one":                request(client, "redirect_uri", "https://app.example.com/cb/more"),
		"one that reads the same":     request(client, "redirect_uri", "https://app.example.com/%63b"),
		"one with a user":             request(client, "redirect_uri", "http://evil@127.0.0.1:4711/callback"),
		"loopback by another name":    request(client, "redirect_uri", "http://localhost:4711/callback"),
		"a client twice":              {"client_id": {client, client}},
		"a request that is too large": request(client, "state", strings.Repeat("x", maxAuthorize)),
	} {
		got := w.ask(v)
		if got.Code != http.StatusBadRequest || got.Header().Get("Location") != "" || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d to %q, want a page with 400", name, got.Code, got.Header().Get("Location"))
		}
		wantPageHeaders(t, got.Header())
	}
}

func TestResourcesThatAreOurs(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Server.PublicURL = publicURL + "/gate"; c.Server.BasePath = "/gate" })
	client := w.registerClient(callback)
	for _, resource := range []string{
		publicURL + "/gate/mcp", publicURL + "/gate/sse", publicURL + "/gate", publicURL + "/gate/", publicURL, publicURL + "/",
		"HTTPS://TOOLS.example.com:443/gate/mcp", "-",
	} {
		if to := w.location(w.ask(request(client, "resource", resource))); !strings.HasPrefix(to, publicURL+"/gate"+loginPath) {
			t.Errorf("resource %q: the browser is sent to %s, want the login page", resource, to)
		}
	}
	both := request(client)
	both["resource"] = []string{publicURL + "/gate/mcp", "https://other.example.com"}
	if got := w.back(w.ask(both)); got.Get("error") != "invalid_target" {
		t.Errorf("two resources, one of them another's: got %v, want invalid_target", got)
	}
}

func TestAnswersReachApplications(t *testing.T) {
	w := newWorld(t, nil)
	for registered, asked := range map[string]string{
		"cursor://anysphere.cursor/callback": "cursor://anysphere.cursor/callback", "com.example.app:/oauth": "com.example.app:/oauth",
		"http://localhost/cb?app=1": "http://localhost:51234/cb?app=1", "http://[::1]/cb": "http://[::1]:4/cb",
	} {
		form, page := w.page(request(w.registerClient(registered), "redirect_uri", asked))
		if to := w.location(w.submit(form, w.key, "allow")); !strings.HasPrefix(to, asked) || !strings.Contains(to, "code=") {
			t.Errorf("%s: the browser is sent to %q", asked, to)
		}
		if !strings.Contains(page.Body.String(), "<dd>"+place(asked)+"</dd>") {
			t.Errorf("%s: the page does not show %q", asked, place(asked))
		}
	}
}
