package files

import (
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"toolgate/config"
)

func TestFaultsAreToldAllAtOnceWithTheirLines(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"file.txt": "x"})
	tests := []struct{ name, text, want string }{
		{"no roots", "roots: {}", `t.yaml:1: tools.files: roots: name at least one folder`},
		{"an unknown key", "root: {}", `t.yaml:1: unknown key "root"`},
		{"an unknown key of a root", "roots:\n  a:\n    path: DIR\n    description: d\n    exlude: [x]", `t.yaml:5: unknown key "exlude"`},
		{"no path", "roots:\n  a:\n    description: d", `t.yaml:3: tools.files: root "a": path: name a folder`},
		{"no description", "roots:\n  a: {path: DIR}", `t.yaml:2: tools.files: root "a": a description is required`},
		{"a path that is not there", "roots:\n  a: {path: DIR/none, description: d}", `no such file or directory`},
		{"a path that is a file", "roots:\n  a: {path: DIR/file.txt, description: d}", `is not a folder`},
		{"a name in capitals", "roots:\n  Docs: {path: DIR, description: d}", `root "Docs": a name is 1 to 32 of`},
		{"a long name", "roots:\n  " + strings.Repeat("a", 33) + ": {path: DIR, description: d}", `a name is 1 to 32 of`},
		{"a bad glob", "roots:\n  a: {path: DIR, description: d, include: ['[a']}", `include: "[a" is not a glob`},
		{"another bad glob", "roots:\n  a: {path: DIR, description: d, exclude: ['{a,b']}", `exclude: "{a,b" is not a glob`},
		{"a glob that leads out", "roots:\n  a: {path: DIR, description: d, include: ['../*']}", `leads out of the root`},
		{"a size that is none", "roots:\n  a: {path: DIR, description: d, max_file: 3MB}", `is not a size`},
		{"a size too large", "roots:\n  a: {path: DIR, description: d, max_file: 1GiB}", `max_file: 1GiB is not within`},
		{"a negative size", "roots:\n  a: {path: DIR, description: d, max_file: -1}", `max_file: -1B is not within`},
		{"a number too large", "roots:\n  a: {path: DIR, description: d, max_files: 2000000}", `max_files: 2000000 is not within`},
		{"a flag that is none", "roots:\n  a: {path: DIR, description: d, watch: maybe}", `neither true nor false`},
		{"the first of two faults", "roots:\n  a: {path: DIR}\n  b: {description: d}", `root "a": a description`},
		{"the second of two faults", "roots:\n  a: {path: DIR}\n  b: {description: d}", `t.yaml:3: tools.files: root "b": path`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			section, err := config.ParseTree("t.yaml", strings.ReplaceAll(tt.text, "DIR", dir))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := New(section, Hooks{}, zap.NewNop()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestTwoRootsMayBeOneFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.md": "a", "b.txt": "b"})
	section, err := config.ParseTree("t.yaml", strings.ReplaceAll(
		"roots:\n  one: {path: DIR, description: d, include: ['*.md']}\n  two: {path: DIR, description: d, include: ['*.txt']}", "DIR", dir))
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(section, Hooks{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, p)
	want := "files://one/ files://one/a.md files://two/ files://two/b.txt"
	if got := strings.Join(c.listed(), " "); got != want {
		t.Errorf("resources/list = %s, want %s", got, want)
	}
}

func TestGlobs(t *testing.T) {
	tests := []struct {
		name, include, exclude, path string
		hidden, want                 bool
	}{
		{"included", "**/*.md", "", "a/b/c.md", false, true},
		{"included at the top", "**/*.md", "", "c.md", false, true},
		{"not included", "**/*.md", "", "c.txt", false, false},
		{"included in capitals", "**/*.md", "", "README.MD", false, true},
		{"excluded", "**", "drafts/**", "drafts/a.md", false, false},
		{"excluded in capitals", "**", "drafts/**", "DRAFTS/a.md", false, false},
		{"excluded by a pattern in capitals", "**", "Drafts/**", "drafts/a.md", false, false},
		{"excluded by letters that fold", "**", "**/straße/**", "a/STRASSE/b.md", false, false},
		{"excluded by the Kelvin sign", "**", "keys/**", "\u212Aeys/a.md", false, false},
		{"excluded with letters decomposed", "**", "résumés/**", "re\u0301sume\u0301s/a.md", false, false},
		{"excluded by a pattern decomposed", "**", "re\u0301sume\u0301s/**", "résumés/a.md", false, false},
		{"a folder that is excluded by its name", "**", "**/private", "a/private/b/c.md", false, false},
		{"a folder with a slash", "**", "drafts/", "drafts/a/b.md", false, false},
		{"a slash before it", "/docs/*.md", "", "docs/a.md", false, true},
		{"a dot and a slash before it", "./docs/*.md", "", "docs/a.md", false, true},
		{"something that only begins the same", "**", "drafts/**", "drafts2/a.md", false, true},
		{"hidden", "**", "", ".env", false, false},
		{"hidden whatever the pattern", "**/.env", "", "a/.env", false, false},
		{"in a hidden folder", "**", "", "a/.git/b/config", false, false},
		{"hidden and wanted", "**", "", "a/.git/config", true, true},
		{"text by its name", "", "", "a/notes.md", false, true},
		{"text by its whole name", "", "", "a/LICENSE", false, true},
		{"a picture", "", "", "a/photo.png", false, false},
		{"an unknown kind", "", "", "a/data.xyz", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := globs{hidden: tt.hidden}
			for key, pattern := range map[*[]string]string{&g.include: tt.include, &g.exclude: tt.exclude} {
				if pattern == "" {
					continue
				}
				folded, faults := readGlobs("key", []string{pattern})
				if faults != nil {
					t.Fatal(faults)
				}
				*key = folded
			}
			if got := g.allow(tt.path); got != tt.want {
				t.Errorf("%s allowed = %v, want %v", tt.path, got, tt.want)
			}
		})
	}
}

func TestCheckPath(t *testing.T) {
	for path, want := range map[string]string{
		"a.md": "a.md", "./a/b.md": "a/b.md", "a b/ü.md": "a b/ü.md", "%2e%2e/x": "%2e%2e/x", "a..b": "a..b", "...": "...",
		"": "", ".": "", "..": "", "/a": "", "a/": "", "a//b": "", "a/../b": "", "../a": "", "a/.": "", `a\b`: "", "a\x00": "", "a\x7f": "", "a\xff": "", "a\u0085": "",
	} {
		if got, err := checkPath(path); got != want || (err == nil) != (want != "") {
			t.Errorf("checkPath(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
}

func TestURIsAreDecodedOnce(t *testing.T) {
	tests := []struct {
		uri  string
		want place
		ok   bool
	}{
		{"files://docs/", place{"docs", "", ""}, true},
		{"files://docs/a/b%20c.md", place{"docs", "a/b c.md", ""}, true},
		{"files://docs/%252e%252e/x", place{"docs", "%2e%2e/x", ""}, true},
		{"files://docs/%2e%2e/x", place{"docs", "../x", ""}, true}, // which checkPath refuses
		{"files://docs/a%3Fb%23.md", place{"docs", "a?b#.md", ""}, true},
		{"files://docs/?after=a%2Fb.md", place{"docs", "", "a/b.md"}, true},
		{"files://docs/a/?after=a%2Fb.md", place{"docs", "a/", "a/b.md"}, true},
		{"files://docs/a.md?after=b", place{}, false},
		{"files://docs/?before=b", place{}, false},
		{"files://docs/%zz", place{}, false},
		{"files://docs", place{}, false},
		{"file:///etc/passwd", place{}, false},
	}
	for _, tt := range tests {
		if got, ok := parseURI(tt.uri); ok != tt.ok || ok && got != tt.want {
			t.Errorf("parseURI(%s) = %+v, %v, want %+v, %v", tt.uri, got, ok, tt.want, tt.ok)
		}
	}
	for _, path := range []string{"a b.md", "ü/ß.md", "a?b#c%d.md", "a+b&c=d;e:f@g!$'()*,.md", "a/b/c", ""} {
		if got, ok := parseURI(uriOf("docs", path)); !ok || got.path != path {
			t.Errorf("the URI %s of %q leads to %+v", uriOf("docs", path), path, got)
		}
	}
}

func TestRelativePathsAreFromTheWorkingFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"docs/a.md": "a"})
	t.Chdir(dir)
	p := docs(t, "./docs")
	if want := filepath.Join(dir, "docs"); p.folders[0].dir != want {
		t.Errorf("the root is %s, want %s", p.folders[0].dir, want)
	}
}
