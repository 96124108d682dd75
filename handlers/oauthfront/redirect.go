package oauthfront

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const maxRedirectURI = 2048 // bytes; what browsers take everywhere

// The reasons why no answer is ever sent to a redirect URI.
var (
	errRedirectForm   = errors.New("it is no absolute URL without a user and a fragment")
	errRedirectHTTP   = errors.New("http is for loopback addresses alone: use https")
	errRedirectScheme = errors.New("its scheme is none of an application's own: use https, or a scheme that is a name turned round, such as com.example.app")
)

// applicationSchemes are those of applications whose scheme is older than the rule that it has a dot (RFC 8252, 7.1).
func applicationSchemes() []string {
	return []string{
		"claude", "code-oss", "cursor", "goose", "kiro", "raycast", "trae", "vscode", "vscode-insiders", "vscodium", "warp",
		"windsurf", "zed",
	}
}

// checkRedirectURI says why answers may not be sent to a URI. Taken are https, http on loopback (RFC 8252, 7.3), and the
// schemes of applications (RFC 8252, 7.1), which cannot be those that browsers run as programs.
func checkRedirectURI(text string) error {
	u, err := parseRedirectURI(text)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "https":
		if u.Hostname() == "" {
			return errRedirectForm
		}
	case "http":
		if !isLoopback(u.Hostname()) {
			return errRedirectHTTP
		}
	default:
		if !strings.Contains(u.Scheme, ".") && !slices.Contains(applicationSchemes(), u.Scheme) {
			return errRedirectScheme
		}
	}
	return nil
}

// parseRedirectURI takes what every reader of the URI understands alike: no spaces, no backslashes, nothing beyond ASCII.
func parseRedirectURI(text string) (*url.URL, error) {
	if text == "" || len(text) > maxRedirectURI {
		return nil, errRedirectForm
	}
	for _, b := range []byte(text) {
		if b <= ' ' || b >= 0x7f || strings.IndexByte(`\"<>#`, b) >= 0 {
			return nil, errRedirectForm
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Opaque != "" || u.User != nil || !strings.HasPrefix(text, u.Scheme+":") {
		return nil, errRedirectForm
	}
	return u, nil
}

// sameRedirectURI says whether an answer may go to asked because registered was registered: they are the same text, or
// they differ in the port on a loopback address alone, which applications learn when they start (RFC 8252, 7.3).
func sameRedirectURI(registered, asked string) bool {
	if registered == asked {
		return true
	}
	r, err1 := parseRedirectURI(registered)
	a, err2 := parseRedirectURI(asked)
	if err1 != nil || err2 != nil || r.Scheme != "http" || !isLoopback(r.Hostname()) {
		return false
	}
	return a.Scheme == r.Scheme && a.Hostname() == r.Hostname() && a.EscapedPath() == r.EscapedPath() &&
		a.RawQuery == r.RawQuery && a.ForceQuery == r.ForceQuery
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Zone() == "" && addr.IsLoopback()
}

// staysHere says whether an answer to a URI that was taken stays on the machine of who brings it: loopback, or an application.
func staysHere(uri string) bool {
	u, err := parseRedirectURI(uri)
	return err == nil && (u.Scheme != "https" || isLoopback(u.Hostname()))
}

// withAnswer adds the parameters of an answer to a redirect URI, and leaves what stands there as it is.
func withAnswer(redirectURI string, answer url.Values) string {
	base, query, found := strings.Cut(redirectURI, "?")
	if !found || query == "" {
		return base + "?" + answer.Encode()
	}
	return base + "?" + query + "&" + answer.Encode()
}

// place names where a URI leads, for people: its host, or its scheme where it leads to an application.
func place(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "https" || u.Scheme == "http":
		return u.Host
	}
	return u.Scheme + ":"
}
