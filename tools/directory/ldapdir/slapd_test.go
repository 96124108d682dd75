package ldapdir

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"toolgate/config"
)

const (
	readerPassword = "correct horse"
	install        = "apt-get install slapd ldap-utils"
	startTries     = 5                // ports that may be taken by somebody else meanwhile
	startTime      = 60 * time.Second // on a loaded machine
)

// leash runs a program, and kills it with signal 9 as soon as its own standard input ends: when kill closes it, and when the
// tests end in whatever way.
const leash = `exec 3<&0; "$0" "$@" </dev/null 3<&- & server=$!
(read -r _ <&3; kill -9 $server) >/dev/null 2>&1 & watch=$!
exec 3<&- </dev/null; wait $server; kill $watch 2>/dev/null`

// slapd is the real server, with a folder of its own.
type slapd struct {
	base   string
	folder string
	port   int // ldap
	secure int // ldaps
	binary string
	cmd    *exec.Cmd
	leash  io.Closer
	exited chan struct{}
}

// found is the first of the patterns that matches something.
func found(what string, patterns ...string) (string, error) {
	for _, p := range patterns {
		if matches, _ := filepath.Glob(p); len(matches) > 0 {
			return matches[0], nil
		}
	}
	return "", fmt.Errorf("%s is not on this machine, and these tests need the real server: %s", what, install)
}

// loadSlapd makes a folder with a company in it; start starts the server.
func loadSlapd(folder string, c company, memberOf bool, extra string) (*slapd, error) {
	s := &slapd{base: c.base, folder: folder}
	var faults [4]error
	var modules, schemas, slapadd string
	s.binary, faults[0] = found("slapd", "/usr/sbin/slapd", "/usr/libexec/slapd", "/usr/lib/openldap/slapd", "/usr/local/libexec/slapd", "/opt/homebrew/opt/openldap/libexec/slapd")
	slapadd, faults[1] = found("slapadd", "/usr/sbin/slapadd", "/usr/local/sbin/slapadd", "/opt/homebrew/opt/openldap/sbin/slapadd")
	modules, faults[2] = found("slapd's back_mdb", "/usr/lib/ldap/back_mdb.*", "/usr/lib/openldap/back_mdb.*", "/usr/lib64/openldap/back_mdb.*", "/usr/libexec/openldap/back_mdb.*", "/usr/lib/*/ldap/back_mdb.*")
	schemas, faults[3] = found("slapd's core.schema", "/etc/ldap/schema/core.schema", "/etc/openldap/schema/core.schema", "/usr/local/etc/openldap/schema/core.schema", "/opt/homebrew/etc/openldap/schema/core.schema")
	if err := errors.Join(faults[:]...); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(folder, "db"), 0o700); err != nil {
		return nil, err
	}
	if err := writeCertificate(folder); err != nil {
		return nil, err
	}
	conf := &strings.Builder{}
	for _, schema := range []string{"core", "cosine", "inetorgperson", "nis"} {
		fmt.Fprintf(conf, "include %s/%s.schema\n", filepath.Dir(schemas), schema)
	}
	fmt.Fprintf(conf, "modulepath %s\nmoduleload back_mdb\nmoduleload ppolicy\nmoduleload memberof\n", filepath.Dir(modules))
	fmt.Fprintf(conf, "TLSCACertificateFile %[1]s/ca.pem\nTLSCertificateFile %[1]s/cert.pem\nTLSCertificateKeyFile %[1]s/key.pem\n", folder)
	fmt.Fprintf(conf, "pidfile %[1]s/pid\nargsfile %[1]s/args\nthreads 4\ndatabase mdb\nsuffix %[2]q\nrootdn %[3]q\ndirectory %[1]s/db\nmaxsize 268435456\ndbnosync\n", folder, c.base, "cn=root,"+c.base)
	conf.WriteString("index objectClass,member,uniqueMember,memberUid,memberOf eq\nindex uid,cn,mail eq,sub\n")
	fmt.Fprintf(conf, "limits dn.exact=%q size=100 size.pr=100 size.prtotal=100\nlimits * size=unlimited\n", "cn=limited,"+c.base)
	conf.WriteString("access to attrs=userPassword by anonymous auth\n" + extra + "access to * by * read\n")
	if memberOf {
		conf.WriteString("overlay memberof\n")
	}
	if err := os.WriteFile(s.conf(), []byte(conf.String()), 0o600); err != nil {
		return nil, err
	}
	add := exec.Command(slapadd, "-q", "-f", s.conf())
	add.Stdin = strings.NewReader(c.ldif(memberOf))
	if out, err := add.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("load slapd: %w\n%s%s\n%s", err, out, confined(string(out)), conf)
	}
	return s, nil
}

func (s *slapd) conf() string { return filepath.Join(s.folder, "slapd.conf") }

// confined says what may be behind a permission that the server lacks.
func confined(said string) string {
	if !strings.Contains(strings.ToLower(said), "permission denied") {
		return ""
	}
	return "slapd may be confined by AppArmor: the profile that comes with packages may keep it from " + os.TempDir() +
		"; set TMPDIR to a folder that the profile allows, or run aa-complain /usr/sbin/slapd\n"
}

// start starts the server on ports that are free, and returns once it listens. After a kill these are others: somebody else
// may have taken those that it had. A relay stays where it is.
func (s *slapd) start() error {
	var last error
	for range startTries {
		ports, err := freePorts(2)
		if err != nil {
			return err
		}
		s.port, s.secure = ports[0], ports[1]
		if last = s.listen(); last == nil {
			return nil
		}
	}
	return last
}

// listen starts the server on its ports.
func (s *slapd) listen() error {
	// With any level of debugging it stays in the foreground, and says when it listens.
	s.cmd = exec.Command("/bin/sh", "-c", leash, s.binary, "-f", s.conf(), "-d", "none", "-h", fmt.Sprintf("ldap://127.0.0.1:%d ldaps://127.0.0.1:%d", s.port, s.secure))
	stderr, err1 := s.cmd.StderrPipe()
	stdin, err2 := s.cmd.StdinPipe()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	s.leash = stdin
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start slapd (%s): %w", install, err)
	}
	listening := make(chan struct{})
	s.exited = make(chan struct{})
	var said bytes.Buffer
	go func() {
		defer close(s.exited)
		lines := bufio.NewReader(stderr)
		for up := false; ; {
			text, err := lines.ReadString('\n')
			if !up {
				said.WriteString(text)
				if up = strings.Contains(text, "slapd starting"); up {
					close(listening)
				}
			}
			if err != nil {
				break
			}
		}
		_, _ = io.Copy(io.Discard, lines)
		_ = s.cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	select {
	case <-listening:
	case <-s.exited:
		return fmt.Errorf("slapd did not start:\n%s%s", said.String(), confined(said.String()))
	case <-ctx.Done():
		s.kill()
		return fmt.Errorf("slapd said nothing within %s", startTime)
	}
	// It says so a moment before it listens, and nothing after that.
	if err := s.answers(ctx); err != nil {
		s.kill()
		return err
	}
	return nil
}

// answers returns once both ports take connections.
func (s *slapd) answers(ctx context.Context) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for _, port := range []int{s.port, s.secure} {
		for {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				c.Close()
				break
			}
			select {
			case <-again.C:
			case <-s.exited:
				return errors.New("slapd ended before it listened")
			case <-ctx.Done():
				return fmt.Errorf("slapd did not listen within %s", startTime)
			}
		}
	}
	return nil
}

// kill ends the server as a crash does.
func (s *slapd) kill() {
	s.leash.Close()
	<-s.exited
}

func (s *slapd) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// config reads as somebody who may see all.
func (s *slapd) config() config.LDAP {
	cfg := usual()
	cfg.URI = "ldap://" + s.address()
	cfg.BindDN, cfg.BindPassword = "cn=reader,"+s.base, config.NewSecret(readerPassword)
	return cfg
}

// usual is the default configuration, but for a machine with more to do than to answer us.
func usual() config.LDAP {
	return config.LDAP{TLSVerify: true, Flavor: config.LDAPAuto, Connections: 8, PageSize: 500, SizeLimit: 20_000, Timeout: 30 * time.Second}
}

func freePorts(n int) ([]int, error) {
	var ports []int
	var held []net.Listener // all at once, or they would be one
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	for range n {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		held = append(held, l)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// writeCertificate makes ca.pem, and cert.pem and key.pem of 127.0.0.1 alone.
func writeCertificate(folder string) error {
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		}
	}
	ca, server := template(1, "test authority"), template(2, "127.0.0.1")
	ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	caKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	caDER, err1 := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	der, err2 := x509.CreateCertificate(rand.Reader, server, ca, &key.PublicKey, caKey)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: caDER}, "cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startSlapd starts a server for one test.
func startSlapd(t *testing.T, c company, memberOf bool, extra string) *slapd {
	t.Helper()
	s, err := loadSlapd(t.TempDir(), c, memberOf, extra)
	if err == nil {
		err = s.start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}
