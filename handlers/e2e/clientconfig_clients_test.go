package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestClientConfigFiles puts what is printed where each client reads it, has the client connect to a server that asks for a
// key, and see its tools.
func TestClientConfigFiles(t *testing.T) {
	d := sitDown(t)
	key, keys := newKey(t, "tools:read")
	if err := os.Chmod(keys, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "TOOLGATE_AUTH_MODE=keys", "TOOLGATE_AUTH_KEYS_FILE="+keys)
	settings := filepath.Join(t.TempDir(), "toolgate.yaml")
	if err := os.WriteFile(settings, []byte("log: {level: warn}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	paste := func(text string) string { return strings.ReplaceAll(text, "PASTE-THE-KEY-HERE", key) }
	editor := func(text string) string { return asEditor(text, key) }
	for _, c := range []struct {
		client, file string // below the home
		edit         func(text string) string
		command      string
		want         string // in what the command prints
	}{
		{"claude-code", "project/.mcp.json", nil, "claude mcp list", "✔ Connected"},
		{"gemini-cli", ".gemini/settings.json", nil, "gemini mcp list", "✓ toolgate"},
		{"opencode", "project/opencode.json", nil, "opencode mcp list", "✓ toolgate connected"},
		{"inspector", "inspector.json", paste, "inspector --cli --config ../inspector.json --server toolgate --method tools/list", "uppercase_text"},
		{"claude-desktop", "desktop.json", paste, "inspector --cli --config ../desktop.json --server toolgate --method tools/list", "uppercase_text"},
		{"cursor", ".cursor/mcp.json", editor, "mcporter list toolgate", "uppercase_text"},
		{"windsurf", ".codeium/windsurf/mcp_config.json", editor, "mcporter list toolgate", "uppercase_text"},
	} {
		for _, transport := range []string{"http", "sse", "stdio"} {
			t.Run(c.client+" "+transport, func(t *testing.T) {
				args := []string{c.client, "--transport", transport, "--server.public_url", s.url, "--auth.mode", "keys", "--auth.keys_file", keys}
				if transport == "stdio" {
					args = append(args, "--config-file", settings)
				}
				text := clientConfig(t, args...)
				if strings.Contains(text, key) {
					t.Errorf("what is printed has the key:\n%s", text)
				}
				if c.edit != nil {
					text = c.edit(text)
				}
				d.write(t, c.file, text)
				out := d.sh(t, key, c.command)
				if !strings.Contains(out, c.want) {
					t.Errorf("%s: got\n%s\nwant %q, with\n%s", c.command, out, c.want, text)
				}
				if err := os.Remove(filepath.Join(d.home, c.file)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestClientConfigOfCodex has Codex read its file: it says how it understands it.
func TestClientConfigOfCodex(t *testing.T) {
	d := sitDown(t)
	for name, tt := range map[string]struct {
		args []string
		want string // of its transport
	}{
		"keys": {
			[]string{"--server.public_url", "https://tools.example.com", "--auth.mode", "jwt", "--auth.jwt.issuers", "https://login.example.com"},
			`{"type":"streamable_http","url":"https://tools.example.com/mcp","bearer_token_env_var":"MCP_KEY","http_headers":null,"env_http_headers":null,"http_headers_helper":null}`,
		},
		"no auth": {nil, `{"type":"streamable_http","url":"http://localhost:3002/mcp","bearer_token_env_var":null,"http_headers":null,"env_http_headers":null,"http_headers_helper":null}`},
		"stdio": {
			[]string{"--transport", "stdio", "--program", `/opt/a "b"\c/toolgate`},
			`{"type":"stdio","command":"/opt/a \"b\"\\c/toolgate","args":["stdio"],"env":null,"env_vars":[],"cwd":null}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d.write(t, ".codex/config.toml", clientConfig(t, append([]string{"codex"}, tt.args...)...))
			out := d.sh(t, "", "codex mcp list --json")
			if got := field(t, out, 0, "name"); got != "toolgate" {
				t.Errorf("name: got %v", got)
			}
			transport, err := json.Marshal(field(t, out, 0, "transport"))
			if err != nil {
				t.Fatal(err)
			}
			wantJSON(t, string(transport), tt.want)
		})
	}
}

// TestClientConfigCommands runs what --command prints, and has the client connect by what came of it.
func TestClientConfigCommands(t *testing.T) {
	d := sitDown(t)
	key, keys := newKey(t, "tools:read")
	if err := os.Chmod(keys, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "TOOLGATE_AUTH_MODE=keys", "TOOLGATE_AUTH_KEYS_FILE="+keys)
	settings := filepath.Join(t.TempDir(), "a toolgate.yaml")
	if err := os.WriteFile(settings, []byte("log: {level: warn}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		client, list, want, remove string
		transports                 []string
	}{
		{"claude-code", "claude mcp list", "✔ Connected", "claude mcp remove toolgate", []string{"http", "sse", "stdio"}},
		{"gemini-cli", "gemini mcp list", "✓ toolgate", "rm -r .gemini", []string{"http", "sse", "stdio"}},
		{"codex", "codex mcp get toolgate", "enabled: true", "codex mcp remove toolgate", []string{"http", "stdio"}},
	} {
		for _, transport := range c.transports {
			t.Run(c.client+" "+transport, func(t *testing.T) {
				args := []string{c.client, "--command", "--transport", transport, "--server.public_url", s.url, "--auth.mode", "keys", "--auth.keys_file", keys}
				if transport == "stdio" {
					args = append(args, "--config-file", settings)
				}
				command := clientConfig(t, args...)
				added := d.sh(t, key, command)
				out := d.sh(t, key, c.list)
				if !strings.Contains(out, c.want) {
					t.Errorf("%s%s\n%s: got\n%s\nwant %q", command, added, c.list, out, c.want)
				}
				if transport == "stdio" && c.client == "codex" && !strings.Contains(out, "--config "+settings) {
					t.Errorf("%s: got\n%s\nwant the configuration file among the arguments", c.list, out)
				}
				if out := d.sh(t, key, "grep -rl --exclude-dir=bin "+key+" ~"); strings.Contains(out, d.home) {
					t.Errorf("the client keeps the key itself, in %s", out)
				}
				d.sh(t, key, c.remove)
			})
		}
	}
	for _, transport := range []string{"http", "sse"} {
		t.Run("mcp-remote "+transport, func(t *testing.T) {
			command := clientConfig(t, "mcp-remote", "--transport", transport, "--server.public_url", s.url, "--auth.mode", "keys", "--auth.keys_file", keys)
			d.write(t, "bin/bridge", "#!/bin/sh\n"+command)
			if err := os.Chmod(filepath.Join(d.home, "bin", "bridge"), 0o700); err != nil {
				t.Fatal(err)
			}
			d.write(t, "bridge.json", `{"mcpServers": {"toolgate": {"command": "bridge", "args": [], "env": {"MCP_KEY": "`+key+`"}}}}`)
			if out := d.sh(t, key, "inspector --cli --config ../bridge.json --server toolgate --method tools/list"); !strings.Contains(out, "uppercase_text") {
				t.Errorf("%s: got\n%s", command, out)
			}
		})
		t.Run("inspector "+transport, func(t *testing.T) {
			command := clientConfig(t, "inspector", "--command", "--transport", transport, "--server.public_url", s.url, "--auth.mode", "keys", "--auth.keys_file", keys)
			command = strings.Replace(strings.TrimSpace(command), "inspector --", "inspector --cli --", 1) + " --method tools/list"
			if out := d.sh(t, key, command); !strings.Contains(out, "uppercase_text") {
				t.Errorf("%s: got\n%s", command, out)
			}
		})
	}
}

// TestClientConfigOfVSCode holds what is printed to the schema that VS Code itself holds mcp.json to.
func TestClientConfigOfVSCode(t *testing.T) {
	d := sitDown(t)
	script, err := filepath.Abs("clientconfig/vscode-schema.mjs")
	if err != nil {
		t.Fatal(err)
	}
	schema := d.schema(t, d.sh(t, "", "NODE_MODULES="+d.modules+" node "+script))
	for name, args := range map[string][]string{
		"no auth": nil,
		"keys":    {"--auth.mode", "jwt", "--auth.jwt.issuers", "https://login.example.com", "--server.public_url", "https://tools.example.com"},
		"sse":     {"--transport", "sse"},
		"stdio":   {"--transport", "stdio", "--config-file", "/etc/toolgate.yaml"},
	} {
		file := clientConfig(t, append([]string{"vscode"}, args...)...)
		if err := schema.Validate(decode(t, file)); err != nil {
			t.Errorf("%s: VS Code's schema says %v of\n%s", name, err, file)
		}
		// code --add-mcp takes one server with its name and inputs beside it: made into a file it is the same one.
		_, word, _ := strings.Cut(strings.TrimSpace(clientConfig(t, append([]string{"vscode", "--command"}, args...)...)), "--add-mcp ")
		server, ok := decode(t, strings.Trim(word, "'")).(map[string]any)
		if !ok {
			t.Fatalf("%s: code --add-mcp %s: want an object", name, word)
		}
		whole := map[string]any{"servers": map[string]any{"toolgate": server}}
		if inputs := server["inputs"]; inputs != nil {
			whole["inputs"] = inputs
		}
		delete(server, "name")
		delete(server, "inputs")
		text, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		wantJSON(t, string(text), file)
	}
	if err := schema.Validate(decode(t, `{"servers": {"toolgate": {"type": "http", "uri": "http://localhost:3002/mcp"}}}`)); err == nil {
		t.Error("VS Code's schema takes uri for url: it says nothing here")
	}
}

// schema compiles a JSON Schema.
func (d desk) schema(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("no schema: %v\n%s", err, text)
	}
	if object, ok := document.(map[string]any); ok {
		delete(object, "id") // which is of an older draft
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("mcp.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mcp.json")
	if err != nil {
		t.Fatalf("the schema: %v\n%s", err, text)
	}
	return schema
}
