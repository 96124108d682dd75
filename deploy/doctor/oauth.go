package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	resourceDocument = "/.well-known/oauth-protected-resource"
	maxServers       = 4 // authorization servers that are asked
)

// unnamedMetadata looks for the resource metadata where clients look that were not told (RFC 9728, 3.1).
func (p *probe) unnamedMetadata(ctx context.Context) (string, bool) {
	for _, at := range []string{p.target.origin + resourceDocument + p.target.prefix + "/mcp", p.target.origin + resourceDocument} {
		if a, err := p.ask(ctx, query{method: http.MethodGet, url: at, anonymous: true}); err == nil && a.status == http.StatusOK && a.json() {
			return at, true
		}
	}
	return "", false
}

// resourceMetadata follows the chain that a client follows: the document, the resource it is of, its authorization servers.
func (p *probe) resourceMetadata(ctx context.Context, s *sheet, at string) {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		s.fault("metadata-url", because("clients take it as it stands", "toolgate.yaml: server.public_url: "+p.target.base), "the challenge names the resource metadata %s, which is no URL", quoted(at))
		return
	}
	if u.Scheme != "https" && p.target.secure {
		s.fault("metadata-url", because("the server does not know that its clients come by https", "toolgate.yaml: server.public_url: "+p.target.base,
			"nginx: proxy_set_header X-Forwarded-Proto $scheme;"), "the challenge names the resource metadata %s, which is not https", quoted(at))
	}
	a, err := p.ask(ctx, query{method: http.MethodGet, url: at, anonymous: true})
	var document struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
	}
	switch {
	case err != nil:
		s.fault("metadata-unreachable", because(lastOf(err), "toolgate.yaml: server.public_url: "+p.target.base), "the resource metadata at %s is not answered", quoted(at))
		return
	case a.status != http.StatusOK || json.Unmarshal(a.body, &document) != nil:
		s.fault("metadata-unreachable", because("the proxy does not pass the path on, or something before the server asks who reads it",
			"nginx: location /.well-known/ { proxy_pass http://127.0.0.1:3002; auth_basic off; auth_request off; }"),
			"the resource metadata at %s is answered %s", quoted(at), a.made())
		return
	}
	if want := p.door.mcp.url; !sameResource(document.Resource, want) {
		s.fault("resource-mismatch", because("clients ask for a token for the URL they were given and refuse another", "toolgate.yaml: auth.resource: "+want,
			"toolgate.yaml: server.public_url: "+p.target.base), "the resource metadata is of %s, not of %s", quoted(document.Resource), want)
	} else {
		s.ok("metadata", "the resource metadata is of %s", want)
	}
	if len(document.Servers) == 0 {
		s.fault("metadata-servers", because("clients do not learn where to get a token", "toolgate.yaml: auth.jwt.issuers: [https://login.example.com]"), "the resource metadata names no authorization server")
	}
	for i, issuer := range document.Servers {
		if i == maxServers {
			s.info("metadata", "%d authorization servers more were not asked", len(document.Servers)-i)
			break
		}
		p.authorizationServer(ctx, s, issuer)
	}
}

// sameResource compares as clients do: by scheme, host and path, letters of the first two in any case.
func sameResource(a, b string) bool {
	x, err1 := url.Parse(a)
	y, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && strings.EqualFold(x.Scheme, y.Scheme) && strings.EqualFold(x.Hostname(), y.Hostname()) && portOf(x) == portOf(y) &&
		strings.TrimSuffix(x.EscapedPath(), "/") == strings.TrimSuffix(y.EscapedPath(), "/")
}

// serverMetadata is what clients need of an authorization server (RFC 8414, 2).
type serverMetadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Registration  string   `json:"registration_endpoint"`
	Documents     bool     `json:"client_id_metadata_document_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
}

// authorizationServer reads the metadata where clients do, RFC 8414 first.
func (p *probe) authorizationServer(ctx context.Context, s *sheet, issuer string) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		s.fault("issuer-url", because("clients take it as it stands", "toolgate.yaml: auth.jwt.issuers"), "the authorization server %s is no URL", quoted(issuer))
		return
	}
	origin, path := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	var m serverMetadata
	found := false
	for _, at := range []string{
		origin + "/.well-known/oauth-authorization-server" + path, origin + "/.well-known/openid-configuration" + path, origin + path + "/.well-known/openid-configuration",
	} {
		a, err := p.ask(ctx, query{method: http.MethodGet, url: at, anonymous: true})
		if err == nil && a.status == http.StatusOK && json.Unmarshal(a.body, &m) == nil && m.Issuer != "" {
			found = true
			break
		}
	}
	switch {
	case !found:
		s.fault("issuer-unreachable", because("clients read its metadata before they send anybody to log in", "toolgate.yaml: auth.jwt.issuers, exactly as the tokens name it in iss",
			"nginx: location /.well-known/ { proxy_pass http://127.0.0.1:3002; }, where auth.mode is front"), "the authorization server %s publishes no metadata that can be read", quoted(issuer))
		return
	case m.Issuer != issuer && m.Issuer != strings.TrimSuffix(issuer, "/"):
		s.fault("issuer-mismatch", because("clients compare the two and stop (RFC 8414, 3.3)", "toolgate.yaml: auth.jwt.issuers: ["+m.Issuer+"]"), "the authorization server %s calls itself %s", quoted(issuer), quoted(m.Issuer))
	case m.Authorization == "" || m.Token == "":
		s.fault("issuer-endpoints", because("clients have nowhere to send anybody to", "the authorization server: its metadata"), "the metadata of %s has no authorization_endpoint or no token_endpoint", quoted(issuer))
	}
	if !slices.Contains(m.Challenges, "S256") {
		s.fault("issuer-pkce", because("clients must refuse to go on (2025-06-18, authorization)", "the authorization server: code_challenge_methods_supported with S256"), "the metadata of %s does not publish PKCE with S256", quoted(issuer))
	}
	if m.Registration == "" && !m.Documents {
		s.warn("issuer-registration", because("each client has to be entered there by hand, and has to be told its id", "the authorization server: allow dynamic client registration"), "clients cannot register themselves at %s", quoted(issuer))
	}
	if !s.has("issuer-mismatch") && !s.has("issuer-endpoints") && !s.has("issuer-pkce") {
		s.ok("issuer", "the authorization server %s publishes its metadata, PKCE with S256 in it", quoted(issuer))
	}
}
