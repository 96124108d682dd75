package middleware

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestLastUseIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := KeyFile(filepath.Join(t.TempDir(), "keys.yaml"))
		plain, key := added(t, f, "used")
		_, idle := added(t, f, "idle")
		s := loaded(t, f)
		ctx, stop := context.WithCancel(t.Context())
		noted := make(chan struct{})
		go func() { defer close(noted); s.NoteUse(ctx, func() KeyFile { return f }, zap.NewNop()) }()
		use := func() time.Time {
			t.Helper()
			if _, err := s.Lookup(plain); err != nil {
				t.Fatal(err)
			}
			return time.Now().UTC().Truncate(time.Second)
		}
		want := func(when string, at time.Time) {
			t.Helper()
			uses, err := f.LastUse()
			if err != nil || !uses[key.ID].Equal(at) {
				t.Errorf("%s: last used %v, %v, want %v", when, uses[key.ID], err, at)
			}
			if _, ok := uses[idle.ID]; ok {
				t.Errorf("%s: a key that nobody used is in %v", when, uses)
			}
		}
		want("at first", time.Time{})
		first := use()
		<-time.After(useEvery + time.Second)
		synctest.Wait()
		want("after a minute", first)
		if err := s.Load(string(f)); err != nil { // another look at the file forgets nothing
			t.Fatal(err)
		}
		second := use()
		stop()
		<-noted
		want("at the end", second)
	})
}

// TestLastUseFollowsTheConfiguration: keys may be turned on, be those of another file, and be turned off while a server runs. No file
// is told of another's keys.
func TestLastUseFollowsTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := KeyFile(filepath.Join(t.TempDir(), "keys.yaml")), KeyFile(filepath.Join(t.TempDir(), "keys.yaml"))
		plain, key := added(t, one, "one")
		plainOther, keyOther := added(t, other, "other")
		var inForce atomic.Value
		inForce.Store(KeyFile(""))
		s := loaded(t, one)
		ctx, stop := context.WithCancel(t.Context())
		noted := make(chan struct{})
		go func() {
			defer close(noted)
			s.NoteUse(ctx, func() KeyFile { return inForce.Load().(KeyFile) }, zap.NewNop())
		}()
		defer func() { stop(); <-noted }()
		after := func(what string, f KeyFile, ids ...string) { // a minute in which the key was used
			t.Helper()
			for _, k := range []string{plain, plainOther} {
				_, _ = s.Lookup(k)
			}
			<-time.After(useEvery + time.Second)
			synctest.Wait()
			uses, err := f.LastUse()
			if err != nil || !slices.Equal(slices.Sorted(maps.Keys(uses)), ids) {
				t.Errorf("%s: %s tells of %v, %v, want %q", what, f, uses, err, ids)
			}
		}
		after("no file in force", one)
		inForce.Store(one)
		after("turned on", one, key.ID)
		inForce.Store(other)
		after("another file in force, the store not there yet", other)
		if err := s.Load(string(other)); err != nil {
			t.Fatal(err)
		}
		after("another file", other, keyOther.ID)
		after("another file: the first one", one, key.ID)
		inForce.Store(KeyFile(""))
		if err := os.Remove(other.UseFile()); err != nil {
			t.Fatal(err)
		}
		after("turned off", other)
	})
}

func TestAFileForLastUseThatCannotBeWrittenIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := KeyFile(filepath.Join(t.TempDir(), "keys.yaml"))
		plain, _ := added(t, f, "used")
		s := loaded(t, f)
		if err := os.Mkdir(f.UseFile(), 0o700); err != nil {
			t.Fatal(err)
		}
		core, logs := observer.New(zap.WarnLevel)
		ctx, stop := context.WithCancel(t.Context())
		noted := make(chan struct{})
		go func() { defer close(noted); s.NoteUse(ctx, func() KeyFile { return f }, zap.New(core)) }()
		for range 3 {
			if _, err := s.Lookup(plain); err != nil {
				t.Fatal(err)
			}
			<-time.After(useEvery + time.Second)
		}
		stop()
		<-noted
		if n := logs.Len(); n != 1 {
			t.Errorf("said %d times, want once: %v", n, logs.All())
		}
	})
}

func TestKeysCommand(t *testing.T) {
	f := KeyFile(filepath.Join(t.TempDir(), "keys.yaml"))
	command := func(args ...string) (string, string, error) {
		var stdout, stderr strings.Builder
		err := KeysCommand(args, f, &stdout, &stderr)
		return stdout.String(), stderr.String(), err
	}
	if _, said, err := command("new", "ci", "--scopes", "tools:write, admin", "--expires", "90d"); err != nil || !strings.Contains(said, "tg_") {
		t.Errorf("new: %q, %v", said, err)
	}
	keys, err := f.Keys()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	if k := keys[0]; k.Name != "ci" || strings.Join(k.Scopes, " ") != "tools:write admin" || time.Until(k.Expires) < 89*24*time.Hour || time.Until(k.Expires) > 90*24*time.Hour {
		t.Errorf("the key is %+v", k)
	}
	out, _, err := command("list")
	if err != nil || !strings.Contains(out, "tools:write,admin") || !strings.Contains(out, "never") || !strings.Contains(out, "good") || strings.Contains(out, "sha256") {
		t.Errorf("list: %s, %v", out, err)
	}
	if out, _, err := command("revoke", "ci"); err != nil || !strings.Contains(out, "revoked") {
		t.Errorf("revoke: %s, %v", out, err)
	}
	if out, _, err := command("list"); err != nil || !strings.Contains(out, "revoked 20") {
		t.Errorf("list: %s, %v", out, err)
	}
	for _, wrong := range [][]string{
		nil,
		{"new"},
		{"new", ""},
		{"old", "ci"},
		{"revoke"},
		{"revoke", "a", "b"},
		{"new", "x", "--scopes", "everything"},
		{"new", "x", "reading"},
		{"new", "x", "--expires", "yesterday"},
		{"new", "x", "--expires", "-3d"},
		{"new", "x", "--expires", "2001-01-01"},
		{"new", "x", "--colour", "red"},
	} {
		if _, _, err := command(wrong...); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
	if keys, _ := f.Keys(); len(keys) != 1 {
		t.Errorf("%d keys in the end, want the one", len(keys))
	}
}
