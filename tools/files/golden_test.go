package files

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestTools compares what clients are shown with testdata. A difference is a change that every model sees: after looking
// at it, accept it with -update.
func TestTools(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, docs(t, dir, "title: Company handbook"))
	lists := map[string]json.RawMessage{}
	for _, method := range []string{"tools/list", "resources/list", "resources/templates/list"} {
		raw, fault := c.ask(method, map[string]any{})
		if fault != "" {
			t.Fatal(fault)
		}
		lists[method] = raw
	}
	compact, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	file := filepath.Join("testdata", "tools.json")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update to make it)", err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
