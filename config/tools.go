package config

import (
	"net/textproto"
	"strings"
	"time"
)

// Tools says which tools are offered, and what holds for all of them.
type Tools struct {
	Toolsets      []string `yaml:"toolsets" doc:"The packs of tools to offer. The default is every pack that is configured."`
	ReadOnly      bool     `yaml:"read_only" doc:"Leave out every tool that changes something, whatever tools.enable_writes says."`
	EnableWrites  []string `yaml:"enable_writes" doc:"Names of the tools that may change something; every other such tool is left out."`
	NamePrefix    string   `yaml:"name_prefix" restart:"yes" doc:"Text before the name of every tool, such as acme_, where clients use several servers whose tools have the same names."`
	Confirm       Confirm  `yaml:"confirm" oneof:"destructive|writes|never" doc:"Which tools wait for a person's yes: those that may destroy something, all that change something, or none. Clients that can ask the person are asked; others must send the argument confirm: true."`
	ResultTokens  int      `yaml:"result_tokens" range:"256..1000000" zero:"limits.result alone" doc:"Largest result of one call in tokens, of 4 bytes each, for tools whose data comes from elsewhere; what is left over is fetched by another call. limits.result holds too."`
	Untrusted     Cleaning `yaml:"untrusted_text" oneof:"keep|escape|strip" doc:"What happens to control characters and to characters that are not seen or that turn the direction of text, in results from elsewhere: they stay, are written as \\u escapes, or are taken out."`
	CallerHeaders []string `yaml:"caller_headers" doc:"HEADER=NAME pairs: the request headers in which a caller may bring a credential of its own, and the name under which tools.http asks for it (caller: NAME)."`
	Policy        Tree     `yaml:"policy" doc:"By the name of a tool or toolset, what holds for it: timeout, concurrency, rate, cache_ttl, scope, result_tokens, confirm. See docs/tools.md."`

	Directory Directory `yaml:"directory"`
	Jira      Jira      `yaml:"jira"`
	GitHub    GitHub    `yaml:"github"`
	HTTP      Tree      `yaml:"http" doc:"Tools made of HTTP APIs. See docs/tools.md."`
	SQL       Tree      `yaml:"sql" doc:"Databases, and tools made of queries. See docs/tools.md."`
	Files     Tree      `yaml:"files" doc:"Folders whose documents can be searched and read. See docs/tools.md."`
}

// CredentialHeaders is every request header in which a caller may bring a credential of its own, and the upstream it is
// for. The names of the headers are written as net/http has them.
func (t Tools) CredentialHeaders() map[string]string {
	headers := map[string]string{}
	add := func(header, upstream string) {
		if header != "" {
			headers[textproto.CanonicalMIMEHeaderKey(header)] = upstream
		}
	}
	for _, pair := range t.CallerHeaders {
		header, upstream, _ := strings.Cut(pair, "=")
		add(strings.TrimSpace(header), strings.TrimSpace(upstream))
	}
	add(t.Jira.CallerHeader, "jira")
	add(t.GitHub.CallerHeader, "github")
	return headers
}

// Confirm says which tools wait for a person's yes.
type Confirm string

// Which tools are confirmed.
const (
	ConfirmDestructive Confirm = "destructive"
	ConfirmWrites      Confirm = "writes"
	ConfirmNever       Confirm = "never"
)

// Cleaning is what happens to characters that deceive, in text from elsewhere.
type Cleaning string

// The ways of cleaning.
const (
	CleaningKeep   Cleaning = "keep"
	CleaningEscape Cleaning = "escape"
	CleaningStrip  Cleaning = "strip"
)

// Directory is the pack of the same name: the demo data, a file, or an LDAP server.
type Directory struct {
	File string `yaml:"file" doc:"YAML file of the people the directory pack answers about; empty is the demo data built in, unless tools.directory.ldap.uri is set."`
	LDAP LDAP   `yaml:"ldap"`
}

// LDAP is a directory server.
type LDAP struct {
	URI          string        `yaml:"uri" legacy:"LDAP_URI" doc:"The directory server, ldap://HOST[:PORT] or ldaps://HOST[:PORT]; several, separated by spaces, are tried in turn. Empty is no server."`
	BaseDN       string        `yaml:"base_dn" legacy:"LDAP_BASE_DN" doc:"The entry below which people and groups are looked for, such as dc=example,dc=com. Empty asks the server for its default."`
	BindDN       string        `yaml:"bind_dn" legacy:"LDAP_BIND_DN" doc:"Who to bind as; empty binds as nobody."`
	BindPassword Secret        `yaml:"bind_password" legacy:"LDAP_BIND_PASSWORD" doc:"The password of bind_dn."`
	StartTLS     bool          `yaml:"start_tls" legacy:"LDAP_USE_STARTTLS" doc:"Turn an ldap:// connection into TLS before anything else is said."`
	CAFile       string        `yaml:"ca_file" legacy:"LDAP_CA_CERT" doc:"PEM file of the authorities that may sign the server's certificate; empty is those of the system."`
	TLSVerify    bool          `yaml:"tls_verify" legacy:"LDAP_TLS_VERIFY" doc:"Check the server's certificate. Without it anybody on the way can read the bind password."`
	Flavor       LDAPFlavor    `yaml:"flavor" oneof:"auto|ad|generic" doc:"What the server is: Active Directory, any other, or found out from what it says of itself."`
	PeopleFilter string        `yaml:"people_filter" doc:"LDAP filter of the entries that are people; empty is the flavor's own."`
	GroupsFilter string        `yaml:"groups_filter" doc:"LDAP filter of the entries that are lists or groups; empty is the flavor's own."`
	Connections  int           `yaml:"connections" range:"1..100" doc:"Connections held to the server at most."`
	PageSize     int           `yaml:"page_size" range:"1..5000" doc:"Entries asked for at once."`
	SizeLimit    int           `yaml:"size_limit" range:"1..1000000" doc:"Entries that one question may read in all."`
	Timeout      time.Duration `yaml:"timeout" range:"1s..5m" doc:"How long one question to the server may take, connecting included."`
}

// LDAPFlavor is the kind of a directory server.
type LDAPFlavor string

// The flavors.
const (
	LDAPAuto    LDAPFlavor = "auto"
	LDAPAD      LDAPFlavor = "ad"
	LDAPGeneric LDAPFlavor = "generic"
)

// Jira is the pack of the same name. It is configured once URL is set.
type Jira struct {
	URL           string        `yaml:"url" legacy:"JIRA_HOST,JIRA_URL" doc:"The Jira site, https://example.atlassian.net or the address of a Data Center; a bare host name means https. Empty is none."`
	Email         string        `yaml:"email" legacy:"JIRA_USERNAME,JIRA_EMAIL" doc:"Whose API token it is; for Jira Cloud."`
	APIToken      Secret        `yaml:"api_token" legacy:"JIRA_API_TOKEN" doc:"API token of email; for Jira Cloud."`
	PersonalToken Secret        `yaml:"personal_token" legacy:"JIRA_PERSONAL_TOKEN" doc:"Personal access token; for Jira Data Center."`
	Projects      []string      `yaml:"projects" legacy:"JIRA_PROJECTS_FILTER" doc:"Keys of the projects that may be seen; empty is all that the credential may see."`
	CallerHeader  string        `yaml:"caller_header" doc:"Request header in which a caller may send a Jira credential of its own, EMAIL:TOKEN or a personal token, such as X-Jira-Token; empty takes none from headers."`
	CallerOnly    bool          `yaml:"caller_only" doc:"Refuse calls that bring no credential of the caller's own, by header or with the caller's key."`
	StoryPoints   string        `yaml:"story_points" doc:"Field that holds story points, such as customfield_10016; empty finds it by its name."`
	CacheTTL      time.Duration `yaml:"cache_ttl" range:"1s..1h" zero:"no cache" doc:"How long an answer of Jira serves again without asking."`
	Timeout       time.Duration `yaml:"timeout" range:"1s..5m" doc:"How long one request to Jira may take."`
}

// GitHub is the pack of the same name. It is configured once Token is set, or a header or key may bring one.
type GitHub struct {
	APIURL       string        `yaml:"api_url" legacy:"GITHUB_API_URL" doc:"The API's address; for GitHub Enterprise https://HOST/api/v3/."`
	Token        Secret        `yaml:"token" legacy:"GITHUB_PERSONAL_ACCESS_TOKEN,GITHUB_TOKEN" doc:"Access token."`
	Owner        string        `yaml:"owner" legacy:"GITHUB_OWNER" doc:"The owner meant where a call names none."`
	Repo         string        `yaml:"repo" legacy:"GITHUB_REPO" doc:"The repository meant where a call names none."`
	Repositories []string      `yaml:"repositories" doc:"Repositories that may be seen, OWNER/NAME or OWNER/*; empty is all that the credential may see."`
	CallerHeader string        `yaml:"caller_header" doc:"Request header in which a caller may send a GitHub token of its own, such as X-GitHub-Token; empty takes none from headers."`
	CallerOnly   bool          `yaml:"caller_only" doc:"Refuse calls that bring no token of the caller's own, by header or with the caller's key."`
	CacheTTL     time.Duration `yaml:"cache_ttl" range:"1s..1h" zero:"no cache" doc:"How long an answer of GitHub serves again without asking."`
	Timeout      time.Duration `yaml:"timeout" range:"1s..5m" doc:"How long one request to GitHub may take."`
}

// defaultTools offers what is configured; with nothing configured, the demo data.
func defaultTools() Tools {
	return Tools{
		Toolsets:     []string{"text", "directory", "demo", "jira", "github", "http", "sql", "files"},
		Confirm:      ConfirmDestructive,
		ResultTokens: 20_000,
		Untrusted:    CleaningKeep,
		Directory: Directory{LDAP: LDAP{
			TLSVerify: true, Flavor: LDAPAuto, Connections: 8, PageSize: 500, SizeLimit: 20_000, Timeout: 10 * time.Second,
		}},
		Jira:   Jira{CacheTTL: 15 * time.Second, Timeout: 30 * time.Second},
		GitHub: GitHub{APIURL: "https://api.github.com/", CacheTTL: 15 * time.Second, Timeout: 30 * time.Second},
	}
}
