package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
	"toolgate/middleware"
)

// Faults of a request that only a way in can have.
var (
	errNoSessionID     = errors.New("no session id: post to the path that the endpoint event named")
	errTwoSessionIDs   = errors.New("session_id and sessionId name different sessions: send one")
	errNotAcceptable   = errors.New("this answer is application/json: accept it, or */*")
	errNotStream       = errors.New("this answer is text/event-stream: accept it")
	errNoSessionHeader = errors.New("Mcp-Session-Id is missing: send initialize first, and then the id that its answer names")
	errVersionHeader   = errors.New("this MCP-Protocol-Version is not served; served are " + strings.Join(mcp.RevisionNames(), ", "))
)

// fail answers a request that could not be served: the one switch from errors to statuses. The body is a JSON-RPC error,
// to id where the message could be read.
func fail(c *gin.Context, id mcp.ID, err error) {
	var wire *mcp.Error
	var refusal *middleware.Refusal
	status, code, retry := http.StatusInternalServerError, mcp.CodeInternal, 0
	switch {
	case errors.As(err, &refusal):
		middleware.Refuse(c, refusal)
		return
	case errors.As(err, &wire):
		if status = http.StatusBadRequest; wire.Code == mcp.CodeMethodNotFound {
			status = http.StatusNotFound
		}
	case errors.Is(err, mcp.ErrStreamOpen):
		status, code = http.StatusConflict, mcp.CodeInvalidRequest
	case errors.Is(err, errNoSessionID), errors.Is(err, errTwoSessionIDs), errors.Is(err, errNoSessionHeader),
		errors.Is(err, errVersionHeader), errors.Is(err, mcp.ErrNoSuchEvent):
		status, code = http.StatusBadRequest, mcp.CodeInvalidRequest
	case errors.Is(err, mcp.ErrNoSession), errors.Is(err, mcp.ErrStreamGone):
		status, code = http.StatusNotFound, mcp.CodeInvalidRequest
	case errors.Is(err, errNotAcceptable), errors.Is(err, errNotStream):
		status, code = http.StatusNotAcceptable, mcp.CodeInvalidRequest
	case errors.Is(err, mcp.ErrBusy), errors.Is(err, mcp.ErrTooMany):
		status, code, retry = http.StatusTooManyRequests, mcp.CodeInvalidRequest, 1
	case errors.Is(err, mcp.ErrShuttingDown), errors.Is(err, mcp.ErrFull):
		status, code, retry = http.StatusServiceUnavailable, mcp.CodeInternal, 5
	}
	if wire == nil {
		wire = &mcp.Error{Code: code, Message: err.Error()}
		if status == http.StatusInternalServerError {
			middleware.LineFrom(c.Request.Context()).SetError(err)
			wire.Message = "internal error; the server's log says more under X-Request-Id"
		}
		if retry > 0 {
			wire.Data = map[string]int{"retryAfterSeconds": retry}
		}
	}
	if retry > 0 {
		c.Header("Retry-After", fmt.Sprint(retry))
	}
	c.Header("X-Content-Type-Options", "nosniff")
	promptly(c)
	c.Data(status, "application/json", mcp.AppendError(nil, id, wire))
	c.Abort()
}

// notFound answers every path there is none for, /.well-known/* above all: clients probe it and take JSON for an answer,
// and HTML for a server that wants OAuth.
func notFound(c *gin.Context) {
	c.JSON(http.StatusNotFound, gin.H{"error": "not_found"})
}

// methodNotAllowed answers where the path is right; gin has set Allow.
func methodNotAllowed(c *gin.Context) {
	c.JSON(http.StatusMethodNotAllowed, gin.H{"error": "method_not_allowed", "allow": c.Writer.Header().Get("Allow")})
}

// onlyGet answers POST /sse: clients that try Streamable HTTP first fall back on exactly this.
func onlyGet(c *gin.Context) {
	c.Header("Allow", http.MethodGet)
	methodNotAllowed(c)
}

// onlyPost answers GET where there is no session: clients take it for "no stream here" and go on.
func onlyPost(c *gin.Context) {
	c.Header("Allow", http.MethodPost)
	methodNotAllowed(c)
}
