package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"
)

var update = flag.Bool("update", false, "write testdata/ anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diagnose runs the doctor on a handler, served under /app, and returns its report as text. It runs in a bubble, where time
// costs nothing and every answer takes none.
func diagnose(t *testing.T, h http.Handler, args ...string) string {
	t.Helper()
	var report string
	synctest.Test(t, func(t *testing.T) {
		n := network{}
		n.serve(t, "127.0.0.1:3002", h, nil, false)
		report = n.diagnose(t, append(args, "http://127.0.0.1:3002/app")...)
	})
	return report
}

// network is a net of its own: what listens at which address.
type network map[string]*listener

// diagnose runs the doctor, whose connections are all within the network.
func (n network) diagnose(t *testing.T, args ...string) string {
	t.Helper()
	o, err := parse(args, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var form form = &textForm{out: &out}
	if o.json {
		form = &jsonForm{out: &out}
	}
	p := newProbe(o, standardBounds(), form.progress)
	p.connect = n.connect
	defer p.close()
	start := time.Now()
	if _, err := p.examine(t.Context(), form); err != nil {
		t.Fatal(err)
	}
	if took, most := time.Since(start), p.bounds.all+p.idle; took > most {
		t.Errorf("it took %v, want no more than %v", took, most)
	}
	return out.String()
}

// serve serves a handler at an address, over TLS where there is a configuration of it, until the test ends.
func (n network) serve(t *testing.T, addr string, h http.Handler, config *tls.Config, two bool) {
	t.Helper()
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{}), first: make(chan struct{})}
	n[addr] = l
	srv := &http.Server{Handler: h, TLSConfig: config, ErrorLog: zap.NewStdLog(zap.NewNop()), Protocols: new(http.Protocols)} //nolint:gosec // a test's
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(two)
	l.server = srv
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-l.first
		if config != nil {
			_ = srv.ServeTLS(l, "", "")
		} else {
			_ = srv.Serve(l)
		}
	}()
	t.Cleanup(func() {
		l.begin.Do(func() { close(l.first) })
		_ = srv.Close()
		_ = l.Close()
		<-done
		<-time.After(time.Minute) // connections over TLS take their time to close
	})
}

func (n network) connect(ctx context.Context, _, addr string) (net.Conn, error) {
	l := n[addr]
	if l == nil {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	l.begin.Do(func() { close(l.first) })
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// listener takes connections that are made in memory.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	server *http.Server // that listens
	once   sync.Once
	first  chan struct{} // closed with the first connection, until when the server may be changed
	begin  sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

// settled is a report without its lines of progress, which come at any place.
func settled(report string) string {
	var b strings.Builder
	for line := range strings.Lines(report) {
		if !strings.HasPrefix(line, "…") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// wantGolden compares with a file of testdata.
func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// problems are the lines of a report from every warning and fault on, with their causes and changes.
func problems(report string) string {
	var b strings.Builder
	keep := false
	for line := range strings.Lines(report) {
		if line[0] != ' ' {
			keep = strings.HasPrefix(line, "fault ") || strings.HasPrefix(line, "warn ")
		}
		if keep {
			b.WriteString(line)
		}
	}
	return b.String()
}

// idsOf are the ids of a report's faults, or warnings, each once, in order.
func idsOf(report, level string) []string {
	flat := regexp.MustCompile(`\n {20}`).ReplaceAllString(report, " ")
	var ids []string
	for line := range strings.Lines(flat) {
		if strings.HasPrefix(line, level) {
			m := regexp.MustCompile(`\[([a-z0-9-]+)\](?: cause:|\n)`).FindStringSubmatch(line)
			if m != nil {
				ids = append(ids, m[1])
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// waitFor says whether the time passed before ctx ended.
func waitFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
