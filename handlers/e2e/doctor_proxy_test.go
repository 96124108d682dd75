package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

const (
	doctorName   = "tools.example.com"
	doctorPrefix = "/tools"
	doctorURL    = "https://" + doctorName + doctorPrefix
)

// mistakes are what operators get wrong in nginx; the zero value is a configuration without one.
type mistakes struct {
	Buffered bool   // events are held back
	Zipped   bool   // events are compressed
	Patience string // proxy_read_timeout
	Host     string // sent instead of the one that came
	HostOf   string // the location that has it; empty: all
	Stripped bool   // the prefix is taken off, and nobody is told
	Redirect int    // status of plain HTTP; 0: 308
	Body     string // client_max_body_size; empty: 5m
}

// doctorEdge is a running nginx in front of a server, under doctorURL.
type doctorEdge struct {
	ca    string // file of the authority of its certificate
	ports [2]int // of https and http
}

// args are what leads toolgate doctor to it.
func (e *doctorEdge) args() []string {
	return []string{
		doctorURL, "--ca", e.ca,
		"--resolve", fmt.Sprintf("%s:443:127.0.0.1:%d", doctorName, e.ports[0]),
		"--resolve", fmt.Sprintf("%s:80:127.0.0.1:%d", doctorName, e.ports[1]),
	}
}

var doctorConf = template.Must(template.New("nginx").Parse(`
user root;
worker_processes 1;
daemon off;
pid {{.Dir}}/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  server_tokens off;
  client_body_temp_path {{.Dir}}/body; proxy_temp_path {{.Dir}}/proxy; fastcgi_temp_path {{.Dir}}/f; uwsgi_temp_path {{.Dir}}/u; scgi_temp_path {{.Dir}}/s;
  ssl_certificate {{.Dir}}/cert.pem;
  ssl_certificate_key {{.Dir}}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  proxy_http_version 1.1;
  {{if .Zipped}}gzip on; gzip_proxied any; gzip_min_length 1; gzip_types text/event-stream;{{end}}
  server {
    listen 127.0.0.1:{{index .Ports 0}} ssl http2 default_server;
    server_name tools.example.com;
    client_max_body_size {{or .Body "5m"}};
    proxy_read_timeout {{or .Patience "1h"}};
    {{if .Buffered}}proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;{{else if not .Zipped}}proxy_buffering off;{{end}}
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    {{if not .Stripped}}proxy_set_header X-Forwarded-Prefix /tools;{{end}}
    {{if and .Host (not .HostOf)}}proxy_set_header Host {{.Host}};{{else}}proxy_set_header Host $http_host;{{end}}
    location /tools/ { proxy_pass http://127.0.0.1:{{.Upstream}}/; }
    location /.well-known/ { proxy_pass http://127.0.0.1:{{.Upstream}}; }
    {{if .HostOf}}location = {{.HostOf}} { proxy_set_header Host {{.Host}}; proxy_pass http://127.0.0.1:{{.Upstream}}/mcp; }{{end}}
  }
  server {
    listen 127.0.0.1:{{index .Ports 1}};
    return {{or .Redirect 308}} https://$host$request_uri;
  }
}
`))

// doctorProxy starts nginx in front of s with the mistakes, and stops it when the test ends.
func doctorProxy(t *testing.T, s *server, m mistakes) *doctorEdge {
	t.Helper()
	dir := t.TempDir()
	e := &doctorEdge{ca: filepath.Join(dir, "ca.pem")}
	doctorCertificate(t, dir)

	// The ports are ours before nginx starts, which takes over what its environment names, as in an upgrade.
	cmd := exec.Command("/usr/sbin/nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	inherit := ""
	for i := range e.ports {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		e.ports[i] = l.Addr().(*net.TCPAddr).Port
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		inherit += fmt.Sprintf("%d;", 3+i)
		t.Cleanup(func() { _, _ = f.Close(), l.Close() })
	}
	var conf strings.Builder
	if err := doctorConf.Execute(&conf, struct {
		mistakes
		Dir, Upstream string
		Ports         [2]int
	}{m, dir, s.port, e.ports}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Env = []string{"NGINX=" + inherit, "PATH=" + os.Getenv("PATH")}
	runDoctorProxy(t, cmd, "start worker process ")
	return e
}

// runDoctorProxy starts a program, waits until it writes ready, and ends it with the test.
func runDoctorProxy(t *testing.T, cmd *exec.Cmd, ready string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	_ = w.Close() // the child holds it now
	var said strings.Builder
	begun, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var once sync.Once
		for lines := bufio.NewScanner(r); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), ready) {
				once.Do(func() { close(begun) })
			}
		}
		_ = r.Close()
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("%s did not stop", cmd.Path)
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, said.String())
		}
	})
	select {
	case <-begun:
	case <-ended:
		t.Fatalf("%s ended:\n%s", cmd.Path, said.String())
	case <-time.After(patience):
		t.Fatalf("%s wrote no %q in %v", cmd.Path, ready, patience)
	}
}

// doctorCertificate makes an authority and a certificate for doctorName in dir: ca.pem, cert.pem and key.pem.
func doctorCertificate(t *testing.T, dir string) {
	t.Helper()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sign := func(serial int64, c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
		c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(serial), time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	authorityKey, key := doctorKey(t), doctorKey(t)
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "A test's authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	write("ca.pem", "CERTIFICATE", sign(1, authority, authority, authorityKey, authorityKey))
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: doctorName}, DNSNames: []string{doctorName}, KeyUsage: x509.KeyUsageDigitalSignature}
	write("cert.pem", "CERTIFICATE", sign(2, leaf, authority, key, authorityKey))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write("key.pem", "PRIVATE KEY", der)
}

func doctorKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
