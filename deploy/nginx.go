package deploy

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"toolgate/config"
)

// How long nginx waits, where the configuration does not say, and what a client may hold.
const (
	nginxQuiet   = 60 * time.Second // the least read time-out: nginx's own default
	nginxBeats   = 4                // heartbeats that must be missing before a stream counts as dead
	nginxSlack   = 30 * time.Second // above mcp.call_timeout, for the answer of a call that used it up
	nginxPerSlot = 2                // connections a session may have: its stream, and a request under way
	nginxRetry   = 5 * time.Second  // when a client may ask again after a server was not there
	nginxConns   = time.Second      // the same after too many connections of its own
	nginxMost    = 8                // servers: nginx goes on within itself ten times a request, and two of them are not to servers
)

// nginxHTTP2 is the first version that knows the directive http2, and warns of the parameter of listen.
var nginxHTTP2 = [3]int{1, 25, 1}

// nginxSite is what the template is filled with. All texts are checked: none can end a directive.
type nginxSite struct {
	PublicURL, Version, Source string
	Whole                      bool
	User, RunDir, LogDir       string
	ServerName, Authority      string // the host, and the host with its port where that is not 443
	Listen, Redirect           []string
	HTTP2Directive             bool
	Certificate                string
	CertificateKey             string
	Upstreams                  []string
	Others                     []nginxUpstream // the second and following ones
	ProxyAddresses             string
	Warnings                   []string // each whole lines of comment

	Public, Private, Pattern string // prefix in clients' eyes, in Toolgate's, and the first as a regular expression
	Rewrite                  bool
	Forwarded                string // X-Forwarded-Prefix

	Open                       bool // nobody is asked who calls
	Body                       int64
	Connections                int
	Ping, Call                 string
	Read, StreamRead, CallRead string
	Drain                      string
	given                      time.Duration // --read-timeout
	Errors                     []nginxError
}

// nginxUpstream is one server that is asked when those before it do not know a session.
type nginxUpstream struct {
	Number  int
	Address string
	Next    int // 0: it is the last
}

// Before is whether one that failed may have been asked before it; the first is left for its 404 alone.
func (u nginxUpstream) Before() bool { return u.Number > 2 }

// After is the location that is asked when this one is not there.
func (u nginxUpstream) After() string {
	if u.Next == 0 {
		return "@toolgate_first"
	}
	return fmt.Sprintf("@toolgate_%d", u.Next)
}

// nginxError is an answer that nginx itself gives.
type nginxError struct {
	Status     int
	Codes      string // nginx's codes that are answered so
	Own        string // those of them that Toolgate never answers with
	Early      bool   // it may come before the request is read
	RetryAfter int    // seconds; 0: none
	Body       string
}

// renderNginx writes a site for nginx, or with --whole all of nginx.conf: TLS in front, streams unbuffered, and time-outs,
// limits and paths as the configuration has them. args are the options of this kind. It fails on a configuration that no
// site can be made of, naming the key, and on options that there are not, naming those that there are; what the site works
// without, but badly, stands as a comment at its head.
func renderNginx(out io.Writer, args []string, o Options) error {
	given, err := parseNginx(out, args)
	if err != nil {
		return err
	}
	site, err := newNginxSite(given, o)
	if err != nil {
		return err
	}
	return fill(out, "nginx.conf.tmpl", site)
}

// newNginxSite decides everything that the template does not.
func newNginxSite(given *nginxFlags, o Options) (*nginxSite, error) {
	cfg := o.Config
	public, err := nginxPublicURL(cfg)
	if err != nil {
		return nil, err
	}
	s := &nginxSite{
		PublicURL: cfg.Server.PublicURL, Version: o.Version, Source: "the environment and defaults",
		Whole: given.whole, User: given.user, RunDir: given.runDir, LogDir: given.logDir,
		ServerName: given.serverName, Authority: public.Host,
		Listen: given.listen, Redirect: given.redirect,
		HTTP2Directive: given.http2Directive, Certificate: given.certificate, CertificateKey: given.certificateKey,
		Open: cfg.Auth.Open(), Body: int64(cfg.Limits.Body), Connections: nginxPerSlot * cfg.Limits.SessionsPerAddress,
		Ping: cfg.SSE.PingInterval.String(), Call: cfg.MCP.CallTimeout.String(), Drain: nginxTime(given.drain),
	}
	if o.ConfigFile != "" {
		s.Source = o.ConfigFile
	}
	s.address(public)
	s.prefixes(public, cfg.Server.BasePath)
	if err := s.upstreams(given.upstreams, cfg.Server); err != nil {
		return nil, err
	}
	if err := s.timeouts(given.readTimeout, cfg); err != nil {
		return nil, err
	}
	for _, text := range s.faults(cfg, public) {
		s.Warnings = append(s.Warnings, nginxComment("# !!! ", text))
	}
	for _, text := range s.notes(cfg) {
		s.Warnings = append(s.Warnings, nginxComment("# Note: ", text))
	}
	s.errors()
	return s, nil
}

// nginxPublicURL is what clients call the site, which nothing but the configuration can tell.
func nginxPublicURL(cfg config.Config) (*url.URL, error) {
	u, err := url.Parse(cfg.Server.PublicURL)
	switch {
	case cfg.Server.PublicURL == "":
		return nil, fmt.Errorf("server.public_url is not set, and nginx has to know its name: set it to the URL that clients will use, such as https://tools.example.com")
	case err != nil:
		return nil, fmt.Errorf("server.public_url: %w", err)
	case u.Scheme != "https":
		return nil, fmt.Errorf("server.public_url is %s, and this site speaks TLS: write it with https://", cfg.Server.PublicURL)
	}
	return u, nil
}

// address fills in names and ports from the public URL where no option gave others.
func (s *nginxSite) address(public *url.URL) {
	port := public.Port()
	if port == "" {
		port = "443"
	}
	if s.ServerName == "" {
		s.ServerName = public.Hostname()
	}
	if strings.Contains(s.ServerName, ":") { // an IPv6 address
		s.ServerName = "[" + strings.Trim(s.ServerName, "[]") + "]"
	}
	if len(s.Listen) == 0 {
		s.Listen = []string{port, "[::]:" + port}
		if len(s.Redirect) == 0 && port == "443" {
			s.Redirect = []string{"80", "[::]:80"}
		}
	}
	if s.Certificate == "" {
		folder := "/etc/letsencrypt/live/" + strings.Trim(s.ServerName, "[]")
		s.Certificate, s.CertificateKey = folder+"/fullchain.pem", folder+"/privkey.pem"
	}
}

// prefixes says what stands before the paths on either side of nginx. Clients see the path of the public URL, or base_path
// where it has none.
func (s *nginxSite) prefixes(public *url.URL, base string) {
	s.Public, s.Private = strings.TrimSuffix(public.Path, "/"), base
	if s.Public == "" {
		s.Public = base
	}
	if s.Rewrite = s.Public != s.Private; s.Rewrite {
		s.Forwarded = s.Public
	}
	s.Pattern = regexp.QuoteMeta(s.Public)
}

// upstreams lists the servers, the one that answers first.
func (s *nginxSite) upstreams(given []string, server config.Server) error {
	if len(given) == 0 {
		if server.Port == 0 {
			return fmt.Errorf("server.port is 0, any free port, and nginx has to know it: set server.port, or give --upstream HOST:PORT")
		}
		if addr, err := netip.ParseAddr(server.Host); err == nil && addr.Zone() != "" {
			return fmt.Errorf("server.host is %s, and nginx knows no zones of addresses: set another server.host, or give --upstream HOST:PORT", server.Host)
		}
		for port := server.Port; port <= min(server.Port+1, 65535); port++ {
			given = append(given, net.JoinHostPort(dialHost(server.Host), strconv.Itoa(port)))
		}
	}
	s.Upstreams = given
	for i, address := range given[1:] {
		u := nginxUpstream{Number: i + 2, Address: address, Next: i + 3}
		if i+2 == len(given) {
			u.Next = 0
		}
		s.Others = append(s.Others, u)
	}
	return nil
}

// dialHost is how a proxy on the same machine reaches what listens on host.
func dialHost(host string) string {
	addr, err := netip.ParseAddr(host)
	switch {
	case strings.EqualFold(host, "localhost"), err == nil && addr == netip.IPv4Unspecified(), err == nil && addr == netip.IPv6Unspecified():
		return "127.0.0.1"
	}
	return host
}

// timeouts are above what the server may be silent for.
func (s *nginxSite) timeouts(given time.Duration, cfg config.Config) error {
	s.Read = nginxTime(nginxQuiet)
	stream := max(nginxQuiet, nginxBeats*cfg.SSE.PingInterval)
	s.StreamRead, s.CallRead = nginxTime(stream), nginxTime(max(stream, cfg.MCP.CallTimeout+nginxSlack))
	if s.given = given; given == 0 {
		return nil
	}
	if given < 2*cfg.SSE.PingInterval { // one heartbeat may be late
		return fmt.Errorf("--read-timeout %v would cut quiet streams: give at least twice sse.ping_interval, %v", given, 2*cfg.SSE.PingInterval)
	}
	s.StreamRead, s.CallRead = nginxTime(given), nginxTime(given)
	return nil
}

// nginxTime writes a duration in a unit of nginx's, rounded up to what it knows.
func nginxTime(d time.Duration) string {
	if ms := (d + time.Millisecond - 1) / time.Millisecond; ms%1000 != 0 {
		return fmt.Sprintf("%dms", ms)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// faults are what in the configuration would make this site work badly. It fills in the addresses that have to be trusted.
func (s *nginxSite) faults(cfg config.Config, public *url.URL) (faults []string) {
	missing, known := untrusted(s.Upstreams, cfg.Server.TrustedProxies)
	s.ProxyAddresses = strings.Join(cfg.Server.TrustedProxies, ", ")
	switch {
	case len(missing) > 0:
		s.ProxyAddresses = strings.Join(append(slices.Clone(cfg.Server.TrustedProxies), missing...), ", ")
		faults = append(faults, fmt.Sprintf("server.trusted_proxies does not contain %s, from where nginx will call. Without it "+
			"X-Forwarded-* is ignored: all clients count as one address, limits meet all of them together, and logs name nginx.",
			strings.Join(missing, " and ")))
	case !known:
		s.ProxyAddresses = "THE ADDRESS OF NGINX"
		faults = append(faults, "server.trusted_proxies is empty. Name the address that nginx calls from, or X-Forwarded-* is ignored: "+
			"all clients count as one address, limits meet all of them together, and logs name nginx.")
	}
	if name := strings.Trim(s.ServerName, "[]"); !strings.EqualFold(name, public.Hostname()) && !slices.Contains(cfg.Server.AllowedHosts, name) {
		faults = append(faults, fmt.Sprintf("Toolgate does not answer to %s: add it to server.allowed_hosts, or make it the host of server.public_url.", name))
	}
	return faults
}

// notes are what several servers do not share.
func (s *nginxSite) notes(cfg config.Config) (notes []string) {
	if longest := cfg.MCP.CallTimeout; s.given > 0 && s.given < longest {
		notes = append(notes, fmt.Sprintf("calls that say nothing for %v are cut, though mcp.call_timeout lets them run for %v.", s.given, longest))
	}
	if len(s.Upstreams) == 1 {
		return notes
	}
	if cfg.MCP.StateKeyFile == "" {
		notes = append(notes, "mcp.state_key_file is not set. Give every server the same one, or what a tool asked through one cannot be answered through another.")
	}
	if cfg.Auth.Has(config.AuthFront) {
		notes = append(notes, "auth.mode has front, whose logins one server does not know from another: clients log in anew when another one answers.")
	}
	if cfg.Redis.URL.IsZero() {
		notes = append(notes, "redis.url is not set, so that each server counts rates by itself.")
	}
	return notes
}

// untrusted is the addresses that a proxy beside its upstreams calls from and that are not trusted yet. known says that the
// rest can be told: a proxy that calls another machine has an address that only its operator knows.
func untrusted(upstreams, trusted []string) (missing []string, known bool) {
	known = true
	for _, upstream := range upstreams {
		host, _, _ := net.SplitHostPort(upstream)
		addr, err := netip.ParseAddr(host)
		switch {
		case strings.EqualFold(host, "localhost"):
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case err != nil || !addr.IsLoopback():
			known = known && len(trusted) > 0
			continue
		}
		if text := addr.String(); !trusts(trusted, addr) && !slices.Contains(missing, text) {
			missing = append(missing, text)
		}
	}
	return missing, known
}

func trusts(trusted []string, addr netip.Addr) bool {
	return slices.ContainsFunc(trusted, func(text string) bool {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			return prefix.Contains(addr)
		}
		one, err := netip.ParseAddr(text)
		return err == nil && one.Unmap() == addr
	})
}

// nginxComment writes a text as a comment of lines that are not too long.
func nginxComment(prefix, text string) string {
	const width = 118
	var b strings.Builder
	line := prefix
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = "#     "
		}
		line = strings.TrimSuffix(line, " ") + " " + word
	}
	b.WriteString(line)
	return b.String()
}
