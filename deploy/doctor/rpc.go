package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

const (
	newestSession = "2025-11-25" // of the revisions with a handshake
	stateless     = "2026-07-28"
	oldest        = "2024-11-05"
)

// Answers are taken as JSON or as a stream, the one that is named first preferred.
const (
	acceptJSON   = "application/json, text/event-stream"
	acceptStream = "text/event-stream, application/json"
)

// message is one JSON-RPC response.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Result  json.RawMessage `json:"result"`
	Error   *rpcError       `json:"error"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Reason string `json:"reason"`
	} `json:"data"`
}

// UnmarshalJSON takes an error whose data is something else for what else it says.
func (e *rpcError) UnmarshalJSON(text []byte) error {
	var outer struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &outer); err != nil {
		return err
	}
	e.Code, e.Message = outer.Code, outer.Message
	_ = json.Unmarshal(outer.Data, &e.Data) // another server's data has no reason
	return nil
}

func isResponse(text string) bool {
	m, ok := readMessage([]byte(text))
	return ok && m.Method == ""
}

func readMessage(text []byte) (message, bool) {
	var m message
	err := json.Unmarshal(text, &m)
	return m, err == nil && m.JSONRPC == "2.0"
}

// message is the JSON-RPC message of an answer's body.
func (a answer) message() (message, bool) { return readMessage(a.body) }

// reason is why a gate of this project's turned a request away; empty: it did not.
func (a answer) reason() string {
	if m, ok := a.message(); ok && m.Error != nil {
		return m.Error.Data.Reason
	}
	return ""
}

// hostRefused says that the gate of Host names turned the request away, this project's or another's.
func (a answer) hostRefused() bool {
	switch a.reason() {
	case "host_not_allowed", "bad_host":
		return true
	}
	said := strings.ToLower(a.said())
	return a.status == http.StatusMisdirectedRequest || a.status == http.StatusForbidden && strings.Contains(said, "host") && strings.Contains(said, "invalid")
}

// said is the text of an error, whoever wrote it in which form.
func (a answer) said() string {
	if m, ok := a.message(); ok && m.Error != nil {
		return m.Error.Message
	}
	if a.html() {
		return ""
	}
	return strings.TrimSpace(string(a.body[:min(len(a.body), maxQuoted)]))
}

func call(id int, method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, id, method, params)
}

func initialize(version string) string {
	return call(1, "initialize", fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"toolgate-doctor","version":"1"}}`, version))
}

const initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`

// post sends one message to an endpoint of Streamable HTTP.
func (p *probe) post(ctx context.Context, url, body string, header ...string) (answer, error) {
	return p.ask(ctx, posting(url, body, header...))
}

// posting is a POST of one message.
func posting(url, body string, header ...string) query {
	return query{
		method: http.MethodPost, url: url, body: body,
		header: append([]string{"Content-Type", "application/json", "Accept", acceptJSON}, header...),
	}
}
