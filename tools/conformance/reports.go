package conformance

import (
	"context"
	"time"

	"toolgate/mcp"
)

// step is how long each part of a tool's work takes: long enough to see its messages come one by one.
const step = 50 * time.Millisecond

// reportTools tell the client something while they work.
func reportTools() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_tool_with_progress",
			Description: "Reports its progress three times.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, withProgress),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_tool_with_logging",
			Description: "Sends three log messages.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, withLogging),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_logging_tool",
			Description: "Sends one log message.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, logging),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_streaming_elicitation",
			Description: "Reports its progress twice, and asks nothing.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, streaming),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_reconnection",
			Description: "Closes the connection of a client that can come back for its answer, and then answers.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, reconnection),
	}
}

func withProgress(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	for i, percent := range []float64{0, 50, 100} {
		if i > 0 {
			if err := pause(ctx, step); err != nil {
				return "", err
			}
		}
		c.Progress(percent, 100, "")
	}
	return "Done, after three reports of progress.", nil
}

func withLogging(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	for i, text := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
		if i > 0 {
			if err := pause(ctx, step); err != nil {
				return "", err
			}
		}
		c.Log(mcp.LevelInfo, text)
	}
	return "Done, after three log messages.", nil
}

func logging(_ context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	c.Log(mcp.LevelInfo, "A message for whoever wants this level")
	return "Done, after one log message.", nil
}

func streaming(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	for _, percent := range []float64{50, 100} {
		c.Progress(percent, 100, "")
		if err := pause(ctx, step); err != nil {
			return "", err
		}
	}
	return "Done, and nothing was asked.", nil
}

// absence is how long a client that was hung up on waits at least for its answer.
const absence = 100 * time.Millisecond

func reconnection(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	c.Hangup()
	if err := pause(ctx, absence); err != nil {
		return "", err
	}
	return "Done, while you were away.", nil
}
