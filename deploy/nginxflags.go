package deploy

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// nginxFlags are the options of toolgate init nginx. Their texts have been checked: none can end a directive of nginx.
type nginxFlags struct {
	serverName, certificate, certificateKey string
	upstreams, listen, redirect             []string
	whole                                   bool
	user, runDir, logDir                    string
	http2Directive                          bool
	readTimeout, drain                      time.Duration
}

// nginxWord is a path or a name that means itself in nginx's syntax: no space, quote, brace, semicolon, $ or #.
var nginxWord = regexp.MustCompile(`^[A-Za-z0-9._~@%+,:=/-]+$`)

// parseNginx reads the words after toolgate init nginx. -h writes to out what there is, and is flag.ErrHelp; the error of an
// option that there is not names those that there are.
func parseNginx(out io.Writer, args []string) (*nginxFlags, error) {
	g := &nginxFlags{}
	var version string
	flags := newFlags(out, "nginx")
	flags.StringVar(&g.serverName, "server-name", "", "`NAME` of the site; without it the host of server.public_url")
	flags.StringVar(&g.certificate, "certificate", "", "PEM `FILE` of the certificate and its chain; without it where certbot puts it")
	flags.StringVar(&g.certificateKey, "certificate-key", "", "PEM `FILE` of its key")
	flags.Var(addresses{&g.upstreams}, "upstream", "`HOST:PORT` of a Toolgate, once for each; the first answers while it is up. Without it server.host and server.port, and the next port")
	flags.Var(addresses{&g.listen}, "listen", "`[ADDRESS:]PORT` for HTTPS, once for each; without it the port of server.public_url on every address")
	flags.Var(addresses{&g.redirect}, "redirect", "`[ADDRESS:]PORT` for HTTP, from which clients are sent to HTTPS; without it 80 where HTTPS is on 443")
	flags.BoolVar(&g.whole, "whole", false, "all of nginx.conf instead of one site")
	flags.StringVar(&g.user, "user", "www-data", "`USER` of nginx's workers, with --whole; empty where nginx is not started by root")
	flags.StringVar(&g.runDir, "run-dir", "", "`FOLDER` for nginx's pid and temporary files, with --whole; without it nginx's own")
	flags.StringVar(&g.logDir, "log-dir", "/var/log/nginx", "`FOLDER` for logs")
	flags.StringVar(&version, "nginx-version", "", "`VERSION` of nginx; from 1.25.1 on HTTP/2 is written as a directive, which older ones do not know. Without it what all know")
	flags.DurationVar(&g.readTimeout, "read-timeout", 0, "how long a server may be silent on a stream or during a call, such as 5m; without it what sse.ping_interval and mcp.call_timeout ask for")
	flags.DurationVar(&g.drain, "drain", time.Minute, "how long streams outlive a reload of nginx")
	if err := parse(flags, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		var names []string
		flags.VisitAll(func(f *flag.Flag) { names = append(names, "--"+f.Name) })
		return nil, fmt.Errorf("%w; there are %s", err, strings.Join(names, ", "))
	}
	if err := g.check(version); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *nginxFlags) check(version string) error {
	for _, o := range []struct{ name, value string }{
		{"--server-name", g.serverName},
		{"--certificate", g.certificate},
		{"--certificate-key", g.certificateKey},
		{"--user", g.user},
		{"--run-dir", g.runDir},
		{"--log-dir", g.logDir},
	} {
		if o.value != "" && !nginxWord.MatchString(o.value) {
			return fmt.Errorf("%s %q: only letters, digits and . _ ~ @ %% + , : = / - may stand in it", o.name, o.value)
		}
	}
	if (g.certificate == "") != (g.certificateKey == "") {
		return errors.New("--certificate and --certificate-key go together: give both, or none")
	}
	if g.logDir == "" {
		return errors.New("--log-dir is empty: name a folder")
	}
	if !g.whole && g.runDir != "" {
		return errors.New("--run-dir goes with --whole: in a site of its own these folders are nginx.conf's")
	}
	if g.readTimeout < 0 {
		return fmt.Errorf("--read-timeout %v: give a time of more than 0", g.readTimeout)
	}
	if g.drain < time.Second {
		return fmt.Errorf("--drain %v: give a second or more, for calls under way to end", g.drain)
	}
	if n := len(g.upstreams); n > nginxMost {
		return fmt.Errorf("--upstream is there %d times: give at most %d; nginx asks no more of them, one after the other, for a session", n, nginxMost)
	}
	for _, u := range g.upstreams {
		if host, _, err := net.SplitHostPort(u); err != nil || host == "" {
			return fmt.Errorf("--upstream %q: write HOST:PORT, such as 127.0.0.1:3002", u)
		}
	}
	if version == "" {
		return nil
	}
	known, err := parseVersion(version)
	if err != nil {
		return fmt.Errorf("--nginx-version: %w", err)
	}
	g.http2Directive = !olderThan(known, nginxHTTP2)
	return nil
}

// addresses is an option that may be given several times, each a port or a host and a port.
type addresses struct{ list *[]string }

func (a addresses) String() string { return "" }

// Set implements flag.Value.
func (a addresses) Set(text string) error {
	port := text
	if host, p, err := net.SplitHostPort(text); err == nil {
		if port = p; !isDialHost(host) {
			return fmt.Errorf("%q is neither a host name nor an IP address without a zone", host)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("there is no port from 1 to 65535")
	}
	for _, one := range *a.list {
		if one == text {
			return errors.New("it is there twice")
		}
	}
	*a.list = append(*a.list, text)
	return nil
}

// isDialHost is whether host is an IP address or looks like a name. An address has no zone: it could hold anything, and nginx
// knows none.
func isDialHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	return nginxWord.MatchString(host) && !strings.ContainsAny(host, "/:@%,=+~")
}

// parseVersion reads 1.22.1, and what distributions write behind it.
func parseVersion(text string) (v [3]int, err error) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "nginx/"), "-")
	parts := strings.Split(text, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return v, fmt.Errorf("%q is no version: write it as nginx -v does, such as 1.22.1", text)
	}
	for i, part := range parts {
		if v[i], err = strconv.Atoi(part); err != nil || v[i] < 0 {
			return v, fmt.Errorf("%q is no version: write it as nginx -v does, such as 1.22.1", text)
		}
	}
	return v, nil
}

func olderThan(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}
