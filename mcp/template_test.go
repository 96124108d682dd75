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
		URITemplate: "doc://{root}/{+path}", Name: "doc", Description: "A document.",
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
	short, long := took(800), took(8_000)
	if long > 40*short+50*time.Millisecond {
		t.Errorf("8 kB took %v, 800 B %v: want time that grows with the length", long, short)
	}
	if huge := took(50_000); huge > long+50*time.Millisecond {
		t.Errorf("50 kB took %v, 8 kB %v: want it refused unread", huge, long)
	}
}

func TestTemplatesTakeNoLists(t *testing.T) {
	for _, text := range []string{"doc://{root}{/path*}", "doc://{?a,b*}"} {
		template := &ResourceTemplate{
			URITemplate: text, Name: "doc", Description: "A document.",
			Read: func(context.Context, *Call, string, map[string]string) ([]ResourceContents, error) { return nil, nil },
		}
		_, err := NewServer(Features{Templates: []*ResourceTemplate{template}}, Options{Info: Implementation{Name: "a", Version: "1"}})
		if err == nil || !strings.Contains(err.Error(), "{+path}") {
			t.Errorf("%s = %v, want it refused", text, err)
		}
	}
}
