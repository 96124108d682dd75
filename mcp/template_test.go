package mcp

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestALongURIIsMatchedInLinearTime holds templates to what backtracking matchers do not keep: ten times the length takes
// about ten times as long, not a hundred.
func TestALongURIIsMatchedInLinearTime(t *testing.T) {
	template := &ResourceTemplate{
		URITemplate: "doc://{root}{/path*}", Name: "doc", Description: "A document.",
		Read: func(_ context.Context, _ *Call, uri string, _ map[string]string) ([]ResourceContents, error) {
			return []ResourceContents{{URI: uri, Text: "found"}}, nil
		},
	}
	server := newServer(t, Features{Templates: []*ResourceTemplate{template}}, Options{})
	took := func(length int) time.Duration {
		least := time.Hour
		for range 5 {
			started := time.Now()
			uri := "doc://a" + strings.Repeat("/a", length/2) + "!!"
			told(t, server, Anonymous(), nil, "resources/read", `{"uri":"`+uri+`"}`)
			least = min(least, time.Since(started))
		}
		return least
	}
	short, long := took(5_000), took(50_000)
	if long > 40*short+50*time.Millisecond {
		t.Errorf("50 kB took %v, 5 kB %v: want time that grows with the length", long, short)
	}
}
