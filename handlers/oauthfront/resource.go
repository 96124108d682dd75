package oauthfront

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"toolgate/middleware"
)

// resourceNames are what clients may call the resource that tokens are for: the URLs that clients connect to, their origin, and
// the server's URL.
func resourceNames(resource, issuer string) ([]string, error) {
	names := middleware.Resources(resource)
	if names == nil {
		return nil, errors.New("nothing says what tokens are for")
	}
	u, err := url.Parse(names[0])
	if err != nil {
		return nil, err
	}
	return append(names, u.Scheme+"://"+u.Host, middleware.Resources(issuer)[0]), nil
}

// checkResources refuses requests for tokens that are for somebody else (RFC 8707, 2). Clients of 2025-03-26 name none.
func (f *Front) checkResources(asked []string) error {
	for _, text := range asked {
		if text == "" || strings.Contains(text, "#") || !slices.Contains(f.resources, middleware.Resources(text)[0]) {
			return oidc.ErrInvalidTarget().WithDescription("tokens of this server are for %s alone", f.resource)
		}
	}
	return nil
}

// checkOnce refuses parameters that are there twice (OAuth 2.1, 3.1 and 3.2): two readers could take one each.
func checkOnce(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return errors.New("a parameter is there twice")
		}
	}
	return nil
}
