package handlers

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
	"toolgate/middleware"
)

// assumedRevision is that of a POST without MCP-Protocol-Version (2025-06-18, transports).
var assumedRevision, _ = mcp.RevisionNamed("2025-03-26")

// answerAlone answers the message of a body in the answer's body, as plain JSON and without a session.
func (a *API) answerAlone(c *gin.Context, rev *mcp.Revision) {
	if !acceptOf(c.Request.Header).json {
		fail(c, mcp.ID{}, errNotAcceptable)
		return
	}
	if m, ok := a.readMessage(c); ok {
		middleware.LineFrom(c.Request.Context()).SetMethod(m.Method)
		a.respondAlone(c, m, rev)
	}
}

func (a *API) respondAlone(c *gin.Context, m *mcp.Message, rev *mcp.Revision) {
	ctx := c.Request.Context()
	rev, err := revisionOf(c, m, rev)
	if err != nil {
		fail(c, m.ID, err)
		return
	}
	peer := mcp.NewPeer(middleware.PrincipalFrom(ctx), a.address(c), mcp.WireHTTP, rev)
	answer := a.server.Answer(ctx, peer, m)
	promptly(c)
	if answer == nil {
		c.Status(http.StatusAccepted)
		c.Writer.WriteHeaderNow()
		return
	}
	c.Data(http.StatusOK, "application/json", answer)
}

// revisionOf is the revision a request without a session is served in: the one its header names, else the assumed one.
// initialize is served whatever the header says: it is how a client finds out.
func revisionOf(c *gin.Context, m *mcp.Message, assumed *mcp.Revision) (*mcp.Revision, error) {
	rev := assumed
	if name := c.GetHeader("MCP-Protocol-Version"); name != "" && m.Method != "initialize" {
		var ok bool
		if rev, ok = mcp.HandshakeRevision(name); !ok {
			return nil, errVersionHeader
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
