package middleware

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.yaml.in/yaml/v3"

	"toolgate/mcp"
)

func keyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// storeOf loads keys the way an operator's file does.
func storeOf(t *testing.T, keys ...Key) *KeyStore {
	t.Helper()
	store := &KeyStore{}
	if err := store.Load(keyFile(t, string(must(yaml.Marshal(keys))))); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestNewKeyIsFoundAgain(t *testing.T) {
	plain, key := NewKey("ci", []string{mcp.ScopeRead})
	if !strings.HasPrefix(plain, "tg_") || len(plain) < 3+26 {
		t.Errorf("key = %q, want tg_ and at least 128 bits", plain)
	}
	if text := string(must(yaml.Marshal(key))); strings.Contains(text, plain) || strings.Contains(text, "expires") {
		t.Errorf("file entry = %s, want neither the key nor an empty expires", text)
	}
	p, err := storeOf(t, key).Lookup(plain)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != "key:"+key.ID || p.Name != "ci" || !slices.Equal(p.Scopes, []string{mcp.ScopeRead}) {
		t.Errorf("principal = %+v, want the key's", p)
	}
	other, _ := NewKey("ci", nil)
	if other == plain {
		t.Error("two keys are the same")
	}
}

func TestLookupRefuses(t *testing.T) {
	plain, key := NewKey("ci", []string{mcp.ScopeRead})
	store := storeOf(t, key)
	for _, wrong := range []string{"", "tg_", plain[:len(plain)-1], plain + "A", strings.ToLower(plain), plain[:len(plain)-1] + "!", key.Hash} {
		if _, err := store.Lookup(wrong); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%q: error = %v, want ErrUnknownKey", wrong, err)
		}
	}
	if _, err := new(KeyStore).Lookup(plain); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("empty store: error = %v, want ErrUnknownKey", err)
	}
}

func TestKeysExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain, key := NewKey("ci", []string{mcp.ScopeRead})
		key.Expires = time.Now().UTC().Add(time.Hour)
		store := storeOf(t, key)
		<-time.After(time.Hour - time.Nanosecond)
		if _, err := store.Lookup(plain); err != nil {
			t.Errorf("just before: error = %v, want none", err)
		}
		<-time.After(time.Nanosecond)
		if _, err := store.Lookup(plain); !errors.Is(err, ErrExpiredKey) {
			t.Errorf("at the moment: error = %v, want ErrExpiredKey", err)
		}
	})
}

func TestLoadReportsEveryFaultAndNoValue(t *testing.T) {
	const pasted = "tg_PASTEDBYMISTAKEPASTEDBYMIST"
	hash := "sha256:" + strings.Repeat("ab", 32)
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"key instead of hash", "- {id: a, hash: " + pasted + ", scopes: [admin]}", []string{"key 1: hash must be sha256:"}},
		{
			"several", "- {id: a, hash: 'sha256:00', scopes: [tool:read]}\n- {hash: '" + hash + "', scopes: []}",
			[]string{"key 1: hash", "scopes may hold tools:read", "key 2: id is missing", "scopes is empty"},
		},
		{
			"same id", "- {id: a, hash: '" + hash + "', scopes: [admin]}\n- {id: a, hash: '" + strings.ReplaceAll(hash, "b", "c") + "', scopes: [admin]}",
			[]string{"key 2: id is that of an earlier key"},
		},
		{
			"same hash", "- {id: a, hash: '" + hash + "', scopes: [admin]}\n- {id: b, hash: '" + hash + "', scopes: [admin]}",
			[]string{"key 2: hash is that of an earlier key"},
		},
		{"unknown field", "- {id: a, key: " + pasted + "}", []string{"see line 1"}},
		{"wrong type", "- {id: [" + pasted + "]}", []string{"see line 1"}},
		{"no time", "- {id: a, created: " + pasted + "}", []string{"2026-01-31T00:00:00Z"}},
		{"no list", "id: " + pasted, []string{"not a yaml list of keys"}},
		{"no yaml", "[" + pasted, []string{"not a yaml list of keys"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plain, key := NewKey("old", []string{mcp.ScopeRead})
			store := storeOf(t, key)
			err := store.Load(keyFile(t, tc.text))
			if err == nil {
				t.Fatal("the file was taken")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error = %v\nwant %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "tg_") {
				t.Errorf("error quotes the key: %v", err)
			}
			if _, err := store.Lookup(plain); err != nil {
				t.Errorf("the keys from before are gone: %v", err)
			}
		})
	}
}

// TestKeysAreReadBeforeTheyAreUsed: a file that was read changes nothing, and what is used keeps when its keys were.
func TestKeysAreReadBeforeTheyAreUsed(t *testing.T) {
	plain, key := NewKey("old", []string{mcp.ScopeRead})
	store := storeOf(t, key)
	first, err := store.Lookup(plain)
	if err != nil {
		t.Fatal(err)
	}
	plainNew, keyNew := NewKey("new", []string{mcp.ScopeRead})
	key.Name = "renamed"
	set, err := ReadKeys(keyFile(t, string(must(yaml.Marshal([]Key{key, keyNew})))))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := store.Lookup(plain); p != first || err != nil {
		t.Errorf("before use: %+v, %v, want the same", p, err)
	}
	if _, err := store.Lookup(plainNew); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("before use: %v, want the new key unknown", err)
	}
	store.Use(set)
	store.Use(set) // changes nothing
	if used := store.keys.Load().of(first.ID).used.Load(); used == 0 {
		t.Error("it is forgotten that the key was used")
	}
	for k, name := range map[string]string{plain: "renamed", plainNew: "new"} {
		if p, err := store.Lookup(k); err != nil || p.Name != name {
			t.Errorf("after use: %+v, %v, want %s", p, err, name)
		}
	}
	store.Use(new(KeySet))
	if _, err := store.Lookup(plain); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("after the use of no keys: %v, want it unknown", err)
	}
}

func TestLoadReplacesAndEmpties(t *testing.T) {
	plain, key := NewKey("old", []string{mcp.ScopeRead})
	store := storeOf(t, key)
	if err := store.Load(keyFile(t, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Lookup(plain); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("error = %v, want the removed key unknown", err)
	}
	if err := store.Load(filepath.Join(t.TempDir(), "missing.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v, want os.ErrNotExist", err)
	}
}

func TestAKeyBringsItsOwnersCredentials(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, key := NewKey("alice", []string{mcp.ScopeRead})
	text := fmt.Sprintf("- {id: a, name: alice, hash: %q, scopes: [%s], credentials: {jira: %q, github: inline}}\n", key.Hash, mcp.ScopeRead, "file:"+token)
	path := filepath.Join(dir, "keys.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	store := new(KeyStore)
	if err := store.Load(path); err != nil {
		t.Fatal(err)
	}
	p, err := store.Lookup(plain)
	if err != nil {
		t.Fatal(err)
	}
	if p.Credentials["jira"] != "from-file" || p.Credentials["github"] != "inline" {
		t.Errorf("credentials = %q and %q, want those of the file and of the line", p.Credentials["jira"], p.Credentials["github"])
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if shown := fmt.Sprintf(verb, p); strings.Contains(shown, "from-file") || strings.Contains(shown, "inline") {
			t.Errorf("%s shows the credentials: %s", verb, shown)
		}
	}
}
