package tools

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestLists compares what clients of the newest revision are shown of each toolset with testdata. A difference is a
// change that every client and every model sees: after looking at it, accept it with
//
//	go test ./tools -run TestLists -update
func TestLists(t *testing.T) {
	for _, name := range Toolsets() {
		t.Run(name, func(t *testing.T) {
			features, err := Build(Sample(name))
			if err != nil {
				t.Fatal(err)
			}
			got := listing(t, features)
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (run with -update to make it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// listing asks a server of the features for each of its lists, as a client would, and indents the answers.
func listing(t *testing.T, features mcp.Features) []byte {
	t.Helper()
	c := connect(t, features)
	lists := map[string][]json.RawMessage{}
	for _, list := range []struct{ method, key string }{
		{"tools/list", "tools"},
		{"resources/list", "resources"},
		{"resources/templates/list", "resourceTemplates"},
		{"prompts/list", "prompts"},
	} {
		if entries := c.list(list.method, list.key); len(entries) > 0 {
			lists[list.key] = entries
		}
	}
	compact, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(indented.Bytes(), '\n')
}
