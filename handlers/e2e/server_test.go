package e2e

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// server is one running `toolgate serve`, on a free port of its own, in an empty folder, with none of the tester's
// environment but what finds programs.
type server struct {
	url    string // http://127.0.0.1:port
	port   string
	cmd    *exec.Cmd
	asked  bool          // to stop; a second signal would end it at once
	killed bool          // by the test: how it ended is not judged
	exited chan struct{} // closed when the process has ended and all its output is read
	err    error         // how it ended; read after exited

	mu   sync.Mutex
	log  strings.Builder
	more chan struct{} // closed when there is more in log, and another made
}

// listening is the one log line that says the server takes requests, and where.
var listening = regexp.MustCompile(`"listening".*(?:127\.0\.0\.1|localhost|\[::1?\]):(\d+)`)

// start runs toolgate with env on top of its defaults and returns once it serves. When the test ends the server is asked
// to stop, and the test fails unless it then ends by itself with status 0.
func start(t *testing.T, env ...string) *server {
	t.Helper()
	return startWith(t, "", env...)
}

// startWith is start with a configuration file; the empty text is none.
func startWith(t *testing.T, config string, env ...string) *server {
	t.Helper()
	cmd := exec.Command(binary, "serve")
	cmd.Dir = t.TempDir()
	if config != "" {
		writeFile(t, filepath.Join(cmd.Dir, "toolgate.yaml"), config)
	}
	return launch(t, cmd, env...)
}

// launch is start for a program that serves, in a folder of its own.
func launch(t *testing.T, cmd *exec.Cmd, env ...string) *server {
	t.Helper()
	s := launchUnready(t, cmd, env...)
	s.wantReady(t, env)
	return s
}

// wantReady checks that the server is ready, below the base path of its environment.
func (s *server) wantReady(t *testing.T, env []string) {
	t.Helper()
	base := ""
	for _, variable := range env {
		if path, ok := strings.CutPrefix(variable, "TOOLGATE_SERVER_BASE_PATH="); ok {
			base = path
		}
	}
	if got := s.get(t, base+"/readyz"); got.status != http.StatusOK {
		t.Fatalf("GET %s/readyz: status %d, want 200", base, got.status)
	}
}

// Ports that freePort gives, each once a run: from below those that systems give to connections, or one of these could have
// taken a port by the time it is listened on.
const (
	firstPort = 15_000
	lastPort  = 32_000
)

var nextPort atomic.Int32

// freePort is a port that nobody listens on now, and that no connection will be given.
func freePort(t *testing.T) string {
	t.Helper()
	nextPort.CompareAndSwap(0, firstPort+rand.Int32N(lastPort-firstPort-2000))
	for nextPort.Load() < lastPort {
		port := strconv.Itoa(int(nextPort.Add(1)))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// launchUnready is launch for a server that listens and waits for something else.
func launchUnready(t *testing.T, cmd *exec.Cmd, env ...string) *server {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "TOOLGATE_SERVER_PORT=0",
		"TOOLGATE_TRACING_OTLP_HEADERS=authorization=" + canary, "TOOLGATE_SERVER_LAME_DUCK=0s",
	}, env...)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting toolgate: %v", err)
	}
	if err := w.Close(); err != nil { // the child holds it now, so that its end is our EOF
		t.Fatal(err)
	}
	s := &server{cmd: cmd, exited: make(chan struct{}), more: make(chan struct{})}
	ready := make(chan string, 1)
	go s.follow(r, ready)
	t.Cleanup(func() { s.finish(t) })
	select {
	case s.port = <-ready:
	case <-s.exited:
		t.Fatalf("toolgate ended before it listened: %v\n%s", s.err, s.logged())
	case <-time.After(patience):
		t.Fatalf("toolgate wrote no line with \"listening\" and its address in %v\n%s", patience, s.logged())
	}
	s.url = "http://127.0.0.1:" + s.port
	return s
}

// follow keeps the server's output, tells ready the port of the first listening line, and reaps the process at the end.
func (s *server) follow(r io.ReadCloser, ready chan<- string) {
	defer close(s.exited)
	lines := bufio.NewScanner(r)
	for told := false; lines.Scan(); {
		s.mu.Lock()
		s.log.WriteString(lines.Text() + "\n")
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
		if m := listening.FindStringSubmatch(lines.Text()); m != nil && !told {
			told = true
			ready <- m[1]
		}
	}
	_ = r.Close()
	s.err = s.cmd.Wait()
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// logs waits until the server has logged a text.
func (s *server) logs(t *testing.T, text string) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		found, more := strings.Contains(s.log.String(), text), s.more
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-late.C:
			t.Fatalf("toolgate did not log %q in %v", text, patience)
		}
	}
}

// stop asks the server to end, as an init system does, and does not wait.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.asked = true
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("asking toolgate to stop: %v", err)
	}
}

// gone waits for the end of a server that was told to stop, or that the test has killed.
func (s *server) gone(t *testing.T) {
	t.Helper()
	select {
	case <-s.exited:
		s.killed = !s.asked
	case <-time.After(patience):
		t.Fatalf("toolgate did not end within %v", patience)
	}
}

// canary is a secret of every server's configuration.
const canary = "canary-5f1b2c9e7d"

// secrets is what must not leave any server, in no test: the canary, API keys, tokens, credentials, and ids of sessions as
// URLs carry them.
var secrets = regexp.MustCompile(canary + `|tg_[A-Z2-7]{26}|eyJ[\w-]{12,}\.[\w-]+\.|[Bb]earer [\w.~+/-]{12,}|session_?[iI]d=[0-9a-f-]{8}`)

// keepsSecrets fails the test where one of them is in a text that the server gave away.
func keepsSecrets(t *testing.T, where, text string) {
	t.Helper()
	if at := secrets.FindStringIndex(text); at != nil {
		t.Errorf("%s gives a secret away: …%s…", where, text[max(0, at[0]-200):min(len(text), at[1]+50)])
	}
}

// finish stops the server if it still runs, and judges how it ended, and what it said in its life.
func (s *server) finish(t *testing.T) {
	defer func() { keepsSecrets(t, "the log", s.logged()) }()
	select {
	case <-s.exited:
	default:
		if !s.asked {
			for _, page := range []string{"/metrics", "/health"} {
				if got, err := stranger().Get(s.url + page); err == nil { // a test may have made it unreachable
					text, _ := io.ReadAll(got.Body)
					_ = got.Body.Close()
					keepsSecrets(t, page, string(text))
				}
			}
			s.stop(t)
		}
	}
	select {
	case <-s.exited:
		if s.err != nil && !s.killed {
			t.Errorf("toolgate ended with %v, want status 0", s.err)
		}
	case <-time.After(patience):
		t.Errorf("toolgate did not stop within %v", patience)
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	if t.Failed() {
		t.Logf("toolgate logged:\n%s", s.logged())
	}
}
