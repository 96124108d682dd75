package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

const (
	maxCredential = 8 << 10 // bytes; longer ones are refused before anything is computed from them
	realm         = `Bearer realm="toolgate"`
)

type principalKey struct{}

// WithPrincipal says who asks. The Auth gate does it; tests may.
func WithPrincipal(ctx context.Context, p *mcp.Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom is who asks, or nil where no Auth gate was passed.
func PrincipalFrom(ctx context.Context) *mcp.Principal {
	p, _ := ctx.Value(principalKey{}).(*mcp.Principal)
	return p
}

// AuthOptions say how the gate finds out who asks.
type AuthOptions struct {
	Open      bool       // nobody is asked
	Loopback  bool       // the server listens on a loopback address only
	Verifiers []Verifier // asked in this order, unless Open
	Failures  *Limiter   // wrong credentials an address may try; nil for no limit
	Proxies   Proxies
}

// Auth puts the principal into the request's context, or refuses the request.
//
// Open: everybody is mcp.Anonymous; beyond loopback without the admin scope, since there it is not one person.
//
// Else: a credential in "Authorization: Bearer …" or "X-API-Key: …". Without one, or with a wrong or expired one,
// 401 and a challenge. Contradicting credentials are a 400, never a choice. A credential in the query string is refused even
// if it is valid, because by then proxies have logged it. An address that tries more wrong ones than Failures allows
// gets 429 for them; right ones still pass, or one broken client could lock out the office it sits in, and random keys
// of 130 bits are not found by trying.
func Auth(o AuthOptions) (gin.HandlerFunc, error) {
	if o.Open {
		principal := mcp.Anonymous()
		if !o.Loopback {
			principal.Scopes = []string{mcp.ScopeWrite}
		}
		return func(c *gin.Context) { setPrincipal(c, principal) }, nil
	}
	if len(o.Verifiers) == 0 {
		return nil, errors.New("auth.mode: nothing says whose credentials are taken")
	}
	return o.byCredential, nil
}

func setPrincipal(c *gin.Context, p *mcp.Principal) {
	c.Request = c.Request.WithContext(WithPrincipal(c.Request.Context(), p))
}

func (o AuthOptions) byCredential(c *gin.Context) {
	key, refusal := credential(c.Request)
	switch {
	case refusal != nil && refusal.Reason == BadCredentials:
		challenge(c, `error="invalid_request"`)
		Refuse(c, refusal)
		return
	case refusal != nil:
		challenge(c)
		Refuse(c, refusal)
		return
	}
	if len(key) <= maxCredential {
		for _, v := range o.Verifiers {
			if principal, err := v.Verify(c.Request.Context(), key); err == nil {
				setPrincipal(c, principal)
				return
			}
		}
	}
	if d := o.Failures.Allow(c.Request.Context(), AddressKey(o.Proxies.ClientAddr(c.Request)), 1); !d.OK {
		Refuse(c, d.Refusal())
		return
	}
	challenge(c, `error="invalid_token"`, `error_description="the key is unknown or has expired"`)
	Refuse(c, refusef(Unauthorized, "the key is unknown or has expired: ask the operator of this server for a new one"))
}

// credential is the one key that the request carries.
func credential(r *http.Request) (string, *Refusal) {
	if keyInQuery(r.URL) {
		return "", refusef(Unauthorized, "no keys in the URL, where they end up in logs: "+
			"send the header Authorization: Bearer KEY, and replace this key")
	}
	authorization, apiKey := r.Header["Authorization"], r.Header["X-Api-Key"]
	if len(authorization) > 1 || len(apiKey) > 1 {
		return "", refusef(BadCredentials, "the credential was sent twice: send one Authorization or X-API-Key header")
	}
	bearer := ""
	if len(authorization) == 1 {
		scheme, rest, _ := strings.Cut(authorization[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", refusef(Unauthorized, "this server takes Authorization: Bearer KEY, and no other scheme")
		}
		bearer = strings.Trim(rest, " ")
		if len(apiKey) == 1 && apiKey[0] != bearer {
			return "", refusef(BadCredentials, "Authorization and X-API-Key differ: send one of them")
		}
	} else if len(apiKey) == 1 {
		bearer = apiKey[0]
	}
	if bearer == "" {
		return "", refusef(Unauthorized, "a key is needed: send the header Authorization: Bearer KEY")
	}
	return bearer, nil
}

// keyInQuery finds parameters by the names that clients have used for credentials.
func keyInQuery(u *url.URL) bool {
	if u.RawQuery == "" {
		return false
	}
	for name := range u.Query() {
		switch strings.ToLower(name) {
		case "access_token", "token", "api_key", "api-key", "apikey", "x-api-key", "key", "authorization", "bearer":
			return true
		}
	}
	return false
}

// challenge sets WWW-Authenticate (RFC 6750, 3). Parameters are ours and need no escaping.
func challenge(c *gin.Context, params ...string) {
	c.Header("WWW-Authenticate", strings.Join(append([]string{realm}, params...), ", "))
}

// RequireScope refuses with 403 principals that do not hold scope, directly or through a broader one. It stands after
// Auth; without that gate nobody passes.
func RequireScope(scope string) gin.HandlerFunc {
	return func(c *gin.Context) {
		switch p := PrincipalFrom(c.Request.Context()); {
		case p == nil:
			challenge(c)
			Refuse(c, refusef(Unauthorized, "a key is needed: send the header Authorization: Bearer KEY"))
		case !p.Can(scope):
			challenge(c, `error="insufficient_scope"`, fmt.Sprintf("scope=%q", scope))
			Refuse(c, refusef(MissingScope, "this needs the scope %s, which the credential does not have", scope))
		}
	}
}
