package middleware

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

// realm is all that a challenge has to say where no document tells how to get a credential.
const realm = `realm="toolgate"`

// challenge is what WWW-Authenticate tells a client whose credential is missing, wrong or not enough: one Bearer challenge on
// one line (RFC 6750, 3), which names the resource's metadata where there is some (RFC 9728, 5.1). The zero challenge names a
// realm alone.
type challenge struct {
	metadata string                    // URL; empty where clients cannot find out by themselves how to get a credential
	scope    string                    // that a client should begin with
	ask      func(scope string) string // what a scope is called where clients ask for it; nil: what we call it
}

type challengeKey struct{}

// challengeFrom is the challenge that the Auth gate prepared for the request.
func challengeFrom(c *gin.Context) challenge {
	prepared, _ := c.Get(challengeKey{})
	ch, _ := prepared.(challenge)
	return ch
}

// challenge is the challenge to a request for path.
func (o AuthOptions) challenge(r *http.Request) challenge {
	ch := challenge{metadata: o.Metadata, scope: o.Scope, ask: o.Ask}
	if other, ok := o.MetadataOf[r.URL.Path]; ok {
		ch.metadata = other
	}
	return ch
}

// needed is the challenge to a request without a credential that could be looked at. Nothing was wrong with it, so there is no
// error in it (RFC 6750, 3.1).
func (ch challenge) needed() string {
	if ch.metadata == "" {
		return bearer(realm)
	}
	return bearer(param("resource_metadata", ch.metadata), param("scope", ch.words(ch.scope)))
}

// invalid is the challenge to a credential that is not good.
func (ch challenge) invalid(description string) string {
	return ch.needed() + ", " + param("error", "invalid_token") + ", " + param("error_description", description)
}

// malformed is the challenge to a request whose credentials cannot be told apart.
func (ch challenge) malformed() string {
	if ch.metadata == "" {
		return bearer(realm, param("error", "invalid_request"))
	}
	return bearer(param("error", "invalid_request"))
}

// insufficient is the challenge to a good credential without the scopes of this request. It names all of them at once, and
// with metadata those that the credential has too: clients that ask for exactly what they are told keep what they had.
func (ch challenge) insufficient(held, lacking []string, description string) string {
	if ch.metadata == "" {
		return bearer(realm, param("error", "insufficient_scope"), param("scope", strings.Join(lacking, " ")))
	}
	all := slices.Clone(lacking)
	for _, scope := range held {
		if contained := (&mcp.Principal{Scopes: lacking}).Can(scope); !contained {
			all = append(all, scope)
		}
	}
	slices.Sort(all)
	return bearer(param("error", "insufficient_scope"), param("scope", ch.words(all...)),
		param("resource_metadata", ch.metadata), param("error_description", description))
}

// words are scopes as clients ask for them, those left out that no client can ask for.
func (ch challenge) words(scopes ...string) string {
	var words []string
	for _, scope := range scopes {
		if ch.ask != nil {
			scope = ch.ask(scope)
		}
		if scope != "" && !slices.Contains(words, scope) {
			words = append(words, scope)
		}
	}
	return strings.Join(words, " ")
}

// bearer joins the parameters that say something.
func bearer(params ...string) string {
	said := slices.DeleteFunc(params, func(p string) bool { return p == "" })
	return "Bearer " + strings.Join(said, ", ")
}

// param is name="value", value escaped as a quoted string (RFC 9110, 5.6.4), what no header may hold left out; nothing where
// there is no value.
func param(name, value string) string {
	if value == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(name + `="`)
	for _, c := range []byte(value) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c <= '~':
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// challengeWith sets the header.
func challengeWith(c *gin.Context, value string) { c.Header("WWW-Authenticate", value) }

// LacksScopes challenges the client to come back with the scopes that its request needs and its credential lacks, all at
// once, and is the refusal to answer with. It stands after Auth.
func LacksScopes(c *gin.Context, lacking ...string) *Refusal {
	var held []string
	if p := PrincipalFrom(c.Request.Context()); p != nil {
		held = p.Scopes
	}
	message := "this needs the scope " + strings.Join(lacking, " and the scope ") + ", which the credential does not have"
	challengeWith(c, challengeFrom(c).insufficient(held, lacking, message))
	return refusef(MissingScope, "%s", message)
}
