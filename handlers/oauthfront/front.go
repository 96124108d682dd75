// Package oauthfront is a small OAuth server whose login is an API key, for clients that can do OAuth and nothing else.
package oauthfront

import (
	"context"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// Options are what the front stands on; all are required.
type Options struct {
	Config config.Config
	Keys   *middleware.KeyStore
	Log    *zap.Logger
}

// Front is the server. It is the verifier of the tokens that it gives.
type Front struct{}

// New makes the front. Close ends it.
func New(o Options) (*Front, error) { return &Front{}, nil }

// Mount adds its paths, each behind the gates.
func (f *Front) Mount(r gin.IRoutes, gates ...gin.HandlerFunc) {}

// Verify implements middleware.Verifier.
func (f *Front) Verify(ctx context.Context, credential string) (*mcp.Principal, error) {
	return nil, middleware.ErrNotKnown
}

// Close writes what is to be kept.
func (f *Front) Close() error { return nil }
