package middleware

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolgate/config"
	"toolgate/mcp"
)

const (
	ourIssuer   = "https://login.example.com/realms/acme"
	ourKeys     = "https://login.example.com/realms/acme/keys"
	ourResource = "https://tools.example.com/mcp"
)

// signer is a private key with the name under which its issuer publishes the public one.
type signer struct {
	kid    string
	method jwt.SigningMethod
	key    crypto.Signer
}

// signers are made once: RSA keys take their time.
var signers = sync.OnceValue(func() map[string]signer {
	r1 := must(rsa.GenerateKey(rand.Reader, 2048))
	r2 := must(rsa.GenerateKey(rand.Reader, 2048))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[string]signer{
		"RS256": {"rsa", jwt.SigningMethodRS256, r1},
		"PS256": {"rsa", jwt.SigningMethodPS256, r1},
		"RS512": {"rsa", jwt.SigningMethodRS512, r1},
		"ES256": {"ec", jwt.SigningMethodES256, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))},
		"EdDSA": {"ed", jwt.SigningMethodEdDSA, ed},
		"next":  {"next", jwt.SigningMethodRS256, r2},
	}
})

// jwk is the public key as a JSON Web Key.
func (s signer) jwk() map[string]any {
	b64 := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	key := map[string]any{"kid": s.kid, "use": "sig"}
	switch public := s.key.Public().(type) {
	case *rsa.PublicKey:
		key["kty"], key["n"], key["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point := must(public.Bytes())
		key["kty"], key["crv"], key["x"], key["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	case ed25519.PublicKey:
		key["kty"], key["crv"], key["x"] = "OKP", "Ed25519", b64(public)
	}
	return key
}

func jwks(names ...string) string {
	var keys []map[string]any
	for _, name := range names {
		keys = append(keys, signers()[name].jwk())
	}
	return string(must(json.Marshal(map[string]any{"keys": keys})))
}

// sign makes a token: header and claims on top of what a good one has; nil values are left out.
func (s signer) sign(header, claims map[string]any) string {
	all := jwt.MapClaims{
		"iss": ourIssuer, "aud": ourResource, "sub": "alice", "scope": "tools:read", "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	token := jwt.NewWithClaims(s.method, all)
	token.Header["kid"] = s.kid
	maps.Copy(token.Header, header)
	maps.DeleteFunc(token.Header, func(_ string, v any) bool { return v == nil })
	return must(token.SignedString(s.key))
}

func token(claims map[string]any) string { return signers()["RS256"].sign(nil, claims) }

// far is the far end: what issuers answer, by URL, and how often each was asked. It is an http.RoundTripper.
type far struct {
	mu    sync.Mutex
	says  map[string]string // bodies; "-> URL" redirects there, "" is a broken connection
	asked map[string]int
	down  bool
}

func newFar(says map[string]string) *far { return &far{says: says, asked: map[string]int{}} }

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := r.URL.String()
	f.asked[at]++
	body, known := f.says[at]
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r}
	switch to, redirects := strings.CutPrefix(body, "-> "); {
	case f.down, known && body == "":
		return nil, errors.New("connection refused")
	case !known:
		answer.StatusCode = http.StatusNotFound
	case redirects:
		answer.StatusCode, body = http.StatusFound, ""
		answer.Header.Set("Location", to)
	}
	answer.Body = io.NopCloser(bytes.NewReader([]byte(body)))
	return answer, nil
}

func (f *far) set(at, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.says[at] = body
}

func (f *far) isDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *far) count(at string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[at]
}

func (f *far) total() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, asked := range f.asked {
		n += asked
	}
	return n
}

// accepting is the configuration of a verifier whose issuer's keys are at ourKeys.
func accepting() config.JWT {
	j := config.Default().Auth.JWT
	j.Issuers, j.JWKSURLs = []string{ourIssuer}, []string{ourIssuer + "=" + ourKeys}
	return j
}

// newTokens makes a verifier that asks f. It ends with the test, or before it by Close.
func newTokens(t testing.TB, j config.JWT, f *far) *Tokens {
	t.Helper()
	tokens, err := NewTokens(TokenOptions{JWT: j, Resource: ourResource, Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// verified checks that a token is good, and is its principal.
func verified(t *testing.T, v Verifier, token string) *mcp.Principal {
	t.Helper()
	p, err := v.Verify(context.Background(), token)
	if err != nil {
		t.Fatalf("a good token: %v", err)
	}
	return p
}

func wantError(t *testing.T, v Verifier, token string, want error) string {
	t.Helper()
	p, err := v.Verify(context.Background(), token)
	if p != nil || !errors.Is(err, want) {
		t.Fatalf("principal = %v, error = %v, want %v", p, err, want)
	}
	return err.Error()
}

// silentFar takes requests and never answers.
type silentFar struct{}

func (*silentFar) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}
