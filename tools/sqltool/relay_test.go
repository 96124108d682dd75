package sqltool

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// relay stands before a server's socket and hands everything on, until a client says cue: that goes to the server, whose
// answers on that connection are swallowed from then on. Once any client says hangUp, that connection is cut.
type relay struct {
	server       string
	cue, hangUp  string
	listener     net.Listener
	handing      sync.WaitGroup
	mu           sync.Mutex
	mute, opened []net.Conn
	closed       bool
}

// newRelay listens on a socket named as the server's is, in a folder of its own, which it returns.
func newRelay(t testing.TB, server, cue, hangUp string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "relay") //nolint:usetesting // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(folder, filepath.Base(server)))
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{server: server, cue: cue, hangUp: hangUp, listener: l}
	r.handing.Go(r.accept)
	t.Cleanup(func() {
		_ = l.Close()
		r.mu.Lock()
		r.closed = true
		cut(r.opened)
		r.mu.Unlock()
		r.handing.Wait()
		_ = os.RemoveAll(folder)
	})
	return folder
}

func cut(conns []net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", r.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		r.opened = append(r.opened, client, server)
		if r.closed {
			cut(r.opened)
		}
		r.mu.Unlock()
		r.handing.Go(func() { r.forth(client, server) })
		r.handing.Go(func() { r.back(server, client) })
	}
}

// forth hands on what a client says.
func (r *relay) forth(client, server net.Conn) {
	defer func() { _ = server.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		if bytes.Contains(buf[:n], []byte(r.cue)) {
			r.mute = append(r.mute, client)
		}
		if r.hangUp != "" && bytes.Contains(buf[:n], []byte(r.hangUp)) {
			cut(r.mute)
		}
		r.mu.Unlock()
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// back hands on what the server says, to a client that is to hear it.
func (r *relay) back(server, client net.Conn) {
	defer func() { _ = client.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		muted := false
		for _, c := range r.mute {
			muted = muted || c == client
		}
		r.mu.Unlock()
		if muted {
			continue
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// behind is a world whose packs reach their server through a relay.
func (w world) behind(t testing.TB, cue, hangUp string) world {
	t.Helper()
	switch w.dialect {
	case postgresDialect:
		folder := strings.TrimPrefix(strings.Fields(servers.postgres.DSN)[0], "host=")
		found, err := filepath.Glob(filepath.Join(folder, ".s.PGSQL.*[0-9]"))
		if err != nil || len(found) != 1 {
			t.Fatalf("the server's sockets = %q, %v; want one", found, err)
		}
		w.declared = strings.Replace(w.declared, "host="+folder, "host="+newRelay(t, found[0], cue, hangUp), 1)
	case mysqlDialect:
		_, rest, _ := strings.Cut(servers.mariaDB.DSN, "unix(")
		socket, _, _ := strings.Cut(rest, ")")
		w.declared = strings.Replace(w.declared, socket, filepath.Join(newRelay(t, socket, cue, hangUp), filepath.Base(socket)), 1)
	default:
		t.Fatalf("%s has no server", w.name)
	}
	return w
}
