package tools

import (
	"go.uber.org/zap"

	"toolgate/mcp"
)

// Serve offers the tools by a server, from now on also what Reload makes of them, and tells its clients when resources
// change. It is called once, before the server has clients.
func (b *Toolbox) Serve(server *mcp.Server) {
	b.Follow(b.offerTo(server), server.ResourceUpdated)
}

// offerTo puts other features in force, and says when what clients see of the tools became something else: a description
// that changes under way may be somebody's work.
func (b *Toolbox) offerTo(server *mcp.Server) func(mcp.Features) error {
	return func(f mcp.Features) error {
		before := server.ToolsDigest()
		if err := server.SetFeatures(f); err != nil {
			return err
		}
		if now := server.ToolsDigest(); now != before {
			b.log.Info("the tools are others", zap.Int("tools", server.ToolCount()), zap.String("sha256", now))
		}
		return nil
	}
}
