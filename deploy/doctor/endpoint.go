package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// endpoint finds where the stream's client posts to. Where what was announced is not served, it tries what may have been
// meant, so that the rest can be looked at.
func (p *probe) endpoint(ctx context.Context, s *sheet, data string) (string, bool) {
	var object struct{ URL string }
	if json.Unmarshal([]byte(data), &object) == nil && object.URL != "" {
		s.warn("endpoint-json", because("only clients that were written for it understand it", "toolgate.yaml: sse.endpoint_style: path"), "the endpoint event is a JSON object, not a path")
		data = object.URL
	}
	u, err := p.target.resolve(data)
	switch {
	case err != nil || strings.HasPrefix(data, `"`):
		s.fault("endpoint-form", because("clients take it as it stands", "the server: send the bare path"), "the endpoint event is no URL: %s", quoted(withoutQuery(data)))
		return "", false
	case !p.target.sameOrigin(u):
		s.fault("endpoint-origin", because("clients refuse another scheme, host or port: the server does not know how it is reached", "toolgate.yaml: server.public_url: "+p.target.base,
			"nginx: proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header Host $http_host;"), "the endpoint event names %s, not %s", quoted(u.Scheme+"://"+u.Host), p.target.origin)
		u.Scheme, u.Host = schemeOf(p.target), strings.TrimPrefix(p.target.origin, schemeOf(p.target)+"://")
	}
	announced := u.EscapedPath()
	a, err := p.tryEndpoint(ctx, u)
	if err == nil && p.taken(s, announced, a) {
		return u.String(), true
	}
	if err == nil && p.noSession(s, a) {
		return "", false
	}
	for _, other := range p.meant(announced) {
		repaired := *u
		repaired.Path, repaired.RawPath = other, ""
		b, err := p.tryEndpoint(ctx, &repaired)
		if err != nil || b.status > 299 && !sessionUnknown(b) {
			continue
		}
		p.misnamed(s, announced, other, a)
		return repaired.String(), b.status <= 299
	}
	s.fault("endpoint-unreachable", because("the proxy does not pass it on: "+answerOr(a, err), "nginx: location "+strings.TrimSuffix(announced, "/")+" { proxy_pass http://127.0.0.1:3002; }"),
		"the endpoint event names %s, which is not served", quoted(announced))
	return "", false
}

func (p *probe) tryEndpoint(ctx context.Context, u *url.URL) (answer, error) {
	return p.post(ctx, u.String(), call(0, "ping", "{}"))
}

// taken judges the status of a POST that was taken.
func (p *probe) taken(s *sheet, path string, a answer) bool {
	switch a.status {
	case http.StatusOK, http.StatusAccepted:
		return true
	case http.StatusCreated, http.StatusNoContent:
		s.warn("endpoint-status", because("mcp-go takes 200 and 202 alone", "the server: answer 202"), "POST %s is answered %d", path, a.status)
		return true
	}
	return false
}

// noSession says that the path is right and the session is somewhere else.
func (p *probe) noSession(s *sheet, a answer) bool {
	if !sessionUnknown(a) {
		return false
	}
	s.fault("no-stickiness", strangers(), "the session of the open stream is unknown to who takes the POST: %s", quoted(a.said()))
	return true
}

func sessionUnknown(a answer) bool {
	m, ok := a.message()
	return (a.status == http.StatusNotFound || a.status == http.StatusBadRequest) &&
		(ok && m.Error != nil && strings.Contains(strings.ToLower(m.Error.Message), "session") || strings.Contains(strings.ToLower(a.said()), "session not found"))
}

// meant lists the paths that a wrong one may stand for: without the prefix where it is there twice, with it where it is not
// there.
func (p *probe) meant(announced string) []string {
	prefix := p.target.prefix
	if prefix == "" {
		if _, rest, ok := strings.Cut(strings.TrimPrefix(announced, "/"), "/"); ok {
			return []string{"/" + rest} // a prefix that the proxy does not have
		}
		return nil
	}
	if rest, ok := strings.CutPrefix(announced, prefix); ok {
		return []string{rest}
	}
	return []string{prefix + announced}
}

// misnamed says that the server does not know its prefix, or has one too many.
func (p *probe) misnamed(s *sheet, announced, served string, a answer) {
	prefix := p.target.prefix
	if prefix != "" && !strings.HasPrefix(announced, prefix+"/") {
		p.stripped(s, "the endpoint event names "+quoted(announced)+" ("+a.made()+"), and what is served is "+quoted(served))
		return
	}
	s.fault("endpoint-doubled", because("a prefix is added twice: by the server, which was told it, and by the proxy, which leaves it on",
		"toolgate.yaml: server.public_url: "+p.target.base+" and server.base_path: \"\", where the proxy takes it off", "nginx: no proxy_set_header X-Forwarded-Prefix, where server.public_url has it"),
		"the endpoint event names %s (%s), and what is served is %s", quoted(announced), a.made(), quoted(served))
}

func (p *probe) stripped(s *sheet, text string) {
	prefix := p.target.prefix
	s.fault("endpoint-stripped", because("the proxy takes the prefix off and does not say so; what the server calls its own path is not served",
		"nginx: proxy_set_header X-Forwarded-Prefix "+prefix+";", "toolgate.yaml: server.trusted_proxies: [127.0.0.1], for it to be believed",
		"toolgate.yaml: server.public_url: "+p.target.base+", instead of both"), "%s", text)
}

// endpointByREST looks for a lost prefix where no event arrives: the list of tools names URLs by the same rule.
func (p *probe) endpointByREST(ctx context.Context, s *sheet) {
	if p.target.prefix == "" || !p.server.ours {
		return
	}
	a, err := p.ask(ctx, query{method: http.MethodGet, url: p.target.base + "/api/tools"})
	var list struct {
		Tools []struct{ URL string } `json:"tools"`
	}
	if err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &list) != nil || len(list.Tools) == 0 {
		return
	}
	switch named := list.Tools[0].URL; {
	case strings.HasPrefix(named, p.target.prefix+p.target.prefix+"/"):
		p.misnamed(s, p.target.prefix+p.target.prefix, p.target.prefix, a)
	case strings.HasPrefix(named, "/") && !strings.HasPrefix(named, p.target.prefix+"/"):
		p.stripped(s, "the server takes its paths for "+quoted(withoutQuery(named))+", without "+p.target.prefix)
	}
}

func withoutQuery(text string) string {
	path, _, _ := strings.Cut(text, "?")
	return path
}
