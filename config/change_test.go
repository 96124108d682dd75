package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChanged(t *testing.T) {
	before, after := Default(), Default()
	if keys := Changed(before, after); len(keys) > 0 {
		t.Errorf("of equal ones: %q", keys)
	}
	after.Server.AllowedHosts = []string{"a.example.com"}
	after.Log.Level = "debug"
	if got, want := Changed(before, after), []string{"server.allowed_hosts", "log.level"}; !slices.Equal(got, want) {
		t.Errorf("changed: %q, want %q", got, want)
	}
}

// TestARunningServerKeepsWhatItStandsOn: what counts from the next start keeps its value, and the whole is judged by it: a
// server that others reach is not opened by a file that says it listens for itself alone.
func TestARunningServerKeepsWhatItStandsOn(t *testing.T) {
	load := func(running *Config, text string) (Config, []string, error) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "toolgate.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, warnings, err := Load(Source{Dir: dir, Running: running})
		for i := range warnings {
			warnings[i] = strings.ReplaceAll(warnings[i], dir+"/", "")
		}
		return cfg, warnings, err
	}
	running := Default()
	running.Server.Host = "0.0.0.0"
	running.Auth.Mode, running.Auth.KeysFile = []string{AuthKeys}, "keys.yaml"

	if _, _, err := load(&running, "server: {host: localhost}\n"); err == nil || !strings.Contains(err.Error(), "others can reach 0.0.0.0") {
		t.Errorf("without auth: %v, want it refused for who can reach it now", err)
	}
	cfg, warnings, err := load(&running, "server: {host: localhost, port: 80, allowed_hosts: [a.example.com]}\nauth: {mode: keys, keys_file: keys.yaml}\n")
	if err != nil || cfg.Server.Host != "0.0.0.0" || cfg.Server.Port != running.Server.Port || cfg.Server.AllowedHosts[0] != "a.example.com" {
		t.Errorf("got %+v, %v, want the host and port it has and the names that are written", cfg.Server, err)
	}
	want := []string{"toolgate.yaml:1: server.host: it counts from the next start", "toolgate.yaml:1: server.port: it counts from the next start"}
	if !slices.Equal(warnings, want) {
		t.Errorf("warnings %q, want %q", warnings, want)
	}

	public := "server: {host: 0.0.0.0, public_url: https://two.example.com}\nauth: {mode: MODE, keys_file: keys.yaml}\n"
	running.Server.PublicURL = "https://one.example.com"
	if cfg, _, err := load(&running, strings.ReplaceAll(public, "MODE", "keys")); err != nil || cfg.Server.PublicURL != "https://two.example.com" {
		t.Errorf("public_url = %q (%v), want what is written", cfg.Server.PublicURL, err)
	}
	running.Auth.Mode = []string{AuthFront}
	if cfg, _, err := load(&running, strings.ReplaceAll(public, "MODE", "front")); err != nil || cfg.Server.PublicURL != "https://one.example.com" {
		t.Errorf("with a front: public_url = %q (%v), want what its clients were told", cfg.Server.PublicURL, err)
	}
}

func TestSplitFlags(t *testing.T) {
	for _, test := range []struct{ args, keys, rest []string }{
		{nil, nil, nil},
		{[]string{"new", "ci"}, nil, []string{"new", "ci"}},
		{
			[]string{"new", "--auth.keys_file", "f", "ci", "--scopes", "a.b", "--config=x"},
			[]string{"--auth.keys_file", "f", "--config=x"},
			[]string{"new", "ci", "--scopes", "a.b"},
		},
		{[]string{"-tools.read_only", "x", "--tools.read_only=true"}, []string{"-tools.read_only", "--tools.read_only=true"}, []string{"x"}},
		{[]string{"--name=a.b", "--serve.port", "1"}, []string{"--serve.port", "1"}, []string{"--name=a.b"}}, // misspelt: for the parser to name
		{[]string{"--server.port"}, []string{"--server.port"}, nil},
		{[]string{"x", "--", "--server.port", "1"}, nil, []string{"x", "--server.port", "1"}},
	} {
		keys, rest := SplitFlags(test.args)
		if !slices.Equal(keys, test.keys) || !slices.Equal(rest, test.rest) {
			t.Errorf("%q: %q and %q, want %q and %q", test.args, keys, rest, test.keys, test.rest)
		}
	}
}

func TestGrants(t *testing.T) {
	for _, test := range []struct {
		scopeMap []string
		word     string
		want     []string
	}{
		{nil, "tools:read", []string{"tools:read"}},
		{nil, "openid", nil},
		{[]string{"w=tools:write", "w=jira:read", "w=tools:write"}, "w", []string{"tools:write", "jira:read"}},
		{[]string{"w=tools:write"}, "tools:read", nil}, // who writes a map means it
	} {
		if got := (JWT{ScopeMap: test.scopeMap}).Grants(test.word); !slices.Equal(got, test.want) {
			t.Errorf("%q by %q grants %q, want %q", test.word, test.scopeMap, got, test.want)
		}
	}
}
