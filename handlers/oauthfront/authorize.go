package oauthfront

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"go.uber.org/zap"

	"toolgate/config"
)

const (
	loginTTL     = 10 * time.Minute // to find the key and paste it
	maxAuthorize = 4 << 10          // bytes of a request: it becomes a part of the next URL, which proxies bound at 8 KiB
	maxScopes    = 32               // that are kept of a request
)

// authorize is GET /oauth/authorize (OAuth 2.1, 4.1.1): a client sends the browser here. Until client and redirect URI are
// known to belong together, what is wrong is told to the person; from then on to the client, where nobody can be led astray by it.
func (f *Front) authorize(c *gin.Context) {
	asked, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err == nil {
		err = checkOnce(asked)
	}
	if err != nil || len(c.Request.URL.RawQuery) > maxAuthorize {
		f.say(c, http.StatusBadRequest, "The application asked in a way that this server does not understand.",
			fmt.Sprintf("Its request is longer than %d bytes, is badly encoded, or has a parameter twice.", maxAuthorize))
		return
	}
	by, err := f.known(c, asked.Get("client_id"))
	if err != nil {
		f.say(c, http.StatusBadRequest, "This server does not know the application.", err.Error())
		return
	}
	redirectURI := asked.Get("redirect_uri")
	if !by.redirects(redirectURI) {
		f.say(c, http.StatusBadRequest, "The application wants its answer sent to a place that it did not name before.",
			"The redirect_uri of the request is none of those that the application is known by.")
		return
	}
	login := &loginClaims{
		Client: by.ID, Name: by.Name, RedirectURI: redirectURI, State: asked.Get("state"), Challenge: asked.Get("code_challenge"),
		Scopes: knownScopes(asked.Get("scope")),
	}
	if err := f.checkAuthorize(asked); err != nil {
		f.turnDown(c, login, err)
		return
	}
	sealed, err := f.seal.newLogin(login, loginTTL)
	if err != nil {
		f.log.Error("a login could not be signed", zap.Error(err))
		f.turnDown(c, login, oidc.ErrServerError().WithDescription("the server could not do it: try again"))
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Redirect(http.StatusSeeOther, f.issuer+loginPath+"?"+url.Values{"request": {sealed}}.Encode())
}

var (
	errNoClient  = errors.New("it has no client_id that is known here. Applications that were not used for long are forgotten: remove the connection in the application and add it again")
	errNoURLs    = errors.New("its client_id is a URL, which this server does not take (auth.front.client_id_urls)")
	errTooManyID = errors.New("too many applications were tried from your address: wait a minute, then try again")
)

// known finds the client that a browser comes from.
func (f *Front) known(c *gin.Context, id string) (*client, error) {
	if !documentID(id) {
		by, ok := f.store.client(id)
		if !ok {
			return nil, errNoClient
		}
		return by, nil
	}
	if !f.cfg.ClientIDURLs {
		return nil, errNoURLs
	}
	if d := f.lookups.Allow(c.Request.Context(), f.address(c), 1); !d.OK {
		return nil, errTooManyID
	}
	return f.readers.client(c.Request.Context(), f.address(c), id)
}

// checkAuthorize checks what is told to the client when it is wrong.
func (f *Front) checkAuthorize(asked url.Values) error {
	switch {
	case asked.Has("request"):
		return oidc.ErrRequestNotSupported().WithDescription("send the parameters themselves")
	case asked.Get("response_type") != string(oidc.ResponseTypeCode):
		return &oidc.Error{ErrorType: "unsupported_response_type", Description: "response_type must be code"}
	case asked.Has("response_mode") && asked.Get("response_mode") != string(oidc.ResponseModeQuery):
		return oidc.ErrInvalidRequest().WithDescription("response_mode must be query")
	case asked.Get("code_challenge_method") != string(oidc.CodeChallengeMethodS256):
		return oidc.ErrInvalidRequest().WithDescription("code_challenge_method must be S256")
	case !isChallenge(asked.Get("code_challenge")):
		return oidc.ErrInvalidRequest().WithDescription("code_challenge must be the SHA-256 of code_verifier in base64url")
	case slices.Contains(strings.Fields(asked.Get("prompt")), oidc.PromptNone):
		return oidc.ErrLoginRequired().WithDescription("each authorization needs a login here")
	}
	return f.checkResources(asked["resource"])
}

func isChallenge(text string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == 32
}

// knownScopes are those of a request that could be scopes of this server; the rest is dropped.
func knownScopes(asked string) []string {
	var scopes []string
	for _, scope := range strings.Fields(asked) {
		if config.IsScope(scope) && !slices.Contains(scopes, scope) && len(scopes) < maxScopes {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// back is the URL that brings an answer to the client. The issuer is in every answer, so that a client that knows several servers
// can tell whose it is (RFC 9207, 2).
func (f *Front) back(l *loginClaims, with url.Values) string {
	with.Set("iss", f.issuer)
	if l.State != "" {
		with.Set("state", l.State)
	}
	return withAnswer(l.RedirectURI, with)
}

func (f *Front) answer(c *gin.Context, l *loginClaims, with url.Values) {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "no-referrer")
	c.Redirect(http.StatusSeeOther, f.back(l, with)) // a 307 would send the key on
}

func (f *Front) deny(c *gin.Context, l *loginClaims, err error) {
	f.answer(c, l, wrong(err))
}

func wrong(err error) url.Values {
	e := oidc.DefaultToServerError(err, "the server could not do it")
	return url.Values{"error": {string(e.ErrorType)}, "error_description": {e.Description}}
}

// turnDown tells what is wrong with a request that no person has seen yet. Whoever registers a client chooses where its answers
// go: a browser that came by a link is not sent there unasked, or this server's good name would open doors to anywhere (RFC 9700,
// 4.11.2). So it is sent back where that leads to its own machine or to a client that somebody has logged in by; else its
// person is shown where it would go.
func (f *Front) turnDown(c *gin.Context, l *loginClaims, err error) {
	if staysHere(l.RedirectURI) || f.store.trusted(l.Client) {
		f.deny(c, l, err)
		return
	}
	told := wrong(err)
	f.show(c, http.StatusBadRequest, f.sad, sadPage{
		What: "The application asked for something that this server does not do.", Why: told.Get("error_description"),
		Back: f.back(l, told), To: place(l.RedirectURI),
	})
}
