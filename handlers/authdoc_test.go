package handlers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toolgate/config"
)

// TestAuthPage reads every configuration of docs/auth.md: each is valid as it stands, for a server with a public URL.
func TestAuthPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "auth.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("docs/auth.md has %d configurations, want those of each provider", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		file := filepath.Join(t.TempDir(), "toolgate.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _, err := config.Load(config.Source{File: file, Env: []string{"TOOLGATE_SERVER_PUBLIC_URL=" + testPublic}, Dir: t.TempDir()})
		if err != nil {
			t.Errorf("%v in\n%s", err, text)
			continue
		}
		if known := resources(cfg); len(known) != 2 || known[0].url != testPublic+"/mcp" {
			t.Errorf("the resource is %+v, want the page's, in\n%s", known, text)
		}
	}
}
