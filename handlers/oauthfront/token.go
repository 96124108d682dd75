package oauthfront

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"toolgate/mcp"
)

const (
	maxTokenBody = 16 << 10 // bytes of a request for tokens

	// unsaid stands for a redirect_uri that a client of OAuth 2.1 leaves out of the exchange, where the library wants one.
	unsaid = "unsaid:"
)

// tokens is what the library asks when a request for tokens has the form of one: whose client, which grant.
type tokens struct {
	op.UnimplementedServer
	f *Front
}

var _ op.Server = (*tokens)(nil)

func newEndpoints(f *Front) http.Handler {
	return op.RegisterServer(&tokens{f: f}, op.Endpoints{
		Token: op.NewEndpoint(f.base + tokenPath), Revocation: op.NewEndpoint(f.base + revokePath),
	}, op.WithServerCORSOptions(nil), op.WithFallbackLogger(slog.New(slog.DiscardHandler))) // there is a gate for the one, a line for the other
}

// form is POST /oauth/token and /oauth/revoke. The library would take parameters from the URL too, where they end up in logs, and
// one of two parameters of the same name.
func (f *Front) form(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	r := c.Request
	refuse := func(description string) {
		c.JSON(http.StatusBadRequest, oidc.ErrInvalidRequest().WithDescription("%s", description))
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		refuse("send the parameters in the body, not in the URL")
		return
	case err != nil || kind != "application/x-www-form-urlencoded":
		refuse("send the parameters as application/x-www-form-urlencoded")
		return
	}
	r.Body = http.MaxBytesReader(c.Writer, r.Body, maxTokenBody)
	if err := r.ParseForm(); err != nil {
		refuse("the body cannot be read, or is larger than 16 KiB")
		return
	}
	if err := checkOnce(r.Form); err != nil {
		refuse(err.Error())
		return
	}
	if r.Form.Get("redirect_uri") == "" {
		r.Form.Set("redirect_uri", unsaid)
	}
	f.endpoints.ServeHTTP(c.Writer, r)
}

// VerifyClient implements op.Server. Every client is public, so that its id is all it has to say.
func (t *tokens) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	id := r.Data.ClientID
	switch _, registered := t.f.store.client(id); {
	case r.Data.ClientSecret != "" || r.Data.ClientAssertion != "":
		return nil, op.NewStatusError(oidc.ErrInvalidClient().WithDescription("clients of this server have no secrets: send client_id alone"), http.StatusUnauthorized)
	case registered, t.f.cfg.ClientIDURLs && documentID(id):
		return publicClient{id}, nil
	}
	return nil, op.NewStatusError(oidc.ErrInvalidClient().WithDescription("the client is not known here: register it again"), http.StatusUnauthorized)
}

// CodeExchange implements op.Server (OAuth 2.1, 4.1.3).
func (t *tokens) CodeExchange(_ context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	if err := t.f.checkResources(r.Form["resource"]); err != nil {
		return nil, err
	}
	redirectURI := r.Data.RedirectURI
	if redirectURI == unsaid {
		redirectURI = ""
	}
	g, refresh, err := t.f.store.redeem(r.Data.Code, r.Client.GetID(), redirectURI, r.Data.CodeVerifier)
	if err != nil {
		return nil, invalidGrant(err)
	}
	owner, err := t.f.keys.Principal(g.Key)
	if err != nil {
		t.f.store.end(g.ID, g.Client)
		return nil, invalidGrant(errKeyGone)
	}
	return t.answer(g, owner, g.Scopes, refresh)
}

// RefreshToken implements op.Server (OAuth 2.1, 4.3).
func (t *tokens) RefreshToken(_ context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	if err := t.f.checkResources(r.Form["resource"]); err != nil {
		return nil, err
	}
	var owner *mcp.Principal
	scopes := []string(r.Data.Scopes)
	g, refresh, err := t.f.store.rotate(r.Data.RefreshToken, r.Client.GetID(), func(g grant) (err error) {
		if len(scopes) == 0 {
			scopes = g.Scopes
		}
		for _, scope := range scopes {
			if !slices.Contains(g.Scopes, scope) {
				return oidc.ErrInvalidScope().WithDescription("the login did not grant %q", scope)
			}
		}
		if owner, err = t.f.keys.Principal(g.Key); err != nil {
			return errKeyGone
		}
		return nil
	})
	if err != nil {
		return nil, invalidGrant(err)
	}
	return t.answer(g, owner, scopes, refresh)
}

// answer gives a client its tokens (OAuth 2.1, 3.2.3).
func (t *tokens) answer(g grant, owner *mcp.Principal, scopes []string, refresh string) (*op.Response, error) {
	ttl := t.f.until(owner)
	access, err := t.f.seal.newAccess(g, scopes, ttl)
	if err != nil {
		return nil, oidc.ErrServerError()
	}
	return op.NewResponse(&oidc.AccessTokenResponse{
		AccessToken: access, TokenType: oidc.BearerToken, RefreshToken: refresh, ExpiresIn: uint64(max(ttl.Seconds(), 0)), Scope: scopes,
	}), nil
}

// Revocation implements op.Server (RFC 7009, 2). Either token ends the login: a client that throws one away is done. What is no
// token is no error.
func (t *tokens) Revocation(_ context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	id := grantOf(r.Data.Token)
	if claims, err := t.f.seal.readAccess(r.Data.Token); err == nil {
		id = claims.Grant
	}
	t.f.store.end(id, r.Client.GetID())
	return op.NewResponse(nil), nil
}

var errKeyGone = errors.New("the api key that was shown is no longer good: log in with another")

// invalidGrant is an error as clients know it. The words are ours, and hold nothing that was sent.
func invalidGrant(err error) error {
	if e := new(oidc.Error); errors.As(err, &e) {
		return e
	}
	return oidc.ErrInvalidGrant().WithDescription("%s", err.Error())
}
