package middleware

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

const maxVerified = 10_000 // tokens whose verdict is remembered, a few hundred bytes each

// TokenOptions say which tokens are taken.
type TokenOptions struct {
	JWT       config.JWT
	Resource  string // what tokens are for where JWT names no audience
	Log       *zap.Logger
	Transport http.RoundTripper // by which issuers are asked; nil: one that trusts JWT.CAFile

	// Previous is the Tokens that the new one is to replace, made with the same Transport; nil: there is none. What it knows of an
	// issuer is gone on with where JWT.KeysURL and what is in JWT.CAFile are the same. Closing either of the two, in any order or
	// before the new one is made, leaves the other as it is. It is not kept.
	Previous *Tokens
}

// Tokens verifies the JSON Web Tokens of issuers (RFC 7519, RFC 9068): signed by a key of the very issuer that they name, for
// this resource, and in their time. It is safe for concurrent use.
//
// A verified token is remembered until it expires or its issuer's keys change, so that a client's next request costs a hash
// and no signature.
type Tokens struct {
	jwt       config.JWT
	audiences func(aud string) bool
	parser    *jwt.Parser
	issuers   map[string]*issuer
	verified  *lru.Cache[[sha256.Size]byte, verdict]
	letGo     sync.Once // of the issuers
}

// verdict is what was found out about a token.
type verdict struct {
	principal *mcp.Principal
	issuer    *issuer
	keys      *issuerKeys // that it was verified by
}

// NewTokens begins to fetch the keys of issuers that o.Previous does not know, and does not wait for them. Close ends it. With an
// error nothing has happened.
func NewTokens(o TokenOptions) (*Tokens, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	far, err := newIssuerClient(o.JWT, o.Transport)
	if err != nil {
		return nil, err
	}
	if len(o.JWT.Issuers) == 0 {
		return nil, errors.New("auth.jwt.issuers: there is none")
	}
	t := &Tokens{jwt: o.JWT, issuers: map[string]*issuer{}}
	if t.audiences, err = audiences(o.JWT.Audiences, o.Resource); err != nil {
		return nil, err
	}
	if t.verified, err = lru.New[[sha256.Size]byte, verdict](maxVerified); err != nil {
		return nil, err
	}
	t.parser = jwt.NewParser(jwt.WithValidMethods(o.JWT.Algorithms), jwt.WithLeeway(o.JWT.Skew), jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding())
	for _, name := range o.JWT.Issuers {
		if t.issuers[name] == nil {
			t.issuers[name] = o.issuer(name, far)
		}
	}
	return t, nil
}

// issuer is an issuer that the caller holds: the very one of o.Previous where it would be asked in the same way, else one that
// is asked by far.
func (o TokenOptions) issuer(name string, far *issuerClient) *issuer {
	var before *issuer
	if o.Previous != nil {
		before = o.Previous.issuers[name]
	}
	at := o.JWT.KeysURL(name)
	if before != nil && (before.keysURL != at || !far.trusts(before.far)) {
		before = nil
	}
	if before != nil && before.far.timeout == far.timeout && before.hold() {
		return before
	}
	return beginIssuer(name, at, far, before, o.Log)
}

// Ready is nil once every issuer's keys were there.
func (t *Tokens) Ready() error {
	var missing []error
	for _, name := range t.jwt.Issuers {
		if err := t.issuers[name].ready(); err != nil {
			missing = append(missing, err)
		}
	}
	return errors.Join(missing...)
}

// ServerMetadata is what the first issuer says of itself (RFC 8414, 2), in its own words, for clients of 2025-03-26, which look
// for it where the server is that they call. It may wait for the issuer, no longer than one request may take, and asks it seldom
// however often it is called.
func (t *Tokens) ServerMetadata(ctx context.Context) ([]byte, error) {
	first := t.issuers[t.jwt.Issuers[0]]
	return first.metadata.get(ctx, first.far)
}

// Close stops fetching keys, but those that another Tokens goes on with, and waits for it. Verify goes on with those that are
// there. It may be called again.
func (t *Tokens) Close() {
	t.letGo.Do(func() {
		for _, i := range t.issuers {
			i.letGo()
		}
	})
}

// Verify implements Verifier. It may wait for the issuer, no longer than one request to it may take, where the token names a
// key that is not known yet.
func (t *Tokens) Verify(ctx context.Context, credential string) (*mcp.Principal, error) {
	switch dots := strings.Count(credential, "."); {
	case len(credential) > maxCredential:
		return nil, fmt.Errorf("%w: it is too long", ErrNotValid)
	case dots == 4: // five parts are an encrypted token (RFC 7516), which nobody here can read
		return nil, fmt.Errorf("%w: encrypted tokens are not taken", ErrNotValid)
	case dots != 2:
		return nil, ErrNotKnown
	}
	sum := sha256.Sum256([]byte(credential))
	if v, ok := t.verified.Get(sum); ok {
		if v.keys == v.issuer.current() && time.Now().Before(v.principal.Expires) {
			return v.principal, nil
		}
		t.verified.Remove(sum)
	}
	v, err := t.judge(ctx, credential)
	if err != nil {
		return nil, err
	}
	t.verified.Add(sum, v)
	return v.principal, nil
}

// judge verifies a token that was not seen before.
func (t *Tokens) judge(ctx context.Context, token string) (verdict, error) {
	v := verdict{}
	claims := jwt.MapClaims{}
	parsed, err := t.parser.ParseWithClaims(token, claims, func(parsed *jwt.Token) (any, error) {
		if err := checkHeader(parsed.Header); err != nil {
			return nil, err
		}
		if v.issuer = t.issuers[issuerOf(claims)]; v.issuer == nil {
			return nil, errForeign
		}
		var key any
		var err error
		key, v.keys, err = v.issuer.key(ctx, parsed)
		return key, err
	})
	if parsed == nil || t.issuers[issuerOf(claims)] == nil { // perhaps another verifier's
		if issuerOf(claims) != "" {
			return v, fmt.Errorf("%w: %w", ErrNotKnown, errForeign)
		}
		return v, ErrNotKnown
	}
	if err != nil {
		return v, refusedToken(err)
	}
	if !slices.ContainsFunc(stringsOf(claims["aud"]), t.audiences) {
		return v, fmt.Errorf("%w: it is for another audience", ErrNotValid)
	}
	v.principal, err = principalOf(t.jwt, v.issuer.name, claims)
	return v, err
}

// checkHeader refuses tokens of another kind (RFC 8725, 3.11) and those that want more understood than is (RFC 7515, 4.1.11).
// Where a header says that keys are to be had (jku, x5u, jwk, x5c) is nobody's business: keys are the issuer's.
func checkHeader(header map[string]any) error {
	if _, ok := header["crit"]; ok {
		return errors.New("its header asks for extensions that are not known here")
	}
	if kid, ok := header["kid"]; ok {
		if _, ok := kid.(string); !ok {
			return errors.New("its header names a key by no text")
		}
	}
	if typ, ok := header["typ"]; ok {
		name, _ := typ.(string)
		switch name = strings.ToLower(name); strings.TrimPrefix(name, "application/") {
		case "jwt", "at+jwt":
		default:
			return errors.New("it is no access token by its type")
		}
	}
	return nil
}

func issuerOf(claims jwt.MapClaims) string {
	name, _ := claims["iss"].(string)
	return name
}

// refusedToken says what is wrong with a token of one of our issuers, in words that do not quote it.
func refusedToken(err error) error {
	var why string
	switch {
	case errors.Is(err, errNoKeys):
		return fmt.Errorf("%w: the keys of its issuer are not to be had", ErrNoVerdict)
	case errors.Is(err, jwt.ErrTokenExpired):
		return fmt.Errorf("%w: it has expired: %w", ErrNotValid, ErrAged)
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		why = "it never expires: an exp claim is needed"
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		why = "it is not valid yet"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		why = "its signature is not one of its issuer's, or of no algorithm that is taken"
	case errors.Is(err, errUnknownKey):
		why = "it is signed by a key that its issuer does not publish"
	default:
		why = "it is malformed, or of a kind that is not taken"
	}
	return fmt.Errorf("%w: %s", ErrNotValid, why)
}

// audiences says which values of aud are for this server: the listed ones as they are written, else the URLs that clients know
// it by.
func audiences(listed []string, resource string) (func(aud string) bool, error) {
	if len(listed) > 0 {
		return func(aud string) bool { return slices.Contains(listed, aud) }, nil
	}
	urls := Resources(resource)
	if len(urls) == 0 {
		return nil, errors.New("auth.jwt.audiences: nothing says which tokens are for this server")
	}
	return func(aud string) bool { return slices.Contains(urls, canonicalURL(aud)) }, nil
}

// Resources lists the URLs by which clients know a resource, its own first, as RFC 8707 wants them written. Where that ends
// in /mcp, the URL of HTTP+SSE beside it is another: clients that connect there take it for the resource.
func Resources(resource string) []string {
	if resource == "" {
		return nil
	}
	urls := []string{canonicalURL(resource)}
	if base, ok := strings.CutSuffix(urls[0], "/mcp"); ok {
		urls = append(urls, base+"/sse")
	}
	return urls
}

// canonicalURL writes a URL as it is compared: scheme and host in lower case, no port that the scheme implies, no fragment, no
// slash at its end. What is no URL stays as it is.
func canonicalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.Scheme, u.Host, u.Fragment, u.RawFragment = strings.ToLower(u.Scheme), strings.ToLower(u.Host), "", ""
	for _, implied := range []struct{ scheme, port string }{{"https", ":443"}, {"http", ":80"}} {
		if u.Scheme == implied.scheme {
			u.Host = strings.TrimSuffix(u.Host, implied.port)
		}
	}
	return strings.TrimSuffix(u.String(), "/")
}
