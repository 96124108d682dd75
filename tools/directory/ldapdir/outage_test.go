package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"toolgate/config"
	"toolgate/tools/directory"
)

// nobody is a port at which none listens, which no system gives out by itself.
const nobody = "127.0.0.1:1"

func TestEveryWayOfEncryption(t *testing.T) {
	ca := filepath.Join(plain.folder, "ca.pem")
	secure := fmt.Sprintf("ldaps://127.0.0.1:%d", plain.secure)
	tests := []struct {
		name   string
		change func(*config.LDAP)
		want   string // in the error; empty: an answer
	}{
		{"none", func(*config.LDAP) {}, ""},
		{"ldaps", func(c *config.LDAP) { c.URI, c.CAFile = secure, ca }, ""},
		{"StartTLS", func(c *config.LDAP) { c.StartTLS, c.CAFile = true, ca }, ""},
		{"ldaps, and StartTLS for nothing", func(c *config.LDAP) { c.URI, c.CAFile, c.StartTLS = secure, ca, true }, ""},
		{"ldaps, unverified", func(c *config.LDAP) { c.URI, c.TLSVerify = secure, false }, ""},
		{"StartTLS, unverified", func(c *config.LDAP) { c.StartTLS, c.TLSVerify = true, false }, ""},
		{"ldaps, of an authority unknown", func(c *config.LDAP) { c.URI = secure }, "certificate is not to be trusted"},
		{"StartTLS, of an authority unknown", func(c *config.LDAP) { c.StartTLS = true }, "certificate is not to be trusted"},
		{"ldaps, of another name", func(c *config.LDAP) {
			c.URI, c.CAFile = strings.Replace(secure, "127.0.0.1", "localhost", 1), ca
		}, "certificate is not to be trusted"},
		{"TLS where there is none", func(c *config.LDAP) { c.URI = strings.Replace(c.URI, "ldap:", "ldaps:", 1) }, "could not be reached"},
		{"no TLS where there is", func(c *config.LDAP) { c.URI = strings.Replace(secure, "ldaps:", "ldap:", 1) }, "could not be reached"},
		{"bound as nobody", func(c *config.LDAP) { c.BindDN, c.BindPassword = "", config.Secret{} }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := plain.config()
			tt.change(&cfg)
			got, failure := newDesk(t, open(t, cfg)).call(t, "get_user", `{"user_identity":"u00001"}`)
			if tt.want == "" && (failure != "" || got["login"] != "u00001") {
				t.Errorf("get_user = %v, %q, want u00001", got, failure)
			}
			if tt.want != "" && !strings.Contains(failure, tt.want) {
				t.Errorf("get_user = %v, %q, want an error with %q", got, failure, tt.want)
			}
		})
	}
}

func TestAServerThatCrashesIsAnErrorUntilItIsBack(t *testing.T) {
	s := startSlapd(t, demoCompany(t), true, "")
	cfg, relay := through(t, s)
	desk := newDesk(t, open(t, cfg))
	const question = `{"user_identity":"alice","dl_name":"all-staff"}`
	for round := range 3 {
		if got, failure := desk.call(t, "is_user_in_dl", question); got["member"] != "yes" {
			t.Fatalf("round %d: is_user_in_dl = %v, %q, want yes", round, got, failure)
		}
		s.kill()
		if got, failure := desk.call(t, "is_user_in_dl", question); got != nil || failure != "the directory could not be reached: the connection broke (retryAfterSeconds: 5)" {
			t.Fatalf("round %d, while it is away: is_user_in_dl = %v, %q, want an error", round, got, failure)
		}
		if err := s.start(); err != nil {
			t.Fatal(err)
		}
		relay.lead(s)
	}
}

func TestAServerThatIsNotThereRefuses(t *testing.T) {
	cfg := usual()
	cfg.URI = "ldap://" + nobody
	got, failure := newDesk(t, open(t, cfg)).call(t, "get_user", `{"user_identity":"alice"}`)
	if got != nil || failure != "the directory could not be reached: connection refused (retryAfterSeconds: 5)" {
		t.Errorf("get_user = %v, %q, want a refused connection", got, failure)
	}
}

func TestTheStarterNamesAppArmorWhereSlapdMayNotRead(t *testing.T) {
	folder := t.TempDir()
	binary := filepath.Join(folder, "slapd")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\necho 'could not open config file: Permission denied (13)' >&2; exit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := (&slapd{folder: folder, binary: binary}).start()
	if err == nil || !strings.Contains(err.Error(), "slapd may be confined by AppArmor: ") {
		t.Errorf("start = %v, want one that names AppArmor", err)
	}
}

func TestMembersThatSlapdHidesAreNeverNo(t *testing.T) {
	s := startSlapd(t, demoCompany(t), false, "access to dn.base=\"cn=engineering,ou=lists,dc=example,dc=com\" attrs=member by * none\n")
	desk := newDesk(t, open(t, s.config()))
	for list, want := range map[string]string{"engineering": "unknown", "finance": "no"} {
		for _, nested := range []bool{true, false} {
			got, failure := desk.call(t, "is_user_in_dl", fmt.Sprintf(`{"user_identity":"alice","dl_name":%q,"nested":%v}`, list, nested))
			if failure != "" || got["member"] != want {
				t.Errorf("is_user_in_dl of %s, nested %v = %v, %q, want %s", list, nested, got, failure, want)
			}
		}
	}
}

func TestConnectionsThatBreakAreMadeAgain(t *testing.T) {
	cfg, relay := through(t, plain)
	d := open(t, cfg)
	find := func() error {
		_, found, err := d.Person(t.Context(), "u00001")
		if err == nil && !found {
			err = errors.New("nobody")
		}
		return err
	}
	for range 3 {
		if err := find(); err != nil {
			t.Fatalf("Person = %v", err)
		}
		relay.drop()
	}
	if err := find(); err != nil {
		t.Fatalf("Person = %v", err)
	}
	// Connections that were idle for long are tried first.
	opened := relay.opened.Load()
	d.pool.trusted = 0
	if err := find(); err != nil || relay.opened.Load() != opened {
		t.Errorf("Person over an old connection = %v, new connections %d, want none", err, relay.opened.Load()-opened)
	}
	relay.drop()
	if err := find(); err != nil {
		t.Errorf("Person over an old connection that is dead = %v", err)
	}
}

func TestServersAreTriedInTurn(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cfg := plain.config()
	cfg.URI = fmt.Sprintf("ldap://%s  ldap://%s %s", nobody, silent.Addr(), cfg.URI)
	cfg.Timeout = 4 * time.Second
	d := open(t, cfg)
	if _, found, err := d.Person(t.Context(), "u00001"); err != nil || !found {
		t.Fatalf("Person = %v, %v, want somebody", found, err)
	}
	if got := d.first.Load(); got != 2 {
		t.Errorf("server tried first from now on = %d, want 2, which answered", got)
	}
}

// TestWhatGoesWrongIsSaid: the model learns what is wrong, in time, and neither the answer nor the log have the password.
func TestWhatGoesWrongIsSaid(t *testing.T) {
	const bind, search = ldap.ApplicationBindRequest, ldap.ApplicationSearchRequest
	tests := []struct {
		name  string
		fault func(int) fault
		want  string
	}{
		{"no answer to the bind", always(bind, hang), "did not answer within 1s"},
		{"no answer", always(search, hang), "did not answer within 1s"},
		{"connections that break", always(search, drop), "could not be reached: the connection broke"},
		{"connections that break in an answer", always(search, halfway), "could not be reached: the connection broke"},
		{"a bind that breaks", always(bind, drop), "could not be reached"},
		{"a password that is wrong", always(bind, refuse), "refused the bind (invalid credentials)"},
		{"a busy server", always(search, busy), "the directory is busy (retryAfterSeconds: 5)"},
		{"a server too busy to bind", always(bind, busy), "the directory is busy (retryAfterSeconds: 5)"},
		{"an answer without end", always(search, flood), "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serveAD(t, demoCompany(t))
			cfg := s.config()
			cfg.Timeout = time.Second
			core, logged := observer.New(zap.DebugLevel)
			d, err := Open(cfg, zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			d.most = 1 << 20
			s.breakWith(tt.fault)
			desk := newDesk(t, d)
			for _, call := range []string{"is_user_in_dl", "get_user"} {
				arguments := `{"user_identity":"alice"}`
				if call == "is_user_in_dl" {
					arguments = `{"user_identity":"alice","dl_name":"all-staff"}`
				}
				got, failure := desk.call(t, call, arguments)
				if got != nil || !strings.Contains(failure, tt.want) {
					t.Errorf("%s = %v, %q, want an error with %q", call, got, failure, tt.want)
				}
				for _, secret := range []string{readerPassword, "127.0.0.1", "dc01"} {
					if strings.Contains(failure, secret) {
						t.Errorf("%s tells the model what only operators may see: %q", call, failure)
					}
				}
			}
			if logged.FilterMessage("the directory failed").Len() == 0 {
				t.Error("log has nothing about it")
			}
			for _, e := range logged.All() {
				if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, readerPassword) {
					t.Errorf("log has the password: %s", text)
				}
			}
			// It goes on where it can.
			s.breakWith(nil)
			d.gate.mu.Lock()
			d.gate.until = time.Time{}
			d.gate.mu.Unlock()
			if got, failure := desk.call(t, "is_user_in_dl", `{"user_identity":"alice","dl_name":"all-staff"}`); got["member"] != "yes" {
				t.Errorf("is_user_in_dl afterwards = %v, %q, want yes", got, failure)
			}
		})
	}
}

func TestAConnectionThatBreaksOnceIsNotNoticed(t *testing.T) {
	for name, what := range map[string]fault{"before the answer": drop, "in the answer": halfway} {
		t.Run(name, func(t *testing.T) {
			s := serveAD(t, demoCompany(t))
			d := open(t, s.config())
			s.breakWith(times(1, ldap.ApplicationSearchRequest, what))
			if p, found, err := d.Person(t.Context(), "alice"); err != nil || !found || p.Login != "alice" {
				t.Errorf("Person = %+v, %v, %v, want alice", p, found, err)
			}
		})
	}
}

// TestAFailureOnTheWayIsNeverNo: the server dies after the person and the list were found.
func TestAFailureOnTheWayIsNeverNo(t *testing.T) {
	for after := range 5 {
		s := serveAD(t, demoCompany(t))
		cfg := s.config()
		cfg.Timeout = time.Second
		d := open(t, cfg)
		desk := newDesk(t, d)
		if _, failure := desk.call(t, "get_user", `{"user_identity":"grace"}`); failure != "" {
			t.Fatal(failure)
		}
		n := 0
		s.breakWith(func(op int) fault {
			if op != ldap.ApplicationSearchRequest {
				return noFault
			}
			if n++; n > after {
				return drop
			}
			return noFault
		})
		got, failure := desk.call(t, "is_user_in_dl", `{"user_identity":"alice","dl_name":"all-staff"}`)
		if got != nil && got["member"] != "yes" || got == nil && !strings.Contains(failure, "could not be reached") {
			t.Errorf("after %d answers: is_user_in_dl = %v, %q, want yes or an error", after, got, failure)
		}
	}
}

func TestAServerThatCannotBeReachedIsLeftBe(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	binds := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.binds
	}
	d := open(t, s.config())
	s.breakWith(always(ldap.ApplicationBindRequest, refuse))
	for range 10 {
		_, _, err := d.Person(t.Context(), "alice")
		if f, ok := errors.AsType[*directory.Failure](err); !ok || !f.Down || !strings.Contains(f.Message, "refused the bind") {
			t.Fatalf("Person = %v, want a refused bind", err)
		}
	}
	if got := binds(); got != 1 {
		t.Errorf("binds with a password that was refused = %d, want 1: accounts are locked after a few", got)
	}
	other := serveAD(t, demoCompany(t))
	other.breakWith(always(ldap.ApplicationBindRequest, drop))
	d = open(t, other.config())
	for range 3 * gateFailures {
		if _, _, err := d.Person(t.Context(), "alice"); err == nil {
			t.Fatal("Person found somebody")
		}
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if other.binds > gateFailures+1 {
		t.Errorf("connections tried = %d, want at most %d in a row", other.binds, gateFailures+1)
	}
}

// TestAnEmptyPasswordIsNeverSent: servers take it for nobody's bind, which succeeds.
func TestAnEmptyPasswordIsNeverSent(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	d := open(t, s.config())
	d.cfg.BindPassword = config.Secret{} // which Open refuses
	if _, _, err := d.Person(t.Context(), "alice"); err == nil {
		t.Error("Person found somebody")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.binds != 0 {
		t.Errorf("binds = %d, want none", s.binds)
	}
}

func TestACallerThatLeavesIsNotWaitedFor(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	d := open(t, s.config())
	asked := make(chan struct{})
	var once bool
	s.breakWith(func(op int) fault {
		if op != ldap.ApplicationSearchRequest {
			return noFault
		}
		if !once {
			once = true
			close(asked)
		}
		return hang
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-asked
		cancel(errGone)
	}()
	_, _, err := d.Person(ctx, "alice")
	<-stopped
	if !errors.Is(err, errGone) {
		t.Errorf("Person = %v, want %v", err, errGone)
	}
	s.breakWith(nil)
	if _, found, err := d.Person(t.Context(), "alice"); err != nil || !found {
		t.Errorf("Person for the next caller = %v, %v, want alice", found, err)
	}
}
