package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// desk is where clients read their configurations in a test: the clients themselves, a home of its own and a project in it.
type desk struct {
	clients
	modules string // node_modules with the clients of clientconfig/package.json
	home    string
	project string
	path    string // with a command for each client
}

// sitDown installs the clients of clientconfig/, once into the cache that run.sh has, and makes a home for them.
func sitDown(t *testing.T) desk {
	t.Helper()
	home := t.TempDir()
	d := desk{clients: install(t), home: home, project: filepath.Join(home, "project")}
	d.modules = installAssistants(t, filepath.Dir(d.clients.home))
	bin := filepath.Join(home, "bin")
	for _, dir := range []string{d.project, bin, filepath.Join(home, "tmp")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	musl := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-unknown-linux-musl"
	inspector := d.clients.home + "/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
	for name, command := range map[string]string{
		"claude":    filepath.Join(d.modules, "@anthropic-ai/claude-code-linux-"+arch, "claude"),
		"codex":     filepath.Join(d.modules, "codex-linux-"+arch, "vendor", musl, "bin", "codex"),
		"opencode":  filepath.Join(d.modules, "opencode-linux-"+arch, "bin", "opencode"),
		"gemini":    "node " + d.modules + "/@google/gemini-cli/bundle/gemini.js",
		"inspector": "node " + inspector,
		"mcporter":  "node " + d.clients.home + "/node_modules/mcporter/dist/cli.js",
		// As npx finds them, of the versions that are pinned.
		"npx": `sh -c 'test "$1" = -y && shift; case "$1" in mcp-remote) shift; exec node ` +
			d.clients.home + `/node_modules/mcp-remote/dist/proxy.js "$@";; *inspector) shift; exec node ` + inspector + ` "$@";; esac; exit 9' npx`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nexec "+command+" \"$@\"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.path = bin + ":" + filepath.Dir(d.node) + ":" + os.Getenv("PATH")
	d.write(t, ".claude/settings.json", `{"enableAllProjectMcpServers": true}`) // as its user would say when asked
	d.write(t, ".gemini/trustedFolders.json", fmt.Sprintf(`{%q: "TRUST_FOLDER"}`, d.project))
	return d
}

// installAssistants installs what clientconfig/package-lock.json pins, and returns its node_modules.
func installAssistants(t *testing.T, cache string) string {
	t.Helper()
	digest := sha256.New()
	var files []string
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("clientconfig", name))
		if err != nil {
			t.Fatal(err)
		}
		digest.Write(text)
		files = append(files, string(text))
	}
	home := filepath.Join(cache, fmt.Sprintf("assistants-%x", digest.Sum(nil)[:6]))
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(home); err == nil {
		return modules
	}
	// Beside what it becomes, so that it can be renamed. Another test run may do the same: the first to be ready stays.
	tmp, err := os.MkdirTemp(cache, "assistants-new-") //nolint:usetesting // a rename does not reach over file systems
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	for i, name := range []string{"package.json", "package-lock.json"} {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte(files[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, tmp, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	if err := os.Rename(tmp, home); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return modules
}

// write puts a file into the home.
func (d desk) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(d.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sh runs a command line in the project, as a person does who has the key in MCP_KEY.
func (d desk) sh(t *testing.T, key, command string) string {
	t.Helper()
	env := []string{
		"HOME=" + d.home, "PATH=" + d.path, "TMPDIR=" + filepath.Join(d.home, "tmp"), "MCP_KEY=" + key, "NO_UPDATE_NOTIFIER=1",
		"NODE_NO_WARNINGS=1", "MCP_INSPECTOR_SECRET_STORE=memory", "DISABLE_AUTOUPDATER=1", "OPENCODE_DISABLE_AUTOUPDATE=1", "NO_COLOR=1",
		"GEMINI_CLI_NO_RELAUNCH=true", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost", // nothing leaves this machine
		"XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "XDG_DATA_HOME=", "XDG_STATE_HOME=", "MCP_REMOTE_CONFIG_DIR=" + filepath.Join(d.home, ".mcp-auth"),
	}
	out, err := run(t, d.project, env, "timeout", "60", "sh", "-c", command)
	if err != nil {
		out += "\n" + err.Error()
	}
	return colours.ReplaceAllString(out, "")
}

// colours are what clients print for terminals, wherever they print to.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// clientConfig is what toolgate client-config prints on stdout, with nothing on stderr.
func clientConfig(t *testing.T, args ...string) string {
	t.Helper()
	return mustRun(t, t.TempDir(), nil, binary, slices.Concat([]string{"client-config"}, args)...)
}

// asEditor is a configuration once its client has put the variable's value in its place. It stands in for editors that cannot
// run here: mcporter reads their files, and not their variables.
func asEditor(text, key string) string { return strings.ReplaceAll(text, "${env:MCP_KEY}", key) }
