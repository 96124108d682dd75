package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStateKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.key")
	if err := os.WriteFile(file, []byte("  0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := (MCP{}).StateKey(); err != nil || key != nil {
		t.Errorf("no file: %q, %v", key, err)
	}
	if key, err := (MCP{StateKeyFile: file}).StateKey(); err != nil || string(key) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("a file: %q, %v", key, err)
	}
	if _, err := (MCP{StateKeyFile: file + ".not"}).StateKey(); err == nil || !strings.HasPrefix(err.Error(), "mcp.state_key_file: ") {
		t.Errorf("a file that is not there: %v", err)
	}
}
