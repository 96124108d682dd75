package middleware

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// TestAuthoritiesOfAnIssuer: an issuer's certificate is one of auth.jwt.ca_file, and of nobody else.
func TestAuthoritiesOfAnIssuer(t *testing.T) {
	issuer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(jwks("RS256"))) }))
	issuer.Config.ErrorLog = zap.NewStdLog(zap.NewNop()) // of handshakes that are to fail
	issuer.StartTLS()
	defer issuer.Close()
	j := accepting()
	j.JWKSURLs = []string{ourIssuer + "=" + issuer.URL}
	far := must(newIssuerClient(j, nil))
	defer far.close()
	if _, err := far.keys(context.Background(), ourIssuer, issuer.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an issuer with a strange certificate: error = %v, want one of it", err)
	}
	j.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(j.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	trusting := must(newIssuerClient(j, nil))
	defer trusting.close()
	if _, err := trusting.keys(context.Background(), ourIssuer, issuer.URL); err != nil {
		t.Errorf("with its certificate in auth.jwt.ca_file: error = %v", err)
	}
	if err := os.WriteFile(j.CAFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newIssuerClient(j, nil); err == nil || !strings.Contains(err.Error(), "auth.jwt.ca_file") {
		t.Errorf("no certificate in the file: error = %v, want one that names auth.jwt.ca_file", err)
	}
}

// TestIssuerThatIsSlow: one request takes no longer than auth.jwt.timeout.
func TestIssuerThatIsSlow(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.(http.Flusher).Flush() // the headers come, and the body never ends
		<-release
	}))
	defer issuer.Close()
	defer close(release)
	j := accepting()
	j.Timeout = 50 * time.Millisecond
	far := must(newIssuerClient(j, nil))
	defer far.close()
	if _, err := far.keys(context.Background(), ourIssuer, issuer.URL); err == nil || asked.Load() != 1 {
		t.Errorf("error = %v after %d requests, want one after one", err, asked.Load())
	}
}

// TestIssuerMetadata: it is fetched when somebody asks, seldom, and stays good in an outage.
func TestIssuerMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at = "https://login.example.com/.well-known/oauth-authorization-server/realms/acme"
		const document = `{"issuer":"` + ourIssuer + `","token_endpoint":"https://login.example.com/token"}`
		f := newFar(map[string]string{at: document})
		f.isDown(true)
		tokens := newTokens(t, accepting(), f)
		defer tokens.Close()
		get := func() string {
			got, err := tokens.ServerMetadata(context.Background())
			if err != nil {
				return "error"
			}
			return string(got)
		}
		for range 100 {
			if got := get(); got != "error" {
				t.Fatalf("while the issuer is down: got %s", got)
			}
		}
		if n := f.count(at); n != 1 {
			t.Errorf("the issuer was asked %d times for 100 requests, want once", n)
		}
		f.isDown(false)
		<-time.After(metadataAgain)
		if got := get(); got != document {
			t.Errorf("got %s, want what the issuer says", got)
		}
		before := f.count(at)
		for range 100 {
			get()
		}
		if n := f.count(at) - before; n != 0 {
			t.Errorf("the issuer was asked %d times for what was known", n)
		}
		f.isDown(true)
		<-time.After(metadataFor)
		if got := get(); got != document {
			t.Errorf("in an outage: got %s, want what was known", got)
		}
	})
}
