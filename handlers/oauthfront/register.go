package oauthfront

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"toolgate/middleware"
)

// registered answers a registration (RFC 7591, 3.2.1): what was kept, which may be less than what was said.
type registered struct {
	ID            string           `json:"client_id"`
	IssuedAt      int64            `json:"client_id_issued_at"`
	Name          string           `json:"client_name,omitempty"`
	RedirectURIs  []string         `json:"redirect_uris"`
	GrantTypes    []oidc.GrantType `json:"grant_types"`
	ResponseTypes []string         `json:"response_types"`
	AuthMethod    oidc.AuthMethod  `json:"token_endpoint_auth_method"`
}

// registrationError is a refusal (RFC 7591, 3.2.2).
type registrationError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// register is POST /oauth/register (RFC 7591). Whatever a client asks for, it becomes a public one: a secret that every copy of a
// program has is none.
func (f *Front) register(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if d := f.registrations.Allow(c.Request.Context(), f.address(c), 1); !d.OK {
		middleware.Refuse(c, d.Refusal())
		return
	}
	m, err := readMetadata(c.Request, c.Writer)
	var by *client
	if err == nil {
		by, err = m.client("")
	}
	if err != nil {
		refusal := registrationError{"invalid_client_metadata", err.Error()}
		if errors.Is(err, errRedirectURIs) {
			refusal.Error = "invalid_redirect_uri"
		}
		c.JSON(http.StatusBadRequest, refusal)
		return
	}
	kept := f.store.register(*by)
	c.JSON(http.StatusCreated, registered{
		ID: kept.ID, IssuedAt: kept.Created.Unix(), Name: kept.Name, RedirectURIs: kept.RedirectURIs,
		GrantTypes:    []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken},
		ResponseTypes: []string{string(oidc.ResponseTypeCode)}, AuthMethod: oidc.AuthMethodNone,
	})
}

func readMetadata(r *http.Request, w http.ResponseWriter) (metadata, error) {
	var m metadata
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return m, errors.New("send the client's metadata as application/json")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxClientBody))
	if err != nil {
		return m, errors.New("the body ends early, or is larger than 16 KiB")
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, errors.New("the body is no JSON object of client metadata")
	}
	return m, nil
}
