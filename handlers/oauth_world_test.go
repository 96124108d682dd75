package handlers

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

const (
	testIssuer = "https://login.example.com/acme"
	testPublic = "https://tools.example.com"
)

// issuerKey signs the tests' tokens.
var issuerKey = sync.OnceValue(func() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat("toolgate", ed25519.SeedSize/8)))
})

// withOAuth asks callers for a token of testIssuer.
func withOAuth(c *config.Config) {
	c.Auth.Mode = []string{config.AuthOAuth}
	c.Auth.JWT.Issuers = []string{testIssuer}
	c.Auth.JWT.JWKSURLs = []string{testIssuer + "=https://login.example.com/keys"}
	c.Server.PublicURL = testPublic
}

// issuerMetadata is what testIssuer says of itself.
const issuerMetadata = `{"issuer":"` + testIssuer + `","authorization_endpoint":"https://login.example.com/authorize"}`

// issuerFar is the issuer's end: its metadata, and else its keys. It is an http.RoundTripper.
type issuerFar struct{}

func (issuerFar) RoundTrip(r *http.Request) (*http.Response, error) {
	public := issuerKey().Public().(ed25519.PublicKey)
	body := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"}]}`
	if strings.Contains(r.URL.Path, "/.well-known/") {
		body = issuerMetadata
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// accepting verifies tokens, the real way.
func (w *world) accepting() middleware.Verifier {
	tokens, err := middleware.NewTokens(middleware.TokenOptions{JWT: w.cfg.Auth.JWT, Resource: w.cfg.ResourceURL(), Transport: issuerFar{}})
	w.must(err)
	w.tb.Cleanup(tokens.Close)
	w.tokens = tokens
	return tokens
}

// token is the header of somebody with scopes, for as long as that.
func token(tb testing.TB, who, scopes string, lasts time.Duration) string {
	tb.Helper()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": testIssuer, "aud": testPublic + "/mcp", "sub": who, "scope": scopes, "exp": time.Now().Add(lasts).Unix(),
	})
	t.Header["kid"] = "k"
	signed, err := t.SignedString(issuerKey())
	if err != nil {
		tb.Fatal(err)
	}
	return "Authorization: Bearer " + signed
}

// object is a body as JSON.
func object(tb testing.TB, body string) map[string]any {
	tb.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		tb.Fatalf("%q: %v", body, err)
	}
	return o
}

// undecided is a verifier that never knows.
type undecided struct{ err error }

func (u undecided) Verify(context.Context, string) (*mcp.Principal, error) { return nil, u.err }

func (u undecided) list() []middleware.Verifier { return []middleware.Verifier{u} }
