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
		for _, readOnly := range []bool{false, true} {
			_, err := New(Options{Config: cfg, ReadOnly: readOnly, Log: zap.NewNop()})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "auth.front.state_file") || strings.Contains(err.Error(), "tga_") {
				t.Errorf("%s, read only %v: got %v, want an error that names the key and says %q", name, readOnly, err, test.want)
			}
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
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v after the start, want 0640: what its group may stays", info.Mode(), err)
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

// Who only checks a configuration leaves the file of a server that runs alone, also where the configuration has another issuer.
func TestReadOnlyWritesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "front.json")
	w := newWorld(t, withState(file))
	_, got := w.given()
	if err := w.front.Close(); err != nil {
		t.Fatal(err)
	}
	before, text := fileInfo(t, file), readText(t, file)
	for _, issuer := range []string{publicURL, "https://moved.example.com"} {
		w.cfg.Server.PublicURL = issuer
		w.openAs(true)
		w.registerClient(callback)
		if err := w.front.Close(); err != nil {
			t.Errorf("%s: Close: %v", issuer, err)
		}
		if after := fileInfo(t, file); !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) || readText(t, file) != text {
			t.Errorf("%s: the file was written", issuer)
		}
	}
	if len(w.logs.FilterMessageSnippet("public_url has changed").All()) != 1 {
		t.Error("nobody is told that every client would have to log in anew")
	}
	w.cfg.Server.PublicURL = publicURL
	w.open()
	if w.works(got.Access) != w.keyID {
		t.Error("the server's logins are gone")
	}

	w.cfg.Auth.Front.StateFile = filepath.Join(dir, "new.json")
	w.openAs(true)
	if err := w.front.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("in the folder: got %v, %v, want the server's file alone", left, err)
	}
}

// The file stays whose it was, and a link to it a link.
func TestTheStateFileKeepsItsPlaceAndMode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "front.json")
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, withState(file))
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := w.front.Close(); err != nil {
		t.Fatal(err)
	}
	w.cfg.Auth.Front.StateFile = link
	w.open()
	_, got := w.given()
	if err := w.front.Close(); err != nil {
		t.Fatal(err)
	}
	if info := fileInfo(t, file); info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, want 0640 as its owner made it", info.Mode())
	}
	if len(w.logs.FilterMessageSnippet("others could read").All()) != 0 {
		t.Error("a group that may read the file is taken for everybody")
	}
	w.cfg.Auth.Front.StateFile = file
	w.open()
	if w.works(got.Access) != w.keyID {
		t.Error("what was written through a link is not in the file behind it")
	}
}

// What strangers register is bounded as text too: the file that is written can always be read.
func TestTheStateFileCanAlwaysBeRead(t *testing.T) {
	m := metadata{Name: strings.Repeat(`"`, maxClientName)}
	for left := maxRedirectBytes; left > 0; left -= 2048 {
		m.RedirectURIs = append(m.RedirectURIs, "https://a.example/?"+strings.Repeat("&", min(left, 2048)-len("https://a.example/?")))
	}
	worst, err := m.client(clientIDPrefix + strings.Repeat("A", 26))
	if err != nil {
		t.Fatal(err)
	}
	text, err := encodeState(state{Clients: []client{*worst}})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := encodeState(state{Clients: []client{}})
	if err != nil {
		t.Fatal(err)
	}
	if took := len(text) - len(empty); took > worst.size() {
		t.Errorf("the largest client takes %d bytes of the file, and counts as %d", took, worst.size())
	}
	login := grant{
		ID: strings.Repeat("A", 26), Client: "https://a.example/" + strings.Repeat("&", maxRedirectURI-len("https://a.example/")), Key: "key:" + strings.Repeat("k", 256),
		Scopes: []string{strings.Repeat("s", maxAuthorize)}, Refresh: strings.Repeat("0", 64), Expires: time.Now(),
	}
	if text, err = encodeState(state{Grants: []grant{login}}); err != nil || maxClientBytes+maxGrants*len(text) > maxStateFile {
		t.Errorf("%d of the largest logins, of %d bytes each, and %d bytes of clients (%v) are more than the %d that are read",
			maxGrants, len(text), maxClientBytes, err, maxStateFile)
	}
}

func fileInfo(t *testing.T, file string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
