// Package dbtest starts real database servers for tests, each in a temporary folder and behind a socket in it, so that
// neither ports nor other servers get in the way. It is for TestMain: one of each serves a whole test binary.
package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Times and steps of starting and stopping.
const (
	startTime = 60 * time.Second
	stopTime  = 10 * time.Second
	attempt   = 50 * time.Millisecond // between two attempts to connect
)

// errMissing is wrapped by what cannot start because it is not installed.
var errMissing = errors.New("apt-get install postgresql mariadb-server")

// Server is a running database server. Only its owner stops it.
type Server struct {
	// DSN connects as the administrator, to a database that tests may fill.
	DSN string

	folder string
	socket string
	done   chan struct{} // closed once the process is gone
	cmd    *exec.Cmd
	log    string
	end    syscall.Signal
}

// account is whom a server runs as: servers refuse to run as root. Nil is whoever runs the test.
func account(names ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32) // numbers, wherever there is a Credential
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("root runs the test, and there is no other user to run the server as")
}

// newServer makes the folder of a server.
func newServer(kind string, as *syscall.Credential) (*Server, error) {
	folder, err := os.MkdirTemp("", kind)
	if err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", kind, err)
	}
	s := &Server{folder: folder, log: filepath.Join(folder, "log"), done: make(chan struct{})}
	if as != nil {
		if err := os.Chown(folder, int(as.Uid), int(as.Gid)); err != nil {
			return nil, errors.Join(fmt.Errorf("hand over the folder of %s: %w", kind, err), os.RemoveAll(folder))
		}
	}
	return s, nil
}

func (s *Server) command(ctx context.Context, as *syscall.Credential, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd
}

// prepare runs a program that makes the server's files.
func (s *Server) prepare(as *syscall.Credential, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if out, err := s.command(ctx, as, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// start runs the server and waits until it answers.
func (s *Server) start(as *syscall.Credential, ping func(context.Context) error, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	log, err := os.Create(s.log)
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	defer func() { _ = log.Close() }()
	s.cmd = s.command(context.Background(), as, program, args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	notOutlive(s.cmd.SysProcAttr, s.end)
	if err := s.cmd.Start(); err != nil {
		close(s.done)
		return fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // how it ended is in its log
	}()
	tick := time.NewTicker(attempt)
	defer tick.Stop()
	for {
		err := ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("%s ended:\n%s", program, s.said())
		case <-ctx.Done():
			return fmt.Errorf("%s did not answer within %s: %w\n%s", program, startTime, err, s.said())
		}
	}
}

func (s *Server) said() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Close stops the server and removes what it wrote. It may be called on nil, and waits until the process is gone.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(s.end) // it may be gone
		select {
		case <-s.done:
		case <-time.After(stopTime):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
	return os.RemoveAll(s.folder)
}
