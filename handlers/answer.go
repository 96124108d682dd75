package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
	"toolgate/middleware"
)

// Answer is POST /mcp: one request, or batch, answered in the body as plain JSON, without a session. Whatever the client
// accepts beside JSON, JSON is what it gets.
func (a *API) Answer(c *gin.Context) {
	if c.GetHeader("Mcp-Session-Id") != "" {
		fail(c, mcp.ID{}, errSessionHeader) // 404: the client begins anew (2025-03-26 and later, transports)
		return
	}
	a.answer(c, assumedRevision)
}

// assumedRevision is that of a POST without MCP-Protocol-Version (2025-06-18, transports).
var assumedRevision, _ = mcp.RevisionNamed("2025-03-26")

func (a *API) answer(c *gin.Context, rev *mcp.Revision) {
	if !acceptsJSON(c.GetHeader("Accept")) {
		fail(c, mcp.ID{}, errNotAcceptable)
		return
	}
	m, ok := readMessage(c)
	if !ok {
		return
	}
	ctx := c.Request.Context()
	middleware.LineFrom(ctx).SetMethod(m.Method)
	rev, err := revisionOf(c, m, rev)
	if err != nil {
		fail(c, m.ID, err)
		return
	}
	peer := mcp.NewPeer(middleware.PrincipalFrom(ctx), a.address(c), mcp.WireHTTP, rev)
	answer := a.server.Answer(ctx, peer, m)
	if answer == nil {
		c.Status(http.StatusAccepted)
		c.Writer.WriteHeaderNow()
		return
	}
	c.Data(http.StatusOK, "application/json", answer)
}

// revisionOf is the revision a request without a session is served in: the one its header names, else the assumed one.
// initialize and the probe of newer clients are served whatever the header says; they are how a client finds out.
func revisionOf(c *gin.Context, m *mcp.Message, assumed *mcp.Revision) (*mcp.Revision, error) {
	rev := assumed
	if name := c.GetHeader("MCP-Protocol-Version"); name != "" && m.Method != "initialize" && m.Method != "server/discover" {
		var ok bool
		if rev, ok = mcp.RevisionNamed(name); !ok {
			return nil, &mcp.Error{
				Code:    mcp.CodeInvalidRequest,
				Message: "this MCP-Protocol-Version is not served here; served are " + strings.Join(mcp.RevisionNames(), ", "),
			}
		}
	}
	if m.Batch != nil && !rev.Batches {
		return nil, mcp.Errorf(mcp.CodeInvalidRequest, "batches are only in revision 2025-03-26: send one message a POST")
	}
	if slices.ContainsFunc(m.Batch, func(one *mcp.Message) bool { return one.Method == "initialize" }) {
		return nil, mcp.Errorf(mcp.CodeInvalidRequest, "initialize must not be in a batch")
	}
	return rev, nil
}
