package middleware

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolgate/config"
)

// TestWhoATokenSpeaksFor: whom the claims name, by the configuration.
func TestWhoATokenSpeaksFor(t *testing.T) {
	list := func(words ...any) []any { return words }
	mapped := func(claims []string, pairs ...string) func(*config.JWT) {
		return func(j *config.JWT) { j.ScopeClaims, j.ScopeMap = claims, pairs }
	}
	for _, tc := range []struct {
		name   string
		adjust func(*config.JWT)
		claims jwt.MapClaims
		id     string // what it ends in
		called string
		scopes string
	}{
		{"words of a scope claim", nil, jwt.MapClaims{"sub": "a", "scope": "openid tools:write  jira:read"}, ":a", "a", "tools:write jira:read"},
		{"the list that Entra has", nil, jwt.MapClaims{"sub": "a", "scp": list("tools:read", "tools:write")}, ":a", "a", "tools:read tools:write"},
		{"both, without repetition", nil, jwt.MapClaims{"sub": "a", "scope": "tools:read", "scp": "tools:read admin"}, ":a", "a", "tools:read admin"},
		{"109 no scopes", nil, jwt.MapClaims{"sub": "a"}, ":a", "a", ""},
		{"109 scopes of no kind that is known", nil, jwt.MapClaims{"sub": "a", "scope": 7, "scp": list(1, nil, list("admin"))}, ":a", "a", ""},
		{"109 words that mean nothing here", nil, jwt.MapClaims{"sub": "a", "scope": "root ADMIN tools:* tools"}, ":a", "a", ""},
		{"109 words that are not in the map", mapped([]string{"scope"}, "writers=tools:write"), jwt.MapClaims{"sub": "a", "scope": "admin tools:write"}, ":a", "a", ""},
		{"groups", mapped([]string{"groups"}, "staff=tools:read", "ops=tools:write", "ops=admin"), jwt.MapClaims{"sub": "a", "groups": list("ops", "staff", "x")}, ":a", "a", "tools:write admin tools:read"},
		{
			"Keycloak's roles, by the way to them", mapped([]string{"realm_access.roles"}, "mcp=tools:read"),
			jwt.MapClaims{"sub": "a", "realm_access": map[string]any{"roles": list("mcp")}},
			":a", "a", "tools:read",
		},
		{
			"a claim whose name has dots", mapped([]string{"https://acme.example/roles"}, "mcp=tools:read"),
			jwt.MapClaims{"sub": "a", "https://acme.example/roles": list("mcp")},
			":a", "a", "tools:read",
		},
		{"no more words than can be looked at", nil, jwt.MapClaims{"sub": "a", "scope": strings.Repeat("x ", maxScopeWords) + "admin"}, ":a", "a", ""},
		{"a name", nil, jwt.MapClaims{"sub": "a", "name": "Ann", "email": "ann@example.com"}, ":a", "Ann", ""},
		{"a user's name", nil, jwt.MapClaims{"sub": "a", "preferred_username": "ann", "email": "ann@example.com"}, ":a", "ann", ""},
		{"an address", nil, jwt.MapClaims{"sub": "a", "name": "A\x1b[2Jnn", "email": "ann@example.com"}, ":a", "ann@example.com", ""},
		{"a long name", nil, jwt.MapClaims{"sub": strings.Repeat("ä", 120), "name": strings.Repeat("n", 129)}, strings.Repeat("ä", 120), strings.Repeat("ä", 64), ""},
		{"another claim that tells callers apart", func(j *config.JWT) { j.PrincipalClaim = "oid" }, jwt.MapClaims{"sub": "a", "oid": "1234"}, ":1234", "1234", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := accepting()
			if tc.adjust != nil {
				tc.adjust(&j)
			}
			tc.claims["exp"] = float64(time.Now().Add(time.Hour).Unix())
			p, err := principalOf(j, ourIssuer, tc.claims)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(p.ID, "jwt:") || !strings.HasSuffix(p.ID, tc.id) || p.Name != tc.called || strings.Join(p.Scopes, " ") != tc.scopes {
				t.Errorf("principal = %q called %q with %q, want one that ends in %q, %q, %q", p.ID, p.Name, p.Scopes, tc.id, tc.called, tc.scopes)
			}
		})
	}
}

// TestTokensByGroups is what the whole verifier makes of a map.
func TestTokensByGroups(t *testing.T) {
	signers()
	synctest.Test(t, func(t *testing.T) {
		j := accepting()
		j.ScopeClaims, j.ScopeMap = []string{"groups"}, []string{"mcp-writers=tools:write"}
		tokens := newTokens(t, j, newFar(map[string]string{ourKeys: jwks("RS256")}))
		defer tokens.Close()
		synctest.Wait()
		p := verified(t, tokens, token(map[string]any{"groups": []string{"mcp-writers"}, "scope": "admin"}))
		if want := []string{"tools:write"}; !slices.Equal(p.Scopes, want) {
			t.Errorf("scopes = %q, want %q", p.Scopes, want)
		}
	})
}
