package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const auditCall = `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"%s"}}}`

// auditCommand runs toolgate audit on a file.
func auditCommand(t *testing.T, file string, args ...string) (string, error) {
	t.Helper()
	return run(t, t.TempDir(), nil, binary, append(append([]string{"audit"}, args...), "--audit.file", file)...)
}

// TestAuditRecord calls over every wire. Each call is a line that tail -f shows at once, and verify proves all of them.
func TestAuditRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	key, keys := newKey(t, "tools:read")
	if err := os.Chmod(keys, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "TOOLGATE_AUDIT_FILE="+file, "TOOLGATE_AUTH_MODE=keys", "TOOLGATE_AUTH_KEYS_FILE="+keys)
	followed := follow(t, file)

	auth := []string{"Authorization", "Bearer " + key, "Content-Type", "application/json"}
	stream := s.open(t, "/sse", "Authorization", "Bearer "+key)
	endpoint := stream.endpoint(t)
	if got := s.do(t, "POST", endpoint, fmt.Sprintf(auditCall, 1, "over sse"), auth...); got.status != 202 {
		t.Fatalf("POST %s: got %d %s", endpoint, got.status, got.body)
	}
	wantField(t, stream.next(t).data, "OVER SSE", "result", "content", 0, "text")
	wantField(t, s.do(t, "POST", "/mcp", fmt.Sprintf(auditCall, 2, "over http"), auth...).body, "OVER HTTP", "result", "content", 0, "text")
	if got := s.do(t, "POST", "/api/tools/uppercase_text", `{"text":"over rest"}`, auth...); got.status != 200 {
		t.Fatalf("POST /api/tools/uppercase_text: got %d %s", got.status, got.body)
	}
	for _, want := range []string{"(sse 127.0.0.1", "(http 127.0.0.1", "(rest 127.0.0.1"} {
		followed.wait(t, want)
	}

	if out, err := auditCommand(t, file, "verify"); err != nil || !strings.Contains(out, " 3 calls, 1 starts") {
		t.Errorf("verify while it serves: %v\n%s", err, out)
	}
	stream.close()
	s.stop(t)
	<-s.exited
	followed.wait(t, "-- it stopped")
	if out := overStdio(t, file, fmt.Sprintf(auditCall, 4, "over stdio")); !strings.Contains(out, "OVER STDIO") {
		t.Fatalf("toolgate stdio answered %s", out)
	}
	followed.wait(t, "(stdio")

	out, err := auditCommand(t, file, "verify")
	if err != nil || !strings.Contains(out, "intact: lines 1 to 8 in 1 files: 4 calls, 2 starts, 0 of them after no stop") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	session := endpoint[strings.LastIndex(endpoint, "=")+1:]
	for what, secret := range map[string]string{"the key": key, "the session's id": session} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the record has %s:\n%s", what, text)
		}
	}
	if !strings.Contains(string(text), `"principal":{"id":"key:`) || !strings.Contains(string(text), `"name":"e2e"`) {
		t.Errorf("the record does not name who called:\n%s", text)
	}

	head := loggedHead(t, s)
	if out, err := auditCommand(t, file, "verify", "--head", head); err != nil {
		t.Errorf("verify with the head that was logged: %v\n%s", err, out)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for name, tt := range map[string]struct {
		text, want string
		args       []string
	}{
		"a byte is changed": {strings.Replace(string(text), "over http", "over httq", 1), file + ":3: line 3 of the record: it is not as it was written", nil},
		"a line is gone":    {strings.Join(append(lines[:2:2], lines[3:]...), ""), file + ":3: line 4 of the record: line 3 is missing before it", nil},
		"the end is cut":    {strings.Join(lines[:3], ""), "the noted head is nowhere in the record", []string{"--head", head}},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := auditCommand(t, file, append([]string{"verify"}, tt.args...)...)
		if exit := exitCode(err); exit != 1 || !strings.Contains(out, tt.want) {
			t.Errorf("%s: verify ended with %d, want 1 and %q:\n%s", name, exit, tt.want, out)
		}
	}
}

// loggedHead is the head that a server logged when it closed its record.
func loggedHead(t *testing.T, s *server) string {
	t.Helper()
	_, rest, found := strings.Cut(s.logged(), `"audit record closed"`)
	_, rest, named := strings.Cut(rest, `"head":"`)
	if !found || !named || len(rest) < 64 {
		t.Fatalf("toolgate logged no head of its record:\n%s", s.logged())
	}
	return rest[:64]
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// overStdio has a toolgate of its own answer one message over stdin and stdout.
func overStdio(t *testing.T, file, message string) string {
	t.Helper()
	cmd := exec.Command(binary, "stdio", "--audit.file", file)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	cmd.Stdin = strings.NewReader(message + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("toolgate stdio: %v", err)
	}
	return string(out)
}

// followed is a running toolgate audit tail -f.
type followed struct{ lines chan string }

func follow(t *testing.T, file string) *followed {
	t.Helper()
	cmd := exec.Command(binary, "audit", "tail", "-f", "-n", "100", "--audit.file", file)
	cmd.Dir = t.TempDir()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &followed{lines: make(chan string, 1000)}
	go func() {
		defer close(f.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		for range f.lines { // its end is the pipe's
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("toolgate audit tail -f ended with %v, want status 0", err)
		}
	})
	return f
}

// wait waits for a line that has a text.
func (f *followed) wait(t *testing.T, text string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line, open := <-f.lines:
			if !open {
				t.Fatalf("tail -f ended where %q was due", text)
			}
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			t.Fatalf("tail -f did not print %q in %v", text, patience)
		}
	}
}

func TestAuditRecordHasOneWriter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	start(t, "TOOLGATE_AUDIT_FILE="+file)
	out, err := run(t, t.TempDir(), nil, binary, "serve", "--server.port", "0", "--audit.file", file)
	if exit := exitCode(err); exit != 2 || !strings.Contains(out, "audit.file: another process writes "+file) {
		t.Errorf("a second server with the same record: got %d, want 2 and a refusal:\n%s", exit, out)
	}
	out, err = run(t, t.TempDir(), nil, binary, "serve", "--server.port", "0", "--audit.file", file+".d/audit.jsonl")
	if exit := exitCode(err); exit != 2 || !strings.Contains(out, "audit.file: there is no folder "+file+".d") {
		t.Errorf("a folder that is missing: got %d, want 2 and what to change:\n%s", exit, out)
	}
}

// TestAuditRecordOnAFullDisk has the system refuse more than 8 KiB in a file, and then allow it again. Calls are answered all
// the while, and the record says how many it misses.
func TestAuditRecordOnAFullDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	cmd := exec.Command("bash", "-c", `ulimit -S -f 8; exec "$0" serve`, binary)
	cmd.Dir = t.TempDir()
	s := launch(t, cmd, "TOOLGATE_AUDIT_FILE="+file)
	const calls = 40
	for range calls {
		wantField(t, s.post(t, "/mcp", fmt.Sprintf(auditCall, 1, strings.Repeat("word ", 40))).body, strings.Repeat("WORD ", 40), "result", "content", 0, "text")
	}
	s.logs(t, "the audit record cannot be written")
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_FSIZE, &unlimited, nil); err != nil {
		t.Fatal(err)
	}
	s.post(t, "/mcp", fmt.Sprintf(auditCall, 2, "again"))
	s.stop(t)
	<-s.exited
	out, err := auditCommand(t, file, "verify")
	var first, last, files, written, gaps, missing int
	if err == nil {
		_, err = fmt.Sscanf(strings.ReplaceAll(out, "\n", " "), "intact: lines %d to %d in %d files: %d calls, 1 starts, 0 of them after no stop gaps: %d, in which %d calls are missing",
			&first, &last, &files, &written, &gaps, &missing)
	}
	if err != nil || written+missing != calls+1 || missing == 0 || written < 2 {
		t.Errorf("verify: %v: got %d calls and %d missing, want %d together:\n%s", err, written, missing, calls+1, out)
	}
}

// TestAuditRecordOutlivesAKill kills the server and cuts its last line, as a crash of the machine would.
func TestAuditRecordOutlivesAKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	cmd := exec.Command(binary, "stdio", "--audit.file", file)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(out)
	for i := range 3 { // the answer of one says that the call before is recorded, or will be at once
		if _, err := fmt.Fprintf(in, auditCall+"\n", i, "x"); err != nil {
			t.Fatal(err)
		}
		if !answers.Scan() {
			t.Fatalf("toolgate stdio answered nothing: %v", answers.Err())
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()-20); err != nil {
		t.Fatal(err)
	}
	overStdio(t, file, fmt.Sprintf(auditCall, 9, "after"))
	text, err := auditCommand(t, file, "verify")
	if err != nil || !strings.Contains(text, "2 starts, 1 of them after no stop") {
		t.Errorf("verify: %v\n%s", err, text)
	}
	if text, err = auditCommand(t, file, "tail", "-n", "100"); err != nil || !strings.Contains(text, "-- half a line of") {
		t.Errorf("tail: %v\n%s", err, text)
	}
}
