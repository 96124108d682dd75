package ldapdir

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"toolgate/config"
	"toolgate/tools/directory"
)

func TestCloseEndsWhatIsAsked(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	d, err := Open(s.config(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 10)
	s.breakWith(func(op int) fault {
		if op != ldap.ApplicationSearchRequest {
			return noFault
		}
		asked <- struct{}{}
		return hang
	})
	answered := make(chan error)
	go func() {
		_, _, err := d.Person(t.Context(), "alice")
		answered <- err
	}()
	<-asked
	d.Close()
	for _, err := range []error{<-answered, func() error { _, _, err := d.Person(t.Context(), "alice"); return err }()} {
		if f, ok := errors.AsType[*directory.Failure](err); !ok || !strings.Contains(f.Message, "shutting down") {
			t.Errorf("Person = %v, want one about shutting down", err)
		}
	}
	d.Close()
}

// TestCloseEndsConnectionsThatAreBeingMade: no part of it waits for a server that says nothing.
func TestCloseEndsConnectionsThatAreBeingMade(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.LDAP)
	}{
		{"the bind", func(*config.LDAP) {}},
		{"TLS", func(c *config.LDAP) { c.URI = strings.Replace(c.URI, "ldap:", "ldaps:", 1) }},
		{"StartTLS", func(c *config.LDAP) { c.StartTLS = true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			cfg := usual()
			cfg.URI, cfg.BindDN, cfg.BindPassword = "ldap://"+silent.Addr().String(), "cn=reader", config.NewSecret(readerPassword)
			cfg.Connections, cfg.Timeout = 1, 20*time.Second
			tt.change(&cfg)
			core, logged := observer.New(zap.WarnLevel)
			d, err := Open(cfg, zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			const questions = 2 // one connects, one waits for it
			answered := make(chan error, questions)
			for range questions {
				go func() {
					_, _, err := d.Person(t.Context(), "alice")
					answered <- err
				}()
			}
			conn, err := silent.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Read(make([]byte, 1)); err != nil { // it has said something, and waits
				t.Fatal(err)
			}
			began := time.Now()
			d.Close()
			if took := time.Since(began); took > cfg.Timeout/4 {
				t.Errorf("Close took %s of the %s that a question may take", took, cfg.Timeout)
			}
			for range questions {
				if err := <-answered; err == nil || !strings.Contains(err.Error(), "shutting down") {
					t.Errorf("Person = %v, want one about shutting down", err)
				}
			}
			if n := logged.FilterMessage("the directory failed").Len(); n > 0 || d.gate.check() != nil {
				t.Errorf("failures logged = %d, gate %v, want none: it was our own doing", n, d.gate.check())
			}
		})
	}
}
