package tools

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	lru "github.com/hashicorp/golang-lru/v2"

	"toolgate/mcp"
)

// What one tool's kept results may take.
const (
	keptResults   = 256
	maxKeptResult = 256 << 10 // bytes; larger ones are not kept
)

// results keeps what a tool said, for a while, for the caller it was said to: the same principal with the same credentials
// of its own. Failures are not kept.
type results struct {
	ttl  time.Duration
	kept *lru.Cache[string, keptResult]
}

type keptResult struct {
	result *mcp.CallToolResult
	until  time.Time
}

func newResults(ttl time.Duration) *results {
	kept, _ := lru.New[string, keptResult](keptResults) // the size is not 0, the only fault there is
	return &results{ttl, kept}
}

func (r *results) around(ctx context.Context, c *mcp.Call, arguments jsontext.Value, next func(context.Context) (*mcp.CallToolResult, error)) (*mcp.CallToolResult, error) {
	question := arguments.Clone()
	if len(question) == 0 {
		question = jsontext.Value("{}")
	}
	if err := question.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil { // a number as large as it was sent
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	key := c.Identity() + string(question)
	if k, ok := r.kept.Get(key); ok && time.Now().Before(k.until) {
		return k.result, nil
	}
	result, err := next(ctx)
	if err == nil && !result.IsError && weight(result) <= maxKeptResult {
		r.kept.Add(key, keptResult{result, time.Now().Add(r.ttl)})
	}
	return result, err
}

// weight is about what a result takes, in bytes.
func weight(r *mcp.CallToolResult) int {
	n := len(r.StructuredContent)
	for _, b := range r.Content {
		n += len(b.Data)
		if b.Text != nil {
			n += len(*b.Text)
		}
	}
	return n
}
