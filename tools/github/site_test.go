package github

import (
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"toolgate/config"
)

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		text, want string // base; empty: refused
		private    string
	}{
		{"", "https://api.github.com/", ""},
		{"https://api.github.com", "https://api.github.com/", ""},
		{"https://API.github.com/", "https://API.github.com/", ""},
		{"https://github.com", "https://api.github.com/", ""},
		{"https://git.example.com/api/v3/", "https://git.example.com/api/v3/", "git.example.com"},
		{"https://git.example.com/api/v3", "https://git.example.com/api/v3/", "git.example.com"},
		{"https://git.example.com", "https://git.example.com/api/v3/", "git.example.com"},
		{"git.example.com:8443", "https://git.example.com:8443/api/v3/", "git.example.com:8443"},
		{"https://api.acme.ghe.com", "https://api.acme.ghe.com/", "api.acme.ghe.com"},
		{"http://10.0.0.1/api/v3", "http://10.0.0.1/api/v3/", "10.0.0.1"},
		{"ftp://git.example.com", "", ""},
		{"https://", "", ""},
		{"https://a b", "", ""},
	} {
		s, err := newSite(test.text)
		if test.want == "" {
			if err == nil || !strings.Contains(err.Error(), "tools.github.api_url") {
				t.Errorf("newSite(%q): error %v, want one that names the key", test.text, err)
			}
			continue
		}
		must(t, err)
		if got := s.base.String(); got != test.want {
			t.Errorf("newSite(%q) is %s, want %s", test.text, got, test.want)
		}
		if got := strings.Join(s.private(), " "); got != test.private {
			t.Errorf("newSite(%q) may have the private hosts %q, want %q", test.text, got, test.private)
		}
	}
}

func TestHostsOfAnEnterpriseServerAreFollowed(t *testing.T) {
	for text, want := range map[string]string{"https://git.example.com": "*.git.example.com", "https://api.acme.ghe.com": "*.acme.ghe.com"} {
		s, err := newSite(text)
		must(t, err)
		if got := s.follow(); !slices.Contains(got, want) || !slices.Contains(got, "*.blob.core.windows.net") {
			t.Errorf("%s follows %q, want %s among them", text, got, want)
		}
	}
}

func TestFaultsNameTheirKey(t *testing.T) {
	token := config.NewSecret(ownToken)
	for _, test := range []struct {
		name string
		cfg  config.GitHub
		key  string // empty: no fault
	}{
		{"a token", config.GitHub{Token: token}, ""},
		{"callers' tokens by header", config.GitHub{CallerHeader: "X-GitHub-Token"}, ""},
		{"callers' tokens by key", config.GitHub{CallerOnly: true}, ""},
		{"repository with its owner", config.GitHub{Token: token, Repo: "acme/anvil"}, ""},
		{"a list", config.GitHub{Token: token, Repositories: []string{"acme/*", " eve/x.y "}}, ""},
		{"no token", config.GitHub{}, "tools.github.token"},
		{"a token of two lines", config.GitHub{Token: config.NewSecret("a\nb")}, "tools.github.token"},
		{"an address", config.GitHub{Token: token, APIURL: "gopher://x"}, "tools.github.api_url"},
		{"an address with a password", config.GitHub{Token: token, APIURL: "https://u:s3cret@git.example.com"}, "tools.github.api_url"},
		{"an owner", config.GitHub{Token: token, Owner: "a/b"}, "tools.github.owner"},
		{"a repository", config.GitHub{Token: token, Owner: "a", Repo: ".."}, "tools.github.repo"},
		{"a repository of nobody", config.GitHub{Token: token, Repo: "x"}, "tools.github.owner"},
		{"two owners", config.GitHub{Token: token, Owner: "a", Repo: "b/c"}, "tools.github.repo"},
		{"a list's entry", config.GitHub{Token: token, Repositories: []string{"acme"}}, "tools.github.repositories"},
		{"all owners", config.GitHub{Token: token, Repositories: []string{"*/*"}}, "tools.github.repositories"},
		{"part of a name", config.GitHub{Token: token, Repositories: []string{"acme/an*"}}, "tools.github.repositories"},
		{"three names", config.GitHub{Token: token, Repositories: []string{"acme/a/b"}}, "tools.github.repositories"},
	} {
		p, err := New(test.cfg, zap.NewNop())
		if err == nil {
			p.Close()
		}
		if (err == nil) != (test.key == "") || err != nil && (!strings.HasPrefix(err.Error(), test.key+":") || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: error %v, want one of %q", test.name, err, test.key)
		}
		if got := Configured(test.cfg); got != (test.name != "no token" && !test.cfg.Token.IsZero() || test.cfg.CallerHeader != "" || test.cfg.CallerOnly) {
			t.Errorf("%s: Configured = %v", test.name, got)
		}
	}
}

func TestNothingIsAskedAfterClose(t *testing.T) {
	h := newHub(t)
	p := h.pack(nil)
	p.Close()
	if got := call(t, p, "list_commits", `{}`); !got.IsError || len(h.requests()) != 0 {
		t.Errorf("the answer is %q after %d requests, want an error after none", got.text(), len(h.requests()))
	}
}
