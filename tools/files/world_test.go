package files

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// write makes files below dir, and the folders they are in.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tree is a section with one root called docs, at dir, with more keys of it.
func tree(t testing.TB, dir string, keys ...string) config.Tree {
	t.Helper()
	lines := append([]string{"path: " + fmt.Sprintf("%q", dir), "description: Policies and how-tos."}, keys...)
	parsed, err := config.ParseTree("t.yaml", "roots:\n  docs:\n    "+strings.Join(lines, "\n    ")+"\n")
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// docs is a pack with one root.
func docs(t testing.TB, dir string, keys ...string) *Pack {
	t.Helper()
	p, err := New(tree(t, dir, keys...), Hooks{Helper: helper(t)}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// client asks a server of the pack, as clients do.
type client struct {
	t      testing.TB
	server *mcp.Server
}

func connect(t testing.TB, p *Pack) *client {
	t.Helper()
	server, err := mcp.NewServer(p.Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, server}
}

// ask returns the answer's result, or its error, as text.
func (c *client) ask(method string, params any) (result json.RawMessage, fault string) {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		c.t.Fatal(err)
	}
	m, wrong := mcp.Decode(body)
	if wrong != nil {
		c.t.Fatal(wrong)
	}
	answer := c.server.Answer(c.t.Context(), mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest()), m)
	var reply struct {
		Result json.RawMessage
		Error  *mcp.Error
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		c.t.Fatalf("%s answered %s: %v", method, answer, err)
	}
	if reply.Error != nil {
		return nil, reply.Error.Message
	}
	return reply.Result, ""
}

// call calls a tool and fills into with its structured result; the text of an error comes back instead.
func (c *client) call(tool string, arguments map[string]any, into any) (fault string) {
	c.t.Helper()
	raw, fault := c.ask("tools/call", map[string]any{"name": tool, "arguments": arguments})
	if fault != "" {
		return fault
	}
	var result struct {
		IsError           bool
		StructuredContent json.RawMessage
		Content           []struct{ Text string }
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		c.t.Fatal(err)
	}
	if result.IsError {
		return result.Content[0].Text
	}
	if err := json.Unmarshal(result.StructuredContent, into); err != nil {
		c.t.Fatalf("%s gave %s: %v", tool, raw, err)
	}
	return ""
}

func (c *client) readFile(path string) (readResult, string) {
	c.t.Helper()
	var r readResult
	fault := c.call("read_file", map[string]any{"root": "docs", "path": path}, &r)
	return r, fault
}

func (c *client) search(query string) searchResult {
	c.t.Helper()
	var r searchResult
	if fault := c.call("search_files", map[string]any{"query": query, "limit": 100}, &r); fault != "" {
		c.t.Fatalf("search_files for %q: %s", query, fault)
	}
	return r
}

// contents is one item of what a resource gives.
type contents struct {
	URI, MIMEType, Text string
	Blob                []byte
}

func (c *client) readResource(uri string) (contents, string) {
	c.t.Helper()
	raw, fault := c.ask("resources/read", map[string]any{"uri": uri})
	if fault != "" {
		return contents{}, fault
	}
	var result struct{ Contents []contents }
	if err := json.Unmarshal(raw, &result); err != nil {
		c.t.Fatal(err)
	}
	return result.Contents[0], ""
}

// complete is what is proposed for a variable of the template.
func (c *client) complete(variable, value string) []string {
	c.t.Helper()
	raw, fault := c.ask("completion/complete", map[string]any{
		"ref":      map[string]any{"type": "ref/resource", "uri": "files://{root}/{+path}"},
		"argument": map[string]any{"name": variable, "value": value},
	})
	if fault != "" {
		c.t.Fatal(fault)
	}
	var result struct{ Completion struct{ Values []string } }
	if err := json.Unmarshal(raw, &result); err != nil {
		c.t.Fatal(err)
	}
	return result.Completion.Values
}

// listed is the URIs of resources/list.
func (c *client) listed() []string {
	c.t.Helper()
	raw, fault := c.ask("resources/list", map[string]any{})
	if fault != "" {
		c.t.Fatal(fault)
	}
	var result struct{ Resources []struct{ URI string } }
	if err := json.Unmarshal(raw, &result); err != nil {
		c.t.Fatal(err)
	}
	var uris []string
	for _, r := range result.Resources {
		uris = append(uris, r.URI)
	}
	return uris
}
