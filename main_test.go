package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this binary the program too: scripts run it as toolgate, in a folder and an environment of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"toolgate": main})
}

// TestProgram runs the scripts. Beside testscript's own commands there is
//
//	status N PROGRAM ARGS…    like exec, for a program that ends with that status
func TestProgram(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "handlers/testdata/program",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					ended, ok := errors.AsType[*exec.ExitError](err)
					if !ok {
						ts.Fatalf("%v", err)
					}
					got = ended.ExitCode()
				}
				if got != want {
					ts.Fatalf("ended with status %d, want %d", got, want)
				}
			},
		},
	})
}

// serving starts serve on a free port, in an empty folder, and returns its URL once it listens. stop tells it to end and
// returns what run did.
func serving(t *testing.T, args ...string) (url string, stop func() error) {
	t.Helper()
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	log, stderr := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--server.port", "0"}, args...), strings.NewReader(""), io.Discard, stderr)
		_ = stderr.Close()
	}()
	listening := regexp.MustCompile(`"listening".*"address":"(127\.0\.0\.1:\d+)"`)
	lines := bufio.NewScanner(log)
	var logged []string
	for url == "" && lines.Scan() {
		logged = append(logged, lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			url = "http://" + m[1]
		}
	}
	if url == "" {
		t.Fatalf("serve ended before it listened: %v\n%s", <-ended, strings.Join(logged, "\n"))
	}
	read := make(chan struct{})
	go func() { defer close(read); _, _ = io.Copy(io.Discard, log) }()
	stop = func() error {
		cancel()
		err := <-ended
		<-read
		return err
	}
	t.Cleanup(func() { cancel(); <-read })
	return url, stop
}

// TestServe: the program serves its tools until it is told to stop, and then ends its streams and itself.
func TestServe(t *testing.T) {
	url, stop := serving(t)
	stream, err := http.Get(url + "/sse")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	events := bufio.NewReader(stream.Body)
	next := func(prefix string) string {
		for {
			line, err := events.ReadString('\n')
			if err != nil {
				t.Fatalf("reading the stream: %v", err)
			}
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return strings.TrimSpace(rest)
			}
		}
	}
	endpoint := next("data: ")
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"hello world"}}}`
	posted, err := http.Post(url+endpoint, "application/json", strings.NewReader(call))
	if err != nil {
		t.Fatal(err)
	}
	_ = posted.Body.Close()
	if posted.StatusCode != http.StatusAccepted {
		t.Errorf("POST %s: got %d, want 202", endpoint, posted.StatusCode)
	}
	if got := next("data: "); !strings.Contains(got, "HELLO WORLD") {
		t.Errorf("on the stream: got %s, want HELLO WORLD in it", got)
	}

	if err := stop(); err != nil {
		t.Errorf("run: got %v, want nil", err)
	}
	if rest, err := io.ReadAll(events); err != nil {
		t.Errorf("the stream ended with %v after %q, want a clean end", err, rest)
	}
	if _, err := http.Get(url + "/livez"); err == nil {
		t.Error("it still serves once it has ended")
	}
}

// TestServeOfAnOperator: keys are asked for, metrics are counted.
func TestServeOfAnOperator(t *testing.T) {
	var entry, shown bytes.Buffer
	if err := run(t.Context(), []string{"keys", "new", "ops", "admin"}, strings.NewReader(""), &entry, &shown); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(file, entry.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`tg_\w+`).FindString(shown.String())
	url, stop := serving(t, "--auth.mode", "keys", "--auth.keys_file", file)
	for _, tt := range []struct {
		authorization string
		status        int
	}{{"", http.StatusUnauthorized}, {"Bearer " + key, http.StatusOK}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", tt.authorization)
		if tt.authorization == "" {
			r.Header.Del("Authorization")
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if err != nil || got.StatusCode != tt.status {
			t.Errorf("GET /metrics with %q: got %d (%v), want %d", tt.authorization, got.StatusCode, err, tt.status)
		}
		if tt.status == http.StatusOK && !strings.Contains(string(text), `toolgate_build_info{version="dev"} 1`) {
			t.Errorf("GET /metrics: got %s, want the build", text)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("run: got %v, want nil", err)
	}
}

// TestServePortInUse: who starts a second server is told so, and what to do.
func TestServePortInUse(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	err = run(t.Context(), []string{"--server.port", port}, strings.NewReader(""), io.Discard, &stderr)
	if err == nil || !strings.Contains(err.Error(), "--server.port") {
		t.Errorf("run: got %v, want an error that names --server.port", err)
	}
	if code := report(err, io.Discard); code != exitFailed {
		t.Errorf("exit status: got %d, want %d", code, exitFailed)
	}
}

func TestReport(t *testing.T) {
	fault := errors.New("it broke")
	for _, tt := range []struct {
		name string
		err  error
		code int
		said string
	}{
		{"nil", nil, 0, ""},
		{"any error", fault, exitFailed, "toolgate: it broke\n"},
		{"one with a status", &exitError{exitUsage, fault}, exitUsage, "toolgate: it broke\n"},
		{"one that was told already", &exitError{exitFailed, nil}, exitFailed, ""},
	} {
		var stderr bytes.Buffer
		if code := report(tt.err, &stderr); code != tt.code || stderr.String() != tt.said {
			t.Errorf("%s: got status %d, %q, want %d, %q", tt.name, code, stderr.String(), tt.code, tt.said)
		}
	}
}

// TestStdioHasStdoutToItself: what a tool prints, as any code of the process would, goes to stderr.
func TestStdioHasStdoutToItself(t *testing.T) {
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer func(was *os.File) { os.Stderr = was }(os.Stderr)
	os.Stderr = stderr
	in, client := io.Pipe()
	server, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context(), []string{"stdio"}, in, out, io.Discard) }()
	lines := bufio.NewReader(server)
	ask := func() {
		if _, err := io.WriteString(client, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := lines.ReadString('\n'); got != `{"jsonrpc":"2.0","id":1,"result":{}}`+"\n" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	ask()
	_, _ = os.Stdout.WriteString("printed by a tool\n")
	ask()
	if err := errors.Join(client.Close(), <-ended); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(stderr.Name()); string(text) != "printed by a tool\n" {
		t.Errorf("stderr has %q, %v", text, err)
	}
}
