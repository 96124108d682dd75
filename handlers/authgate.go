package handlers

import (
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// newAuthGate is the gate that asks who calls, as auth.mode has it.
func newAuthGate(o Options, failures *middleware.Limiter, proxies middleware.Proxies) (gin.HandlerFunc, error) {
	auth := middleware.AuthOptions{
		Open: o.Config.Auth.Open(), Loopback: o.Config.Loopback(), Verifiers: o.Verifiers, Failures: failures, Proxies: proxies,
	}
	if o.Config.Auth.Discoverable() {
		known := resources(o.Config)
		auth.Metadata, auth.Scope, auth.Ask = known[0].metadata, mcp.ScopeRead, asked(o.Config.Auth)
		auth.MetadataOf = map[string]string{}
		for _, other := range known[1:] {
			for _, path := range other.paths {
				auth.MetadataOf[o.Config.Server.BasePath+path] = other.metadata
			}
		}
	}
	return middleware.Auth(auth)
}

// asked is what a scope is called where clients ask for it. With auth.jwt.scope_map that is the first word that grants the
// scope, as long as tokens carry it in a claim of scopes: a role or a group is given, and cannot be asked for.
func asked(a config.Auth) func(scope string) string {
	if !a.Has(config.AuthOAuth) || len(a.JWT.ScopeMap) == 0 {
		return nil
	}
	ofScopes := slices.Contains(a.JWT.ScopeClaims, "scope") || slices.Contains(a.JWT.ScopeClaims, "scp")
	return func(scope string) string {
		for _, pair := range a.JWT.ScopeMap {
			if word, granted, _ := strings.Cut(pair, "="); ofScopes && granted == scope {
				return word
			}
		}
		return ""
	}
}
