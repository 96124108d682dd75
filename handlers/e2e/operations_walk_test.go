package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOperationsFromNothing does what docs/operations.md has its reader do, from a machine with nginx alone to tools over
// HTTPS, a changed configuration, a changed key, a backup and an upgrade. Every command must succeed, and print what the page
// says.
func TestOperationsFromNothing(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t)
	defer func() {
		if t.Failed() {
			t.Log(m.logs())
		}
	}()
	paste(t, "docs/operations.md", m.steps(tour(string(page), "From nothing to HTTPS")), &server{port: m.http}, m.work)
}
