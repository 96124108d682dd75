package ldapdir

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"toolgate/config"
)

// relay stands between a client and a server, and counts what is asked.
type relay struct {
	listener net.Listener
	target   atomic.Pointer[string]
	serving  sync.WaitGroup
	searches atomic.Int64 // without those of the root entry
	opened   atomic.Int64
	live     atomic.Int64
	most     atomic.Int64 // connections at once

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// through is s's configuration by way of a relay.
func through(t *testing.T, s *slapd) (config.LDAP, *relay) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, conns: map[net.Conn]bool{}}
	r.lead(s)
	r.serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.serving.Go(func() { r.carry(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		r.drop()
		r.serving.Wait()
	})
	cfg := s.config()
	cfg.URI = "ldap://" + listener.Addr().String()
	return cfg, r
}

// lead leads connections made from now on to where s is.
func (r *relay) lead(s *slapd) {
	address := s.address()
	r.target.Store(&address)
}

// drop closes every connection.
func (r *relay) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}

func (r *relay) carry(client net.Conn) {
	defer client.Close()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", *r.target.Load())
	if err != nil {
		return
	}
	r.opened.Add(1)
	now := r.live.Add(1)
	defer r.live.Add(-1)
	for most := r.most.Load(); now > most && !r.most.CompareAndSwap(most, now); most = r.most.Load() {
	}
	r.mu.Lock()
	r.conns[client] = true
	r.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		client.Close()
	})
	for {
		var raw bytes.Buffer
		packet, err := ber.ReadPacket(io.TeeReader(client, &raw))
		if err != nil {
			break
		}
		if op := packet.Children[1]; op.Tag == ldap.ApplicationSearchRequest && text(op.Children[0]) != "" {
			r.searches.Add(1)
		}
		if _, err := server.Write(raw.Bytes()); err != nil {
			break
		}
	}
	server.Close()
	back.Wait()
	r.mu.Lock()
	delete(r.conns, client)
	r.mu.Unlock()
}

// asked is how many searches there were since the last call.
func (r *relay) asked() int { return int(r.searches.Swap(0)) }
