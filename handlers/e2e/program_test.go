package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programLimit bounds one program that a test runs: the longest is the client matrix with its first install.
const programLimit = 8 * time.Minute

// run runs a program in dir with env on top of ours, and returns what it printed. The program leads a process group, and
// whatever of it still runs when the program has ended, or the test is over, is ended too.
func run(t *testing.T, dir string, env []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	// A file, not a pipe: what the program leaves in the background may hold it open.
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := cmd.Wait()
	_ = end() // ESRCH where nothing is left
	printed, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(printed), ended
}

// mustRun is run for a program that has to succeed.
func mustRun(t *testing.T, dir string, env []string, program string, args ...string) string {
	t.Helper()
	out, err := run(t, dir, env, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}
