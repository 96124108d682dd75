package clientconfig

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
)

// withAuth is the default configuration, with other ways to prove who calls.
func withAuth(modes ...string) config.Config {
	cfg := config.Default()
	cfg.Auth.Mode = modes
	return cfg
}

func printed(t *testing.T, cfg config.Config, client string, args ...string) string {
	t.Helper()
	var b strings.Builder
	if err := Print(&b, client, args, cfg); err != nil {
		t.Fatalf("client-config %s %v: %v", client, args, err)
	}
	return b.String()
}

// TestEachClientGetsItsOwnForm is what is printed for a server that asks for a key.
func TestEachClientGetsItsOwnForm(t *testing.T) {
	for _, tt := range []struct{ client, transport, want string }{
		{"cursor", "http", `{"mcpServers":{"toolgate":{"url":"http://localhost:3002/mcp","headers":{"Authorization":"Bearer ${env:MCP_KEY}"}}}}`},
		{"cursor", "sse", `{"mcpServers":{"toolgate":{"url":"http://localhost:3002/sse","headers":{"Authorization":"Bearer ${env:MCP_KEY}"}}}}`},
		{"cursor", "stdio", `{"mcpServers":{"toolgate":{"type":"stdio","command":"/bin/tg","args":["stdio","--config","/etc/tg.yaml"]}}}`},
		{"claude-desktop", "http", `{"mcpServers":{"toolgate":{"command":"npx","args":["-y","mcp-remote","http://localhost:3002/mcp","--transport","http-only","--header","Authorization:${AUTH_HEADER}"],"env":{"AUTH_HEADER":"Bearer PASTE-THE-KEY-HERE"}}}}`},
		{"claude-desktop", "stdio", `{"mcpServers":{"toolgate":{"command":"/bin/tg","args":["stdio","--config","/etc/tg.yaml"]}}}`},
		{"claude-code", "http", `{"mcpServers":{"toolgate":{"type":"http","url":"http://localhost:3002/mcp","headers":{"Authorization":"Bearer ${MCP_KEY}"}}}}`},
		{"vscode", "http", `{"servers":{"toolgate":{"type":"http","url":"http://localhost:3002/mcp","headers":{"Authorization":"Bearer ${input:toolgate-key}"}}},"inputs":[{"type":"promptString","id":"toolgate-key","description":"Key for toolgate","password":true}]}`},
		{"vscode", "stdio", `{"servers":{"toolgate":{"type":"stdio","command":"/bin/tg","args":["stdio","--config","/etc/tg.yaml"]}}}`},
		{"windsurf", "http", `{"mcpServers":{"toolgate":{"serverUrl":"http://localhost:3002/mcp","headers":{"Authorization":"Bearer ${env:MCP_KEY}"}}}}`},
		{"inspector", "http", `{"mcpServers":{"toolgate":{"type":"http","url":"http://localhost:3002/mcp","headers":{"Authorization":"Bearer PASTE-THE-KEY-HERE"},"protocolEra":"auto"}}}`},
		{"gemini-cli", "sse", `{"mcpServers":{"toolgate":{"type":"sse","url":"http://localhost:3002/sse","headers":{"Authorization":"Bearer ${MCP_KEY}"}}}}`},
		{"opencode", "http", `{"$schema":"https://opencode.ai/config.json","mcp":{"toolgate":{"type":"remote","url":"http://localhost:3002/mcp","enabled":true,"headers":{"Authorization":"Bearer {env:MCP_KEY}"},"oauth":false}}}`},
		{"opencode", "stdio", `{"$schema":"https://opencode.ai/config.json","mcp":{"toolgate":{"type":"local","command":["/bin/tg","stdio","--config","/etc/tg.yaml"],"enabled":true}}}`},
	} {
		t.Run(tt.client+" "+tt.transport, func(t *testing.T) {
			args := []string{"--transport", tt.transport}
			if tt.transport == "stdio" {
				args = append(args, "--program", "/bin/tg", "--config-file", "/etc/tg.yaml")
			}
			text := printed(t, withAuth("keys"), tt.client, args...)
			var got, want any
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("what is printed is not JSON: %v\n%s", err, text)
			}
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct{ client, transport, want string }{
		{"claude-code", "http", `claude mcp add --transport http toolgate http://localhost:3002/mcp --header 'Authorization: Bearer ${MCP_KEY}'`},
		{"claude-code", "stdio", `claude mcp add --transport stdio toolgate -- '/a b/tg' stdio --config /etc/tg.yaml`},
		{"gemini-cli", "sse", `gemini mcp add --transport sse --header 'Authorization: Bearer ${MCP_KEY}' toolgate http://localhost:3002/sse`},
		{"codex", "http", `codex mcp add toolgate --url http://localhost:3002/mcp --bearer-token-env-var MCP_KEY`},
		{"inspector", "http", `npx @modelcontextprotocol/inspector --server-url http://localhost:3002/mcp --transport http --header "Authorization: Bearer $MCP_KEY"`},
		{"mcp-remote", "sse", `AUTH_HEADER="Bearer $MCP_KEY" npx -y mcp-remote http://localhost:3002/sse --transport sse-only --header 'Authorization:${AUTH_HEADER}'`},
		{"vscode", "http", `code --add-mcp '{"name":"toolgate","type":"http","url":"http://localhost:3002/mcp","headers":{"Authorization":"Bearer ${input:toolgate-key}"},"inputs":[{"type":"promptString","id":"toolgate-key","description":"Key for toolgate","password":true}]}'`},
	} {
		args := []string{"--command", "--transport", tt.transport}
		if tt.transport == "stdio" {
			args = append(args, "--program", "/a b/tg", "--config-file", "/etc/tg.yaml")
		}
		if got := printed(t, withAuth("keys"), tt.client, args...); got != tt.want+"\n" {
			t.Errorf("%s %s:\n got %swant %s", tt.client, tt.transport, got, tt.want)
		}
	}
}

func TestCursorsLinkHoldsWhatItsFileDoes(t *testing.T) {
	link, err := url.Parse(strings.TrimSpace(printed(t, withAuth("keys"), "cursor", "--command")))
	if err != nil || link.Scheme != "cursor" || link.Query().Get("name") != "toolgate" {
		t.Fatalf("got %v (%v), want a link of Cursor's", link, err)
	}
	entry, err := base64.StdEncoding.DecodeString(link.Query().Get("config"))
	if err != nil {
		t.Fatal(err)
	}
	if file := printed(t, withAuth("keys"), "cursor"); !strings.Contains(strings.Join(strings.Fields(file), ""), strings.Join(strings.Fields(string(entry)), "")) {
		t.Errorf("the link has %s, and the file %s", entry, file)
	}
}

// TestAKeyIsAskedForWhereItIsNeeded has a header for keys and tokens, and none where there is no auth or a login.
func TestAKeyIsAskedForWhereItIsNeeded(t *testing.T) {
	for _, tt := range []struct {
		modes, args []string
		want        bool
	}{
		{[]string{"none"}, nil, false},
		{[]string{"none"}, []string{"--key"}, false},
		{[]string{"keys"}, nil, true},
		{[]string{"jwt"}, nil, true},
		{[]string{"oauth"}, nil, false},
		{[]string{"front"}, nil, false},
		{[]string{"keys", "front"}, nil, false},
		{[]string{"keys", "front"}, []string{"--key"}, true},
	} {
		for _, client := range Clients() {
			got := printed(t, withAuth(tt.modes...), client, tt.args...)
			if has := strings.Contains(got, "MCP_KEY") || strings.Contains(got, "-key") || strings.Contains(got, pasteHere); has != tt.want {
				t.Errorf("%s with auth %v and %v: got\n%s\nwant a key: %t", client, tt.modes, tt.args, got, tt.want)
			}
		}
	}
	if got := printed(t, withAuth("front"), "codex"); !strings.Contains(got, "# then log in: codex mcp login toolgate") {
		t.Errorf("codex with a login: got\n%s", got)
	}
}

func TestURLs(t *testing.T) {
	for _, tt := range []struct {
		set  func(s *config.Server)
		want string
	}{
		{func(*config.Server) {}, "http://localhost:3002/mcp"},
		{func(s *config.Server) { s.BasePath = "/app" }, "http://localhost:3002/app/mcp"},
		{func(s *config.Server) { s.PublicURL, s.BasePath = "https://tools.example.com/app", "/app" }, "https://tools.example.com/app/mcp"},
		{func(s *config.Server) { s.Host = "0.0.0.0" }, "http://localhost:3002/mcp"},
		{func(s *config.Server) { s.Host = "::1" }, "http://localhost:3002/mcp"},
		{func(s *config.Server) { s.Host = "192.0.2.7" }, "http://192.0.2.7:3002/mcp"},
		{func(s *config.Server) { s.Host = "2001:db8::7" }, "http://[2001:db8::7]:3002/mcp"},
	} {
		cfg := config.Default()
		tt.set(&cfg.Server)
		if got := printed(t, cfg, "codex"); !strings.Contains(got, `url = "`+tt.want+`"`) {
			t.Errorf("%+v: got %s, want %s", cfg.Server, got, tt.want)
		}
	}
	cfg := config.Default()
	cfg.Server.Host = "192.0.2.7"
	if got := printed(t, cfg, "mcp-remote"); !strings.Contains(got, "--allow-http") {
		t.Errorf("plain http of another machine: got %s, want --allow-http", got)
	}
	if got := printed(t, config.Default(), "mcp-remote"); strings.Contains(got, "--allow-http") {
		t.Errorf("plain http of this machine: got %s, want no --allow-http", got)
	}
}

func TestNamesOfOnesOwn(t *testing.T) {
	got := printed(t, withAuth("keys"), "claude-code", "--name", "acme-data", "--key-variable", "ACME_KEY")
	for _, want := range []string{`"acme-data": {`, "${ACME_KEY}"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

func TestStdioNamesThisProgram(t *testing.T) {
	got := printed(t, config.Default(), "claude-code", "--transport", "stdio", "--config-file", "tg.yaml")
	abs, err := filepath.Abs("tg.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, `clientconfig.test"`) || !strings.Contains(got, abs) {
		t.Errorf("got %s, want this program and %s", got, abs)
	}
}

func TestTheListNamesEveryClient(t *testing.T) {
	for modes, want := range map[string]string{"none": "asks for no key", "keys": "MCP_KEY", "front": "log in"} {
		got := printed(t, withAuth(modes), "")
		for _, client := range Clients() {
			if !strings.Contains(got, "\n  "+client+" ") {
				t.Errorf("the list has no %s:\n%s", client, got)
			}
		}
		if at := strings.LastIndex(got, "This server"); at < 0 || !strings.Contains(got[at:], want) {
			t.Errorf("auth %s: got\n%s\nwant %q at its end", modes, got, want)
		}
	}
}

func TestHelpIsTheList(t *testing.T) {
	want := printed(t, config.Default(), "")
	for _, words := range [][]string{{"-h"}, {"--help"}, {"cursor", "--help"}} {
		if got := printed(t, config.Default(), words[0], words[1:]...); got != want {
			t.Errorf("%v: got\n%s\nwant the list", words, got)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	port0 := config.Default()
	port0.Server.Port = 0
	for name, tt := range map[string]struct {
		client string
		args   []string
		cfg    config.Config
		usage  bool
		want   string
	}{
		"another client":       {"netscape", nil, config.Default(), false, "those known are cursor, claude-desktop"},
		"a flag first":         {"--name", []string{"x", "cursor"}, config.Default(), true, "name the client first"},
		"another flag":         {"cursor", []string{"--port", "1"}, config.Default(), true, "-port"},
		"another word":         {"cursor", []string{"windsurf"}, config.Default(), true, `"windsurf" is one word too many`},
		"another transport":    {"cursor", []string{"--transport", "carrier-pigeon"}, config.Default(), false, "it can do http, sse, stdio"},
		"not this one":         {"codex", []string{"--transport", "sse"}, config.Default(), false, "it can do http, stdio"},
		"no command":           {"windsurf", []string{"--command"}, config.Default(), false, "put what is printed in ~/.codeium/windsurf/mcp_config.json"},
		"a name with a space":  {"cursor", []string{"--name", "a b"}, config.Default(), false, "letters, digits, - and _"},
		"a variable's value":   {"cursor", []string{"--key-variable", "tg_ab cd"}, config.Default(), false, "not the name of an environment variable"},
		"any port":             {"cursor", nil, port0, false, "set server.port or server.public_url"},
		"any port, with stdio": {"cursor", []string{"--transport", "stdio"}, port0, false, ""},
	} {
		var b strings.Builder
		err := Print(&b, tt.client, tt.args, tt.cfg)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: got %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrUsage) != tt.usage || b.Len() > 0 {
			t.Errorf("%s: got %v and printed %q, want %q and nothing", name, err, b.String(), tt.want)
		}
	}
}
