package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// sessionRevisions are those that /mcp has with a handshake.
func sessionRevisions() []string { return []string{"2025-03-26", "2025-06-18", newestSession} }

// checkStreamable goes through a session of Streamable HTTP, from its handshake to its end.
func (p *probe) checkStreamable(ctx context.Context, s *sheet) {
	w := &p.door.mcp
	if !w.may(s) {
		return
	}
	p.versions(ctx, s)
	id, ok := p.begin(ctx)
	if !ok {
		s.info("mcp-session", "initialize names no session; every request stands alone")
	}
	var named []string
	if id != "" {
		named = []string{"Mcp-Session-Id", id, "MCP-Protocol-Version", newestSession}
	}
	if a, err := p.post(ctx, w.url, initialized, named...); sessionUnknown(a) {
		p.lost(s)
	} else if err != nil || a.status > 299 {
		s.warn("mcp-initialized", because(answerOr(a, err), "the server: answer 202"), "notifications/initialized was not taken")
	} else if a.status != http.StatusAccepted {
		s.warn("mcp-initialized", because("TypeScript clients open their stream on 202 alone", "the server: answer 202"), "notifications/initialized is answered %d", a.status)
	}
	a, err := p.post(ctx, w.url, call(2, "tools/list", "{}"), named...)
	m, ok := a.message()
	switch {
	case err != nil:
		s.fault("mcp-tools", because(lastOf(err), "nginx: proxy_read_timeout 1h; in the location of "+w.path), "tools/list was not answered")
	case sessionUnknown(a):
		p.lost(s)
	case !ok || m.Result == nil:
		s.fault("mcp-tools", because(quoted(a.said()), "the server's log, under X-Request-Id "+quoted(a.header.Get("X-Request-Id"))), "tools/list is answered %s", a.made())
	default:
		s.ok("mcp-tools", "over /mcp: a handshake, and %s", toolsOf(m))
	}
	if id != "" {
		p.standing(ctx, s, named)
		p.farewell(ctx, s, id)
	}
}

// lost says that a session is not there when it should be.
func (p *probe) lost(s *sheet) {
	if !s.has("no-stickiness") {
		s.fault("no-stickiness", strangers(), "the session that initialize began is unknown to who takes the next request")
	}
}

// versions asks for each revision.
func (p *probe) versions(ctx context.Context, s *sheet) {
	var served []string
	for _, v := range sessionRevisions() {
		a, err := p.post(ctx, p.door.mcp.url, initialize(v))
		if err != nil {
			continue
		}
		p.leave(ctx, a)
		m, _ := a.message()
		switch got := versionOf(m); {
		case got == v:
			served = append(served, v)
		case !slices.Contains(append(sessionRevisions(), oldest), got):
			s.fault("version-echo", because("clients end the connection over a revision they do not know", "the server: answer the revision that was asked for"), "initialize with %s is answered with %s", v, quoted(got))
		default:
			s.info("version-echo", "initialize with %s is answered with %s", v, got)
		}
	}
	if len(served) > 0 {
		s.ok("mcp", "revisions served: %s", fmt.Sprint(served))
	}
}

// begin opens a session; ok where it has a name.
func (p *probe) begin(ctx context.Context) (id string, ok bool) {
	a, err := p.post(ctx, p.door.mcp.url, initialize(newestSession))
	if err != nil {
		return "", false
	}
	id = a.header.Get("Mcp-Session-Id")
	return id, id != ""
}

// end closes it.
func (p *probe) end(ctx context.Context, id string) {
	_, _ = p.ask(ctx, query{method: http.MethodDelete, url: p.door.mcp.url, header: []string{"Mcp-Session-Id", id}}) // a courtesy
}

// standing opens the session's own stream, whose first bytes have to come at once.
func (p *probe) standing(ctx context.Context, s *sheet, named []string) {
	w := &p.door.mcp
	st, a, err := p.open(ctx, query{url: w.url, header: named}, p.bounds.answer)
	switch {
	case err != nil && isLate(err):
		s.fault("stream-buffered", held(w.path), "GET %s with a session: nothing arrived in %s, not even headers", w.path, brief(p.bounds.answer))
		return
	case err != nil:
		s.skip("mcp-stream", "GET %s with a session: %s", w.path, lastOf(err))
		return
	case st == nil && a.status == http.StatusMethodNotAllowed:
		s.info("mcp-stream", "there is no standing stream")
		return
	case st == nil:
		s.fault("mcp-stream", because("clients take a 404 for the end of the session, and ask again for ever on others", "nginx: no limit_except at the location of "+w.path), "GET %s with a session is answered %s", w.path, a.made())
		return
	}
	defer st.close()
	if _, err := st.next(ctx, p.bounds.prompt); err != nil && isLate(err) && p.server.ours {
		s.fault("stream-buffered", held(w.path), "GET %s with a session: headers came, and nothing else in %s", w.path, brief(p.bounds.prompt))
		return
	}
	s.ok("mcp-stream", "the session's own stream opens after %s", brief(time.Since(st.asked)))
}

// farewell ends the session and looks whether it is over.
func (p *probe) farewell(ctx context.Context, s *sheet, id string) {
	w := &p.door.mcp
	a, err := p.ask(ctx, query{method: http.MethodDelete, url: w.url, header: []string{"Mcp-Session-Id", id}})
	switch {
	case err != nil:
		s.skip("mcp-delete", "DELETE %s: %s", w.path, lastOf(err))
		return
	case a.status == http.StatusMethodNotAllowed && !a.html() && !p.server.ours:
		s.info("mcp-delete", "clients cannot end a session")
		return
	case a.status > 299:
		s.grade(p.server.ours, "mcp-delete", because("the proxy does not pass DELETE on; sessions stay until they are idle for long", "nginx: no limit_except and no dav_methods at the location of "+w.path), "DELETE %s is answered %s", w.path, a.made())
		return
	}
	after, err := p.post(ctx, w.url, call(3, "ping", "{}"), "Mcp-Session-Id", id)
	switch {
	case err != nil:
	case after.status == http.StatusNotFound:
		s.ok("mcp-delete", "a session that its client ended is 404")
	default:
		s.warn("mcp-ended", because("clients begin a new session on 404 alone", "the server: answer 404 to a session that is not there"), "a session that its client ended is answered %d", after.status)
	}
}

// checkStateless speaks 2026-07-28, which has no sessions and whose headers have to arrive.
func (p *probe) checkStateless(ctx context.Context, s *sheet) {
	w := &p.door.mcp
	if !w.may(s) {
		return
	}
	a, m, err := p.alone(ctx, 1, "server/discover")
	switch {
	case err != nil:
		s.skip("stateless", "server/discover: %s", lastOf(err))
		return
	case m.Error != nil && m.Error.Code == -32020:
		s.fault("headers-dropped", because("the proxy drops or changes Mcp-Method or MCP-Protocol-Version", "nginx: proxy_pass_request_headers on; and no proxy_set_header Mcp-Method or MCP-Protocol-Version"),
			"the headers of 2026-07-28 do not arrive as they were sent: %s", quoted(a.said()))
		return
	case a.status >= 500:
		s.fault("discover-5xx", because("clients that feel for the revision take it for the end", "the server: answer -32601"), "server/discover is answered %d", a.status)
		return
	case m.Result == nil:
		s.info("stateless", "%s is not spoken (%s)", stateless, a.made())
		return
	}
	var found struct {
		Versions []string `json:"supportedVersions"`
	}
	_ = json.Unmarshal(m.Result, &found) // without versions there is nothing to list
	if a.header.Get("Mcp-Session-Id") != "" {
		s.warn("discover-session", because("the Go SDK takes it for the session that it begins next", "the server: name the session in the answer to initialize alone"), "the answer to server/discover names a session")
	}
	_, m, err = p.alone(ctx, 2, "tools/list")
	if err != nil || m.Result == nil {
		s.fault("stateless-tools", because(quoted(errorOf(m, err)), "the server's log"), "%s: tools/list failed", stateless)
		return
	}
	s.ok("stateless", "revisions that server/discover tells: %v; over %s: %s", found.Versions, stateless, toolsOf(m))
}

// alone sends a request of the revision without sessions.
func (p *probe) alone(ctx context.Context, id int, method string) (answer, message, error) {
	params := `{"_meta":{"io.modelcontextprotocol/protocolVersion":"` + stateless + `","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"toolgate-doctor","version":"1"}}}`
	a, err := p.post(ctx, p.door.mcp.url, call(id, method, params), "MCP-Protocol-Version", stateless, "Mcp-Method", method)
	m, _ := a.message()
	return a, m, err
}

func errorOf(m message, err error) string {
	switch {
	case err != nil:
		return lastOf(err)
	case m.Error != nil:
		return m.Error.Message
	}
	return "no result"
}

func versionOf(m message) string {
	var r struct {
		Version string `json:"protocolVersion"`
	}
	_ = json.Unmarshal(m.Result, &r) // what is no result has no version
	return r.Version
}

// toolsOf says how many tools a list has.
func toolsOf(m message) string {
	var r struct {
		Tools []json.RawMessage `json:"tools"`
		Next  string            `json:"nextCursor"`
	}
	_ = json.Unmarshal(m.Result, &r) // what is no list has no tools
	text := strconv.Itoa(len(r.Tools)) + " tools"
	if len(r.Tools) == 1 {
		text = "1 tool"
	}
	if r.Next != "" {
		text += " on a first page, which is all that many clients ask for (mcp.page_size)"
	}
	return text
}

func itoa(n int) string { return strconv.Itoa(n) }
