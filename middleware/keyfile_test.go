package middleware

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"toolgate/mcp"
)

// added is a key that was put into a file, and the key itself.
func added(t *testing.T, f KeyFile, name string) (plain string, key Key) {
	t.Helper()
	plain, key = NewKey(name, []string{mcp.ScopeRead})
	if err := f.Add(key); err != nil {
		t.Fatal(err)
	}
	return plain, key
}

func loaded(t *testing.T, f KeyFile) *KeyStore {
	t.Helper()
	s := &KeyStore{}
	if err := s.Load(string(f)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAKeyFileIsMadeAndGrows(t *testing.T) {
	f := KeyFile(filepath.Join(t.TempDir(), "keys.yaml"))
	if keys, err := f.Keys(); len(keys) > 0 || err != nil {
		t.Errorf("of no file: %v, %v, want no keys", keys, err)
	}
	first, _ := added(t, f, "first")
	second, _ := added(t, f, "second")
	s := loaded(t, f)
	for plain, want := range map[string]string{first: "first", second: "second"} {
		if p, err := s.Lookup(plain); err != nil || p.Name != want {
			t.Errorf("lookup: %+v, %v, want %s", p, err, want)
		}
	}
	info, err := os.Stat(string(f))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	text, _ := os.ReadFile(string(f))
	if strings.Contains(string(text), first) || strings.Contains(string(text), second) {
		t.Errorf("the file holds a key: %s", text)
	}
}

func TestWhatPeopleWroteInAKeyFileStays(t *testing.T) {
	_, old := NewKey("old", []string{mcp.ScopeRead})
	for name, text := range map[string]string{
		"comments beside keys": "# our keys\n- id: a # the build server\n  name: old\n  hash: " + old.Hash + "\n  scopes: [tools:read]\n",
		"comments alone":       "# our keys, the build server's among them\n",
		"nothing":              "",
	} {
		t.Run(name, func(t *testing.T) {
			f := KeyFile(keyFile(t, text))
			plain, key := added(t, f, "new")
			if name == "comments beside keys" {
				if _, err := f.Revoke("a", time.Now()); err != nil {
					t.Fatal(err)
				}
				if text, _ := os.ReadFile(string(f)); !strings.Contains(string(text), "# our keys") || !strings.Contains(string(text), "# the build server") {
					t.Errorf("got\n%s\nwant its comments", text)
				}
			}
			if p, err := loaded(t, f).Lookup(plain); err != nil || p.ID != "key:"+key.ID {
				t.Errorf("lookup: %+v, %v", p, err)
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	f := KeyFile(filepath.Join(t.TempDir(), "keys.yaml"))
	plain, key := added(t, f, "ci")
	_, twin := added(t, f, "twin")
	added(t, f, "twin")
	s := loaded(t, f)
	owner, err := s.Lookup(plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"nobody": "neither the id nor the name", "twin": "several keys", "": "neither"} {
		if _, err := f.Revoke(name, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("revoke %q: %v, want an error with %q", name, err, want)
		}
	}
	if s.Gone(owner) {
		t.Error("the key is gone before it was revoked")
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 500, time.UTC)
	if got, err := f.Revoke("ci", now); err != nil || got.ID != key.ID || !got.Revoked.Equal(now.Truncate(time.Second)) {
		t.Errorf("revoke: %+v, %v", got, err)
	}
	if _, err := f.Revoke(key.ID, now); err == nil || !strings.Contains(err.Error(), "2026-11-21T12:00:00Z") {
		t.Errorf("revoke again: %v, want when it was", err)
	}
	if _, err := f.Revoke(twin.ID, now); err != nil {
		t.Errorf("revoke by id: %v", err)
	}
	if err := s.Load(string(f)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(plain); !errors.Is(err, ErrRevokedKey) {
		t.Errorf("lookup: %v, want ErrRevokedKey", err)
	}
	if _, err := s.Principal(owner.ID); !errors.Is(err, ErrRevokedKey) {
		t.Errorf("its principal: %v, want ErrRevokedKey", err)
	}
	if !s.Gone(owner) || s.Gone(mcp.Anonymous()) || s.Gone(&mcp.Principal{ID: "jwt:x:y"}) {
		t.Error("gone are principals of keys that are no longer good, and no others")
	}
	if !s.Gone(&mcp.Principal{ID: "key:never"}) {
		t.Error("a key that is not in the file is not gone")
	}
}

// TestAKeyFileThatIsALinkStaysOne: orchestrators mount files as links.
func TestAKeyFileThatIsALinkStaysOne(t *testing.T) {
	dir := t.TempDir()
	f := KeyFile(filepath.Join(dir, "keys.yaml"))
	if err := os.Symlink(filepath.Join(dir, "real.yaml"), string(f)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "real.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	added(t, f, "ci")
	if info, err := os.Lstat(string(f)); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("it is %v (%v), want a link", info.Mode(), err)
	}
	if keys, err := KeyFile(filepath.Join(dir, "real.yaml")).Keys(); len(keys) != 1 || err != nil {
		t.Errorf("behind it: %d keys, %v, want one", len(keys), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.yaml.*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestAFileThatIsNoKeyFileIsNotWrittenTo(t *testing.T) {
	const pasted = "tg_PASTEDBYMISTAKE"
	for name, text := range map[string]string{
		"another file": "server: {port: 1}\n", "no yaml": "[" + pasted, "a key for a hash": "- {id: a, hash: " + pasted + ", scopes: [admin]}\n",
	} {
		f := KeyFile(keyFile(t, text))
		_, key := NewKey("ci", []string{mcp.ScopeRead})
		if err := f.Add(key); err == nil || strings.Contains(err.Error(), pasted) {
			t.Errorf("%s: %v, want an error that quotes nothing of it", name, err)
		}
		if got, _ := os.ReadFile(string(f)); string(got) != text {
			t.Errorf("%s: the file is %q now", name, got)
		}
	}
}

// TestWhoMayReadAKeyFileStaysSo: a server that reads it by its group goes on doing so, and nobody is let in.
func TestWhoMayReadAKeyFileStaysSo(t *testing.T) {
	for was, want := range map[os.FileMode]os.FileMode{0o600: 0o600, 0o640: 0o640, 0o660: 0o640, 0o644: 0o640, 0o440: 0o440, 0o777: 0o640} {
		f := KeyFile(keyFile(t, ""))
		changed := func(what string) {
			t.Helper()
			if info, err := os.Stat(string(f)); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: mode %v, %v, want %v of %v", what, info.Mode(), err, want, was)
			}
		}
		if err := os.Chmod(string(f), was); err != nil {
			t.Fatal(err)
		}
		_, key := added(t, f, "ci")
		changed("new")
		if err := os.Chmod(string(f), was); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Revoke(key.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		changed("revoke")
	}
}

func TestReplaceFileLeavesTheOldOneWhereItFails(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "folder")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{taken, filepath.Join(dir, "nowhere", "file")} {
		if err := ReplaceFile(name, []byte("new")); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error that names it", name, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
