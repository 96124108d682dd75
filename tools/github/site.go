package github

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"toolgate/tools/internal/egress"
)

const (
	publicHost     = "github.com"
	publicAPI      = "api.github.com"
	enterprisePath = "/api/v3/" // where an Enterprise server has the API
)

// site is one GitHub's API.
type site struct{ base *url.URL } // with a slash at its end

func newSite(text string) (site, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		text = "https://" + publicAPI
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Hostname() == "" || base.Scheme != "http" && base.Scheme != "https" {
		// the cause may hold a password
		return site{}, errors.New("tools.github.api_url: it must be https://api.github.com/ or, for GitHub Enterprise, https://HOST/api/v3/")
	}
	host := strings.ToLower(base.Hostname())
	switch {
	case host == publicHost || host == "www."+publicHost:
		base.Host, base.Path = publicAPI, "/"
	case strings.Trim(base.Path, "/") != "":
		base.Path = strings.TrimRight(base.Path, "/") + "/"
	case strings.HasPrefix(host, "api."):
		base.Path = "/"
	default:
		base.Path = enterprisePath
	}
	base.RawPath = ""
	return site{base}, nil
}

// public says that it is github.com's.
func (s site) public() bool { return strings.EqualFold(s.base.Hostname(), publicAPI) }

// private is the hosts that may be in a network of one's own: that of the API where an operator wrote it.
func (s site) private() []string {
	if s.public() {
		return nil
	}
	return []string{s.base.Host}
}

// follow is the hosts that hold what GitHub only points to: logs of jobs, and large files.
func (s site) follow() []string {
	hosts := []string{
		"*.blob.core.windows.net", "*.actions.githubusercontent.com", "codeload.github.com", "objects.githubusercontent.com",
		"raw.githubusercontent.com",
	}
	host := strings.ToLower(s.base.Hostname())
	if _, notAddress := netip.ParseAddr(host); notAddress != nil && !s.public() && strings.Contains(host, ".") {
		// an Enterprise server with subdomain isolation has them beside the API's host
		hosts = append(hosts, "*."+strings.TrimPrefix(host, "api."))
	}
	return hosts
}

// under is the path of a URL below the API's; false where it is somewhere else.
func (s site) under(u *url.URL) (path string, ok bool) {
	if !strings.EqualFold(u.Host, s.base.Host) {
		return "", false
	}
	return strings.CutPrefix(u.Path, s.base.Path)
}

// bear makes *slot what adds a token to a request: the caller's own, else ours. It is generic because its caller's type of
// headers is not one that a pack may name.
func bear[H ~map[string][]string](slot *func(context.Context, H) error, token string) {
	*slot = func(ctx context.Context, h H) error {
		bearer := token
		if own := egress.Caller(ctx); own != "" {
			bearer = own
		}
		if bearer == "" {
			return errors.New("there is no token to ask GitHub with")
		}
		h["Authorization"] = []string{"Bearer " + bearer}
		return nil
	}
}
