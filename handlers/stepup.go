package handlers

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
	"toolgate/middleware"
)

// stepsUp says whether the caller holds every scope that a message needs. Where it does not it has answered: 403 and the
// challenge that names what is missing, all at once, which is how a client learns what to ask its authorization server for
// (2025-11-25, authorization). It is asked before a message is handed on, since in an open stream there are no statuses.
//
// The body is a JSON-RPC error to the message's id, which clients that cannot ask for more show to a person or a model.
func (a *API) stepsUp(c *gin.Context, m *mcp.Message) bool {
	lacking := a.lacks(c, m)
	if len(lacking) == 0 {
		return true
	}
	refusal := middleware.LacksScopes(c, lacking...)
	middleware.LineFrom(c.Request.Context()).SetRefused(refusal.Reason)
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-store")
	promptly(c)
	c.Data(http.StatusForbidden, "application/json", mcp.AppendError(nil, m.ID, &mcp.Error{
		Code: mcp.CodeInvalidRequest, Message: refusal.Message,
		Data: map[string]string{"reason": string(refusal.Reason), "scope": strings.Join(lacking, " ")},
	}))
	c.Abort()
	return false
}

// restStepsUp is stepsUp with a problem document for an answer.
func (a *API) restStepsUp(c *gin.Context, m *mcp.Message) bool {
	lacking := a.lacks(c, m)
	if len(lacking) == 0 {
		return true
	}
	refusal := middleware.LacksScopes(c, lacking...)
	middleware.LineFrom(c.Request.Context()).SetRefused(refusal.Reason)
	p := newProblem(c, "insufficient-scope", refusal.Message)
	p.Scope = strings.Join(lacking, " ")
	p.answer(c)
	return false
}

func (a *API) lacks(c *gin.Context, m *mcp.Message) []string {
	if a.cfg.Auth.Open() {
		return nil
	}
	return a.server.Lacks(middleware.PrincipalFrom(c.Request.Context()), m)
}
