package handlers

import (
	"encoding/base64"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/middleware"
)

// Headers of stateless requests (2026-07-28, transports).
const (
	headerVersion = "Mcp-Protocol-Version"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"
	headerParam   = "Mcp-Param-"
)

// namesStateless says whether the version header names a revision without a handshake.
func namesStateless(h http.Header) bool {
	version := h.Get(headerVersion)
	if version == "" {
		return false
	}
	rev, ok := mcp.RevisionNamed(version)
	return ok && rev.Stateless
}

// standsAlone says whether a message claims a revision without a handshake. An initialize that claims one it can settle is
// what it looks like.
func standsAlone(m *mcp.Message) bool {
	if !m.Claims() || m.Method != "initialize" {
		return m.Claims()
	}
	var p struct {
		Meta struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
	}
	if json.Unmarshal(m.Params, &p) != nil {
		return true
	}
	_, settles := mcp.HandshakeRevision(p.Meta.Version)
	return !settles
}

// stateless serves one request that stands alone: what it says of itself is checked, in the order that tells a client most,
// then it is dispatched. Closing the connection cancels it.
func (a *API) stateless(c *gin.Context, m *mcp.Message, accept accept) {
	switch {
	case m.Method == "":
		fail(c, m.ID, mcp.Errorf(mcp.CodeInvalidRequest, "a stateless client has nothing to respond to"))
		return
	case !m.IsRequest():
		c.Status(http.StatusAccepted) // no notification means anything here
		c.Writer.WriteHeaderNow()
		return
	case m.Method == "initialize" && !m.Claims():
		fail(c, m.ID, mcp.Errorf(mcp.CodeHeaderMismatch, "initialize negotiates a revision that has a handshake: leave the MCP-Protocol-Version header out"))
		return
	}
	envelope, fault := mcp.ReadEnvelope(m)
	if fault == nil {
		fault = a.checkHeaders(c.Request.Header, m, envelope)
	}
	if fault != nil {
		fail(c, m.ID, fault)
		return
	}
	ctx := c.Request.Context()
	line := middleware.LineFrom(ctx)
	line.SetRevision(envelope.Version)
	if m.Method == "tools/call" {
		line.SetTool(envelope.Name[:min(len(envelope.Name), 64)]) // no longer than a tool's name may be
	}
	peer := envelope.Peer(middleware.PrincipalFrom(ctx), a.address(c), mcp.WireHTTP)
	if m.IsListen() {
		stream, fault := a.server.Listen(ctx, peer, m)
		if fault != nil {
			fail(c, m.ID, fault)
			return
		}
		w := a.newWriter(c, stream)
		w.expires = peer.Principal.Expires
		w.run(c, a.cfg.SSE.PingInterval)
		return
	}
	r := response{api: a, c: c, stream: a.server.Stream(ctx, peer, m), accept: accept, status: statelessStatus}
	r.write()
}

// statelessStatus is the status of an answer: an error about the request itself shows there too, so that proxies see it.
func statelessStatus(answer mcp.Event) int {
	switch answer.Code {
	case mcp.CodeMethodNotFound:
		return http.StatusNotFound
	case mcp.CodeMissingCapability, mcp.CodeHeaderMismatch, mcp.CodeUnsupportedVersion, mcp.CodeInvalidRequest:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// checkHeaders holds the headers against the body (2026-07-28, transports): who routes by the one must not be led astray by
// the other.
func (a *API) checkHeaders(h http.Header, m *mcp.Message, e *mcp.Envelope) *mcp.Error {
	version, ok := single(h, headerVersion)
	if !ok || version != e.Version {
		return mismatch("MCP-Protocol-Version must be there once and say what _meta says")
	}
	if rev, ok := mcp.RevisionNamed(e.Version); !ok || !rev.Stateless {
		return mcp.UnsupportedVersion(e.Version)
	}
	if method, ok := single(h, headerMethod); !ok || method != m.Method {
		return mismatch("Mcp-Method must be there once and name the body's method")
	}
	if !a.server.Serves(m.Method) {
		return mcp.Errorf(mcp.CodeMethodNotFound, "method not found: %.100s", m.Method)
	}
	if mcp.Named(m.Method) {
		if !e.NameGiven {
			return mcp.Errorf(mcp.CodeInvalidParams, "params: the name of what is asked for is missing")
		}
		line, ok := single(h, headerName)
		if name, decoded := unseal(line); !ok || !decoded || name != e.Name {
			return mismatch("Mcp-Name must be there once and name what the body names")
		}
	}
	if m.Method == "tools/call" {
		return a.checkParams(h, e)
	}
	return nil
}

// checkParams holds Mcp-Param-* headers against the arguments that the tool's schema marks. Others are nobody's concern.
func (a *API) checkParams(h http.Header, e *mcp.Envelope) *mcp.Error {
	for _, p := range a.server.HeaderParams(e.Name) {
		name := http.CanonicalHeaderKey(headerParam + p.Name)
		argument := descend(e.Arguments, p.Path)
		lines := h[name]
		if argument == nil || argument.Kind() == 'n' {
			if len(lines) > 0 {
				return mismatch(name + " is there, and its argument is not")
			}
			continue
		}
		line, ok := single(h, name)
		if value, decoded := unseal(line); !ok || !decoded || !sameValue(p.Type, argument, value) {
			return mismatch(name + " must be there once and say what the argument says")
		}
	}
	return nil
}

func mismatch(text string) *mcp.Error { return mcp.Errorf(mcp.CodeHeaderMismatch, "%s", text) }

// single is the value of a header that stands exactly once, in visible ASCII, spaces and tabs.
func single(h http.Header, name string) (string, bool) {
	lines := h[http.CanonicalHeaderKey(name)]
	if len(lines) != 1 {
		return "", false
	}
	value := strings.Trim(lines[0], " \t")
	for i := range len(value) {
		if b := value[i]; (b < ' ' || b > '~') && b != '\t' {
			return "", false
		}
	}
	return value, true
}

// unseal decodes the form in which clients send what a header cannot hold: =?base64?…?=. Anything else is as it stands.
func unseal(value string) (string, bool) {
	inner, ok := strings.CutPrefix(value, "=?base64?")
	if !ok {
		return value, true
	}
	if inner, ok = strings.CutSuffix(inner, "?="); !ok {
		return value, true
	}
	text, err := base64.StdEncoding.Strict().DecodeString(inner)
	return string(text), err == nil && utf8.Valid(text)
}

// descend is the value at a path of property names; nil where there is none.
func descend(object jsontext.Value, path []string) jsontext.Value {
	for _, name := range path {
		var members map[string]jsontext.Value
		if object.Kind() != '{' || json.Unmarshal(object, &members) != nil {
			return nil
		}
		object = members[name]
	}
	return object
}

// maxHeaderInteger bounds integers in headers (2026-07-28, tools): beyond it not everybody reads the same number.
const maxHeaderInteger = 1<<53 - 1

// sameValue compares an argument with its header: strings exactly, booleans by name, integers as numbers.
func sameValue(kind string, argument jsontext.Value, header string) bool {
	switch kind {
	case "string":
		var text string
		return argument.Kind() == '"' && json.Unmarshal(argument, &text) == nil && text == header
	case "boolean":
		return (header == "true" || header == "false") && string(argument) == header
	}
	if value := jsontext.Value(header); argument.Kind() != '0' || value.Kind() != '0' || !value.IsValid() {
		return false
	}
	a, err1 := strconv.ParseFloat(string(argument), 64)
	b, err2 := strconv.ParseFloat(header, 64)
	return err1 == nil && err2 == nil && a == b && math.Abs(a) <= maxHeaderInteger
}
