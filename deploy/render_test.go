package deploy

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
)

var update = flag.Bool("update", false, "write testdata/ anew")

// rich is a configuration in which most of what is rendered differs from the defaults, and which is full of secrets.
const rich = `
server:
  port: 4100
  public_url: https://tools.example.com/mcp-server
  trusted_proxies: [127.0.0.1]
  lame_duck: 10s
  shutdown_grace: 2m
sse: {ping_interval: 30s}
limits: {sessions: 500, body: 1MiB, rates: {principal: 100-M}}
auth: {mode: keys, keys_file: keys.yaml}
mcp: {state_key_file: state.key, instructions: "Ask for orders: \"$5\" and more."}
redis: {url: "redis://:canary-redis@10.1.1.1:6379/0"}
audit: {file: /srv/audit/calls.jsonl}
log: {file: /var/log/toolgate/log.jsonl}
tools:
  jira: {url: https://example.atlassian.net, email: a@example.com, api_token: canary-jira}
  sql:
    databases:
      shop: {driver: sqlite, path: /srv/shop/shop.db, write: true}
      books: {driver: postgres, dsn: "host=db user=toolgate password=canary-dsn"}
      stock: {driver: postgres, url: "${STOCK_URL}"}
    tools: # canary-comment
      - {name: find_orders, description: Orders., database: shop, sql: SELECT 1}
  http:
    apis:
      crm: {url: "https://crm.example.com", headers: {X-Api-Key: canary-header, X-Other: "file:/etc/crm.key"}}
  files:
    roots: {handbook: {path: /home/docs/handbook, description: How we work.}}
`

// load reads a configuration as the program does, beside the files it names.
func load(t *testing.T, text string, env ...string) Options {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"toolgate.yaml": strings.NewReplacer("keys.yaml", dir+"/keys.yaml", "state.key", dir+"/state.key").Replace(text),
		"keys.yaml":     "[]", "state.key": strings.Repeat("k", 44),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "toolgate.yaml")
	cfg, _, err := config.Load(config.Source{File: file, Dir: dir, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Config: cfg, ConfigFile: file, Version: "1.2.3"}
}

// plain is the configuration of the golden files: the defaults, behind a name.
func plain() Options {
	cfg := config.Default()
	cfg.Server.PublicURL = "https://tools.example.com"
	cfg.Server.TrustedProxies = []string{"127.0.0.1"}
	return Options{Config: cfg, Version: "1.2.3"}
}

func render(t *testing.T, kind string, o Options, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Render(&out, kind, args, o); err != nil {
		t.Fatalf("%s %q: %v", kind, args, err)
	}
	return out.String()
}

// TestGolden: what the defaults give is what testdata/ holds, to be read. go test ./deploy -update writes it anew.
func TestGolden(t *testing.T) {
	for name, got := range map[string]string{
		"toolgate.service":  render(t, "systemd", plain()),
		"toolgate@.service": render(t, "systemd", plain(), "--user", "toolgate", "--instances"),
		"k8s.yaml":          render(t, "k8s", plain()),
		"compose.yaml":      withoutNginx(render(t, "compose", plain())),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s, want - got +:\n%s", file, diff)
		}
	}
}

// withoutNginx leaves out nginx.conf, whose wording has tests of its own.
func withoutNginx(text string) string {
	before, _, _ := strings.Cut(text, "  # Made by toolgate init nginx")
	return before
}

// TestRenderRefuses: what cannot be made is said, with what to change, and nothing is written.
func TestRenderRefuses(t *testing.T) {
	front := plain()
	front.Config.Auth.Mode = []string{config.AuthFront}
	nameless := plain()
	nameless.Config.Server.PublicURL = ""
	for _, tt := range []struct {
		name, kind string
		args       []string
		o          Options
		want       string
	}{
		{"a kind that there is not", "apache", nil, plain(), "nginx|systemd|compose|k8s"},
		{"a flag that there is not", "systemd", []string{"--group", "x"}, plain(), "-h lists"},
		{"an argument", "k8s", []string{"now"}, plain(), `not "now"`},
		{"root", "systemd", []string{"--user", "root"}, plain(), "--user"},
		{"a name with a line break", "systemd", []string{"--user", "a\nExecStart=/bin/sh"}, plain(), "--user"},
		{"a path with a line break", "systemd", []string{"--binary", "/bin/a\nUser=root"}, plain(), "--binary"},
		{"a configuration with a line break", "systemd", []string{"--config", "/etc/a\nUser=root"}, plain(), "--config"},
		{"a path with quotes", "systemd", []string{"--binary", "/opt/\"x\"/toolgate"}, plain(), "--binary"},
		{"too little memory", "systemd", []string{"--memory", "1MiB"}, plain(), "128MiB"},
		{"memory in decimal units", "k8s", []string{"--memory", "1GB"}, plain(), "GiB"},
		{"instances with logins of their own", "systemd", []string{"--instances"}, front, "--instances"},
		{"no public URL", "compose", nil, nameless, "server.public_url"},
		{"no public URL in a cluster", "k8s", nil, nameless, "server.public_url"},
		{"a subnet that is none", "compose", []string{"--subnet", "home"}, plain(), "--subnet"},
		{"a class that is none", "k8s", []string{"--ingress-class", "a: b"}, plain(), "--ingress-class"},
		{"an image that is none", "k8s", []string{"--image", "a b"}, plain(), "--image"},
		{"no such file any more", "k8s", nil, Options{Config: plain().Config, ConfigFile: "/nonexistent/toolgate.yaml"}, "declarations"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := Render(&out, tt.kind, tt.args, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if out.Len() > 0 {
				t.Errorf("it wrote %q", out.String())
			}
		})
	}
}

// TestHelp: every kind says which flags it takes.
func TestHelp(t *testing.T) {
	for _, kind := range Kinds() {
		if got := render(t, kind, plain(), "-h"); !strings.Contains(got, "toolgate init "+kind) || !strings.Contains(got, "-") {
			t.Errorf("%s -h: got %q, want its usage", kind, got)
		}
	}
}

// TestNoSecretIsRendered: no credential of the configuration is in what is made of it, in whatever way it was written down;
// variables stand in their places.
func TestNoSecretIsRendered(t *testing.T) {
	o := load(t, rich, "STOCK_URL=postgres://toolgate:canary-url@db/stock", "TOOLGATE_TOOLS_GITHUB_TOKEN=canary-github")
	for _, kind := range Kinds() {
		if got := render(t, kind, o); strings.Contains(got, "canary") {
			t.Errorf("%s: a secret is in\n%s", kind, got)
		}
	}
	got := render(t, "k8s", o)
	for _, variable := range []string{
		"STOCK_URL", "TOOLGATE_REDIS_URL", "TOOLGATE_TOOLS_GITHUB_TOKEN", "TOOLGATE_TOOLS_JIRA_API_TOKEN",
		"TOOLS_HTTP_APIS_CRM_HEADERS_X_API_KEY", "TOOLS_SQL_DATABASES_BOOKS_DSN",
	} {
		if !strings.Contains(got, "  "+variable+`: ""`) {
			t.Errorf("k8s: no place for %s in its Secret:\n%s", variable, got)
		}
	}
}

// TestTimesAgree: whoever kills gives the server its lame duck, its grace and ten seconds.
func TestTimesAgree(t *testing.T) {
	o := plain()
	o.Config.Server.LameDuck, o.Config.Server.ShutdownGrace = 7*time.Second, 93*time.Second
	for kind, want := range map[string]string{
		"systemd": "\nTimeoutStopSec=110\n", "compose": "\n  stop_grace_period: 110s\n", "k8s": " terminationGracePeriodSeconds: 110\n",
	} {
		if got := render(t, kind, o); !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", kind, want, got)
		}
	}
}
