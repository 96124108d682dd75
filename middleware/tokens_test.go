package middleware

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolgate/mcp"
)

// inBubble runs a test with a verifier whose keys are there, in time of its own.
func inBubble(t *testing.T, test func(t *testing.T, tokens *Tokens, f *far)) {
	signers()
	synctest.Test(t, func(t *testing.T) {
		f := newFar(map[string]string{ourKeys: jwks("RS256", "ES256", "EdDSA")})
		tokens := newTokens(t, accepting(), f)
		defer tokens.Close()
		synctest.Wait()
		if err := tokens.Ready(); err != nil {
			t.Fatal(err)
		}
		test(t, tokens, f)
	})
}

// with makes a token when it is called: in the bubble, whose time is another.
func with(claims map[string]any) func() string { return func() string { return token(claims) } }

// at is with for a claim that is a time from then.
func at(claim string, from time.Duration) func() string {
	return func() string { return token(map[string]any{claim: time.Now().Add(from).Unix()}) }
}

// headed is with for headers.
func headed(header map[string]any) func() string {
	return func() string { return signers()["RS256"].sign(header, nil) }
}

func TestTokensThatAreTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, tokens *Tokens, _ *far) {
		for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
			p := verified(t, tokens, signers()[alg].sign(nil, map[string]any{"name": "Alice A.", "scope": "tools:read tools:write mail"}))
			if !strings.HasPrefix(p.ID, "jwt:") || !strings.HasSuffix(p.ID, ":alice") || p.Name != "Alice A." ||
				!slices.Equal(p.Scopes, []string{mcp.ScopeRead, mcp.ScopeWrite}) {
				t.Errorf("%s: principal = %+v", alg, p)
			}
			if want := time.Now().Add(time.Hour + 30*time.Second); !p.Expires.Equal(want) {
				t.Errorf("%s: expires = %v, want %v: exp and the skew", alg, p.Expires, want)
			}
		}
	})
	for name, good := range map[string]func() string{
		"97 a list of audiences with ours": with(map[string]any{"aud": []string{"https://other.example.com", ourResource}}),
		"the audience in other letters":    with(map[string]any{"aud": "HTTPS://Tools.Example.com:443/mcp"}),
		"the audience of HTTP+SSE":         with(map[string]any{"aud": "https://tools.example.com/sse"}),
		"99 expired within the skew":       at("exp", -29*time.Second),
		"99 not valid yet within the skew": at("nbf", 29*time.Second),
		"without a key's name":             headed(map[string]any{"kid": nil}),
		"of the type of RFC 9068":          headed(map[string]any{"typ": "at+jwt"}),
		"of its long name":                 headed(map[string]any{"typ": "application/at+JWT"}),
		"96 that says where keys are":      headed(map[string]any{"jku": "https://evil.example/keys", "x5u": "https://evil.example/cert", "jwk": signers()["next"].jwk()}),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
				verified(t, tokens, good())
				if n := f.total(); n != 1 {
					t.Errorf("%d requests were made, want one for the keys: %v", n, f.asked)
				}
			})
		})
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	public := signers()["RS256"].key.Public().(*rsa.PublicKey)
	asSecret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(public))})
	hmac := func() string {
		t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": ourIssuer, "aud": ourResource, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix()})
		t.Header["kid"] = "rsa"
		return must(t.SignedString(asSecret))
	}
	unsigned := func() string {
		t := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": ourIssuer, "aud": ourResource, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix()})
		return must(t.SignedString(jwt.UnsafeAllowNoneSignatureType))
	}
	for _, tc := range []struct {
		name  string
		token func() string
		want  error
		says  string
	}{
		{"94 alg none", unsigned, ErrNotValid, "signature"},
		{"94 HS256 with the public key for a secret", hmac, ErrNotValid, "signature"},
		{"94 an algorithm that is not listed", func() string { return signers()["RS512"].sign(nil, nil) }, ErrNotValid, "signature"},
		{"a signature of another key under the right name", func() string {
			return signers()["next"].sign(map[string]any{"kid": "rsa"}, nil)
		}, ErrNotValid, "signature"},
		{"95 an unknown key", func() string { return signers()["next"].sign(nil, nil) }, ErrNotValid, "does not publish"},
		{"96 a path for a key", headed(map[string]any{"kid": "../../etc/passwd"}), ErrNotValid, "does not publish"},
		{"96 SQL for a key", headed(map[string]any{"kid": "' OR 1=1 --"}), ErrNotValid, "does not publish"},
		{"96 a key's name of 5 KiB", headed(map[string]any{"kid": strings.Repeat("k", 5<<10)}), ErrNotValid, "does not publish"},
		{"96 a key's name that is no text", headed(map[string]any{"kid": 7}), ErrNotValid, ""},
		{"96 a key of its own", func() string {
			return signers()["next"].sign(map[string]any{"jwk": signers()["next"].jwk(), "jku": "https://evil.example/keys"}, nil)
		}, ErrNotValid, "does not publish"},
		{"97 for another resource", with(map[string]any{"aud": "https://other.example.com/mcp"}), ErrNotValid, "audience"},
		{"97 for a resource whose name begins like ours", with(map[string]any{"aud": ourResource + "x"}), ErrNotValid, "audience"},
		{"97 for nobody", with(map[string]any{"aud": nil}), ErrNotValid, "audience"},
		{"97 an audience that is no text", with(map[string]any{"aud": 7}), ErrNotValid, ""},
		{"98 of another issuer", with(map[string]any{"iss": "https://evil.example"}), ErrNotKnown, "letter by letter"},
		{"98 of our issuer with a slash", with(map[string]any{"iss": ourIssuer + "/"}), ErrNotKnown, "letter by letter"},
		{"98 of our issuer in capitals", with(map[string]any{"iss": strings.ToUpper(ourIssuer)}), ErrNotKnown, ""},
		{"98 of no issuer", with(map[string]any{"iss": nil}), ErrNotKnown, ""},
		{"99 expired", at("exp", -31*time.Second), ErrNotValid, "expired"},
		{"99 without an end", with(map[string]any{"exp": nil}), ErrNotValid, "exp"},
		{"99 with an end that is no number", with(map[string]any{"exp": "tomorrow"}), ErrNotValid, ""},
		{"99 not valid yet", at("nbf", 31*time.Second), ErrNotValid, "not valid yet"},
		{"without a subject", with(map[string]any{"sub": nil}), ErrNotValid, "sub"},
		{"with an empty subject", with(map[string]any{"sub": ""}), ErrNotValid, "sub"},
		{"with a line break in its subject", with(map[string]any{"sub": "alice\nadmin"}), ErrNotValid, "sub"},
		{"with a subject that turns the direction", with(map[string]any{"sub": "alice\u202e"}), ErrNotValid, "sub"},
		{"with a long subject", with(map[string]any{"sub": strings.Repeat("a", 257)}), ErrNotValid, "sub"},
		{"that wants an extension understood", headed(map[string]any{"crit": []string{"b64"}, "b64": false}), ErrNotValid, ""},
		{"of another type", headed(map[string]any{"typ": "logout+jwt"}), ErrNotValid, ""},
		{"100 of 100 kB", with(map[string]any{"x": strings.Repeat("a", 100_000)}), ErrNotValid, "too long"},
		{"100 100,000 dots", func() string { return strings.Repeat(".", 100_000) }, ErrNotValid, "too long"},
		{"100 8,000 dots", func() string { return strings.Repeat(".", 8000) }, ErrNotKnown, ""},
		{"100 an encrypted one", func() string { return "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIiwiemlwIjoiREVGIn0.." + "AAAA.AAAA.AAAA" }, ErrNotValid, "encrypted"},
		{"an API key", func() string { return "tg_ABCDEFGHIJKLMNOPQRSTUVWXYZ" }, ErrNotKnown, ""},
		{"no token at all", func() string { return "a.b.c" }, ErrNotKnown, ""},
		{"JSON null", func() string {
			null := base64.RawURLEncoding.EncodeToString([]byte("null"))
			return null + "." + null + "."
		}, ErrNotKnown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
				said := wantError(t, tokens, tc.token(), tc.want)
				if !strings.Contains(said, tc.says) || strings.Contains(said, "alice") || strings.Contains(said, "evil") {
					t.Errorf("error = %q, want it to say %q and to quote nothing", said, tc.says)
				}
				if n := f.total() - f.count(ourKeys); n != 0 {
					t.Errorf("%d requests went elsewhere than to the issuer's keys: %v", n, f.asked)
				}
			})
		})
	}
}

// TestAudiencesByConfiguration: what is listed is compared as it is written, and then the resource is none.
func TestAudiencesByConfiguration(t *testing.T) {
	signers()
	synctest.Test(t, func(t *testing.T) {
		j := accepting()
		j.Audiences = []string{"api://toolgate", "toolgate"}
		tokens := newTokens(t, j, newFar(map[string]string{ourKeys: jwks("RS256")}))
		defer tokens.Close()
		synctest.Wait()
		verified(t, tokens, token(map[string]any{"aud": "toolgate"}))
		verified(t, tokens, token(map[string]any{"aud": []string{"x", "api://toolgate"}}))
		for _, aud := range []string{ourResource, "Toolgate", "api://toolgate/"} {
			wantError(t, tokens, token(map[string]any{"aud": aud}), ErrNotValid)
		}
	})
}

// TestIssuersAreKeptApart: each issuer's tokens are verified by its own keys, and equal names with two are two callers.
func TestIssuersAreKeptApart(t *testing.T) {
	signers()
	synctest.Test(t, func(t *testing.T) {
		const other = "https://id.example.org"
		j := accepting()
		j.Issuers = append(j.Issuers, other)
		j.JWKSURLs = append(j.JWKSURLs, other+"=https://id.example.org/jwks")
		tokens := newTokens(t, j, newFar(map[string]string{ourKeys: jwks("RS256"), "https://id.example.org/jwks": jwks("next")}))
		defer tokens.Close()
		synctest.Wait()
		ours := verified(t, tokens, token(nil))
		theirs := verified(t, tokens, signers()["next"].sign(nil, map[string]any{"iss": other}))
		if ours.ID == theirs.ID {
			t.Errorf("alice of either issuer is %s", ours.ID)
		}
		wantError(t, tokens, token(map[string]any{"iss": other}), ErrNotValid)
		wantError(t, tokens, signers()["next"].sign(nil, nil), ErrNotValid)
	})
}

// TestVerdictsAreRemembered: a token that was verified is good for as long as it lasts, and not a moment longer.
func TestVerdictsAreRemembered(t *testing.T) {
	inBubble(t, func(t *testing.T, tokens *Tokens, f *far) {
		short := token(map[string]any{"exp": time.Now().Add(time.Minute).Unix()})
		first := verified(t, tokens, short)
		if again := verified(t, tokens, short); again != first {
			t.Error("the second time it was verified anew")
		}
		<-time.After(90*time.Second - time.Millisecond)
		verified(t, tokens, short)
		<-time.After(time.Millisecond)
		said := wantError(t, tokens, short, ErrNotValid)
		if _, err := tokens.Verify(context.Background(), short); !errors.Is(err, ErrAged) {
			t.Errorf("error = %s, want one of age", said)
		}
		for n := range maxVerified + 10 {
			tokens.verified.Add([32]byte{byte(n), byte(n >> 8)}, verdict{})
		}
		if got := tokens.verified.Len(); got != maxVerified {
			t.Errorf("%d verdicts are kept, want at most %d", got, maxVerified)
		}
	})
}

func TestTokenOptionsRefused(t *testing.T) {
	j := accepting()
	if _, err := NewTokens(TokenOptions{JWT: j}); err == nil || !strings.Contains(err.Error(), "auth.jwt.audiences") {
		t.Errorf("without an audience: error = %v, want one that names auth.jwt.audiences", err)
	}
	j.CAFile = "/nowhere.pem"
	if _, err := NewTokens(TokenOptions{JWT: j, Resource: ourResource}); err == nil || !strings.Contains(err.Error(), "auth.jwt.ca_file") {
		t.Errorf("without the authorities: error = %v, want one that names auth.jwt.ca_file", err)
	}
}

func TestResources(t *testing.T) {
	for resource, want := range map[string][]string{
		"":                                    nil,
		"https://tools.example.com/mcp":       {"https://tools.example.com/mcp", "https://tools.example.com/sse"},
		"HTTPS://Tools.Example.com:443/a/mcp": {"https://tools.example.com/a/mcp", "https://tools.example.com/a/sse"},
		"http://localhost:3002/mcp/":          {"http://localhost:3002/mcp", "http://localhost:3002/sse"},
		"https://tools.example.com/":          {"https://tools.example.com"},
		"https://tools.example.com/other":     {"https://tools.example.com/other"},
	} {
		if got := Resources(resource); !slices.Equal(got, want) {
			t.Errorf("Resources(%q) = %q, want %q", resource, got, want)
		}
	}
}

// BenchmarkTokens shows what a verified token costs the next time, and what it costs the first.
func BenchmarkTokens(b *testing.B) {
	ctx := context.Background()
	for _, alg := range []string{"RS256", "ES256"} {
		tokens := newTokens(b, accepting(), newFar(map[string]string{ourKeys: jwks("RS256", "ES256")}))
		signed := signers()[alg].sign(nil, nil)
		for tokens.Ready() != nil { // its first verification waits for the keys
			_, _ = tokens.Verify(ctx, signed)
		}
		for name, forget := range map[string]bool{"first": true, "again": false} {
			b.Run(fmt.Sprintf("%s/%s", alg, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if forget {
						tokens.verified.Purge()
					}
					if _, err := tokens.Verify(ctx, signed); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		tokens.Close()
	}
}

// FuzzTokens: no bytes but those of a signed token are one, whatever is done to them, and the errors are the three that
// there are.
func FuzzTokens(f *testing.F) {
	tokens := newTokens(f, accepting(), newFar(map[string]string{ourKeys: jwks("RS256")}))
	f.Cleanup(tokens.Close)
	good := signers()["RS256"].sign(nil, map[string]any{"exp": 4102444800})
	for _, seed := range []string{good, good + ".", "." + good, good[:len(good)-1], "a.b.c", "..", "....", ""} {
		f.Add(seed)
	}
	header, rest, _ := strings.Cut(good, ".")
	payload, _, _ := strings.Cut(rest, ".")
	f.Add(header + "." + payload + ".")
	f.Add("eyJhbGciOiJub25lIn0." + payload + ".")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := tokens.Verify(context.Background(), text)
		if err == nil && text != good {
			t.Errorf("%q is taken, of %v", text, p)
		}
		if err != nil && !errors.Is(err, ErrNotKnown) && !errors.Is(err, ErrNotValid) && !errors.Is(err, ErrNoVerdict) {
			t.Errorf("%q: error = %v", text, err)
		}
	})
}
