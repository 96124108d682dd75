package config

import (
	"slices"
	"strings"
	"time"
)

// Auth says who may call.
type Auth struct {
	Mode     []string `yaml:"mode" oneof:"none|keys|jwt|oauth|front" doc:"How callers prove who they are: none lets everyone call who reaches the server; keys asks for an API key; jwt for a token of auth.jwt.issuers; oauth too, and tells clients where to get one; front lets clients that can do OAuth alone log in with an API key. Several may stand together, separated by commas; none stands alone. To listen beyond loopback without auth, none must be written out."`
	KeysFile string   `yaml:"keys_file" doc:"Path of the file of hashed API keys, which toolgate keys writes; needed when auth.mode has keys or front. Only the server's own user should be able to read it. Changes count at once."`
	Resource string   `yaml:"resource" restart:"front" doc:"The URL that tokens are for, as clients know the server; empty is server.public_url and /mcp."`
	JWT      JWT      `yaml:"jwt"`
	Front    Front    `yaml:"front"`
}

// The auth modes.
const (
	AuthNone  = "none"  // everyone is the anonymous principal
	AuthKeys  = "keys"  // API keys, their hashes in Auth.KeysFile
	AuthJWT   = "jwt"   // tokens of the issuers
	AuthOAuth = "oauth" // the same, with OAuth's discovery
	AuthFront = "front" // OAuth's flow, with an API key for a login
)

// JWT says which tokens are taken, for the modes jwt and oauth.
type JWT struct {
	Issuers        []string      `yaml:"issuers" doc:"The issuers whose tokens are taken, exactly as their tokens name them in iss, such as https://login.example.com/realms/acme."`
	JWKSURLs       []string      `yaml:"jwks_urls" doc:"Where an issuer's keys are, ISSUER=URL. An issuer that is not listed is asked by OAuth's and OpenID's discovery."`
	Audiences      []string      `yaml:"audiences" doc:"What tokens may name in aud to be for this server; empty is auth.resource."`
	Algorithms     []string      `yaml:"algorithms" oneof:"RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA" doc:"The signatures taken. There are no others: shared secrets cannot tell who signed."`
	Skew           time.Duration `yaml:"skew" range:"1s..5m" zero:"none" doc:"How far the issuer's clock may be off."`
	PrincipalClaim string        `yaml:"principal_claim" doc:"The claim that tells one caller from another, within its issuer."`
	NameClaim      string        `yaml:"name_claim" doc:"The claim that names a caller in logs and lists, where it is there."`
	ScopeClaims    []string      `yaml:"scope_claims" doc:"The claims that scopes are read from: a list, or words separated by spaces."`
	ScopeMap       []string      `yaml:"scope_map" doc:"What a word of those claims grants, WORD=SCOPE, such as mcp-writers=tools:write; the same word may stand there for several. Empty takes words that are scopes of this server for what they say; a token that grants nothing may do nothing."`
	CAFile         string        `yaml:"ca_file" doc:"PEM file of the authorities that may sign the issuers' certificates; empty is those of the system."`
	Timeout        time.Duration `yaml:"timeout" range:"1s..1m" doc:"How long one request to an issuer may take."`
}

// Front is the small OAuth server in front of API keys.
type Front struct {
	TokenTTL     time.Duration `yaml:"token_ttl" restart:"yes" range:"1m..24h" doc:"How long an access token is good for."`
	RefreshTTL   time.Duration `yaml:"refresh_ttl" restart:"yes" range:"1h..8760h" doc:"How long a client may stay away and still come back without a login."`
	StateFile    string        `yaml:"state_file" restart:"yes" doc:"File that keeps registered clients, logins and the signing key over a restart. Empty keeps them in memory: after a restart every client logs in anew."`
	Clients      int           `yaml:"clients" restart:"yes" range:"1..100000" doc:"Clients that may register themselves; beyond, those unused for longest are forgotten."`
	ClientIDURLs bool          `yaml:"client_id_urls" restart:"yes" doc:"Take clients whose id is the URL of a document that describes them, which is then fetched."`
	PrivateHosts []string      `yaml:"private_hosts" restart:"yes" doc:"Hosts that such documents are fetched from though their addresses are private: HOST, or HOST:PORT."`
}

func defaultAuth() Auth {
	return Auth{
		Mode: []string{AuthNone},
		JWT: JWT{
			Algorithms: []string{"RS256", "PS256", "ES256", "EdDSA"}, Skew: 30 * time.Second, PrincipalClaim: "sub", NameClaim: "name",
			ScopeClaims: []string{"scope", "scp"}, Timeout: 5 * time.Second,
		},
		Front: Front{TokenTTL: 10 * time.Minute, RefreshTTL: 30 * 24 * time.Hour, Clients: 1000, ClientIDURLs: true},
	}
}

// Has says whether a mode is among those in force.
func (a Auth) Has(mode string) bool { return slices.Contains(a.Mode, mode) }

// Open says that nobody is asked who calls.
func (a Auth) Open() bool { return len(a.Mode) == 1 && a.Mode[0] == AuthNone }

// UsesKeys says whether callers' API keys are looked up.
func (a Auth) UsesKeys() bool { return a.Has(AuthKeys) || a.Has(AuthFront) }

// UsesTokens says whether tokens of the issuers are taken.
func (a Auth) UsesTokens() bool { return a.Has(AuthJWT) || a.Has(AuthOAuth) }

// Discoverable says whether clients are told by OAuth's documents where to get a token.
func (a Auth) Discoverable() bool { return a.Has(AuthOAuth) || a.Has(AuthFront) }

// ResourceURL is what tokens are for: auth.resource, else the public URL of /mcp; empty where neither is known.
func (c Config) ResourceURL() string {
	switch {
	case c.Auth.Resource != "":
		return c.Auth.Resource
	case c.Server.PublicURL != "":
		return c.Server.PublicURL + "/mcp"
	}
	return ""
}

// Issuer is the front's name for itself: the public URL.
func (c Config) Issuer() string { return strings.TrimSuffix(c.Server.PublicURL, "/") }

// Balanced says whether something in front of the server may send clients elsewhere when it stops.
func (c Config) Balanced() bool { return c.Server.PublicURL != "" || !c.Loopback() }
