package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFrontCheckLeavesTheServersState: toolgate check beside a server with the OAuth front judges its configuration, and leaves
// the state file to it, even where the configuration would make every client log in anew.
func TestFrontCheckLeavesTheServersState(t *testing.T) {
	k, port := newFrontKeys(t), freePort(t)
	state := filepath.Join(t.TempDir(), "front.json")
	env := frontEnv(k, port, "front", "TOOLGATE_AUTH_FRONT_STATE_FILE="+state)
	s := start(t, env...)
	registered := s.do(t, http.MethodPost, "/oauth/register", `{"redirect_uris":["`+frontCallback+`"]}`, "Content-Type", "application/json")
	var client struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(registered.body), &client); err != nil || registered.status != http.StatusCreated {
		t.Fatalf("registering: %d %s", registered.status, registered.body)
	}
	s.stop(t)
	<-s.exited // and the file is written
	before, err := os.Stat(state)
	if err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string]string{"as it is": "", "with another URL": "TOOLGATE_SERVER_PUBLIC_URL=https://moved.example.com"} {
		checking := env
		if more != "" {
			checking = append(checking[:len(checking):len(checking)], more)
		}
		if out := mustRun(t, t.TempDir(), checking, binary, "check"); !strings.Contains(out, "the configuration is valid") {
			t.Errorf("%s: toolgate check says %s", name, out)
		}
		if after, err := os.Stat(state); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("%s: toolgate check has written the server's state: %v", name, err)
		}
	}
	if text, err := os.ReadFile(state); err != nil || !strings.Contains(string(text), client.ID) {
		t.Errorf("the client that registered is no longer kept: %v", err)
	}
}
