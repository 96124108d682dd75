package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// auth checks how callers prove who they are, and that nobody is let in by an oversight.
func (v *validator) auth() {
	a := v.cfg.Auth
	_, written := v.origin["auth.mode"]
	for _, unused := range []struct {
		key      string
		set, use bool
		mode     string
	}{
		{"auth.keys_file", a.KeysFile != "", a.UsesKeys(), AuthKeys},
		{"auth.jwt.issuers", len(a.JWT.Issuers) > 0, a.UsesTokens(), "jwt or oauth"},
		{"auth.front.state_file", a.Front.StateFile != "", a.Has(AuthFront), AuthFront},
	} {
		if unused.set && !unused.use && !(written && a.Open()) {
			v.check(unused.key, fmt.Errorf("it is not used unless auth.mode has %s: set it, or write auth.mode: none", unused.mode))
		}
	}
	if a.Open() {
		if !written && a.KeysFile == "" && !v.cfg.Loopback() && checkHost(v.cfg.Server.Host) == nil {
			v.check("server.host", fmt.Errorf("others can reach %s, and calls need no key: set auth.mode: keys and auth.keys_file, "+
				"or write auth.mode: none to let everyone in", v.cfg.Server.Host))
		}
		return
	}
	if a.Has(AuthNone) {
		v.check("auth.mode", errors.New("none stands alone: with it nobody would be asked for anything else"))
	}
	if a.UsesKeys() {
		if a.KeysFile == "" {
			v.check("auth.keys_file", errors.New("auth.mode needs the path of the key file: toolgate keys new makes one"))
		} else {
			v.keysFile(a.KeysFile)
		}
	}
	if a.UsesTokens() {
		v.jwt(a.JWT)
	}
	if a.Discoverable() {
		v.discovery()
	}
}

// jwt checks which tokens are taken.
func (v *validator) jwt(j JWT) {
	if len(j.Issuers) == 0 {
		v.check("auth.jwt.issuers", errors.New("auth.mode needs the issuer whose tokens are taken, as they name it in iss"))
	}
	v.each("auth.jwt.issuers", j.Issuers, checkFarURL)
	for _, pair := range j.JWKSURLs {
		issuer, location, ok := j.cutPair(pair)
		if !ok {
			v.check("auth.jwt.jwks_urls", fmt.Errorf("%q is not ISSUER=URL with an issuer of auth.jwt.issuers", pair))
			continue
		}
		if err := checkFarURL(location); err != nil {
			v.check("auth.jwt.jwks_urls", fmt.Errorf("the keys of %s: %w", issuer, err))
		}
	}
	if len(j.Audiences) == 0 && v.cfg.ResourceURL() == "" {
		v.check("auth.jwt.audiences", errors.New("nothing says which tokens are for this server: set server.public_url, auth.resource or auth.jwt.audiences"))
	}
	v.check("auth.jwt.principal_claim", checkClaim(j.PrincipalClaim))
	for _, pair := range j.ScopeMap {
		word, scope, found := strings.Cut(pair, "=")
		if !found || word == "" || !IsScope(scope) {
			v.check("auth.jwt.scope_map", fmt.Errorf("%q is not WORD=SCOPE with a scope of this server, such as mcp-writers=tools:write", pair))
		}
	}
	if j.CAFile != "" {
		_, err := statFile(j.CAFile)
		v.check("auth.jwt.ca_file", err)
	}
}

// discovery checks what clients are told about themselves and this server.
func (v *validator) discovery() {
	resource := v.cfg.ResourceURL()
	switch {
	case v.cfg.Auth.Has(AuthFront) && v.cfg.Server.PublicURL == "":
		v.check("server.public_url", errors.New("auth.mode: front needs the URL that browsers reach this server by"))
	case resource == "":
		v.check("auth.resource", errors.New("auth.mode: oauth needs the URL that clients know this server by: set server.public_url, or this"))
	default:
		v.check("auth.resource", checkFarURL(resource))
	}
}

// checkFarURL accepts an https URL, or an http one of this machine, without a query, a fragment or a user.
func checkFarURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("it is no URL: write it as https://login.example.com/realm")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return fmt.Errorf("%s may have no user, query or fragment", u.Redacted())
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%s must start with https://, or with http:// on this machine alone", u.Redacted())
}

func checkClaim(name string) error {
	if name == "" {
		return errors.New("it is empty: sub is the usual one")
	}
	return nil
}

// cutPair splits ISSUER=URL at the issuer, which may have signs of equality of its own.
func (j JWT) cutPair(pair string) (issuer, location string, ok bool) {
	for _, issuer := range j.Issuers {
		if rest, found := strings.CutPrefix(pair, issuer+"="); found {
			return issuer, rest, true
		}
	}
	return "", "", false
}

// KeysURL is where an issuer's keys are; empty where discovery has to say.
func (j JWT) KeysURL(issuer string) string {
	for _, pair := range j.JWKSURLs {
		if of, location, ok := j.cutPair(pair); ok && of == issuer {
			return location
		}
	}
	return ""
}

// Grants lists what a word of a scope claim grants.
func (j JWT) Grants(word string) []string {
	if len(j.ScopeMap) == 0 {
		if IsScope(word) {
			return []string{word}
		}
		return nil
	}
	var scopes []string
	for _, pair := range j.ScopeMap {
		if from, scope, _ := strings.Cut(pair, "="); from == word && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}
