package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	providerClient   = "mcp-client" // that the provider knows
	providerRedirect = "http://localhost/callback"
	providerLasts    = 4 * time.Second // an access token
)

// provider is an authorization server: zitadel's OpenID provider, with a login form of two fields and one person who may log
// in. Its access tokens are JWTs for the resource that the client asked for.
type provider struct {
	op.Storage // what is not asked of it here; nil
	server     *httptest.Server
	key        *ecdsa.PrivateKey

	mu       sync.Mutex
	asked    []url.Values // of each authorization that was begun
	requests map[string]*grant
	codes    map[string]string
	refresh  map[string]*grant
}

// grant is one login, and what it gives.
type grant struct {
	id, resource, subject string
	request               *oidc.AuthRequest
	scopes                []string
	began                 time.Time
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, requests: map[string]*grant{}, codes: map[string]string{}, refresh: map[string]*grant{}}
	mux := http.NewServeMux()
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	oidcProvider, err := op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte("e2e")), CodeMethodS256: true, GrantTypeRefreshToken: true,
		SupportedScopes: []string{"openid", "offline_access", "tools:read", "tools:write"},
	}, p, op.StaticIssuer(p.server.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `<form method="post" action="/login"><input name="id" type="hidden" value="%s"><input name="user"><input name="password" type="password"></form>`,
			html.EscapeString(r.FormValue("id")))
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if !p.login(r.FormValue("id"), r.FormValue("user"), r.FormValue("password")) {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		ctx := op.ContextWithIssuer(r.Context(), p.server.URL)
		http.Redirect(w, r, op.AuthCallbackURL(oidcProvider)(ctx, r.FormValue("id")), http.StatusFound)
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.URL.Query())
		p.mu.Unlock()
		oidcProvider.ServeHTTP(w, r)
	})
	mux.Handle("/", oidcProvider)
	return p
}

// browse is a person with a browser: it goes where it is sent, logs in, and is the code that comes back with the redirect.
func (p *provider) browse(t *testing.T, at string) string {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), providerRedirect) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	defer browser.CloseIdleConnections()
	page, err := browser.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	form, err := io.ReadAll(page.Body)
	_ = page.Body.Close()
	_, rest, found := strings.Cut(string(form), `name="id" type="hidden" value="`)
	if err != nil || !found {
		t.Fatalf("no login at %s: %d %s", at, page.StatusCode, form)
	}
	id, _, _ := strings.Cut(rest, `"`)
	back, err := browser.PostForm(p.server.URL+"/login", url.Values{"id": {html.UnescapeString(id)}, "user": {"alice"}, "password": {"wonderland"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = back.Body.Close()
	to, err := back.Location()
	if err != nil || to.Query().Get("code") == "" {
		t.Fatalf("the login ends with %d at %s, want a redirect with a code", back.StatusCode, back.Header.Get("Location"))
	}
	return to.Query().Get("code")
}

func (p *provider) login(id, user, password string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.requests[id]
	if g == nil || user != "alice" || password != "wonderland" {
		return false
	}
	g.subject = user
	return true
}

// asks is what the clients' authorizations asked for.
func (p *provider) asks() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// What follows is op.Storage, as far as a code with PKCE and a refresh need it.

func (p *provider) Health(context.Context) error { return nil }

func (p *provider) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := &grant{id: rand.Text(), request: r, resource: p.asked[len(p.asked)-1].Get("resource"), scopes: r.Scopes, began: time.Now()}
	if slices.Contains(g.scopes, "tools:write") { // as providers do that do not wait to be asked for it
		g.scopes = append(slices.Clone(g.scopes), oidc.ScopeOfflineAccess)
	}
	p.requests[g.id] = g
	return g, nil
}

func (p *provider) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.requests[id]; g != nil {
		return g, nil
	}
	return nil, errors.New("no such request")
}

func (p *provider) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	p.mu.Lock()
	id := p.codes[code]
	p.mu.Unlock()
	return p.AuthRequestByID(ctx, id)
}

func (p *provider) SaveAuthCode(_ context.Context, id, code string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = id
	return nil
}

func (p *provider) DeleteAuthRequest(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.requests, id)
	return nil
}

func (p *provider) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(providerLasts), nil
}

func (p *provider) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, old string) (string, string, time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := r.(*grant)
	if renewed, is := r.(*renewal); is {
		g, ok = renewed.grant, true
	}
	if !ok {
		return "", "", time.Time{}, fmt.Errorf("a token for a %T", r)
	}
	delete(p.refresh, old)
	next := rand.Text()
	p.refresh[next] = g
	return rand.Text(), next, time.Now().Add(providerLasts), nil
}

func (p *provider) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.refresh[token]; g != nil {
		return &renewal{g}, nil
	}
	return nil, op.ErrInvalidRefreshToken
}

func (p *provider) SigningKey(context.Context) (op.SigningKey, error) { return providerKey{p.key}, nil }

func (p *provider) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (p *provider) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{providerKey{p.key}}}, nil
}

func (p *provider) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != providerClient {
		return nil, errors.New("no such client")
	}
	return publicClient{}, nil
}

func (p *provider) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

func (p *provider) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// grant is an op.AuthRequest.

func (g *grant) GetID() string          { return g.id }
func (g *grant) GetACR() string         { return "" }
func (g *grant) GetAMR() []string       { return nil }
func (g *grant) GetAudience() []string  { return []string{g.resource} }
func (g *grant) GetAuthTime() time.Time { return g.began }
func (g *grant) GetClientID() string    { return providerClient }
func (g *grant) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: g.request.CodeChallenge, Method: g.request.CodeChallengeMethod}
}
func (g *grant) GetNonce() string                   { return "" }
func (g *grant) GetRedirectURI() string             { return g.request.RedirectURI }
func (g *grant) GetResponseType() oidc.ResponseType { return g.request.ResponseType }
func (g *grant) GetResponseMode() oidc.ResponseMode { return g.request.ResponseMode }
func (g *grant) GetScopes() []string                { return g.scopes }
func (g *grant) GetState() string                   { return g.request.State }
func (g *grant) GetSubject() string                 { return g.subject }
func (g *grant) Done() bool                         { return g.subject != "" }

// renewal is an op.RefreshTokenRequest.
type renewal struct{ *grant }

func (r *renewal) SetCurrentScopes([]string) {}

// GetResponseType is hidden, so that a renewal is not taken for an authorization.
func (r *renewal) GetResponseType() {}

type providerKey struct{ key *ecdsa.PrivateKey }

func (k providerKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k providerKey) Key() any                                    { return k.key }
func (k providerKey) ID() string                                  { return "first" }

type publicKey struct{ providerKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.key.PublicKey }

// publicClient is an op.Client without a secret.
type publicClient struct{}

func (publicClient) GetID() string                    { return providerClient }
func (publicClient) RedirectURIs() []string           { return []string{providerRedirect} }
func (publicClient) PostLogoutRedirectURIs() []string { return nil }
func (publicClient) ApplicationType() op.ApplicationType {
	return op.ApplicationTypeNative
}
func (publicClient) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }
func (publicClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (publicClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

func (publicClient) LoginURL(id string) string           { return "/login?id=" + url.QueryEscape(id) }
func (publicClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (publicClient) IDTokenLifetime() time.Duration      { return time.Minute }
func (publicClient) DevMode() bool                       { return true }
func (publicClient) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (publicClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (publicClient) IsScopeAllowed(scope string) bool     { return strings.HasPrefix(scope, "tools:") }
func (publicClient) IDTokenUserinfoClaimsAssertion() bool { return false }
func (publicClient) ClockSkew() time.Duration             { return 0 }
