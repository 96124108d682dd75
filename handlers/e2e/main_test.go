// Package e2e tests the real binary from outside: it builds toolgate, starts it as an operator would, and talks to it as
// strangers do, by raw HTTP transcripts and with the real clients of clients/ and docs/clients/. A program that a test
// needs and does not find fails that test; `make test` installs what is missing.
package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	// root is the repository, as seen from this package's folder, where go test runs its tests.
	root = "../.."

	// patience is how long a test waits for what should come at once: long enough for a busy machine, never part of a
	// passing run.
	patience = 30 * time.Second
)

// binary is the toolgate under test, set once by TestMain before any test runs.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "toolgate-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a folder for the binary:", err)
		os.Exit(1)
	}
	code := 1
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// build compiles the repository's program into dir.
func build(dir string) error {
	if err := touch(); err != nil {
		return fmt.Errorf("walking the repository: %w", err)
	}
	binary = filepath.Join(dir, "toolgate")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building toolgate: %w\n%s", err, out)
	}
	return nil
}

// touch looks at every file of the repository. These tests import none of the code they test, so go test would answer
// them from its cache after a change; but it remembers what a test looked at, and runs it again when that has changed.
func touch() error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == ".git" || d.Name() == "bin") {
			return fs.SkipDir
		}
		return err
	})
}
