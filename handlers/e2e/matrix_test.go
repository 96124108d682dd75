package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestClients runs every real client against the binary, over /sse, /mcp and stdio, and prints the table.
func TestClients(t *testing.T) {
	s := start(t)
	out, err := run(t, ".", nil, "./clients/run.sh", s.url, "--pin", "--stdio", binary+" stdio")
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the client matrix: %v", err)
	}
}

// TestClientsTellABrokenServer makes sure that the matrix can fail.
func TestClientsTellABrokenServer(t *testing.T) {
	broken := httptest.NewServer(http.NotFoundHandler())
	defer broken.Close()
	out, err := run(t, ".", nil, "./clients/run.sh", broken.URL, "--only", "^(curl|go-sdk-1.8|ts-sdk-2.4) ")
	if err == nil || !strings.Contains(out, "\n0/6 clients work") {
		t.Errorf("against a server that serves nothing: %v, want 0/6 and a failure:\n%s", err, out)
	}
}

// clients is where the matrix keeps its programs.
type clients struct {
	node     string // the pinned Node
	home     string // the folder with node_modules
	chromium string
}

// install fills the matrix's cache and says where things are.
func install(t *testing.T) clients {
	t.Helper()
	out, err := run(t, ".", nil, "./clients/run.sh", "--install")
	if err != nil {
		t.Fatalf("installing the clients: %v\n%s", err, out)
	}
	at := make(map[string]string)
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			at[name] = value
		}
	}
	c := clients{node: at["node"], home: at["home"], chromium: at["chromium"]}
	if c.node == "" || c.home == "" || c.chromium == "" {
		t.Fatalf("run.sh --install names no node, home or chromium:\n%s", out)
	}
	return c
}

// env makes the pinned Node and the browser the ones that scripts find.
func (c clients) env() []string {
	return []string{
		"PATH=" + filepath.Dir(c.node) + ":" + os.Getenv("PATH"), "CHROMIUM=" + c.chromium,
		"MCP_CLIENTS_HOME=" + c.home, "NODE_NO_WARNINGS=1", "NO_PROXY=*", "NO_UPDATE_NOTIFIER=1",
	}
}
