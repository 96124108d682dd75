// Package oauthfront is a small OAuth server whose login is an API key, for clients that can do OAuth and nothing else.
//
// It is an authorization server for public clients (OAuth 2.1; 2025-11-25, authorization): clients register themselves or are
// known by the URL of a document, ask by a code with PKCE, and get tokens that only this server takes. A token is never worth
// more than the key that was shown for it: the key is looked up again each time.
//
// Who may call what: authorize.go takes the browser from the client, login.go asks for the key and sends it back with a code,
// token.go gives tokens for it by the rules of github.com/zitadel/oidc, store.go remembers, keeper.go keeps that over a restart.
package oauthfront

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

const (
	wrongKeysRate    = "10-M" // wrong keys that an address may try
	registrationRate = "30-M" // clients that an address may register
	documentRate     = "60-M" // logins of clients with documents that an address may begin: each may be a request to a stranger
	rateKeys         = 10_000 // addresses that are counted
)

// Options are what the front stands on; all but ReadOnly are required.
type Options struct {
	Config   config.Config
	Keys     *middleware.KeyStore
	ReadOnly bool // the state file is judged and never written, for who only checks a configuration: it may be that of a running server
	Log      *zap.Logger
}

// Front is the server. It is the verifier of the tokens that it gives. Safe for concurrent use.
type Front struct {
	issuer    string // the public URL; every path that clients are told begins with it
	path      string // of the public URL
	base      string // of the paths that are served
	resource  string // what tokens are for
	resources []string
	cfg       config.Front
	keys      *middleware.KeyStore
	log       *zap.Logger
	proxies   middleware.Proxies

	seal      *seal
	store     *store
	keeper    *keeper // nil: nothing is kept
	readers   *documents
	endpoints http.Handler // the library's, for token and revoke

	wrongKeys, registrations, lookups *middleware.Limiter

	cookie     string // its name
	secure     bool   // it is sent over TLS alone
	policy     string // the Content-Security-Policy of pages
	login, sad *template.Template
}

// New makes the front, and reads the state file where there is one. Close ends it.
func New(o Options) (*Front, error) {
	u, err := url.Parse(o.Config.Issuer())
	if err != nil || u.Host == "" {
		return nil, errors.New("server.public_url: auth.mode: front needs the URL that browsers reach this server by")
	}
	f := &Front{
		issuer: o.Config.Issuer(), path: strings.TrimSuffix(u.EscapedPath(), "/"), base: o.Config.Server.BasePath, resource: o.Config.ResourceURL(),
		cfg: o.Config.Auth.Front, keys: o.Keys, log: o.Log, secure: u.Scheme == "https",
	}
	if f.resources, err = resourceNames(f.resource, f.issuer); err != nil {
		return nil, fmt.Errorf("auth.resource: %w", err)
	}
	if f.proxies, err = middleware.ParseProxies(o.Config.Server.TrustedProxies); err != nil {
		return nil, err
	}
	if f.cookie = "toolgate-login"; f.secure {
		f.cookie = "__Host-" + f.cookie
	}
	if err := f.limiters(); err != nil {
		return nil, err
	}
	if err := f.pages(); err != nil {
		return nil, err
	}
	if f.readers, err = newDocuments(f.cfg.PrivateHosts); err != nil {
		return nil, err
	}
	f.endpoints = newEndpoints(f)
	if err := f.begin(o.ReadOnly); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Front) limiters() error {
	for name, l := range map[string]struct {
		rate string
		into **middleware.Limiter
	}{
		"login": {wrongKeysRate, &f.wrongKeys}, "registration": {registrationRate, &f.registrations}, "client": {documentRate, &f.lookups},
	} {
		counts, err := middleware.NewMemoryStore(rateKeys) // of its own: strangers choose the keys
		if err != nil {
			return err
		}
		if *l.into, err = middleware.NewLimiter(middleware.LimiterOptions{Name: name, Rate: l.rate, Store: counts, Log: f.log}); err != nil {
			return err
		}
	}
	return nil
}

// begin takes up what was kept. It starts the keeper last, so that nothing runs where New fails.
func (f *Front) begin(readOnly bool) error {
	path := f.cfg.StateFile
	kept, err := readState(path, f.issuer, f.log)
	if err != nil {
		return fmt.Errorf("auth.front.state_file: %w", err)
	}
	if f.seal, err = newSeal(kept.Key, f.issuer, f.resource); err != nil {
		return err
	}
	// A login lasts at least as long as a token of it.
	if f.store, err = newStore(f.cfg.Clients, max(f.cfg.RefreshTTL, f.cfg.TokenTTL), func() { f.keeper.changed() }); err != nil {
		return fmt.Errorf("auth.front.clients: %w", err)
	}
	f.store.restore(kept.Clients, kept.Grants)
	if path == "" {
		return nil
	}
	if readOnly {
		return checkFolder(path)
	}
	take := func() state {
		now := state{Version: stateVersion, Issuer: f.issuer, Key: kept.Key}
		now.Clients, now.Grants = f.store.kept()
		return now
	}
	if err := writeState(path, take()); err != nil { // better now than after the first login
		return fmt.Errorf("auth.front.state_file: %w", err)
	}
	f.keeper = newKeeper(path, take, f.log)
	return nil
}

// The paths, after the base path.
const (
	authorizePath = "/oauth/authorize"
	loginPath     = "/oauth/login"
	tokenPath     = "/oauth/token"
	revokePath    = "/oauth/revoke"
	registerPath  = "/oauth/register"
	keysPath      = "/oauth/jwks"

	serverDocument = "/.well-known/oauth-authorization-server" // RFC 8414
	openIDDocument = "/.well-known/openid-configuration"
)

// Mount adds its paths, each behind the gates, to base, which serves server.base_path, and those of documents to root.
func (f *Front) Mount(root, base gin.IRoutes, gates ...gin.HandlerFunc) {
	behind := func(h gin.HandlerFunc) []gin.HandlerFunc { return append(slices.Clone(gates), h) }
	base.GET(authorizePath, behind(f.authorize)...)
	base.GET(loginPath, behind(f.showLogin)...)
	base.POST(loginPath, behind(f.takeLogin)...)
	base.POST(tokenPath, behind(f.form)...)
	base.POST(revokePath, behind(f.form)...)
	base.POST(registerPath, behind(f.register)...)
	base.GET(keysPath, behind(f.showKeys)...)
	for path, show := range f.documents() {
		root.GET(path, behind(show)...)
		root.HEAD(path, behind(show)...)
	}
}

// documents are the handlers of the documents that clients look for, by their whole paths. They are at the root of the server,
// where the standards have them: as they are for clients that leave out the issuer's path (2025-03-26), with that path behind
// them (RFC 8414, 3.1), and below the base path (OpenID Connect Discovery, 4).
func (f *Front) documents() map[string]gin.HandlerFunc {
	all := map[string]gin.HandlerFunc{}
	for path, show := range map[string]gin.HandlerFunc{serverDocument: f.showServer, openIDDocument: f.showOpenID} {
		all[path], all[path+f.path], all[f.base+path] = show, show, show
	}
	return all
}

// Verify implements middleware.Verifier: an access token is worth what its key is worth now, less what was not granted. Of those
// that were good once it says so.
func (f *Front) Verify(_ context.Context, credential string) (*mcp.Principal, error) {
	if !strings.HasPrefix(credential, accessPrefix) && !strings.HasPrefix(credential, refreshPrefix) {
		return nil, middleware.ErrNotKnown
	}
	claims, err := f.seal.readAccess(credential)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired): // which is found out only of what we have signed
		return nil, fmt.Errorf("%w: the token has expired: %w", middleware.ErrNotValid, middleware.ErrAged)
	case err != nil:
		return nil, fmt.Errorf("%w: the token is none of this server's", middleware.ErrNotValid)
	}
	g, ok := f.store.grant(claims.Grant)
	if !ok {
		return nil, fmt.Errorf("%w: the login has ended: %w", middleware.ErrNotValid, middleware.ErrAged)
	}
	owner, err := f.keys.Principal(g.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: the api key that was shown for it is no longer good: %w", middleware.ErrNotValid, middleware.ErrAged)
	}
	p := *owner
	p.Scopes = held(owner, claims.scopes())
	if end := claims.ExpiresAt.Time; p.Expires.IsZero() || end.Before(p.Expires) {
		p.Expires = end
	}
	return &p, nil
}

// held are the scopes of a list that the principal holds.
func held(p *mcp.Principal, scopes []string) []string {
	var out []string
	for _, scope := range scopes {
		if p.Can(scope) {
			out = append(out, scope)
		}
	}
	return out
}

// granted is what a principal grants to a client that asked for scopes: of them what it holds, and where nothing was asked all
// that it holds but administration.
func granted(p *mcp.Principal, asked []string) []string {
	if len(asked) > 0 {
		return held(p, asked)
	}
	out := slices.DeleteFunc(slices.Clone(p.Scopes), func(scope string) bool { return scope == mcp.ScopeAdmin })
	if len(out) < len(p.Scopes) && !slices.Contains(out, mcp.ScopeWrite) {
		out = append(out, mcp.ScopeWrite) // admin contains it
	}
	return out
}

// until is how long a token for a key may last.
func (f *Front) until(p *mcp.Principal) time.Duration {
	if p.Expires.IsZero() {
		return f.cfg.TokenTTL
	}
	return min(f.cfg.TokenTTL, time.Until(p.Expires))
}

// address is the bucket that a request's sender is counted in.
func (f *Front) address(c *gin.Context) string {
	return middleware.AddressKey(f.proxies.ClientAddr(c.Request))
}

// Close writes what is to be kept, and waits for it.
func (f *Front) Close() error {
	f.readers.close()
	if err := f.keeper.close(); err != nil {
		return fmt.Errorf("auth.front.state_file: %w", err)
	}
	return nil
}
