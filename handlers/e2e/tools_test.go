package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestToolsPage pastes every example of docs/tools.md.
func TestToolsPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "tools.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(dir, "bin", "toolgate")); err != nil {
		t.Fatal(err)
	}
	paste(t, "docs/tools.md", tour(string(page), "Tools of your own, in YAML"), start(t), dir)
}

// demo is the program of `make demo`, running, and the folder of its data.
func demo(t *testing.T) (*server, string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "demo")
	mustRun(t, root, nil, "go", "build", "-buildvcs=false", "-o", program, "./deploy/demo")
	dir := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(program, "-toolgate", binary, "-dir", dir, "-warehouse-port", "0", "--", "--log.format", "json")
	cmd.Dir = t.TempDir()
	return launch(t, cmd), dir
}

// rest calls a tool by REST and returns its result, which must be one.
func (s *server) rest(t *testing.T, tool, arguments string) string {
	t.Helper()
	got := s.post(t, "/api/tools/"+tool, arguments)
	if got.status != http.StatusOK {
		t.Fatalf("%s %s: got %d %s, want 200", tool, arguments, got.status, got.body)
	}
	return got.body
}

func TestDemo(t *testing.T) {
	s, _ := demo(t)
	for _, tt := range []struct {
		tool, arguments string
		want            []string
	}{
		{"find_orders", `{"customer":"Vos","status":"open"}`, []string{`"customer":"Bakkerij Vos"`, `"status":"open"`, `"euros":`}},
		{"find_orders", `{"customer":"'; DROP TABLE orders; --"}`, []string{`"rows":[]`}},
		{"describe_tables", `{"database":"shop"}`, []string{`"order_lines"`, `"quantity"`}},
		{"get_stock", `{"sku":"CHR-100"}`, []string{`"sku":"CHR-100"`, `"shelves":["A`}},
		{"warehouse_listShipments", `{"status":"packed","limit":2}`, []string{`"id":"S-10`, `"status":"packed"`}},
		{"warehouse_getShipment", `{"id":"S-1001"}`, []string{`"id":"S-1001"`, `"status":"arrived"`}},
		{"search_files", `{"query":"30 days"}`, []string{`"path":"returns.md"`}},
		{"read_file", `{"root":"handbook","path":"chair-sizes.pdf"}`, []string{`M: seat 46 cm`}},
		{"read_file", `{"root":"handbook","path":"price-list.html"}`, []string{`Standing desk, 180 cm`, `745.00`}},
	} {
		got := s.rest(t, tt.tool, tt.arguments)
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s %s: %s, want %s in it", tt.tool, tt.arguments, got, want)
			}
		}
	}
	refused := s.post(t, "/api/tools/warehouse_getShipment", `{"id":"S-9"}`)
	if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.body, "404") {
		t.Errorf("a shipment that is not there: %d %s, want to be told", refused.status, refused.body)
	}
	if got := s.post(t, "/api/tools/get_stock", `{"sku":"../shipments"}`); got.status != http.StatusBadRequest {
		t.Errorf("an article that is a path: %d %s, want 400", got.status, got.body)
	}
}

// TestToolsFollowTheFile: one session sees every change of the file, and nothing of a file with a fault in it.
func TestToolsFollowTheFile(t *testing.T) {
	s, dir := demo(t)
	st := s.open(t, "/sse")
	endpoint := st.endpoint(t)
	s.ask(t, st, endpoint, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
	s.accepted(t, endpoint, initialized)
	listed := func() []string {
		t.Helper()
		return toolNames(t, s.ask(t, st, endpoint, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`))
	}
	file := filepath.Join(dir, "toolgate.yaml")
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	save := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	changed := func(method string) {
		t.Helper()
		if e := st.next(t); !strings.Contains(e.data, `"method":"`+method+`"`) {
			t.Fatalf("on the stream: %+v, want %s", e, method)
		}
	}
	before := listed()
	if !slices.Contains(before, "get_stock") || slices.Contains(before, "count_stock") {
		t.Fatalf("at first: %q, want get_stock", before)
	}

	save(strings.Replace(string(original), "name: get_stock", "name: count_stock", 1))
	changed("notifications/tools/list_changed")
	if after := listed(); !slices.Contains(after, "count_stock") || slices.Contains(after, "get_stock") {
		t.Errorf("after a change: %q, want count_stock in place of get_stock", after)
	}

	save("tools: {http: {tools: [{name: broken}]}}")
	s.logs(t, "the configuration stays as it was")
	if after := listed(); !slices.Contains(after, "count_stock") {
		t.Errorf("after a fault: %q, want everything as it was", after)
	}
	save(string(original))
	changed("notifications/tools/list_changed")

	// What is subscribed to is told of; the list of documents is another when one comes.
	const uri = "files://handbook/returns.md"
	s.ask(t, st, endpoint, fmt.Sprintf(`{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":%q}}`, uri))
	if err := os.WriteFile(filepath.Join(dir, "handbook", "returns.md"), []byte("# Returns\n\nNo more.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := st.next(t); !strings.Contains(e.data, `"method":"notifications/resources/updated"`) || !strings.Contains(e.data, uri) {
		t.Errorf("on the stream: %+v, want the document's update", e)
	}
	read := s.ask(t, st, endpoint, fmt.Sprintf(`{"jsonrpc":"2.0","id":4,"method":"resources/read","params":{"uri":%q}}`, uri))
	if !strings.Contains(read, "No more.") {
		t.Errorf("the document reads %s, want what it holds now", read)
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s.logs(t, "the configuration file is gone")
	if after := listed(); !slices.Contains(after, "get_stock") {
		t.Errorf("without the file: %q, want everything as it was", after)
	}
}

// TestToolsOfConfiguredSystems: with the environment that older servers take, Jira and GitHub are there.
func TestToolsOfConfiguredSystems(t *testing.T) {
	s := start(t, "JIRA_HOST=jira.example.com", "JIRA_EMAIL=a@example.com", "JIRA_API_TOKEN=canary-jira", "GITHUB_TOKEN=canary-github")
	var health struct {
		Tools int `json:"tools"`
	}
	if err := json.Unmarshal([]byte(s.get(t, "/health").body), &health); err != nil {
		t.Fatal(err)
	}
	list := s.do(t, http.MethodGet, "/api/tools", "", "X-MCP-Readonly", "true").body
	reading := strings.Count(list, `"readOnlyHint":true`)
	if health.Tools < 20 || reading < 20 || reading != strings.Count(list, `"url":`) {
		t.Errorf("health counts %d tools, %d of them only read, want at least 20 of both", health.Tools, reading)
	}
	jira := s.do(t, http.MethodGet, "/api/tools", "", "X-MCP-Toolsets", "jira").body
	if !strings.Contains(jira, `"get_sprint_report"`) || strings.Contains(jira, `"get_user"`) || strings.Contains(jira, `"create_jira_issue"`) {
		t.Errorf("X-MCP-Toolsets: jira lists %.200s, want what reads in Jira", jira)
	}
	if strings.Contains(s.logged()+list+jira, "canary") {
		t.Error("a credential is shown")
	}
}
