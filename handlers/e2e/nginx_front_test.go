package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// front is Debian's nginx, with a file that the binary rendered, in front of one Toolgate or two.
type front struct {
	url    string // https://localhost:port
	plain  string // http://localhost:port, from which clients are sent to url
	ca     string // file of the certificate
	logs   string // folder of nginx's logs
	conf   string
	pool   *x509.CertPool
	http1  *http.Client
	http2  *http.Client
	back   []*server
	env    []string // of the servers
	config string
	ended  chan struct{} // closed when no process of nginx is left
}

// frontOptions are what a test wants otherwise.
type frontOptions struct {
	env      []string // of the servers, and of the rendering
	one      []string // of the first server alone
	backs    int      // servers; 0 is one
	path     string   // of the public URL
	args     []string // of init nginx
	config   string   // toolgate.yaml of the servers
	rendered []string // environment of the rendering alone
}

// behindNginx starts the servers, renders nginx's file from the same configuration, and starts nginx with it. All of it
// ends with the test.
func behindNginx(t *testing.T, o frontOptions) *front {
	t.Helper()
	port, plain := freePort(t), freePort(t)
	dir := t.TempDir()
	f := &front{
		url: "https://localhost:" + port, plain: "http://localhost:" + plain, ca: filepath.Join(dir, "cert.pem"), logs: dir,
		conf: filepath.Join(dir, "nginx.conf"), ended: make(chan struct{}),
	}
	env := append([]string{"TOOLGATE_SERVER_PUBLIC_URL=" + f.url + o.path, "TOOLGATE_SERVER_TRUSTED_PROXIES=127.0.0.1", "TOOLGATE_SERVER_LAME_DUCK=0"}, o.env...)
	args := []string{
		"init", "nginx", "--whole", "--user", workersUser(t), "--run-dir", dir, "--log-dir", dir, "--listen", "127.0.0.1:" + port,
		"--redirect", "127.0.0.1:" + plain, "--certificate", f.ca, "--certificate-key", filepath.Join(dir, "key.pem"),
	}
	for i := range max(o.backs, 1) {
		mine := env
		if i == 0 {
			mine = slices.Concat(env, o.one)
		}
		f.back = append(f.back, startWith(t, o.config, mine...))
		args = append(args, "--upstream", "127.0.0.1:"+f.back[i].port)
	}
	f.env, f.config = env, o.config
	pool := localCertificate(t, f.ca, filepath.Join(dir, "key.pem"))
	render := exec.Command(binary, append(args, o.args...)...)
	render.Dir, render.Env = dir, slices.Concat(os.Environ(), env, o.rendered)
	site, err := render.Output()
	if err != nil {
		t.Fatalf("toolgate init nginx: %v", err)
	}
	if err := os.WriteFile(f.conf, site, 0o600); err != nil {
		t.Fatal(err)
	}
	f.pool, f.http1, f.http2 = pool, browser(pool, false), browser(pool, true)
	f.start(t)
	return f
}

// again starts the server with a number anew, on the port that it had.
func (f *front) again(t *testing.T, number int) {
	t.Helper()
	f.back[number] = startWith(t, f.config, slices.Concat(f.env, []string{"TOOLGATE_SERVER_PORT=" + f.back[number].port})...)
}

// workersUser is who nginx's workers run as: the tester, whose folders nobody else can read.
func workersUser(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// localCertificate makes a certificate for localhost that is its own authority, and the pool that trusts it.
func localCertificate(t *testing.T, cert, key string) *x509.CertPool {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := errors.Join(os.WriteFile(cert, text, 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// browser is an HTTP client that trusts pool, speaks one version of HTTP and follows no redirect.
func browser(pool *x509.CertPool, two bool) *http.Client { return browserAt(pool, two, "127.0.0.1") }

// browserAt is browser for a client that calls from an address of its own.
func browserAt(pool *x509.CertPool, two bool, address string) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!two)
	protocols.SetHTTP2(two)
	return &http.Client{
		Transport: &http.Transport{
			DialContext:     (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext,
			TLSClientConfig: &tls.Config{RootCAs: pool}, Protocols: protocols, DisableCompression: true,
			DisableKeepAlives: !two, // HTTP/1.1: each request on its own, so that none waits for a stream
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// start starts nginx, which goes into the background once it listens. A pipe that all its processes hold says when the
// last of them has ended.
func (f *front) start(t *testing.T) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	output, err := os.Create(filepath.Join(f.logs, "output")) // not a pipe: the processes in the background keep it open
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = output.Close() }()
	cmd := exec.Command(nginxProgram(t), "-c", f.conf, "-e", filepath.Join(f.logs, "error.log"))
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{w}, output, output
	started := cmd.Run()
	_ = w.Close()
	if started != nil {
		_ = r.Close()
		if text, err := os.ReadFile(output.Name()); err == nil {
			said.Write(text)
		}
		t.Fatalf("starting nginx: %v\n%s", started, said.String())
	}
	go func() {
		defer close(f.ended)
		_, _ = io.Copy(io.Discard, r)
		_ = r.Close()
	}()
	t.Cleanup(func() { f.finish(t) })
}

// nginxProgram is the program, which Debian keeps where only root looks.
func nginxProgram(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Fatal("nginx is not installed (Debian: apt-get install nginx)")
		}
	}
	return path
}

// signal sends nginx's master a signal: SIGHUP reloads, SIGTERM ends at once.
func (f *front) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.logs, "nginx.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		t.Fatalf("nginx.pid has %q", text)
	}
	if err := syscall.Kill(pid, s); err != nil {
		t.Errorf("nginx: %v", err)
	}
}

// finish ends nginx and waits for the last of its processes.
func (f *front) finish(t *testing.T) {
	f.http1.CloseIdleConnections()
	f.http2.CloseIdleConnections()
	select {
	case <-f.ended: // the test has seen to it
		return
	default:
		f.signal(t, syscall.SIGTERM)
	}
	select {
	case <-f.ended:
	case <-time.After(patience):
		t.Errorf("nginx did not end within %v", patience)
	}
	if t.Failed() {
		t.Logf("nginx logged:\n%s", f.logged(t))
	}
}

// logged is all that nginx wrote.
func (f *front) logged(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"error.log", "toolgate.log", "toolgate_error.log"} {
		text, err := os.ReadFile(filepath.Join(f.logs, name))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// send sends one request. Headers come in pairs, name and value. The caller closes the body.
func (f *front) send(ctx context.Context, client *http.Client, method, target, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, f.url+target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return client.Do(request)
}

// ask is send for a whole answer; an error is one of the connection.
func (f *front) ask(ctx context.Context, client *http.Client, method, target, body string, headers ...string) (reply, error) {
	response, err := f.send(ctx, client, method, target, body, headers...)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(text)}, err
}

// do is ask for an answer that has to come.
func (f *front) do(t *testing.T, client *http.Client, method, target, body string, headers ...string) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := f.ask(ctx, client, method, target, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return got
}

// open opens a stream and closes it when the test ends.
func (f *front) open(t *testing.T, client *http.Client, method, target, body string, headers ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	response, err := f.send(ctx, client, method, target, body, headers...)
	if err != nil {
		cancel()
		t.Fatalf("%s %s: %v", method, target, err)
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		cancel()
		t.Fatalf("%s %s: status %d, want 200: %s", method, target, response.StatusCode, text)
	}
	gone := make(chan struct{})
	st := &stream{header: response.Header, events: make(chan event)}
	st.close = sync.OnceFunc(func() {
		close(gone)
		cancel()
		_ = response.Body.Close()
	})
	go st.read(response.Body, gone)
	t.Cleanup(st.close)
	wantHeader(t, st.header, "Content-Type", "text/event-stream")
	return st
}

// accepted posts a message that must be taken.
func (f *front) accepted(t *testing.T, client *http.Client, target, message string) {
	t.Helper()
	if got := f.do(t, client, http.MethodPost, target, message); got.status != http.StatusAccepted {
		t.Fatalf("POST %s %s: got %d %s, want 202", target, message, got.status, got.body)
	}
}
