package middleware

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
)

// TestUnknownKeysAreAskedForSeldom is row 95: whoever makes up names of keys makes us ask once in half a minute.
func TestUnknownKeysAreAskedForSeldom(t *testing.T) {
	inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
		before := f.count(ourKeys)
		made := func(n int) string {
			return signers()["next"].sign(map[string]any{"kid": fmt.Sprintf("made-up-%d", n)}, nil)
		}
		var callers sync.WaitGroup
		for n := range 50 { // at once
			callers.Go(func() { wantError(t, tokens, made(n), ErrNotValid) })
		}
		callers.Wait()
		for n := range 950 {
			wantError(t, tokens, made(n), ErrNotValid)
		}
		if asked := f.count(ourKeys) - before; asked != 1 {
			t.Errorf("1000 names: the issuer was asked %d times, want once", asked)
		}
		<-time.After(keysOnDemand)
		wantError(t, tokens, made(0), ErrNotValid)
		wantError(t, tokens, made(1), ErrNotValid)
		if asked := f.count(ourKeys) - before; asked != 2 {
			t.Errorf("after half a minute: the issuer was asked %d times, want twice", asked)
		}
		verified(t, tokens, token(nil)) // and nobody else is kept from anything
	})
}

// TestKeysRotate: a new key counts as soon as a token names it, and one that is withdrawn counts no more, for tokens that were
// verified by it, too.
func TestKeysRotate(t *testing.T) {
	inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
		old := token(nil)
		verified(t, tokens, old)
		f.set(ourKeys, jwks("next"))
		verified(t, tokens, old) // nobody has looked
		verified(t, tokens, signers()["next"].sign(nil, nil))
		wantError(t, tokens, old, ErrNotValid)
	})
	t.Run("without anybody who asks", func(t *testing.T) {
		inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
			old := token(nil)
			verified(t, tokens, old)
			f.set(ourKeys, jwks("next"))
			<-time.After(keysEvery)
			synctest.Wait()
			wantError(t, tokens, old, ErrNotValid)
		})
	})
}

// TestIssuerThatIsDownAtFirst is row 101: the server lives and is not ready, says why, and goes on trying.
func TestIssuerThatIsDownAtFirst(t *testing.T) {
	signers()
	synctest.Test(t, func(t *testing.T) {
		f := newFar(map[string]string{ourKeys: jwks("RS256")})
		f.isDown(true)
		tokens := newTokens(t, accepting(), f)
		defer tokens.Close()
		if err := tokens.Ready(); err == nil || !strings.Contains(err.Error(), ourIssuer) {
			t.Errorf("before anything was asked: ready = %v, want the issuer named", err)
		}
		synctest.Wait()
		if err := tokens.Ready(); err == nil || !strings.Contains(err.Error(), ourIssuer) || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("ready = %v, want the issuer and what is wrong", err)
		}
		wantError(t, tokens, token(nil), ErrNoVerdict)
		<-time.After(10 * time.Minute)
		if asked := f.count(ourKeys); asked < 10 || asked > 60 {
			t.Errorf("in ten minutes the issuer was asked %d times, want a pause that grows to a minute", asked)
		}
		f.isDown(false)
		<-time.After(2 * retryMost)
		synctest.Wait()
		if err := tokens.Ready(); err != nil {
			t.Errorf("when it is back: ready = %v", err)
		}
		verified(t, tokens, token(nil))
	})
}

// TestIssuerThatIsDownLater is row 101: the keys that are there count for a day; of others nothing is said, neither yes nor no.
func TestIssuerThatIsDownLater(t *testing.T) {
	inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
		forever := map[string]any{"exp": time.Now().Add(100 * time.Hour).Unix()}
		known := token(forever)
		f.isDown(true)
		<-time.After(23 * time.Hour)
		verified(t, tokens, known)
		verified(t, tokens, signers()["ES256"].sign(nil, forever))
		wantError(t, tokens, signers()["next"].sign(nil, forever), ErrNoVerdict)
		wantError(t, tokens, token(map[string]any{"aud": "x", "exp": forever["exp"]}), ErrNotValid)
		if err := tokens.Ready(); err != nil {
			t.Errorf("ready = %v, want an outage to change nothing", err)
		}
		<-time.After(61 * time.Minute)
		wantError(t, tokens, known, ErrNoVerdict)
		f.isDown(false)
		<-time.After(2 * retryMost)
		synctest.Wait()
		verified(t, tokens, known)
	})
}

// TestDocumentsThatAreRefused is row 102: what is no key set changes nothing, and nobody is led elsewhere.
func TestDocumentsThatAreRefused(t *testing.T) {
	const inside = "http://169.254.169.254/latest/meta-data/"
	short := `{"keys":[{"kty":"RSA","kid":"rsa","e":"AQAB","n":"` + strings.Repeat("_", 170) + `"}]}`
	for name, body := range map[string]string{
		"10 MB":                            `{"keys":[` + strings.Repeat(" ", 10<<20) + `]}`,
		"a key set and 600 KiB of nothing": jwks("next") + strings.Repeat(" ", 600<<10),
		"a redirect":                       "-> " + inside,
		"HTML":                             "<!doctype html><title>Sign in</title>",
		"a key set of no keys":             `{"keys":[]}`,
		"secrets":                          `{"keys":[{"kty":"oct","kid":"rsa","k":"c2VjcmV0"}]}`,
		"an RSA key of 1,020 bits":         short,
		"keys for encryption":              strings.ReplaceAll(jwks("RS256"), `"sig"`, `"enc"`),
		"a thousand keys":                  `{"keys":[` + strings.Repeat(`{},`, 999) + `{}]}`,
		"nothing":                          "",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
				f.set(ourKeys, body)
				f.set(inside, jwks("next"))
				<-time.After(keysEvery)
				synctest.Wait()
				verified(t, tokens, token(nil))
				wantError(t, tokens, signers()["next"].sign(nil, nil), ErrNoVerdict)
				if n := f.count(inside); n != 0 {
					t.Errorf("the redirect was followed %d times", n)
				}
			})
		})
	}
}

// TestDiscovery: where no configuration says where keys are, the issuer does, in the places that the standards name.
func TestDiscovery(t *testing.T) {
	signers()
	const (
		rfc8414 = "https://login.example.com/.well-known/oauth-authorization-server/realms/acme"
		middle  = "https://login.example.com/.well-known/openid-configuration/realms/acme"
		oidc    = ourIssuer + "/.well-known/openid-configuration"
	)
	document := func(issuer, keys string) string {
		return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, keys)
	}
	for _, tc := range []struct {
		name string
		says map[string]string
		want string // in what Ready says; empty: it is ready
	}{
		{"by RFC 8414", map[string]string{rfc8414: document(ourIssuer, ourKeys)}, ""},
		{"by OpenID Connect", map[string]string{oidc: document(ourIssuer, ourKeys)}, ""},
		{"by OpenID Connect with the path at the end", map[string]string{middle: document(ourIssuer, ourKeys)}, ""},
		{"of another issuer, then of ours", map[string]string{rfc8414: document("https://login.example.com", ourKeys), oidc: document(ourIssuer, ourKeys)}, ""},
		{"of the issuer with a slash", map[string]string{oidc: document(ourIssuer+"/", ourKeys)}, "write it so in auth.jwt.issuers"},
		{"with keys in the clear", map[string]string{oidc: document(ourIssuer, "http://login.example.com/keys")}, "auth.jwt.jwks_urls"},
		{"with no keys", map[string]string{oidc: document(ourIssuer, "")}, "auth.jwt.jwks_urls"},
		{"that is a page", map[string]string{oidc: "<html>"}, "no JSON"},
		{"that redirects", map[string]string{oidc: "-> " + rfc8414}, "redirects"},
		{"that is not there", nil, "404"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := accepting()
				j.JWKSURLs = nil
				f := newFar(map[string]string{ourKeys: jwks("RS256")})
				for at, body := range tc.says {
					f.set(at, body)
				}
				tokens := newTokens(t, j, f)
				defer tokens.Close()
				synctest.Wait()
				err := tokens.Ready()
				if tc.want != "" {
					if err == nil || !strings.Contains(err.Error(), tc.want) {
						t.Errorf("ready = %v, want it to say %q", err, tc.want)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				verified(t, tokens, token(nil))
			})
		})
	}
}

// TestAVerdictIsWaitedForInVain: who asks waits no longer than it wants to, nor than one request may take, for an issuer that
// is silent; and a verifier that is closed says so at once.
func TestAVerdictIsWaitedForInVain(t *testing.T) {
	signers()
	synctest.Test(t, func(t *testing.T) {
		silent := &silentFar{}
		tokens, err := NewTokens(TokenOptions{JWT: accepting(), Resource: ourResource, Transport: silent, Log: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		wantError(t, tokens, token(nil), ErrNoVerdict)
		if waited := time.Since(began); waited > config.Default().Auth.JWT.Timeout {
			t.Errorf("waited %v, want at most the timeout", waited)
		}
		<-time.After(keysOnDemand)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err := tokens.Verify(ctx, token(nil)); err == nil || time.Since(began) > time.Second {
			t.Errorf("error = %v after %v, want one as soon as the caller has gone", err, time.Since(began))
		}
		tokens.Close()
		<-time.After(keysOnDemand)
		began = time.Now()
		wantError(t, tokens, token(nil), ErrNoVerdict)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("closed: waited %v, want no wait", waited)
		}
	})
}
