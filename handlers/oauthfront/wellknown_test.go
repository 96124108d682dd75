package oauthfront

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"toolgate/config"
)

func TestMetadataSaysWhatClientsNeed(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{serverDocument, openIDDocument} {
		got := w.do(http.MethodGet, path, "")
		m := decode[map[string]any](t, got)
		for name, want := range map[string]any{
			"issuer":                                         publicURL,
			"authorization_endpoint":                         publicURL + "/oauth/authorize",
			"token_endpoint":                                 publicURL + "/oauth/token",
			"registration_endpoint":                          publicURL + "/oauth/register",
			"revocation_endpoint":                            publicURL + "/oauth/revoke",
			"code_challenge_methods_supported":               []any{"S256"},
			"response_types_supported":                       []any{"code"},
			"grant_types_supported":                          []any{"authorization_code", "refresh_token"},
			"token_endpoint_auth_methods_supported":          []any{"none"},
			"scopes_supported":                               []any{"tools:read", "tools:write"},
			"authorization_response_iss_parameter_supported": true,
			"client_id_metadata_document_supported":          true,
		} {
			if !same(m[name], want) {
				t.Errorf("%s: %s is %v, want %v", path, name, m[name], want)
			}
		}
	}
	m := decode[map[string]any](t, w.do(http.MethodGet, openIDDocument, ""))
	for _, name := range []string{"jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		if m[name] == nil {
			t.Errorf("OpenID's document lacks %s, which its readers demand", name)
		}
	}
	if got := w.do(http.MethodGet, keysPath, ""); got.Body.String() != `{"keys":[]}` {
		t.Errorf("the key set is %s, want an empty one", got.Body)
	}
}

func TestDocumentsOfClientsCanBeTurnedOff(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Auth.Front.ClientIDURLs = false })
	if m := decode[map[string]any](t, w.do(http.MethodGet, serverDocument, "")); m["client_id_metadata_document_supported"] != nil {
		t.Errorf("the metadata says %v of client documents, want nothing", m["client_id_metadata_document_supported"])
	}
	if got := w.ask(request("https://client.example.com/oauth.json")); got.Code != http.StatusBadRequest {
		t.Errorf("such a client: got %d, want 400", got.Code)
	}
}

func same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && slices.Equal(x, y)
}

// The documents are where the standards have them, whatever the server's own paths are.
func TestMetadataIsWhereClientsLook(t *testing.T) {
	for name, test := range map[string]struct {
		public, base string
		want         []string
	}{
		"at the root":                    {publicURL, "", []string{serverDocument, openIDDocument}},
		"below a path":                   {publicURL + "/a/b", "/a/b", []string{serverDocument, serverDocument + "/a/b", openIDDocument, openIDDocument + "/a/b", "/a/b" + openIDDocument, "/a/b" + serverDocument}},
		"a path that the proxy cuts off": {publicURL + "/gate", "", []string{serverDocument, serverDocument + "/gate", openIDDocument, openIDDocument + "/gate"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *config.Config) { c.Server.PublicURL, c.Server.BasePath = test.public, test.base })
			for _, path := range test.want {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					if got := w.do(method, path, ""); got.Code != http.StatusOK {
						t.Errorf("%s %s: got %d, want 200", method, path, got.Code)
					}
				}
				if m := decode[map[string]any](t, w.do(http.MethodGet, path, "")); m["issuer"] != test.public || m["token_endpoint"] != test.public+tokenPath {
					t.Errorf("GET %s: got the issuer %v with tokens at %v, want %s", path, m["issuer"], m["token_endpoint"], test.public)
				}
			}
			if _, got := w.given(); w.works(got.Access) != w.keyID {
				t.Errorf("a login there: got %+v, want a token that works", got)
			}
		})
	}
}
