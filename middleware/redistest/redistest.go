// Package redistest starts real Redis servers for tests, each in a temporary folder, on a free port and a socket of its
// own, and can stop, kill and restart them.
package redistest

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 30 * time.Second // for what should come at once

// Server is a running redis-server that keeps nothing on disk. It ends with its test.
type Server struct {
	URL         string // redis://127.0.0.1:PORT, or rediss://
	Socket      string // unix://PATH
	Certificate string // a PEM file with what to trust, for rediss://

	tb   testing.TB
	args []string
	cmd  *exec.Cmd
	gone chan struct{} // closed once the process has ended
}

// Options of a Server.
type Options struct {
	Password string // asked of every client; empty: none
	TLS      bool   // the port speaks TLS and nothing else
}

// Start starts a server and returns once it takes commands. Without the program the test fails.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	folder, err := os.MkdirTemp("", "redis") //nolint:usetesting // the path of a test's own folder may be too long for a socket
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket, port, credentials := filepath.Join(folder, "s"), freePort(tb), ""
	s := &Server{tb: tb, args: []string{
		"--dir", folder, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--unixsocket", socket, "--daemonize", "no",
	}}
	if o.Password != "" {
		s.args = append(s.args, "--requirepass", o.Password)
		credentials = ":" + o.Password + "@"
	}
	if o.TLS {
		cert, key := certificate(tb, folder)
		s.args = append(s.args, "--port", "0", "--tls-port", port, "--tls-auth-clients", "no",
			"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
		s.URL, s.Certificate = "rediss://"+credentials+"127.0.0.1:"+port, cert
	} else {
		s.args = append(s.args, "--port", port)
		s.URL = "redis://" + credentials + "127.0.0.1:" + port
	}
	s.Socket = "unix://" + credentials + socket
	s.start()
	tb.Cleanup(s.Kill)
	return s
}

// freePort is a port that nobody listens on, from below those that systems give to connections: one of them could have taken
// it before the server does, or while it is restarted.
func freePort(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		port := strconv.Itoa(15_000 + rand.IntN(17_000)) //nolint:gosec // no secret
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	tb.Fatal("no port is free")
	return ""
}

func (s *Server) start() {
	s.tb.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	notOutlive(s.cmd)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("%v: apt-get install redis-server", err)
	}
	s.gone = make(chan struct{})
	ready := make(chan struct{})
	var said strings.Builder // read once gone
	go s.follow(out, &said, ready)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-ready:
	case <-s.gone:
		s.tb.Fatalf("redis-server ended:\n%s", said.String())
	case <-late.C:
		s.Kill()
		s.tb.Fatalf("redis-server was not ready in %v:\n%s", patience, said.String())
	}
}

// follow keeps what the server says, tells ready once it takes commands, and reaps it.
func (s *Server) follow(out io.Reader, said *strings.Builder, ready chan<- struct{}) {
	defer close(s.gone)
	once := sync.OnceFunc(func() { close(ready) })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "connections at ") { // the socket's line is the last one
			once()
		}
	}
	_ = s.cmd.Wait() // how it ended is in what it said
}

// Kill ends the server as a crash does. It may be called on one that is gone, and waits until it is.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// Restart starts the server again after Kill: the same addresses, nothing in it.
func (s *Server) Restart() {
	s.tb.Helper()
	<-s.gone
	s.start()
}
