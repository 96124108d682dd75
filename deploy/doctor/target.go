package doctor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// target is the deployment that is asked after, by the URL that clients are given.
type target struct {
	base   string // the URL without a trailing slash, /mcp or /sse
	origin string // its scheme and host
	prefix string // its path; empty: none
	host   string // without the port
	port   string // filled in
	secure bool   // https
}

func parseTarget(text string) (target, error) {
	if !strings.Contains(text, "://") {
		return target{}, fmt.Errorf("%.100q is no URL: write it with its scheme, like https://tools.example.com", text)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return target{}, fmt.Errorf("%.100q is no URL", text)
	case u.User != nil:
		return target{}, errors.New("the URL holds a user or a password: leave it out and give --key-file")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return target{}, fmt.Errorf("%.100q is no http or https URL", text)
	case u.RawQuery != "" || u.Fragment != "":
		return target{}, errors.New("the URL has a query or a fragment: leave it out")
	}
	prefix := strings.TrimRight(u.EscapedPath(), "/")
	for _, endpoint := range []string{"/mcp", "/sse"} {
		prefix = strings.TrimSuffix(prefix, endpoint)
	}
	t := target{prefix: strings.TrimRight(prefix, "/"), host: strings.ToLower(u.Hostname()), port: u.Port(), secure: u.Scheme == "https"}
	t.origin = u.Scheme + "://" + strings.ToLower(u.Host)
	if t.base = t.origin + t.prefix; t.port == "" {
		t.port = "80"
		if t.secure {
			t.port = "443"
		}
	}
	return t, nil
}

// address is HOST:PORT, for a dialler.
func (t target) address() string { return net.JoinHostPort(t.host, t.port) }

// local says that the URL means this machine, so that nobody else can come by it.
func (t target) local() bool {
	if addr, err := netip.ParseAddr(t.host); err == nil {
		return addr.IsLoopback()
	}
	return t.host == "localhost" || strings.HasSuffix(t.host, ".localhost")
}

// resolve makes a whole URL of what a server calls one of its own.
func (t target) resolve(reference string) (*url.URL, error) {
	base, err := url.Parse(t.base + "/sse")
	if err != nil {
		return nil, err
	}
	return base.Parse(reference)
}

// sameOrigin says whether a URL is of the server's own origin, where the credential may go.
func (t target) sameOrigin(u *url.URL) bool {
	return u.Scheme+"://"+strings.ToLower(u.Host) == t.origin || u.Scheme == schemeOf(t) && strings.EqualFold(u.Hostname(), t.host) && portOf(u) == t.port
}

func schemeOf(t target) string {
	if t.secure {
		return "https"
	}
	return "http"
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
