package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// server is who answers.
type server struct {
	name, version string
	ours          bool // this project's, which answers as docs/protocol.md says; others may have chosen otherwise
}

// way is one way in: /mcp or /sse.
type way struct {
	url    string
	path   string // for findings
	answer answer
	err    error
	absent bool   // there is none
	turned bool   // it is not the protocol that answers
	closed string // why nothing can be looked at beyond it; empty: it is served
}

// door is what the deployment shows to somebody who comes for the first time.
type door struct {
	mcp, sse way
	stream   *stream // of GET /sse, where that was answered with one
	stranger answer  // to an initialize without a credential
	wants    bool    // a credential is asked for
	roundtip time.Duration
}

const giveKey = "give --key"

// checkServer finds out who answers, at which URL, and what may be asked of it.
func (p *probe) checkServer(ctx context.Context, s *sheet) {
	if !p.reachable {
		s.skip("server", "there is no connection")
		return
	}
	d := &p.door
	d.mcp = way{url: p.target.base + "/mcp", path: p.target.prefix + "/mcp"}
	d.sse = way{url: p.target.base + "/sse", path: p.target.prefix + "/sse"}
	var strangerErr error
	var health answer
	var wg sync.WaitGroup
	wg.Go(func() {
		q := posting(d.mcp.url, initialize(newestSession))
		q.anonymous = true
		if d.stranger, strangerErr = p.ask(ctx, q); p.key != "" && p.trusted() {
			d.mcp.answer, d.mcp.err = p.post(ctx, d.mcp.url, initialize(newestSession))
		} else {
			d.mcp.answer, d.mcp.err = d.stranger, strangerErr
		}
	})
	wg.Go(func() { d.stream, d.sse.answer, d.sse.err = p.open(ctx, query{url: d.sse.url}, p.bounds.answer) })
	wg.Go(func() {
		health, _ = p.ask(ctx, query{method: http.MethodGet, url: p.target.base + "/health", anonymous: true}) // for what it tells
	})
	wg.Wait()
	p.elsewhere(ctx)
	d.roundtip = d.mcp.answer.after
	d.wants = d.stranger.status == http.StatusUnauthorized || d.sse.answer.status == http.StatusUnauthorized
	p.identify(health)
	p.enter(s, &d.mcp)
	p.enter(s, &d.sse)
	p.introduce(s)
	p.leave(ctx, d.mcp.answer)
	if p.key != "" && p.trusted() {
		p.leave(ctx, d.stranger)
	}
}

// elsewhere looks at the URL itself, which is where some servers are.
func (p *probe) elsewhere(ctx context.Context) {
	d := &p.door
	if d.mcp.err != nil || d.mcp.answer.status != http.StatusNotFound || d.mcp.answer.reason() != "" {
		return
	}
	if _, ok := d.mcp.answer.message(); ok {
		return
	}
	a, err := p.post(ctx, p.target.base, initialize(newestSession))
	if err != nil {
		return
	}
	if m, ok := a.message(); ok && m.Result != nil || a.status == http.StatusUnauthorized {
		d.mcp.url, d.mcp.path, d.mcp.answer, d.stranger = p.target.base, p.target.prefix+"/", a, a
	}
}

// identify reads the server's name.
func (p *probe) identify(health answer) {
	var h struct{ Version, Transport string }
	if json.Unmarshal(health.body, &h) == nil && h.Transport == "sse, streamable-http" {
		p.server = server{name: "toolgate", version: h.Version, ours: true}
	}
	if m, ok := p.door.mcp.answer.message(); ok && m.Result != nil {
		var r struct {
			ServerInfo struct{ Name, Version string } `json:"serverInfo"`
		}
		if json.Unmarshal(m.Result, &r) == nil && r.ServerInfo.Name != "" {
			p.server.name, p.server.version = r.ServerInfo.Name, r.ServerInfo.Version
			p.server.ours = p.server.ours || r.ServerInfo.Name == "toolgate"
		}
	}
	for _, a := range []answer{p.door.stranger, p.door.mcp.answer, p.door.sse.answer} {
		if strings.Contains(a.header.Get("WWW-Authenticate"), `realm="toolgate"`) || a.reason() != "" {
			p.server.ours = true
		}
	}
	if p.server.ours && p.server.name == "" {
		p.server.name = "toolgate"
	}
}

// introduce says who it is.
func (p *probe) introduce(s *sheet) {
	d := &p.door
	if d.mcp.absent && d.sse.absent {
		change := []string{"nginx: proxy_pass http://127.0.0.1:3002;"}
		cause := "the proxy does not pass this path on, or passes it to something else"
		if p.server.ours || isOurNotFound(d.mcp.answer) {
			cause = "the server is reached, but under another path than it serves"
			change = []string{
				"toolgate.yaml: server.base_path: " + orSlash(p.target.prefix) + ", where the proxy passes the prefix on",
				"nginx: location " + p.target.prefix + "/ { proxy_pass http://127.0.0.1:3002/; }, where it is to take it off",
			}
		}
		s.fault("no-mcp", because(cause, change...), "nothing speaks MCP at %s (%s) nor at %s (%s)", d.mcp.path, d.mcp.answer.made(), d.sse.path, d.sse.answer.made())
		return
	}
	if p.server.name == "" {
		return
	}
	version := p.server.version
	if version == "" {
		version = "of a version it does not tell"
	}
	s.ok("server", "%.60s %.60s", p.server.name, version)
}

func orSlash(prefix string) string {
	if prefix == "" {
		return `""`
	}
	return prefix
}

func isOurNotFound(a answer) bool {
	return a.status == http.StatusNotFound && strings.TrimSpace(string(a.body)) == `{"error":"not_found"}`
}

// enter judges the first answer of a way in: whether it is served, and if not, who is to blame.
func (p *probe) enter(s *sheet, w *way) {
	a := w.answer
	switch {
	case w.err != nil && w == &p.door.sse && isLate(w.err):
		w.closed = "nothing arrives from " + w.path // checkSSE says why
	case w.err != nil:
		w.closed = "no answer from " + w.path
		s.fault("no-answer", because(lastOf(w.err), "nginx: proxy_pass http://127.0.0.1:3002;"), "%s was not answered", w.path)
	case p.turnedAway(s, w.path, a):
		w.turned, w.closed = true, w.path+" turns requests away, see above"
	case a.status == http.StatusUnauthorized && p.key == "":
		w.closed = giveKey
	case a.status == http.StatusUnauthorized && !p.trusted():
		w.closed = "the key is not sent over a connection that nobody vouches for"
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		w.closed = "the key is refused" // checkAuth says why
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusGone:
		w.absent, w.closed = true, "there is no "+w.path
	case w == &p.door.sse && p.door.stream == nil:
		w.closed = "there is no stream at " + w.path
		if a.status == http.StatusOK {
			s.fault("sse-type", because("something else than the server answers, such as a page for every path", "nginx: location "+w.path+" { proxy_pass http://127.0.0.1:3002; }"),
				"GET %s is answered with %s, not with text/event-stream", w.path, a.made())
		} else {
			w.absent = true
		}
	case w == &p.door.mcp:
		if m, ok := a.message(); !ok || m.Result == nil {
			w.turned, w.closed = true, "initialize failed"
			s.fault("mcp-type", because("something else than the server answers, or it speaks no revision with a handshake", "nginx: location "+w.path+" { proxy_pass http://127.0.0.1:3002; }"),
				"initialize at %s is answered with %s: %s", w.path, a.made(), quoted(a.said()))
		}
	}
}

func isLate(err error) bool {
	_, ok := errors.AsType[errNoAnswer](err)
	return ok
}

// leave ends the session that an initialize began.
func (p *probe) leave(ctx context.Context, begun answer) {
	if id := begun.header.Get("Mcp-Session-Id"); id != "" {
		_, _ = p.ask(ctx, query{method: http.MethodDelete, url: p.door.mcp.url, header: []string{"Mcp-Session-Id", id}}) // a courtesy
	}
}

// may says whether a way in can be looked at; where not, it says what is missing.
func (w *way) may(s *sheet) bool {
	if w.closed != "" {
		s.skip(s.check, "%s", w.closed)
		return false
	}
	return true
}
