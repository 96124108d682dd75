package tools

import (
	"context"
	"os"
	"sync"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// Source is where a toolbox learns of another configuration.
type Source struct {
	Files  func() []string              // what the configuration is read from; changes there are noticed
	Hangup <-chan os.Signal             // tells to read everything anew; nil: nothing does
	Load   func() (config.Tools, error) // reads it, as a whole and checked
}

// Keep keeps a server's tools as the configuration says, until ctx ends: it reads the configuration anew when a file of it
// changes, or one that a toolset was made of, and on Hangup. One that is not valid changes nothing. No session is dropped:
// clients are told that their lists are others. It blocks, and is called once.
func (b *Toolbox) Keep(ctx context.Context, src Source, server *mcp.Server) {
	b.Follow(b.offerTo(server), server.ResourceUpdated)
	changes := make(chan []string)
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		err := config.Watch(ctx, func() []string { return append(src.Files(), b.Files()...) }, func(changed []string) {
			select {
			case changes <- changed:
			case <-ctx.Done():
			}
		})
		if err != nil {
			b.log.Warn("changes of the configuration go unnoticed until SIGHUP", zap.Error(err))
		}
	})
	var pending Changes // since the last configuration that was valid
	for {
		select {
		case <-ctx.Done():
			return
		case <-src.Hangup:
			pending.Everything = true
		case files := <-changes:
			pending.Files = append(pending.Files, files...)
		}
		cfg, err := src.Load()
		if err == nil {
			err = b.Reload(cfg, pending)
		}
		if err != nil {
			b.log.Error("the configuration stays as it was", zap.Error(err))
			continue
		}
		b.log.Info("the configuration was read anew", zap.Strings("changed", pending.Files))
		pending = Changes{}
	}
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
