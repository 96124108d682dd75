package tools

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
)

// slotWait is how long a call waits for one before it before it is told to come back.
const slotWait = time.Second

// slots bounds the calls of one tool that run at once.
type slots struct {
	tool string
	free chan struct{}
}

func newSlots(tool string, n int) *slots { return &slots{tool, make(chan struct{}, n)} }

func (s *slots) around(ctx context.Context, _ *mcp.Call, _ jsontext.Value, next func(context.Context) (*mcp.CallToolResult, error)) (*mcp.CallToolResult, error) {
	wait := time.NewTimer(slotWait)
	defer wait.Stop()
	select {
	case s.free <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-wait.C:
		return nil, &mcp.ToolError{
			Message:    fmt.Sprintf("%s is busy: %d calls of it are running, which is all that may; try again in a moment", s.tool, cap(s.free)),
			RetryAfter: 1,
		}
	}
	defer func() { <-s.free }()
	return next(ctx)
}
