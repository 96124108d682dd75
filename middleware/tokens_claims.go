package middleware

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"toolgate/config"
	"toolgate/mcp"
)

const (
	maxSubject     = 256 // bytes of the claim that tells callers apart: longer ones are no names
	maxCallerName  = 128 // bytes of a name that logs and lists show
	maxScopeWords  = 512 // words of the scope claims that are looked at: people can be in many groups
	issuerIDLength = 4   // bytes of an issuer's hash in a principal's id: enough to tell a handful of issuers apart
)

// principalOf is who a verified token speaks for. Its id holds the issuer's hash, so that nobody is somebody else by having
// the same name with another issuer.
func principalOf(j config.JWT, issuer string, claims jwt.MapClaims) (*mcp.Principal, error) {
	subject, _ := claimOf(claims, j.PrincipalClaim).(string)
	if subject == "" || len(subject) > maxSubject || !plainText(subject) {
		return nil, fmt.Errorf("%w: its claim %s names nobody", ErrNotValid, j.PrincipalClaim)
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil { // the parser has looked
		return nil, fmt.Errorf("%w: it never expires", ErrNotValid)
	}
	sum := sha256.Sum256([]byte(issuer))
	return &mcp.Principal{
		ID:      "jwt:" + hex.EncodeToString(sum[:issuerIDLength]) + ":" + subject,
		Name:    callerName(claims, j.NameClaim, subject),
		Scopes:  granted(j, claims),
		Expires: expires.Add(j.Skew),
	}, nil
}

// callerName is the first claim that looks like a name.
func callerName(claims jwt.MapClaims, first, subject string) string {
	for _, claim := range []string{first, "preferred_username", "email"} {
		if name, _ := claimOf(claims, claim).(string); name != "" && len(name) <= maxCallerName && plainText(name) {
			return name
		}
	}
	for len(subject) > maxCallerName || !utf8.ValidString(subject) {
		subject = subject[:len(subject)-1]
	}
	return subject
}

// granted is what the scope claims give here. Words that mean nothing here are passed over.
func granted(j config.JWT, claims jwt.MapClaims) []string {
	var scopes []string
	left := maxScopeWords
	for _, claim := range j.ScopeClaims {
		for _, text := range stringsOf(claimOf(claims, claim)) {
			for word := range strings.FieldsSeq(text) {
				if left--; left < 0 {
					return scopes
				}
				for _, scope := range j.Grants(word) {
					if !slices.Contains(scopes, scope) {
						scopes = append(scopes, scope)
					}
				}
			}
		}
	}
	return scopes
}

// claimOf is a claim by its name, or by the way to it, such as realm_access.roles; nil where there is none.
func claimOf(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok || name == "" {
		return value
	}
	outer, inner, ok := strings.Cut(name, ".")
	within, is := claims[outer].(map[string]any)
	if !ok || !is {
		return nil
	}
	return claimOf(within, inner)
}

// stringsOf is a claim that is a text or a list of texts.
func stringsOf(claim any) []string {
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		var texts []string
		for _, one := range claim {
			if text, ok := one.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}

// plainText says whether a text can stand in a log, a header and a list without doing anything there.
func plainText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
