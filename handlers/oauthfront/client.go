package oauthfront

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	maxRedirectURIs  = 10       // of one client
	maxRedirectBytes = 4 << 10  // of all of them together: strangers' text that is kept
	maxClientName    = 80       // runes, so that the page stays readable
	maxClientBody    = 16 << 10 // bytes of a registration
	clientOverhead   = 160      // bytes in the state file, beside the texts
)

// client is an application that may ask people to log in. All are public: none has a secret (OAuth 2.1, 2.1).
type client struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"` // what it calls itself; nobody vouches for it
	RedirectURIs []string  `json:"redirect_uris"`
	Created      time.Time `json:"created"`
	Used         bool      `json:"used"` // somebody logged in by it
}

// metadata is what a client says of itself (RFC 7591, 2), as far as it matters here; the rest is not read.
type metadata struct {
	RedirectURIs  []string `json:"redirect_uris"`
	Name          string   `json:"client_name"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
}

var errRedirectURIs = errors.New("redirect_uris")

// client checks what is said, and keeps what matters. The error says what to change; it is errRedirectURIs where that is
// about them.
func (m metadata) client(id string) (*client, error) {
	switch {
	case len(m.RedirectURIs) == 0:
		return nil, fmt.Errorf("%w: at least one is needed", errRedirectURIs)
	case len(m.RedirectURIs) > maxRedirectURIs:
		return nil, fmt.Errorf("%w: %d at most", errRedirectURIs, maxRedirectURIs)
	case len(m.GrantTypes) > 0 && !slices.Contains(m.GrantTypes, string(oidc.GrantTypeCode)):
		return nil, errors.New("grant_types: authorization_code is what this server gives, and refresh_token with it")
	case len(m.ResponseTypes) > 0 && !slices.Contains(m.ResponseTypes, string(oidc.ResponseTypeCode)):
		return nil, errors.New("response_types: code is what this server gives")
	}
	total := 0
	for i, uri := range m.RedirectURIs {
		if err := checkRedirectURI(uri); err != nil {
			return nil, fmt.Errorf("%w: the URI at %d is not taken: %w", errRedirectURIs, i+1, err)
		}
		if total += len(uri); total > maxRedirectBytes {
			return nil, fmt.Errorf("%w: %d bytes at most, all together", errRedirectURIs, maxRedirectBytes)
		}
	}
	return &client{ID: id, Name: plainName(m.Name), RedirectURIs: slices.Clone(m.RedirectURIs), Created: time.Now().UTC()}, nil
}

// size is at least how many bytes of the state file a client takes.
func (c *client) size() int {
	total := clientOverhead + len(c.ID) + 2*len(c.Name) // quotation marks and backslashes are escaped
	for _, uri := range c.RedirectURIs {
		total += len(uri) + len(`"",`)
	}
	return total
}

// redirects says whether answers may go to a URI.
func (c *client) redirects(uri string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool { return sameRedirectURI(registered, uri) })
}

// plainName takes from a name what could pretend to be something else on a page: characters that are not seen, turn the
// direction of writing, or end a line.
func plainName(name string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	runes := []rune(strings.Join(strings.Fields(plain), " "))
	return string(runes[:min(len(runes), maxClientName)])
}

// documentID says whether a client's id is the URL of its document: https, with a path, and nothing that two readers could
// take for two places (OAuth Client ID Metadata Document, 3).
func documentID(id string) bool {
	u, err := parseRedirectURI(id)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Path == "" || u.Path == "/" || u.RawQuery != "" || u.ForceQuery {
		return false
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return u.String() == id && strings.ToLower(u.Host) == u.Host
}

// documentHost is who vouches for the client with such an id: the host of its document.
func documentHost(id string) string {
	if !documentID(id) {
		return ""
	}
	u, err := url.Parse(id)
	if err != nil { // documentID has parsed it
		return ""
	}
	return u.Host
}

// publicClient is a client as the library wants to know it.
type publicClient struct{ id string }

var _ op.Client = publicClient{}

func (c publicClient) GetID() string                       { return c.id }
func (c publicClient) RedirectURIs() []string              { return nil } // they are checked before a code is given
func (c publicClient) PostLogoutRedirectURIs() []string    { return nil }
func (c publicClient) ApplicationType() op.ApplicationType { return op.ApplicationTypeNative }
func (c publicClient) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodNone }
func (c publicClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c publicClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}
func (c publicClient) LoginURL(string) string              { return "" }
func (c publicClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (c publicClient) IDTokenLifetime() time.Duration      { return 0 }
func (c publicClient) DevMode() bool                       { return false }
func (c publicClient) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return slices.Clone[[]string]
}

func (c publicClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return slices.Clone[[]string]
}
func (c publicClient) IsScopeAllowed(string) bool           { return true }
func (c publicClient) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c publicClient) ClockSkew() time.Duration             { return 0 }
