package doctor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const publicName = "tools.example.com"

// issued is a server's certificate and the file of its authority.
type issued struct {
	certificate tls.Certificate
	authority   string
}

func issue(t *testing.T, name string, from, until time.Time, usages ...x509.ExtKeyUsage) issued {
	t.Helper()
	authorityKey, key := newKey(t), newKey(t)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "A test's authority"}, NotBefore: from.Add(-time.Hour), NotAfter: until.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: until, ExtKeyUsage: usages}
	root := sign(t, authority, authority, authorityKey, authorityKey)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), 0o600); err != nil {
		t.Fatal(err)
	}
	return issued{tls.Certificate{Certificate: [][]byte{sign(t, leaf, authority, key, authorityKey)}, PrivateKey: key}, file}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// secured is a network with a server under publicName, and another beside it on port 80, and the words that lead there.
func secured(t *testing.T, c issued, config *tls.Config, two bool, h, plain http.Handler) (network, []string) {
	t.Helper()
	config.Certificates = []tls.Certificate{c.certificate}
	n := network{}
	n.serve(t, "127.0.0.1:443", h, config, two)
	n.serve(t, "127.0.0.1:80", plain, nil, false)
	return n, []string{
		"https://" + publicName + "/app", "--key", keyOfTests,
		"--resolve", publicName + ":443:127.0.0.1", "--resolve", publicName + ":80:127.0.0.1",
	}
}

// TestTLSFindings has a server for every finding about connections.
func TestTLSFindings(t *testing.T) {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	kept := http.RedirectHandler("https://"+publicName+"/app/mcp", http.StatusPermanentRedirect)
	for name, c := range map[string]struct {
		as          string // in the certificate
		from, until time.Duration
		vouched     bool
		old, two    bool
		plain       http.Handler
		client      bool // the certificate is a client's
		few         bool // streams on a connection
		faults      []string
		warns       []string
	}{
		"right":          {publicName, 0, year, true, false, true, kept, false, false, nil, []string{"redirect-308"}},
		"unvouched":      {publicName, 0, year, false, false, true, kept, false, false, []string{"tls-chain"}, []string{"redirect-308"}},
		"another name":   {"other.example.com", 0, year, true, false, true, kept, false, false, []string{"tls-name"}, []string{"redirect-308"}},
		"expired":        {publicName, -2 * day, -day, true, false, true, kept, false, false, []string{"tls-expired"}, []string{"redirect-308"}},
		"soon":           {publicName, 0, 5*day + time.Hour, true, false, true, kept, false, false, nil, []string{"redirect-308", "tls-expires"}},
		"old versions":   {publicName, 0, year, true, true, true, kept, false, false, nil, []string{"redirect-308", "tls-old"}},
		"HTTP/1.1 alone": {publicName, 0, year, true, false, false, kept, false, false, nil, []string{"http1-only", "redirect-308"}},
		"body lost":      {publicName, 0, year, true, false, true, http.RedirectHandler("https://"+publicName+"/app/mcp", http.StatusMovedPermanently), false, false, []string{"redirect-301"}, nil},
		"a client's":     {publicName, 0, year, true, false, true, kept, true, false, []string{"tls-certificate"}, []string{"redirect-308"}},
		"few streams":    {publicName, 0, year, true, false, true, kept, false, true, nil, []string{"http2-streams", "redirect-308"}},
		"clear text":     {publicName, 0, year, true, false, true, &fake{key: keyOfTests}, false, false, nil, []string{"plain-served"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var report string
			synctest.Test(t, func(t *testing.T) {
				var usages []x509.ExtKeyUsage
				if c.client {
					usages = append(usages, x509.ExtKeyUsageClientAuth)
				}
				certificate := issue(t, c.as, time.Now().Add(c.from), time.Now().Add(c.until), usages...)
				config := &tls.Config{MinVersion: tls.VersionTLS12}
				if c.old {
					config.MinVersion = tls.VersionTLS10
				}
				n, args := secured(t, certificate, config, c.two, &fake{key: keyOfTests}, c.plain)
				if c.few {
					n["127.0.0.1:443"].server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 10}
				}
				if c.vouched {
					args = append(args, "--ca", certificate.authority)
				}
				report = n.diagnose(t, args...)
			})
			if got := idsOf(report, "fault"); !slices.Equal(got, c.faults) {
				t.Errorf("faults: got %v, want %v\n%s", got, c.faults, report)
			}
			if got := idsOf(report, "warn"); !slices.Equal(got, c.warns) {
				t.Errorf("warnings: got %v, want %v\n%s", got, c.warns, report)
			}
			wantGolden(t, "findings/tls "+strings.ReplaceAll(name, "/", "")+".txt", settled(problems(report)))
		})
	}
}

// TestTheKeyStaysWhereItBelongs looks at every request of a run: none over a connection that nobody vouches for, none in
// clear text and none to another origin has the key.
func TestTheKeyStaysWhereItBelongs(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			certificate := issue(t, publicName, time.Now(), time.Now().Add(time.Hour*24*365))
			var there, astray atomic.Int32
			watch := func(next http.Handler, seen *atomic.Int32) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.Header.Get("Authorization"), keyOfTests) {
						seen.Add(1)
					}
					next.ServeHTTP(w, r)
				})
			}
			server := &fake{key: keyOfTests, path: "http://elsewhere.example/app"}
			n, args := secured(t, certificate, &tls.Config{MinVersion: tls.VersionTLS12}, true, watch(server, &there), watch(http.NotFoundHandler(), &astray))
			n.serve(t, "elsewhere.example:80", watch(http.NotFoundHandler(), &astray), nil, false)
			if insecure {
				args = append(args, "--insecure")
			}
			report := n.diagnose(t, args...)
			if astray.Load() > 0 {
				t.Errorf("insecure %v: %d requests in clear text or to another origin had the key", insecure, astray.Load())
			}
			if (there.Load() > 0) != insecure {
				t.Errorf("insecure %v: %d requests had the key\n%s", insecure, there.Load(), report)
			}
			if strings.Contains(report, keyOfTests) {
				t.Errorf("the report holds the key:\n%s", report)
			}
		})
	}
}

// TestSettings reads what HTTP/2 connections begin with.
func TestSettings(t *testing.T) {
	frame := func(kind, flags byte, payload ...byte) []byte {
		return append([]byte{0, 0, byte(len(payload)), kind, flags, 0, 0, 0, 0}, payload...)
	}
	for name, c := range map[string]struct {
		text []byte
		want uint32
		ok   bool
	}{
		"limited":            {frame(4, 0, 0, 3, 0, 0, 0, 128), 128, true},
		"unlimited":          {frame(4, 0), unlimited, true},
		"after another":      {slices.Concat(frame(8, 0, 0, 0, 0, 1), frame(4, 0, 0, 3, 0, 0, 0, 7)), 7, true},
		"an acknowledgement": {slices.Concat(frame(4, 1), frame(4, 0, 0, 3, 0, 0, 0, 7)), 7, true},
		"nothing":            {nil, 0, false},
		"cut off":            {frame(4, 0, 0, 3, 0, 0, 0, 128)[:12], 0, false},
	} {
		got, err := readSettings(bytes.NewReader(c.text))
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: got %d, %v, want %d", name, got, err, c.want)
		}
	}
}

// TestConnections has what goes wrong before there is any TLS.
func TestConnections(t *testing.T) {
	for name, c := range map[string]struct {
		listens []string
		want    []string
	}{
		"tcp-closed":    {nil, []string{"tcp-closed"}},
		"tls-handshake": {[]string{"127.0.0.1:443"}, []string{"tls-handshake"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := network{}
			for _, addr := range c.listens {
				n.serve(t, addr, &fake{}, nil, false)
			}
			report := n.diagnose(t, "https://"+publicName, "--resolve", publicName+":443:127.0.0.1")
			if got := idsOf(report, "fault"); !slices.Equal(got, c.want) {
				t.Errorf("faults: got %v, want %v\n%s", got, c.want, report)
			}
			wantGolden(t, "findings/"+name+".txt", settled(problems(report)))
		})
	}
}

// TestOneAddressOfTwo has a name one of whose addresses is not answered.
func TestOneAddressOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network{}
		n.serve(t, "203.0.113.7:443", &fake{}, nil, false)
		p, s := probeOf(t), &sheet{check: "tcp"}
		p.connect = n.connect
		p.connectAll(t.Context(), s, []string{"203.0.113.7:443", "[2001:db8::7]:443"})
		if !p.reachable {
			t.Error("nothing more is looked at, though there is a connection")
		}
		wantSheet(t, "tcp-some", s, Warn)
	})
}

func probeOf(t *testing.T) *probe {
	t.Helper()
	o, err := parse([]string{"https://" + publicName}, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return newProbe(o, standardBounds(), nil)
}

// wantSheet compares a sheet of one finding, by its id, its level and its golden.
func wantSheet(t *testing.T, id string, s *sheet, level Level) {
	t.Helper()
	if len(s.findings) != 1 || s.findings[0].ID != id || s.findings[0].Level != level {
		t.Fatalf("got %+v, want one %s %s", s.findings, level, id)
	}
	if level != Warn && level != Fault {
		return
	}
	var out bytes.Buffer
	form := textForm{out: &out, counts: map[Level]int{}}
	form.finding(s.findings[0])
	wantGolden(t, "findings/"+id+".txt", out.String())
}
