package oauthfront

import (
	"net/url"
	"strings"
	"testing"
)

func TestRedirectURIsThatAreTaken(t *testing.T) {
	for _, uri := range []string{
		"https://app.example.com/callback", "https://app.example.com:8443/cb?tenant=1", "https://[2001:db8::1]/cb",
		"http://localhost/callback", "http://localhost:8080/", "http://127.0.0.1:33418", "http://127.3.2.1/cb", "http://[::1]:9000/cb",
		"cursor://anysphere.cursor-retrieval/oauth/user-1/callback", "vscode://vscode.github-authentication/did-authenticate",
		"vscode-insiders://x", "com.example.app:/oauth2redirect", "com.example.app://callback",
	} {
		if err := checkRedirectURI(uri); err != nil {
			t.Errorf("%s: got %v, want it taken", uri, err)
		}
	}
}

func TestRedirectURIsThatAreRefused(t *testing.T) {
	for _, uri := range []string{
		"", "/callback", "app.example.com/cb", "http://app.example.com/cb", "http://127.0.0.1.evil.example/cb", "http://localhost.evil.example/cb",
		"http://0.0.0.0/cb", "http://[::ffff:10.0.0.1]/cb", "http://localhost@evil.example/", "https://user:pw@app.example.com/cb",
		"https://app.example.com/cb#fragment", "https://app.example.com/cb#", "https://", "https:///cb", "https:app.example.com",
		"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "about:blank", "blob:https://a.example/x", "chrome://settings",
		"ftp://app.example.com/", "unknownapp://cb", "JAVASCRIPT://x.y/%0aalert(1)", "HTTPS://app.example.com/cb", "https://app.example.com\\@evil.example",
		"https://app.example.com/ cb", "https://app.example.com/\tcb", "https://bücher.example/cb", "https://app.example.com/<b>",
		"urn:ietf:wg:oauth:2.0:oob", "com.example.app:callback",
	} {
		if err := checkRedirectURI(uri); err == nil {
			t.Errorf("%q is taken, want it refused", uri)
		}
	}
}

func TestRedirectURIsAreTheSame(t *testing.T) {
	for _, test := range []struct {
		registered, asked string
		want              bool
	}{
		{"https://a.example/cb", "https://a.example/cb", true},
		{"https://a.example/cb", "https://a.example/cb/", false},
		{"https://a.example/cb", "https://a.example/cb?x=1", false},
		{"https://a.example/cb", "https://a.example:8443/cb", false},
		{"https://a.example/cb", "https://A.example/cb", false},
		{"https://a.example/cb", "https://a.example/%63b", false},
		{"https://a.example/cb", "http://a.example/cb", false},
		{"http://localhost/cb", "http://localhost:5555/cb", true},
		{"http://localhost:1/cb", "http://localhost:5555/cb", true},
		{"http://127.0.0.1/cb", "http://127.0.0.1:5555/cb", true},
		{"http://[::1]/cb", "http://[::1]:5555/cb", true},
		{"http://localhost/cb", "http://127.0.0.1:5555/cb", false},
		{"http://localhost/cb", "http://localhost:5555/other", false},
		{"http://localhost/cb", "http://localhost:5555/cb?x=1", false},
		{"http://localhost/cb", "http://x@localhost:5555/cb", false},
		{"http://localhost/cb", "https://localhost:5555/cb", false},
		{"http://localhost/cb", "http://localhost:5555/cb#x", false},
		{"com.example.app:/cb", "com.example.app:/cb", true},
		{"cursor://a/cb", "cursor://b/cb", false},
	} {
		if got := sameRedirectURI(test.registered, test.asked); got != test.want {
			t.Errorf("%s for %s: got %v, want %v", test.asked, test.registered, got, test.want)
		}
	}
}

func TestAnswersAreAddedToWhatIsThere(t *testing.T) {
	answer := url.Values{"code": {"a b&c"}}
	for uri, want := range map[string]string{
		"https://a.example/cb":        "https://a.example/cb?code=a+b%26c",
		"https://a.example/cb?":       "https://a.example/cb?code=a+b%26c",
		"https://a.example/cb?b=&a=;": "https://a.example/cb?b=&a=;&code=a+b%26c",
		"cursor://x/cb":               "cursor://x/cb?code=a+b%26c",
		"http://[::1]:9/cb":           "http://[::1]:9/cb?code=a+b%26c",
	} {
		if got := withAnswer(uri, answer); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
	}
}

// FuzzRedirectURI: a URI that is taken leads, by any reading, to https, to this machine, or to an application, and one that
// counts as the same leads to the same host and path.
func FuzzRedirectURI(f *testing.F) {
	for _, seed := range [][2]string{
		{"https://a.example/cb", "https://a.example/cb"},
		{"http://localhost/cb", "http://localhost:1/cb"},
		{"http://[::1]/", "http://[::1]:2/"},
		{"cursor://x", "cursor://x"},
		{"http://127.0.0.1:1/a?b", "http://127.0.0.1:2/a?b"},
		{"javascript://a.b/%0a", "java\tscript:"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, registered, asked string) {
		if checkRedirectURI(registered) != nil {
			return
		}
		scheme, rest, _ := strings.Cut(registered, ":")
		switch scheme {
		case "https":
		case "http":
			host, _, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
			if !strings.HasPrefix(host, "localhost") && !strings.HasPrefix(host, "127.") && !strings.HasPrefix(host, "[") {
				t.Errorf("%q is taken", registered)
			}
		case "javascript", "data", "file", "blob", "about", "vbscript", "view-source", "filesystem":
			t.Errorf("%q is taken", registered)
		}
		if !sameRedirectURI(registered, registered) {
			t.Errorf("%q is not the same as itself", registered)
		}
		if sameRedirectURI(registered, asked) {
			if checkRedirectURI(asked) != nil {
				t.Errorf("%q counts as %q, and would not be taken itself", asked, registered)
			}
			r, err1 := url.Parse(registered)
			a, err2 := url.Parse(asked)
			if err1 != nil || err2 != nil || r.Scheme != a.Scheme || r.Hostname() != a.Hostname() || r.Path != a.Path || a.User != nil {
				t.Errorf("%q counts as %q", asked, registered)
			}
		}
		if _, err := url.Parse(withAnswer(registered, url.Values{"code": {"x"}})); err != nil {
			t.Errorf("the answer to %q: %v", registered, err)
		}
	})
}
