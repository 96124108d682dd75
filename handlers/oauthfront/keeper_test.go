package oauthfront

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
)

func withState(file string) func(*config.Config) {
	return func(c *config.Config) { c.Auth.Front.StateFile = file }
}

func TestLoginsOutliveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "front.json")
	w := newWorld(t, withState(file))
	client, got := w.given()
	idle := w.registerClient(callback)
	if err := w.front.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	if w.works(got.Access) != w.keyID {
		t.Error("the access token does not work after a restart")
	}
	next := w.tokens(renewal(client, got.Refresh))
	if w.works(next.Access) != w.keyID {
		t.Errorf("the refresh token after a restart: got %+v, want tokens", next)
	}
	if again := w.tokens(renewal(client, got.Refresh)); again.Error != "invalid_grant" || w.works(next.Access) != "" {
		t.Errorf("the same a second time: got %+v, want invalid_grant, and the login ended", again)
	}
	if code := w.login(w.key, request(idle)); code == "" {
		t.Error("a registered client is forgotten")
	}
}

func TestWithoutAFileARestartForgets(t *testing.T) {
	w := newWorld(t, nil)
	_, got := w.given()
	w.open()
	if w.works(got.Access) != "" {
		t.Error("the access token works after a restart, with nothing kept")
	}
}

func TestTheStateFileIsItsOwnersAndHoldsNoToken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "front.json")
	w := newWorld(t, withState(file))
	client, got := w.given()
	got2 := w.tokens(renewal(client, got.Refresh))
	if err := w.front.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v, want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{w.key, got.Access, got.Refresh, got2.Access, got2.Refresh} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the file holds %q", secret)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("beside the file: got %v, %v, want nothing", left, err)
	}
}

// Changes are written a second later, together, and not again while nothing changes.
func TestChangesAreWrittenASecondLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "front.json")
		w := newWorld(t, withState(file))
		client := w.registerClient(callback)
		holds := func() bool {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Contains(string(text), client)
		}
		synctest.Wait()
		if holds() {
			t.Error("the change was written at once")
		}
		<-time.After(saveAfter)
		synctest.Wait()
		if !holds() {
			t.Error("the change was not written after a second")
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		synctest.Wait()
		if _, err := os.Stat(file); err == nil {
			t.Error("the file was written though nothing changed")
		}
		if err := w.front.Close(); err != nil {
			t.Fatal(err)
		}
		if !holds() {
			t.Error("the end did not write the file")
		}
	})
}

func TestStateFilesThatCannotBeUsedStopTheStart(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct{ file, text, want string }{
		"no JSON":         {"a", "hello tga_secret", "remove it"},
		"no key":          {"b", `{"version":1}`, "remove it"},
		"a later version": {"c", `{"version":99,"key":"` + strings.Repeat("A", 43) + `="}`, "later version"},
		"a folder":        {"d", "", "no file that this server wrote"},
		"no such folder":  {"missing/e", "", "write the state"},
	} {
		file := filepath.Join(dir, test.file)
		switch {
		case name == "a folder":
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		case test.text != "":
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg := config.Default()
		cfg.Server.PublicURL, cfg.Auth.Front.StateFile = publicURL, file
		_, err := New(Options{Config: cfg, Log: zap.NewNop()})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "auth.front.state_file") || strings.Contains(err.Error(), "tga_") {
			t.Errorf("%s: got %v, want an error that names the key and says %q", name, err, test.want)
		}
	}
}

// A file is read as far as it is understood: fields of later versions and entries that would not be taken today are left out.
func TestStateFilesAreReadWithTolerance(t *testing.T) {
	file := filepath.Join(t.TempDir(), "front.json")
	now := time.Now()
	text, err := json.Marshal(map[string]any{
		"version": 1, "issuer": publicURL, "key": make([]byte, masterBytes), "later": true,
		"clients": []any{
			map[string]any{"id": "good", "redirect_uris": []string{callback}, "later": 1},
			map[string]any{"id": "bad", "redirect_uris": []string{"javascript:x"}},
			map[string]any{"redirect_uris": []string{callback}},
		},
		"grants": []any{
			map[string]any{"id": "g", "client": "good", "key": "key:x", "refresh": "h", "expires": now.Add(time.Hour)},
			map[string]any{"id": "old", "client": "good", "key": "key:x", "refresh": "h", "expires": now.Add(-time.Hour)},
			map[string]any{"id": "empty"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, withState(file))
	clients, grants := w.front.store.kept()
	if len(clients) != 1 || clients[0].ID != "good" || len(grants) != 1 || grants[0].ID != "g" {
		t.Errorf("kept %+v and %+v, want the good client and the login g", clients, grants)
	}
	if len(w.logs.FilterMessageSnippet("others could read").All()) != 1 {
		t.Error("a file that others can read was taken without a word")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v after the start, want 0600", info.Mode(), err)
	}
}

func TestAStateOfAnotherIssuerIsNotTakenUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "front.json")
	w := newWorld(t, withState(file))
	_, got := w.given()
	if err := w.front.Close(); err != nil {
		t.Fatal(err)
	}
	w.cfg.Server.PublicURL = "https://moved.example.com"
	w.open()
	if w.works(got.Access) != "" {
		t.Error("a token of the old place works at the new one")
	}
	if len(w.logs.FilterMessageSnippet("public_url has changed").All()) != 1 {
		t.Error("nobody is told that every client has to log in anew")
	}
}

func TestAStateThatCannotBeWrittenIsSaid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, withState(filepath.Join(dir, "front.json")))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := w.front.Close(); err == nil || !strings.Contains(err.Error(), "auth.front.state_file") {
		t.Errorf("Close: got %v, want an error that names the key", err)
	}
	if len(w.logs.FilterMessageSnippet("are not kept").All()) == 0 {
		t.Error("the log does not say that logins are not kept")
	}
}
