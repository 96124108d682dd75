package files

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestResourcesOfASmallRoot(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a b.md": "text", "sub/page.html": "<h1>Hi</h1>", "pic.png": "\x89PNG\x00", "data.json": "{}"})
	at := time.Date(2025, 1, 31, 12, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "a b.md"), at, at); err != nil {
		t.Fatal(err)
	}
	c := connect(t, docs(t, dir, "title: Company handbook", `include: ["**"]`))
	raw, fault := c.ask("resources/list", map[string]any{})
	if fault != "" {
		t.Fatal(fault)
	}
	for _, want := range []string{
		`{"uri":"files://docs/","name":"docs","title":"Company handbook","description":"Policies and how-tos. This is the index of its files.","mimeType":"application/json"}`,
		`{"uri":"files://docs/a%20b.md","name":"docs/a b.md","title":"a b.md","description":"a b.md in Company handbook.","mimeType":"text/markdown","size":4,"annotations":{"lastModified":"2025-01-31T12:00:00Z"}}`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("resources/list = %s, want %s in it", raw, want)
		}
	}
	tests := []struct {
		uri  string
		want contents
	}{
		{"files://docs/a%20b.md", contents{MIMEType: "text/markdown", Text: "text"}},
		{"files://docs/%61%20b.md", contents{MIMEType: "text/markdown", Text: "text"}},
		{"files://docs/sub/page.html", contents{MIMEType: "text/markdown", Text: "# Hi"}},
		{"files://docs/data.json", contents{MIMEType: "application/json", Text: "{}"}},
		{"files://docs/pic.png", contents{MIMEType: "image/png", Blob: []byte("\x89PNG\x00")}},
	}
	for _, tt := range tests {
		got, fault := c.readResource(tt.uri)
		if fault != "" || got.URI != tt.uri || got.MIMEType != tt.want.MIMEType || got.Text != tt.want.Text || !slices.Equal(got.Blob, tt.want.Blob) {
			t.Errorf("resources/read %s = %+v, %q, want %+v", tt.uri, got, fault, tt.want)
		}
	}
}

func TestResourcesThatCannotBeGiven(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"big.txt": strings.Repeat("a", maxResource+1), "big.png": strings.Repeat("a", maxResource+1), "a.zip": "PK"})
	c := connect(t, docs(t, dir, `include: ["**"]`))
	for uri, want := range map[string]string{
		"files://docs/big.txt":  "read it in parts by read_file",
		"files://docs/big.png":  "big.png has 1.0 MB, and files of at most 1.0 MB are read here",
		"files://docs/a.zip":    "a.zip is an archive (application/zip, 2 bytes); only text can be read",
		"files://docs/none.txt": "no such resource",
		"files://other/a.txt":   "no such resource",
		"files://docs/none/":    "no such resource",
	} {
		if got, fault := c.readResource(uri); !strings.Contains(fault, want) {
			t.Errorf("resources/read %s = %+v, %q, want %q", uri, got, fault, want)
		}
	}
}

func TestALargeRootIsListedByItsIndexAlone(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{}
	for i := range 1203 {
		files[fmt.Sprintf("d%d/f%04d.txt", i%3, i)] = "x"
	}
	write(t, dir, files)
	c := connect(t, docs(t, dir))
	if got := c.listed(); !slices.Equal(got, []string{"files://docs/"}) {
		t.Errorf("resources/list has %d entries, want the index", len(got))
	}
	pages := func(uri string) (paths []string) {
		for uri != "" {
			got, fault := c.readResource(uri)
			if fault != "" {
				t.Fatal(fault)
			}
			var x index
			if err := json.Unmarshal([]byte(got.Text), &x); err != nil {
				t.Fatal(err)
			}
			if len(x.Files) > indexPage || !x.Complete {
				t.Fatalf("a page has %d files, complete: %v", len(x.Files), x.Complete)
			}
			for _, f := range x.Files {
				paths = append(paths, f.Path)
			}
			uri = x.Next
		}
		return paths
	}
	all := pages("files://docs/")
	if len(all) != len(files) || !slices.IsSorted(all) || len(slices.Compact(all)) != len(files) {
		t.Errorf("the pages of the index have %d files, want each of %d, in order", len(all), len(files))
	}
	if got := pages("files://docs/d1/"); len(got) != 401 || !strings.HasPrefix(got[0], "d1/") {
		t.Errorf("the index of a folder has %d files", len(got))
	}
}

func TestPathsAreProposed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"policies/travel.md": "", "policies/leave.md": "", "travel/plan.md": "", ".travel.md": ""})
	c := connect(t, docs(t, dir))
	for value, want := range map[string][]string{
		"": {"policies/leave.md", "policies/travel.md", "travel/plan.md"}, "tra": {"travel/plan.md", "policies/travel.md"},
		"Policies/L": {"policies/leave.md"}, "zzz": {}, "../": {},
	} {
		if got := c.complete("path", value); !slices.Equal(got, want) {
			t.Errorf("completion of %q = %q, want %q", value, got, want)
		}
	}
	if got := c.complete("root", "d"); !slices.Equal(got, []string{"docs"}) {
		t.Errorf("completion of a root = %q, want docs", got)
	}
}

func TestAReplacedRootIsFollowed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"v1/docs/a.md": "one", "v2/docs/a.md": "two"})
	now := filepath.Join(dir, "now")
	if err := os.Symlink("v1", now); err != nil {
		t.Fatal(err)
	}
	c := connect(t, docs(t, filepath.Join(now, "docs")))
	if r, fault := c.readFile("a.md"); r.Text != "one" {
		t.Fatalf("read_file = %q, %q", r.Text, fault)
	}
	if err := os.Remove(now); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("v2", now); err != nil {
		t.Fatal(err)
	}
	if r, fault := c.readFile("a.md"); r.Text != "two" {
		t.Errorf("read_file = %q, %q, want what stands in its place", r.Text, fault)
	}
}
