package jira

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

	"toolgate/config"
	"toolgate/tools/internal/egress"
)

// site is one Jira: where it is, which kind, and the credential of our own for it.
type site struct {
	base  *url.URL // without a slash at its end
	cloud bool     // Jira Cloud; else a Data Center
	own   string   // EMAIL:TOKEN or a personal token; empty where callers bring theirs
	key   string   // the configuration's key that own came from
}

// gateway is where scoped tokens of Jira Cloud are used, with the site's id in the path: no address that people can open.
const gateway = "api.atlassian.com"

func newSite(cfg config.Jira) (site, error) {
	base, err := parseAddress(cfg.URL)
	if err != nil {
		return site{}, err
	}
	s := site{base: base}
	email, token, personal := cfg.Email != "", !cfg.APIToken.IsZero(), !cfg.PersonalToken.IsZero()
	switch {
	case token && personal:
		return site{}, errors.New("tools.jira.personal_token: tools.jira.api_token is set too: the one is for Data Center, the other for Cloud; keep one")
	case email && !token && !personal:
		return site{}, errors.New("tools.jira.api_token: tools.jira.email is set and its API token is not")
	case token && !email:
		return site{}, errors.New("tools.jira.email: tools.jira.api_token is set, and it does not say whose token that is")
	case token:
		s.own, s.key, s.cloud = cfg.Email+":"+cfg.APIToken.Reveal(), "tools.jira.api_token", true
	case personal:
		s.own, s.key = cfg.PersonalToken.Reveal(), "tools.jira.personal_token"
	case !cfg.CallerOnly && cfg.CallerHeader == "":
		return site{}, errors.New("tools.jira.api_token: there is no credential: set it with tools.jira.email for Jira Cloud, tools.jira.personal_token for a Data Center, or tools.jira.caller_header or caller_only where callers bring theirs")
	default:
		s.cloud = isCloud(base.Hostname())
	}
	if strings.ContainsAny(s.own, "\r\n") {
		return site{}, errors.New(s.key + ": it has a line break")
	}
	return s, nil
}

func parseAddress(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("tools.jira.url: it is not set")
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	base, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("tools.jira.url: it must be a host, or https://HOST with or without a path") // the cause may hold a password
	}
	return base, nil
}

// isCloud says what a site is that no credential of our own tells of.
func isCloud(host string) bool {
	host = strings.ToLower(host)
	for _, domain := range [...]string{".atlassian.net", ".jira.com", ".atlassian-us-gov-mod.net"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return host == gateway
}

func (s site) hasOwn() bool { return s.own != "" }

// authorization is the header of that name: the caller's credential, where the call has one, else ours.
func (s site) authorization(ctx context.Context) string {
	credential := egress.Caller(ctx)
	if credential == "" {
		credential = s.own
	}
	if user, _, pair := strings.Cut(credential, ":"); pair && user != "" {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(credential))
	}
	return "Bearer " + credential
}

// api is a path of the platform's own API.
func (s site) api(path string) string {
	if s.cloud {
		return "/rest/api/3" + path
	}
	return "/rest/api/2" + path
}

// agile is a path of the API of boards and sprints, which both kinds have.
func agile(path string) string { return "/rest/agile/1.0" + path }

// browse is where people read an issue; empty where that cannot be told.
func (s site) browse(key string) string {
	if s.base.Hostname() == gateway {
		return ""
	}
	return s.base.String() + "/browse/" + key
}
