package handlers

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
	"toolgate/middleware"
)

// Messages is POST /messages and its older names: one message for a session, whose answer goes to the session's stream.
// 202 says that it was taken in and will get its answer there.
func (a *API) Messages(c *gin.Context) {
	id, err := sessionID(c.Request.URL.Query())
	if err != nil {
		fail(c, mcp.ID{}, err)
		return
	}
	a.deliver(c, id)
}

// MessagesOrAnswer is POST /sse/messages (the Tutorial document): with a session's id like Messages, without one answered
// in the body. No session is ever guessed.
func (a *API) MessagesOrAnswer(c *gin.Context) {
	switch id, err := sessionID(c.Request.URL.Query()); {
	case err == nil:
		a.deliver(c, id)
	case errors.Is(err, errNoSessionID):
		a.answerAlone(c, mcp.Oldest())
	default:
		fail(c, mcp.ID{}, err)
	}
}

func (a *API) deliver(c *gin.Context, id string) {
	m, ok := a.readMessage(c)
	if !ok {
		return
	}
	line := middleware.LineFrom(c.Request.Context())
	line.SetSession(id)
	line.SetMethod(m.Method)
	claims, _ := mcp.HandshakeRevision(c.GetHeader("MCP-Protocol-Version"))
	if err := a.sessions.Deliver(id, middleware.PrincipalFrom(c.Request.Context()), m, claims); err != nil {
		fail(c, m.ID, err)
		return
	}
	c.Data(http.StatusAccepted, "text/plain; charset=utf-8", accepted)
}

var accepted = []byte("Accepted")

// readMessage reads the one message of a body that the caller may send; where it cannot, it has answered.
func (a *API) readMessage(c *gin.Context) (*mcp.Message, bool) {
	body, err := middleware.ReadBody(c)
	promptly(c) // the body took its time, of which the answer must not run out
	if err != nil {
		fail(c, mcp.ID{}, err)
		return nil, false
	}
	m, fault := mcp.Decode(body)
	if fault != nil {
		fail(c, m.ID, fault)
		return nil, false
	}
	if !a.stepsUp(c, m) {
		return nil, false
	}
	if t := terms(c.Request.Header, a.callerHeaders); t != nil {
		m.On(t)
	}
	if a.cfg.Tracing.OTLPEndpoint != "" {
		middleware.LineFrom(c.Request.Context()).SetTrace(m.Trace().Parent)
	}
	return m, true
}

// sessionID reads the session's id in either spelling, dashed or plain.
func sessionID(query map[string][]string) (string, error) {
	var ids []string
	for _, name := range []string{"session_id", "sessionId"} {
		for _, id := range query[name] {
			if id = plainID(id); id != "" {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return "", errNoSessionID
	}
	for _, id := range ids[1:] {
		if id != ids[0] {
			return "", errTwoSessionIDs
		}
	}
	return ids[0], nil
}

// plainID takes the dashes out of an id that is written like a UUID.
func plainID(id string) string {
	if len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' {
		return strings.ReplaceAll(id, "-", "")
	}
	return id
}
