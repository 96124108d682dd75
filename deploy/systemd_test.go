package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"toolgate/config"
)

// maxExposure is what systemd-analyze security may say, in tenths: below 2.0 it is content.
const maxExposure = "20"

// analyze has the real systemd judge a unit.
func analyze(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", "--man=no", file},
		{"security", "--offline=true", "--threshold=" + maxExposure, "--no-pager", file},
	} {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
		if err != nil || args[0] == "verify" && strings.Contains(string(out), name) { // it warns, and says 0
			t.Errorf("systemd-analyze %s: %v\n%s\nof\n%s", args[0], err, out, text)
		}
	}
}

// TestUnit: systemd takes every form of the unit without a word, and finds little that it leaves exposed.
func TestUnit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `a folder, 100% "ours" $HOME`)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "my 100% tools", "toolgate")
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	low := plain()
	low.Config.Server.Port = 443
	front := plain()
	front.Config.Auth.Mode = []string{config.AuthFront}
	front.Config.Auth.KeysFile, front.Config.Auth.Front.StateFile = "keys.yaml", stateFolder+"/front.json"
	env := "STOCK_URL=postgres://db/stock"
	for name, tt := range map[string]struct {
		unit string
		o    Options
		args []string
	}{
		"by default":      {"toolgate.service", plain(), []string{"--binary", "/bin/true"}},
		"for a user":      {"toolgate.service", load(t, rich, env), []string{"--binary", "/bin/true", "--user", "daemon"}},
		"for no user":     {"toolgate.service", load(t, rich, env), []string{"--binary", "/bin/true"}},
		"for a low port":  {"toolgate.service", low, []string{"--binary", "/bin/true"}},
		"with the front":  {"toolgate.service", front, []string{"--binary", "/bin/true"}},
		"with odd paths":  {"toolgate.service", load(t, rich, env), []string{"--binary", binary, "--config", filepath.Join(dir, "c.yaml")}},
		"for many ports":  {"toolgate@.service", load(t, rich, env), []string{"--binary", "/bin/true", "--instances"}},
		"with much to do": {"toolgate.service", plain(), []string{"--binary", "/bin/true", "--memory", "16GiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			analyze(t, tt.unit, render(t, "systemd", tt.o, tt.args...))
		})
	}
}

// TestUnitSays: what a configuration asks of the system is in its unit.
func TestUnitSays(t *testing.T) {
	o := load(t, rich, "STOCK_URL=postgres://db/stock")
	dir := filepath.Dir(o.ConfigFile)
	low := plain()
	low.Config.Server.Port = 443
	for _, tt := range []struct {
		name     string
		o        Options
		args     []string
		has, not []string
	}{
		{"nobody's name", plain(), nil, []string{"DynamicUser=yes", "CapabilityBoundingSet=\n", "PrivateUsers=yes", "ProtectHome=yes", "LimitNOFILE=14096", "MemoryMax=1G", "GOMEMLIMIT=819MiB"}, []string{"\nUser=", "LoadCredential"}},
		{"a port below 1024", low, nil, []string{"AmbientCapabilities=CAP_NET_BIND_SERVICE"}, []string{"PrivateUsers"}},
		{"a made-up user reads copies", o, nil, []string{
			"LoadCredential=keys.yaml:" + dir + "/keys.yaml", `Environment=TOOLGATE_AUTH_KEYS_FILE=%d/keys.yaml`,
			"LoadCredential=state.key:" + dir + "/state.key", `Environment=TOOLGATE_MCP_STATE_KEY_FILE=%d/state.key`,
		}, nil},
		{"a user of its own reads keys itself", o, []string{"--user", "toolgate"}, []string{"User=toolgate", "LoadCredential=state.key:"}, []string{"LoadCredential=keys.yaml", "DynamicUser"}},
		{"what is written elsewhere", o, nil, []string{"ReadWritePaths=/srv/audit\n", "ReadWritePaths=/srv/shop\n", "ProtectHome=read-only", "LimitNOFILE=4596"}, []string{"ReadWritePaths=/var/log"}},
		{"instances have files of their own", o, []string{"--instances"}, []string{"--server.port %i", "TOOLGATE_AUDIT_FILE=/srv/audit/calls-%i.jsonl", "TOOLGATE_LOG_FILE=/var/log/toolgate/log-%i.jsonl"}, nil},
		{"paths are the command line's", plain(), []string{"--binary", "/opt/my tools/tg", "--config", "/etc/tg/100%.yaml"}, []string{
			`ExecStart="/opt/my tools/tg" serve --config /etc/tg/100%%.yaml`, "WorkingDirectory=/etc/tg\n", "EnvironmentFile=-/etc/tg/toolgate.env\n",
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := render(t, "systemd", tt.o, tt.args...)
			for _, want := range tt.has {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(got, not) {
					t.Errorf("%q is in\n%s", not, got)
				}
			}
		})
	}
}
