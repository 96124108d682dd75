package config

import (
	"slices"
	"testing"
)

func TestChanged(t *testing.T) {
	before, after := Default(), Default()
	if now, later := Changed(before, after); len(now)+len(later) > 0 {
		t.Errorf("of equal ones: %q and %q", now, later)
	}
	after.Server.AllowedHosts = []string{"a.example.com"}
	after.Log.Level = "debug"
	after.Server.Port = 8080
	after.Audit.File = "audit.jsonl"
	now, later := Changed(before, after)
	if want := []string{"server.allowed_hosts", "log.level"}; !slices.Equal(now, want) {
		t.Errorf("count now: %q, want %q", now, want)
	}
	if want := []string{"server.port", "audit.file"}; !slices.Equal(later, want) {
		t.Errorf("count later: %q, want %q", later, want)
	}
}

func TestSplitFlags(t *testing.T) {
	for _, test := range []struct{ args, keys, rest []string }{
		{nil, nil, nil},
		{[]string{"new", "ci"}, nil, []string{"new", "ci"}},
		{
			[]string{"new", "--auth.keys_file", "f", "ci", "--scopes", "a.b", "--config=x"},
			[]string{"--auth.keys_file", "f", "--config=x"}, []string{"new", "ci", "--scopes", "a.b"},
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
