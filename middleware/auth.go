package middleware

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

const (
	maxCredential = 8 << 10          // bytes; longer ones are refused before anything is computed from them
	verdictAfter  = 10 * time.Second // when to ask again for a verdict that could not be had
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

	// What challenges say of how to get a credential (RFC 9728, 5.1). Without Metadata they say nothing of it.
	Metadata   string                    // URL of the resource's metadata
	MetadataOf map[string]string         // the same for paths that clients know as another resource
	Scope      string                    // that a client should begin with
	Ask        func(scope string) string // what a scope is called where clients ask for it, empty where it is not asked for; nil: what we call it
}

// Auth puts the principal into the request's context, or refuses the request.
//
// Open: everybody is mcp.Anonymous; beyond loopback without the admin scope, since there it is not one person.
//
// Else: a credential in "Authorization: Bearer …" or "X-API-Key: …". Without one, or with a wrong or expired one,
// 401 and a challenge. Contradicting credentials are a 400, never a choice. A credential in the query string is refused even
// if it is valid, because by then proxies have logged it. One that cannot be judged now is a 503, never a yes. An address
// that tries more wrong ones than Failures allows gets 429 for them; right ones still pass, or one broken client could lock
// out the office it sits in, and random keys of 130 bits are not found by trying. Tokens that were good once are not counted:
// every client comes with one when its time is over, and needs the 401 to get another.
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
	ch := o.challenge(c.Request)
	c.Set(challengeKey{}, ch)
	key, refusal := credential(c.Request)
	switch {
	case refusal != nil && refusal.Reason == BadCredentials:
		challengeWith(c, ch.malformed())
		Refuse(c, refusal)
		return
	case refusal != nil:
		challengeWith(c, ch.needed())
		Refuse(c, refusal)
		return
	}
	principal, err := o.verify(c.Request.Context(), key)
	switch {
	case err == nil:
		setPrincipal(c, principal)
		return
	case !errors.Is(err, ErrNotKnown) && !errors.Is(err, ErrNotValid):
		if !errors.Is(err, ErrNoVerdict) {
			LineFrom(c.Request.Context()).SetError(err)
		}
		Refuse(c, &Refusal{Reason: AuthUnavailable, Message: ErrNoVerdict.Error() + ": try again in a moment", RetryAfter: verdictAfter})
		return
	}
	if !errors.Is(err, ErrAged) {
		if d := o.Failures.Allow(c.Request.Context(), AddressKey(o.Proxies.ClientAddr(c.Request)), 1); !d.OK {
			Refuse(c, d.Refusal())
			return
		}
	}
	description := "the key or token is unknown or has expired"
	advice := description + ": ask the operator of this server for a new one"
	if errors.Is(err, ErrNotValid) || errors.Is(err, errForeign) {
		description = err.Error()
		advice = description
	}
	challengeWith(c, ch.invalid(description))
	Refuse(c, refusef(Unauthorized, "%s", advice))
}

// verify asks the verifiers in their order whose the credential is. The first that knows its kind has the last word.
func (o AuthOptions) verify(ctx context.Context, credential string) (*mcp.Principal, error) {
	if len(credential) > maxCredential {
		return nil, ErrNotKnown
	}
	unknown := ErrNotKnown
	for _, v := range o.Verifiers {
		principal, err := v.Verify(ctx, credential)
		switch {
		case err == nil && principal == nil:
			return nil, ErrNoVerdict // a verifier's mistake
		case err == nil || !errors.Is(err, ErrNotKnown):
			return principal, err
		case errors.Is(err, errForeign):
			unknown = err
		}
	}
	return nil, unknown
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
		return "", refusef(Unauthorized, "a key or token is needed: send the header Authorization: Bearer KEY")
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

// RequireScope refuses with 403 principals that do not hold scope, directly or through a broader one. It stands after
// Auth; without that gate nobody passes.
func RequireScope(scope string) gin.HandlerFunc {
	return func(c *gin.Context) {
		switch p := PrincipalFrom(c.Request.Context()); {
		case p == nil:
			challengeWith(c, challengeFrom(c).needed())
			Refuse(c, refusef(Unauthorized, "a key or token is needed: send the header Authorization: Bearer KEY"))
		case !p.Can(scope):
			Refuse(c, LacksScopes(c, scope))
		}
	}
}
