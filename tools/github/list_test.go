package github

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

const tokenBytes = 4 // of a tool list, about

// TestToolList compares what clients are shown with testdata. After looking at a difference, accept it with
//
//	go test ./tools/github -run TestToolList -update
func TestToolList(t *testing.T) {
	server, err := mcp.NewServer(newHub(t).pack(nil).Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	must(t, err)
	m, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	if fault != nil {
		t.Fatal(fault)
	}
	var reply struct {
		Result struct{ Tools []json.RawMessage }
	}
	must(t, json.Unmarshal(server.Answer(t.Context(), mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest()), m), &reply))
	tools := reply.Result.Tools[:0]
	size := 0
	for _, tool := range reply.Result.Tools {
		if bytes.Contains(tool, []byte(`"name":"read_more"`)) {
			continue
		}
		if len(tool) > 350*tokenBytes {
			t.Errorf("%.40s costs %d tokens, want at most 350", tool, len(tool)/tokenBytes)
		}
		size += len(tool)
		tools = append(tools, tool)
	}
	if size > 7*300*tokenBytes {
		t.Errorf("the tools cost %d tokens, want at most %d", size/tokenBytes, 7*300)
	}
	compact, err := json.Marshal(map[string]any{"tools": tools})
	must(t, err)
	var got bytes.Buffer
	must(t, json.Indent(&got, compact, "", "  "))
	got.WriteByte('\n')
	name := filepath.Join("testdata", "tools.json")
	if *update {
		must(t, os.WriteFile(name, got.Bytes(), 0o644))
		return
	}
	want, err := os.ReadFile(name)
	must(t, err)
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
