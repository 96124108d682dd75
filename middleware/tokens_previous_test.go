package middleware

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
)

// after makes the verifier that is to replace another.
func after(t *testing.T, previous *Tokens, j config.JWT, f *far) *Tokens {
	t.Helper()
	tokens, err := NewTokens(TokenOptions{JWT: j, Resource: ourResource, Transport: f, Previous: previous})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// followsKeys checks that a verifier goes on looking at its issuer's keys: it takes what they become, and no longer what they were.
func followsKeys(t *testing.T, tokens *Tokens, f *far) {
	t.Helper()
	before := f.count(ourKeys)
	f.set(ourKeys, jwks("next"))
	<-time.After(keysEvery)
	synctest.Wait()
	if asked := f.count(ourKeys) - before; asked != 1 {
		t.Errorf("the issuer was asked %d times in %v, want once", asked, keysEvery)
	}
	verified(t, tokens, signers()["next"].sign(nil, nil))
	wantError(t, tokens, token(nil), ErrNotValid)
}

// TestAnotherConfigurationKeepsTheKeys: an issuer that is away when auth.jwt changes is asked by nobody, and its tokens are
// judged by the new configuration and the keys that were there; the one that is replaced ends, and the keys are followed.
func TestAnotherConfigurationKeepsTheKeys(t *testing.T) {
	inBubble(t, func(t *testing.T, old *Tokens, f *far) {
		f.isDown(true)
		j := accepting()
		j.Audiences, j.Skew = []string{"api://toolgate"}, time.Minute
		next := after(t, old, j, f)
		defer next.Close()
		old.Close()
		old.Close() // changes nothing
		if err := next.Ready(); err != nil {
			t.Errorf("ready = %v", err)
		}
		verified(t, next, token(map[string]any{"aud": "api://toolgate"}))
		wantError(t, next, token(nil), ErrNotValid)
		verified(t, old, token(nil)) // a request that began with it

		f.isDown(false)
		third := after(t, next, accepting(), f)
		next.Close()
		followsKeys(t, third, f)
		third.Close()
		wantClosed(t, third, f)
	})
}

// TestAConfigurationThatFailsTakesNothing: what was to replace a verifier is closed, and that one goes on as if nothing had been.
func TestAConfigurationThatFailsTakesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, old *Tokens, f *far) {
		for range 3 {
			j := accepting()
			j.Skew = time.Minute
			j.Issuers = append(j.Issuers, "https://id.example.org")
			after(t, old, j, f).Close()
		}
		if _, err := NewTokens(TokenOptions{JWT: accepting(), Transport: f, Previous: old}); err == nil {
			t.Error("a configuration without an audience was taken")
		}
		verified(t, old, token(nil))
		followsKeys(t, old, f)
		old.Close()
		wantClosed(t, old, f)
	})
}

// wantClosed checks that nobody asks the issuer any more.
func wantClosed(t *testing.T, tokens *Tokens, f *far) {
	t.Helper()
	before := f.total()
	<-time.After(2 * keysEvery)
	wantError(t, tokens, signers()["ES256"].sign(map[string]any{"kid": "unknown"}, nil), ErrNoVerdict)
	if asked := f.total() - before; asked != 0 {
		t.Errorf("closed: the issuer was asked %d times", asked)
	}
}

// TestKeysGrowNoYoungerByAnotherConfiguration: they count for a day from when their issuer showed them.
func TestKeysGrowNoYoungerByAnotherConfiguration(t *testing.T) {
	inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
		forever := map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()}
		f.isDown(true)
		for day := range 2 {
			for hour := range 24 {
				j := accepting()
				j.Skew = time.Duration(hour+1) * time.Second
				j.Timeout = time.Duration(hour/12+1) * time.Second // twice it is to be asked in another way
				next := after(t, tokens, j, f)
				tokens.Close()
				tokens = next
				if day == 0 {
					verified(t, tokens, token(forever))
				}
				<-time.After(time.Hour)
			}
		}
		wantError(t, tokens, token(forever), ErrNoVerdict)
		tokens.Close()
	})
}

// TestKeysThatAreKept: it is the place of the keys and who vouches for it that they depend on.
func TestKeysThatAreKept(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(j *config.JWT)
		closed bool // the previous one, before
		kept   bool
	}{
		{"nothing else", func(*config.JWT) {}, false, true},
		{"one that is closed before", func(*config.JWT) {}, true, true},
		{"another timeout", func(j *config.JWT) { j.Timeout *= 2 }, false, true},
		{"another issuer before it", func(j *config.JWT) { j.Issuers = append([]string{"https://id.example.org"}, j.Issuers...) }, false, true},
		{"another place of the keys", func(j *config.JWT) { j.JWKSURLs = []string{ourIssuer + "=" + ourKeys + "/2"} }, false, false},
		{"a place by discovery", func(j *config.JWT) { j.JWKSURLs = nil }, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, old *Tokens, f *far) {
				f.isDown(true)
				j := accepting()
				tc.change(&j)
				if tc.closed {
					old.Close()
				}
				next := after(t, old, j, f)
				defer next.Close()
				old.Close()
				synctest.Wait()
				if !tc.kept {
					wantError(t, next, token(nil), ErrNoVerdict)
					return
				}
				verified(t, next, token(nil))
				f.isDown(false)
				<-time.After(2 * retryMost)
				followsKeys(t, next, f)
			})
		})
	}
}

// TestMetadataIsKeptToo: clients of 2025-03-26 are told of an issuer that is away what was known of it before.
func TestMetadataIsKeptToo(t *testing.T) {
	inBubble(t, func(t *testing.T, old *Tokens, f *far) {
		const document = `{"issuer":"` + ourIssuer + `"}`
		f.set("https://login.example.com/.well-known/oauth-authorization-server/realms/acme", document)
		if got, err := old.ServerMetadata(context.Background()); string(got) != document {
			t.Fatalf("got %s, %v", got, err)
		}
		f.isDown(true)
		for _, timeout := range []time.Duration{old.jwt.Timeout, 2 * old.jwt.Timeout} {
			j := accepting()
			j.Skew, j.Timeout = time.Minute, timeout
			next := after(t, old, j, f)
			if got, err := next.ServerMetadata(context.Background()); string(got) != document {
				t.Errorf("got %s, %v, want what was known", got, err)
			}
			next.Close()
		}
	})
}

// TestKeysOfOtherAuthoritiesAreNotKept: what came by a certificate of one authority says nothing where another is trusted.
func TestKeysOfOtherAuthoritiesAreNotKept(t *testing.T) {
	issuer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(jwks("RS256"))) }))
	issuer.Config.ErrorLog = zap.NewStdLog(zap.NewNop()) // of handshakes that are to fail
	issuer.StartTLS()
	defer issuer.Close()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw})
	j := accepting()
	j.JWKSURLs = []string{ourIssuer + "=" + issuer.URL}
	trusting := func(name string, text []byte) config.JWT {
		t.Helper()
		j := j
		j.CAFile = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(j.CAFile, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return j
	}
	begin := func(j config.JWT, previous *Tokens) *Tokens {
		t.Helper()
		tokens, err := NewTokens(TokenOptions{JWT: j, Resource: ourResource, Previous: previous})
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	first := begin(trusting("ca.pem", text), nil)
	defer first.Close()
	verified(t, first, token(nil)) // waits for the keys
	same := begin(trusting("same.pem", text), first)
	defer same.Close()
	if same.issuers[ourIssuer] != first.issuers[ourIssuer] {
		t.Error("the same authorities in another file: the keys are not kept")
	}
	for name, j := range map[string]config.JWT{"two authorities": trusting("both.pem", append(text, text...)), "those of the system": j} {
		other := begin(j, first)
		if other.issuers[ourIssuer].keys.Load() == first.issuers[ourIssuer].keys.Load() {
			t.Errorf("%s: the keys are kept", name)
		}
		other.Close()
	}
}
