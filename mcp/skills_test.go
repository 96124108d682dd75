package mcp

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestNewSkillRefuses(t *testing.T) {
	manifest := func(front string) fstest.MapFS {
		return fstest.MapFS{"SKILL.md": {Data: []byte("---\n" + front + "\n---\nBody.\n")}}
	}
	many := manifest("name: a\ndescription: b")
	for i := range maxSkillFiles {
		many[fmt.Sprintf("%d.txt", i)] = &fstest.MapFile{}
	}
	large := manifest("name: a\ndescription: b")
	large["large.bin"] = &fstest.MapFile{Data: make([]byte, maxSkillBytes)}
	for _, c := range []struct {
		name   string
		folder fstest.MapFS
		says   string
	}{
		{"no manifest", fstest.MapFS{"README.md": {}}, "SKILL.md"},
		{"no front matter", fstest.MapFS{"SKILL.md": {Data: []byte("# Orders\n")}}, "front matter"},
		{"a front matter without an end", fstest.MapFS{"SKILL.md": {Data: []byte("---\nname: a\n")}}, "front matter"},
		{"a front matter that is no YAML", manifest("name: [a"), "front matter"},
		{"a front matter that is no map", manifest("- name"), "front matter"},
		{"a front matter that is no JSON", manifest("name: a\ndescription: b\nweight: .nan"), "front matter"},
		{"a key that is no text", manifest("name: a\ndescription: b\nrules: {[x]: y}"), "front matter"},
		{"no name", manifest("description: b"), "needs a name"},
		{"no description", manifest("name: a"), "description"},
		{"a name that is no text", manifest("name: 7\ndescription: b"), "needs a name"},
		{"upper case", manifest("name: Orders\ndescription: b"), "needs a name"},
		{"two hyphens", manifest("name: a--b\ndescription: b"), "needs a name"},
		{"a hyphen at the end", manifest("name: a-\ndescription: b"), "needs a name"},
		{"a path", manifest("name: ../a\ndescription: b"), "needs a name"},
		{"a long name", manifest("name: " + strings.Repeat("a", 65) + "\ndescription: b"), "needs a name"},
		{"many files", many, "512 files"},
		{"many bytes", large, "16777216 bytes"},
	} {
		if _, err := NewSkill(c.folder); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.says)
		}
	}
}

func TestASkillMayBeAsLargeAsAllowed(t *testing.T) {
	manifest := []byte("---\nname: " + strings.Repeat("a", 64) + "\ndescription: b\n---\n")
	folder := fstest.MapFS{"SKILL.md": {Data: manifest}, "large.bin": {Data: make([]byte, maxSkillBytes-len(manifest))}}
	for i := range maxSkillFiles - 2 {
		folder[fmt.Sprintf("%d.txt", i)] = &fstest.MapFile{}
	}
	skill, err := NewSkill(folder)
	if err != nil {
		t.Fatal(err)
	}
	if shown := skill.show(); len(shown.Resources) != maxSkillFiles {
		t.Errorf("%d files are listed, want %d", len(shown.Resources), maxSkillFiles)
	}
}

// failing is a folder one of whose files cannot be read.
type failing struct{ fstest.MapFS }

func (f failing) Open(name string) (fs.File, error) {
	if name == "broken.md" {
		return nil, fs.ErrPermission
	}
	return f.MapFS.Open(name)
}

func (f failing) ReadFile(name string) ([]byte, error) {
	if name == "broken.md" {
		return nil, fs.ErrPermission
	}
	return f.MapFS.ReadFile(name)
}

func TestASkillThatCannotBeReadWholeIsRefused(t *testing.T) {
	folder := manualFiles()
	folder["broken.md"] = &fstest.MapFile{}
	if _, err := NewSkill(failing{folder}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want the file's own error", err)
	}
}

func TestTwoSkillsOfOneNameAreRefused(t *testing.T) {
	f := skilled(nil)
	f.Skills = append(f.Skills, f.Skills[0])
	_, err := NewServer(f, Options{Info: Implementation{Name: "shop", Version: "1"}})
	if err == nil || !strings.Contains(err.Error(), `skill "order-manual" is there twice`) {
		t.Errorf("%v", err)
	}
}
