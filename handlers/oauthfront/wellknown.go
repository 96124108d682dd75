package oauthfront

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"toolgate/mcp"
)

const documentLife = "max-age=300" // seconds, so that a changed configuration is seen soon

// serverMetadata is what clients read before they ask for anything (RFC 8414, 2).
type serverMetadata struct {
	oidc.DiscoveryConfiguration
	ResponseIssuer  bool `json:"authorization_response_iss_parameter_supported"`  // RFC 9207, 3
	ClientDocuments bool `json:"client_id_metadata_document_supported,omitempty"` // OAuth Client ID Metadata Document, 5
}

func (f *Front) metadata() serverMetadata {
	return serverMetadata{
		DiscoveryConfiguration: oidc.DiscoveryConfiguration{
			Issuer:                                 f.issuer,
			AuthorizationEndpoint:                  f.issuer + authorizePath,
			TokenEndpoint:                          f.issuer + tokenPath,
			RevocationEndpoint:                     f.issuer + revokePath,
			RegistrationEndpoint:                   f.issuer + registerPath,
			ScopesSupported:                        []string{mcp.ScopeRead, mcp.ScopeWrite}, // what a client should ask for; admin is had by asking
			ResponseTypesSupported:                 []string{string(oidc.ResponseTypeCode)},
			ResponseModesSupported:                 []string{string(oidc.ResponseModeQuery)},
			GrantTypesSupported:                    []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken},
			TokenEndpointAuthMethodsSupported:      []oidc.AuthMethod{oidc.AuthMethodNone},
			RevocationEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodNone},
			CodeChallengeMethodsSupported:          []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
		},
		ResponseIssuer: true, ClientDocuments: f.cfg.ClientIDURLs,
	}
}

func (f *Front) showServer(c *gin.Context) {
	c.Header("Cache-Control", documentLife)
	c.JSON(http.StatusOK, f.metadata())
}

// showOpenID answers clients that know OpenID's discovery alone, with the fields that it demands (OpenID Connect Discovery, 3).
// There are no ID tokens here: openid is no scope of this server, and the key set is empty.
func (f *Front) showOpenID(c *gin.Context) {
	m := f.metadata()
	m.JwksURI = f.issuer + keysPath
	m.SubjectTypesSupported = []string{"public"}
	m.IDTokenSigningAlgValuesSupported = []string{"RS256"}
	c.Header("Cache-Control", documentLife)
	c.JSON(http.StatusOK, m)
}

// showKeys is the empty key set: nobody but this server reads its tokens.
func (f *Front) showKeys(c *gin.Context) {
	c.Header("Cache-Control", documentLife)
	c.JSON(http.StatusOK, gin.H{"keys": []string{}})
}
