package tools

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"toolgate/config"
	"toolgate/mcp"
)

// client is an anonymous client of the newest revision, in the process.
type client struct {
	t      *testing.T
	server *mcp.Server
	peer   *mcp.Peer
	tools  []string // of the packs; the server may add its own
}

func connect(t *testing.T, features mcp.Features) *client {
	t.Helper()
	server, err := mcp.NewServer(features, mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatalf("NewServer = %v", err)
	}
	peer := mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest())
	peer.Initialized = true
	return &client{t, server, peer, names(features.Tools)}
}

// connectToAll is a client of the packs that the default configuration offers.
func connectToAll(t *testing.T) *client { return connectTo(t, config.Default().Tools) }

func connectTo(t *testing.T, cfg config.Tools) *client {
	t.Helper()
	features, err := Build(cfg)
	if err != nil {
		t.Fatalf("Build = %v", err)
	}
	return connect(t, features)
}

// ask sends a request and returns its result; an error ends the test.
func (c *client) ask(method, params string) json.RawMessage {
	c.t.Helper()
	message, refused := mcp.Decode(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params))
	if refused != nil {
		c.t.Fatalf("%s %s: %v", method, params, refused)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	raw := c.server.Answer(c.t.Context(), c.peer, message)
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Error != nil {
		c.t.Fatalf("%s %s = %s, want a result", method, params, raw)
	}
	return answer.Result
}

// list returns the entries of a list, less the tools that are not the packs'.
func (c *client) list(method, key string) []json.RawMessage {
	c.t.Helper()
	var result map[string]json.RawMessage
	if err := json.Unmarshal(c.ask(method, `{}`), &result); err != nil {
		c.t.Fatal(err)
	}
	if result["nextCursor"] != nil {
		c.t.Fatalf("%s has a second page: clients that read one only would miss it", method)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(result[key], &entries); err != nil {
		c.t.Fatalf("%s: %s = %s: %v", method, key, result[key], err)
	}
	return slices.DeleteFunc(entries, func(raw json.RawMessage) bool {
		var entry struct {
			Name string `json:"name"`
		}
		return method == "tools/list" && json.Unmarshal(raw, &entry) == nil && !slices.Contains(c.tools, entry.Name)
	})
}

// toolResult is what a tool said.
type toolResult struct {
	IsError           bool            `json:"isError"`
	StructuredContent json.RawMessage `json:"structuredContent"`
	Content           []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
}

// text is the first block of the result.
func (r toolResult) text() string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.Content[0].Text
}

// call calls a tool.
func (c *client) call(tool, arguments string) toolResult {
	c.t.Helper()
	var r toolResult
	raw := c.ask("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments))
	if err := json.Unmarshal(raw, &r); err != nil {
		c.t.Fatalf("%s %s = %s: %v", tool, arguments, raw, err)
	}
	return r
}
