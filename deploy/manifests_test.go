package deploy

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"toolgate/config"
)

// checker builds .tools/manifests, which reads files as docker compose and Kubernetes do.
func checker(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "manifests")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", ".tools", "manifests")
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the checker: %v\n%s", err, out)
	}
	return program
}

// written are configurations of which everything that a template has a case for is made.
func written(t *testing.T) map[string]Options {
	front := plain()
	front.Config.Auth.Mode = []string{config.AuthFront, config.AuthJWT}
	front.Config.Auth.Front.StateFile = "state.json"
	front.Config.Auth.JWT.Issuers = []string{"https://login.example.com"}
	tokens := plain()
	tokens.Config.Auth.Mode = []string{config.AuthOAuth}
	tokens.Config.Auth.JWT.Issuers = []string{"https://login.example.com"}
	return map[string]Options{
		"plain": plain(), "rich": load(t, rich, "STOCK_URL=postgres://db/stock"), "front": front, "tokens": tokens,
	}
}

// TestManifests: docker compose and Kubernetes take what is made, field by field; and the checker is one that would notice.
func TestManifests(t *testing.T) {
	program := checker(t)
	check := func(t *testing.T, kind, text string) (string, error) {
		t.Helper()
		dir := t.TempDir()
		file := filepath.Join(dir, kind+".yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), program, kind, file).CombinedOutput()
		return string(out), err
	}
	for name, o := range written(t) {
		for kind, want := range map[string]string{
			"compose": "service nginx\nservice redis\nservice toolgate-1\n",
			"k8s":     "ServiceAccount toolgate\nConfigMap toolgate\nSecret toolgate-keys\n",
		} {
			text := render(t, kind, o)
			got, err := check(t, kind, text)
			if err != nil || !strings.HasPrefix(got, want) {
				t.Errorf("%s, %s: got %q, %v, want %q\n%s", name, kind, got, err, want, text)
			}
		}
	}
	for kind, misspelt := range map[string][2]string{
		"compose": {"read_only: true", "readonly: true"}, "k8s": {"readOnlyRootFilesystem", "readonlyRootFilesystem"},
	} {
		if got, err := check(t, kind, strings.Replace(render(t, kind, plain()), misspelt[0], misspelt[1], 1)); err == nil {
			t.Errorf("%s with %s: got %q, want a fault", kind, misspelt[1], got)
		}
	}
}

// documents reads a file of YAML.
func documents(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
		var one map[string]any
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if one != nil {
			all = append(all, one)
		}
	}
}

// at is what stands under keys, and numbers of a list; nil where nothing does.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// TestContainersMayDoLittle: no container runs as root, writes to its root, has a capability, or gains one.
func TestContainersMayDoLittle(t *testing.T) {
	for name, o := range written(t) {
		services, _ := at(documents(t, render(t, "compose", o))[0], "services").(map[string]any)
		if len(services) < 3 {
			t.Errorf("%s: compose has %d services, want 3 or more", name, len(services))
		}
		for service, s := range services {
			user, _ := at(s, "user").(string)
			got := map[string]any{
				"root": user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root"), "read_only": at(s, "read_only"), "cap_drop": at(s, "cap_drop"),
				"cap_add": at(s, "cap_add"), "privileged": at(s, "privileged"), "security_opt": at(s, "security_opt"),
			}
			want := map[string]any{
				"root": false, "read_only": true, "cap_drop": []any{"ALL"}, "cap_add": nil, "privileged": nil, "security_opt": []any{"no-new-privileges:true"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: service %s, want - got +:\n%s", name, service, diff)
			}
		}
		pod := at(kinds(documents(t, render(t, "k8s", o)))["Deployment"], "spec", "template", "spec")
		got := []any{
			at(pod, "securityContext", "runAsNonRoot"), at(pod, "securityContext", "runAsUser"), at(pod, "automountServiceAccountToken"),
			at(pod, "securityContext", "seccompProfile", "type"), at(pod, "containers", 0, "securityContext"), at(pod, "containers", 1),
		}
		want := []any{true, 65532, false, "RuntimeDefault", map[string]any{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []any{"ALL"}},
		}, nil}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: pod, want - got +:\n%s", name, diff)
		}
	}
}

func kinds(all []map[string]any) map[string]map[string]any {
	byKind := map[string]map[string]any{}
	for _, one := range all {
		kind, _ := one["kind"].(string)
		byKind[kind] = one
	}
	return byKind
}

// TestSettingsInContainers: what is written into the files is a configuration that the server takes, and the one in force
// but for what containers need.
func TestSettingsInContainers(t *testing.T) {
	env := []string{
		"STOCK_URL=postgres://db/stock", "TOOLGATE_REDIS_URL=redis://redis:6379", "TOOLGATE_TOOLS_JIRA_API_TOKEN=secret",
		"TOOLS_HTTP_APIS_CRM_HEADERS_X_API_KEY=secret", "TOOLS_SQL_DATABASES_BOOKS_DSN=host=db",
	}
	for name, o := range written(t) {
		compose := documents(t, render(t, "compose", o))[0]
		content, _ := at(compose, "configs", "toolgate", "content").(string)
		inK8s, _ := at(kinds(documents(t, render(t, "k8s", o)))["ConfigMap"], "data", "toolgate.yaml").(string)
		for kind, text := range map[string]string{"compose": strings.ReplaceAll(content, "$$", "$"), "k8s": inK8s} {
			dir := t.TempDir()
			for _, file := range []string{"keys.yaml", "state.key"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte("[]"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			file := filepath.Join(dir, "toolgate.yaml")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, keysFolder, dir)), 0o600); err != nil {
				t.Fatal(err)
			}
			got, _, err := config.Load(config.Source{File: file, Dir: dir, Env: env})
			if err != nil {
				t.Errorf("%s, %s: %v\n%s", name, kind, err, text)
				continue
			}
			if got.Server.Host != "0.0.0.0" || got.Server.ShutdownGrace != o.Config.Server.ShutdownGrace || got.Limits != o.Config.Limits ||
				got.MCP.Instructions != o.Config.MCP.Instructions || got.Tools.Jira.URL != o.Config.Tools.Jira.URL || !got.Tools.SQL.IsZero() != !o.Config.Tools.SQL.IsZero() {
				t.Errorf("%s, %s: the configuration is another:\n%s", name, kind, text)
			}
			if got.Auth.Open() {
				t.Errorf("%s, %s: nobody is asked for a key, on every address of the container", name, kind)
			}
			if len(got.Server.TrustedProxies) == 0 {
				t.Errorf("%s, %s: no proxy is trusted, so that all clients are one", name, kind)
			}
		}
	}
}

// TestReplicas: logins that one process alone knows get one process; everything else two.
func TestReplicas(t *testing.T) {
	for name, want := range map[string]int{"plain": 2, "tokens": 2, "front": 1} {
		o := written(t)[name]
		if got := at(kinds(documents(t, render(t, "k8s", o)))["Deployment"], "spec", "replicas"); got != want {
			t.Errorf("%s: got %v replicas, want %d", name, got, want)
		}
		services, _ := at(documents(t, render(t, "compose", o))[0], "services").(map[string]any)
		names := slices.Sorted(maps.Keys(services))
		if got := slices.Contains(names, "toolgate-2"); got != (want == 2) {
			t.Errorf("%s: got services %v, want %d of toolgate", name, names, want)
		}
	}
}

// TestPaths: probes, the ingress and the server agree on the prefix of the public URL.
func TestPaths(t *testing.T) {
	o := plain()
	o.Config.Server.PublicURL = "https://tools.example.com/mcp-server"
	all := kinds(documents(t, render(t, "k8s", o)))
	container := at(all["Deployment"], "spec", "template", "spec", "containers", 0)
	got := []any{
		at(container, "readinessProbe", "httpGet", "path"), at(container, "livenessProbe", "httpGet", "path"),
		at(all["Ingress"], "spec", "rules", 0, "host"), at(all["Ingress"], "spec", "rules", 0, "http", "paths", 0, "path"), at(all["Ingress"], "spec", "rules", 0, "http", "paths", 1, "path"),
	}
	want := []any{"/mcp-server/readyz", "/mcp-server/livez", "tools.example.com", "/mcp-server", "/.well-known"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	if settings := at(all["ConfigMap"], "data", "toolgate.yaml"); !bytes.Contains([]byte(settings.(string)), []byte("base_path: /mcp-server")) {
		t.Errorf("the server does not know the prefix:\n%s", settings)
	}
}
