package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails where a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// local is a client of a server on this machine, which it is allowed to ask.
func local(t *testing.T, handler http.HandlerFunc, opts Options) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	opts.Name, opts.BaseURL = "Jira", s.URL
	opts.Private = append(opts.Private, "127.0.0.1")
	return made(t, opts, wires{})
}

func made(t *testing.T, opts Options, w wires) *Client {
	t.Helper()
	c, err := newClient(opts, w)
	if err != nil {
		t.Fatalf("newClient: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// bubble runs a test in which time passes at once, with a client whose upstream is handler.
func bubble(t *testing.T, opts Options, handler http.HandlerFunc, test func(t *testing.T, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{made: make(chan net.Conn), closed: make(chan struct{})}
		s := &http.Server{Handler: handler, ReadHeaderTimeout: time.Hour}
		var served sync.WaitGroup
		served.Go(func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("Serve: %v", err)
			}
		})
		opts.Name, opts.BaseURL = "Jira", "http://jira.example"
		c, err := newClient(opts, wires{connect: l.dial})
		if err != nil {
			t.Fatalf("newClient: %v", err)
		}
		defer func() {
			c.Close()
			s.Close()
			served.Wait()
		}()
		test(t, c)
	})
}

// pipes is a listener within one process.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) dial(ctx context.Context, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.made <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.made:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// wantError checks that err is an *Error with this status or, where target is set, wrapping it.
func wantError(t *testing.T, err error, status int, target error) Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want an *Error", err)
	}
	if e.Status != status {
		t.Errorf("status = %d, want %d", e.Status, status)
	}
	if target != nil && !errors.Is(err, target) {
		t.Errorf("error = %v (%v), want one that wraps %v", err, e.Err, target)
	}
	return *e
}

// get asks for a path and wants an answer.
func get(t *testing.T, c *Client, path string) *Response {
	t.Helper()
	resp, err := c.Do(t.Context(), Request{Path: path})
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return resp
}

// trusting is what a client of s trusts.
func trusting(s *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{RootCAs: roots}
}

// never connects.
func never(ctx context.Context, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// midnight is when every bubble begins.
var midnight = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// setHeader sets NAME: VALUE, if it is any. The value of X-RateLimit-Reset is +SECONDS from midnight, with nothing left.
func setHeader(w http.ResponseWriter, line string) {
	name, value, _ := strings.Cut(line, ": ")
	if seconds, relative := strings.CutPrefix(value, "+"); relative {
		n, _ := strconv.Atoi(seconds)
		value = strconv.FormatInt(midnight.Unix()+int64(n), 10)
		w.Header().Set("X-RateLimit-Remaining", "0")
	}
	if name != "" {
		w.Header().Set(name, value)
	}
}

// advance lets time pass, and then everybody get as far as they can.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
