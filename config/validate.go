package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	proxyTimeout = 55 * time.Second // heartbeats this rare lose a race against the 60 s after which nginx cuts a quiet stream
	leastGrace   = 5 * time.Second  // what load balancers need to notice that we are going, before streams are closed
)

// normalize takes the trailing slash off what paths are appended to.
func normalize(c *Config) {
	c.Server.PublicURL = strings.TrimRight(c.Server.PublicURL, "/")
	c.Server.BasePath = strings.TrimRight(c.Server.BasePath, "/")
}

// validator checks a whole configuration, each value and how the values go together.
type validator struct {
	cfg      *Config
	origin   map[string]string // where each key was written; a default is not in it
	problems []Problem
	warnings []string
}

// validate fills problems and warnings. It looks at the files that are named, and opens none.
func (v *validator) validate() {
	for _, f := range fields(v.cfg) {
		v.check(f.name, f.check())
	}
	v.server()
	v.sse()
	v.auth()
	v.shared()
	v.telemetry()
	v.tools()
}

// check makes err, if there is one, a problem of key.
func (v *validator) check(key string, err error) {
	if err != nil {
		v.problems = append(v.problems, Problem{Key: key, Where: v.origin[key], Message: err.Error()})
	}
}

// warn makes a warning of key.
func (v *validator) warn(key, format string, args ...any) {
	p := Problem{Key: key, Where: v.origin[key], Message: fmt.Sprintf(format, args...)}
	v.warnings = append(v.warnings, p.String())
}

func (v *validator) server() {
	s := v.cfg.Server
	v.check("server.host", checkHost(s.Host))
	v.check("server.base_path", checkBasePath(s.BasePath))
	v.each("server.allowed_hosts", s.AllowedHosts, checkHostPattern)
	v.each("server.allowed_origins", s.AllowedOrigins, checkOrigin)
	v.each("server.trusted_proxies", s.TrustedProxies, checkProxy)
	if s.ShutdownGrace < leastGrace {
		v.warn("server.shutdown_grace", "%v is less than load balancers need to notice; clients will see broken calls: use %v or more",
			durationText(s.ShutdownGrace), durationText(leastGrace))
	}
	v.publicURL(s.PublicURL)
}

// publicURL checks the URL that clients use, and what it says about who can reach the server.
func (v *validator) publicURL(text string) {
	if text == "" {
		return
	}
	u, err := parsePublicURL(text)
	if err != nil {
		v.check("server.public_url", err)
		return
	}
	if isLoopback(u.Hostname()) {
		return
	}
	switch {
	case v.cfg.Auth.Open():
		v.warn("server.public_url", "everyone who reaches %s may call every tool: set auth.mode: keys, unless the proxy asks who calls", text)
	case u.Scheme == "http":
		v.check("server.public_url", errors.New("keys and tokens would travel in clear text over http: use https, "+
			"or leave it empty and name the host in server.allowed_hosts"))
	}
}

func (v *validator) sse() {
	if interval := v.cfg.SSE.PingInterval; interval >= proxyTimeout {
		v.warn("sse.ping_interval", "proxies such as nginx cut a stream that is quiet for 60s, and %s comes too late or close to it: use 30s or less",
			durationText(interval))
	}
}

// keysFile checks that the key file is one, and that only its owner can read it.
func (v *validator) keysFile(name string) {
	info, err := statFile(name)
	if errors.Is(err, fs.ErrNotExist) { // toolgate keys new makes it; who serves will miss it
		return
	}
	v.check("auth.keys_file", err)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		v.warn("auth.keys_file", "others than its owner may use %s (mode %04o): chmod 600 it", name, info.Mode().Perm())
	}
}

func (v *validator) tools() {
	t := v.cfg.Tools
	v.each("tools.toolsets", t.Toolsets, checkName)
	v.each("tools.enable_writes", t.EnableWrites, checkName)
	if t.ReadOnly && len(t.EnableWrites) > 0 {
		v.warn("tools.enable_writes", "it does nothing while tools.read_only is true")
	}
	v.check("tools.name_prefix", checkPrefix(t.NamePrefix))
	v.each("tools.caller_headers", t.CallerHeaders, checkCallerHeader)
	v.check("tools.jira.caller_header", checkHeaderName(t.Jira.CallerHeader))
	v.check("tools.github.caller_header", checkHeaderName(t.GitHub.CallerHeader))
	if pairs := len(t.CallerHeaders) + count(t.Jira.CallerHeader) + count(t.GitHub.CallerHeader); len(t.CredentialHeaders()) < pairs {
		v.check("tools.caller_headers", errors.New("two credentials cannot come in one header: give each its own"))
	}
	if t.Directory.File != "" && t.Directory.LDAP.URI != "" {
		v.warn("tools.directory.file", "it is not read: tools.directory.ldap.uri is set")
	}
	if t.Directory.LDAP.URI != "" && !t.Directory.LDAP.TLSVerify {
		v.warn("tools.directory.ldap.tls_verify", "anybody on the way to the directory can read the bind password: name the authority in tools.directory.ldap.ca_file instead")
	}
	if t.Directory.File != "" && slices.Contains(t.Toolsets, "directory") {
		_, err := statFile(t.Directory.File)
		v.check("tools.directory.file", err)
	}
}

// count is 1 for a name that was written.
func count(name string) int {
	if name == "" {
		return 0
	}
	return 1
}

// maxPrefix leaves room for the name behind it.
const maxPrefix = 16

// checkPrefix accepts what can stand before the name of a tool.
func checkPrefix(prefix string) error {
	if len(prefix) > maxPrefix {
		return fmt.Errorf("%q is longer than %d characters: clients take names of 40 to 64 in all", prefix, maxPrefix)
	}
	return checkName(prefix)
}

// checkCallerHeader accepts HEADER=NAME.
func checkCallerHeader(pair string) error {
	header, name, found := strings.Cut(pair, "=")
	if !found || strings.TrimSpace(header) == "" || strings.TrimSpace(name) == "" {
		return fmt.Errorf("%q is not HEADER=NAME, such as X-Orders-Token=orders", pair)
	}
	if err := checkName(strings.TrimSpace(name)); err != nil {
		return err
	}
	return checkHeaderName(strings.TrimSpace(header))
}

// checkHeaderName accepts the empty name, and names of headers that are not the protocol's or HTTP's own.
func checkHeaderName(name string) error {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "x-api-key", "cookie", "host", "origin", "accept", "content-type", "content-length",
		"last-event-id", "x-request-id", "forwarded", "x-real-ip":
		return fmt.Errorf("%q means something else already: choose a name such as X-Jira-Token", name)
	}
	for _, prefix := range []string{"mcp-", "x-mcp-", "x-forwarded-", "sec-", "access-control-"} {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return fmt.Errorf("%q means something else already: choose a name such as X-Jira-Token", name)
		}
	}
	if strings.ContainsFunc(name, func(c rune) bool { return !isWord(c) }) {
		return fmt.Errorf("%q is not the name of a header", name)
	}
	return nil
}

// each checks the items of a list one by one, and that none is there twice.
func (v *validator) each(key string, items []string, check func(string) error) {
	for i, item := range items {
		v.check(key, check(item))
		if slices.Contains(items[:i], item) {
			v.check(key, fmt.Errorf("%q is there twice", item))
		}
	}
}

// statFile looks for a file that is to be read.
func statFile(name string) (os.FileInfo, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("looking for the file: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name the file", name)
	}
	return info, nil
}

// checkBasePath accepts the empty path and a path without trailing slash that means the same however it is read.
func checkBasePath(path string) error {
	if path == "" {
		return nil
	}
	segments, rooted := strings.CutPrefix(path, "/")
	if !rooted {
		return fmt.Errorf("%q must start with /", path)
	}
	for segment := range strings.SplitSeq(segments, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%q must not have an empty, . or .. part", path)
		}
		if i := strings.IndexFunc(segment, func(c rune) bool { return !isWord(c) && c != '.' && c != '~' }); i >= 0 {
			return fmt.Errorf("%q may hold only letters, digits and / - _ . ~", path)
		}
	}
	return nil
}

// parsePublicURL accepts an absolute http or https URL that paths can be appended to.
func parsePublicURL(text string) (*url.URL, error) {
	if strings.Contains(text, "@") { // before anything that quotes text
		return nil, errors.New("a user name or password in the URL would be shown to every client: leave out all up to the @")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL: write it as https://tools.example.com", text)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q must start with http:// or https:// and a host", text)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return nil, fmt.Errorf("%q must end before any ? or #", text)
	}
	if err := checkAuthority(u.Host); err != nil {
		return nil, err
	}
	return u, checkBasePath(u.EscapedPath())
}

// checkName accepts what can be the name of a pack or a tool.
func checkName(name string) error {
	if strings.ContainsFunc(name, func(c rune) bool { return !isWord(c) && c != '.' }) {
		return fmt.Errorf("%q is not a name: only letters, digits, '-', '_' and '.' may stand in it", name)
	}
	return nil
}

// isWord is whether c is an ASCII letter, a digit, - or _.
func isWord(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
