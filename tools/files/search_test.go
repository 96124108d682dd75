package files

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"toolgate/mcp"
)

var library = map[string]string{
	"policies/travel.md":  "# Travel policy\n\nBook trains first.\nFlights need a yes of your manager.\n",
	"policies/leave.md":   "# Leave\n\nThirty days of annual\nleave a year. Travel time is no leave.\n",
	"notes/2024.txt":      "The policy on travel was changed.\r\nNothing else.\r\n",
	"notes/train.html":    "<h1>Trains</h1><p>The <b>travel</b> desk books them.</p>",
	"notes/Grüße.txt":     "GRÜSSE AUS KÖLN\n",
	"src/main.go":         "package main\n\nfunc travel() {}\n",
	"photo.png":           "\x89PNG\x00travel",
	"report.bin.txt":      "\x00\x01travel",
	"notes/wrapped.txt":   "the annual\n  leave\nof all",
	"drafts/secret.md":    "travel CANARY",
	"notes/many-lines.md": strings.Repeat("nothing here\n", 10) + "alpha\nbeta\nalpha beta\nalpha\n",
}

func TestSearch(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, library)
	write(t, dir, map[string]string{"word.docx": string(word(t, para("", "The zebra clause"))), "paper.pdf": string(pages(stream("", drawn)))})
	c := connect(t, docs(t, dir, `include: ["**"]`, `exclude: ["drafts/**"]`))
	tests := []struct {
		name, query, glob string
		want              []string // path:line
	}{
		{"a word", "manager", "", []string{"policies/travel.md:4"}},
		{"in any case", "MANAGER", "", []string{"policies/travel.md:4"}},
		{"all words, on one line or not", "trains manager", "", []string{"policies/travel.md:3", "policies/travel.md:4"}},
		{"a name counts, best first", "travel policy", "", []string{"policies/travel.md:1", "notes/2024.txt:1"}},
		{"a phrase", `"travel policy"`, "", []string{"policies/travel.md:1"}},
		{"a phrase over two lines", `"annual leave"`, "", []string{"notes/wrapped.txt:1", "policies/leave.md:3"}},
		{"a phrase and a word", `"annual leave" thirty`, "", []string{"policies/leave.md:3"}},
		{"a phrase that is not there", `"leave annual"`, "", nil},
		{"a word that is not there", "travel xyzzy", "", nil},
		{"a part of a word", "anage", "", []string{"policies/travel.md:4"}},
		{"signs around a word", "(manager)?", "", []string{"policies/travel.md:4"}},
		{"letters that fold", "grüsse köln", "", []string{"notes/Grüße.txt:1"}},
		{"sharp s for two", "grüße", "", []string{"notes/Grüße.txt:1"}},
		{"in HTML", "desk", "", []string{"notes/train.html:3"}},
		{"in Word", "zebra", "", []string{"word.docx:1"}},
		{"in PDF", `"thirty days" policy`, "", []string{"paper.pdf:1", "paper.pdf:2"}},
		{"a glob of a folder", "travel", "notes/**", []string{"notes/2024.txt:1", "notes/train.html:3"}},
		{"a glob at any depth", "travel", "*.go", []string{"src/main.go:3"}},
		{"a glob in capitals", "travel", "*.GO", []string{"src/main.go:3"}},
		{"the best lines", "alpha beta", "", []string{"notes/many-lines.md:11", "notes/many-lines.md:12", "notes/many-lines.md:13"}},
		{"a name alone", "2024", "", []string{"notes/2024.txt:1"}},
		{"an excluded file", "canary", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := map[string]any{"query": tt.query}
			if tt.glob != "" {
				in["glob"] = tt.glob
			}
			var r searchResult
			if fault := c.call("search_files", in, &r); fault != "" {
				t.Fatal(fault)
			}
			var got []string
			for _, m := range r.Matches {
				got = append(got, fmt.Sprintf("%s:%d", m.Path, m.Line))
				if m.Root != "docs" || m.URI != uriOf("docs", m.Path) || m.Snippet == "" {
					t.Errorf("a match is %+v", m)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("search_files for %s (-want +got):\n%s%+v", tt.query, diff, r.Matches)
			}
		})
	}
	if r := c.search("travel"); r.Skipped != 2 || r.Searched != len(library)+2-3 || r.Missing != "" {
		t.Errorf("searched %d, skipped %d, missing %q; want %d, 2, none", r.Searched, r.Skipped, r.Missing, len(library)+2-3)
	}
}

func TestPagesOfASearchAreTheWholeSearch(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{}
	for i := range 23 {
		files[fmt.Sprintf("f%02d.txt", i)] = strings.Repeat("needle\n", i%4+1)
	}
	write(t, dir, files)
	c := connect(t, docs(t, dir))
	whole := c.search("needle")
	if whole.NextCursor != "" || whole.Files != 23 {
		t.Fatalf("the whole has %d files and a next page %q", whole.Files, whole.NextCursor)
	}
	for limit := 1; limit <= 60; limit += 7 {
		var got []match
		cursor := ""
		for {
			in := map[string]any{"query": "needle", "limit": limit}
			if cursor != "" {
				in["cursor"] = cursor
			}
			var r searchResult
			if fault := c.call("search_files", in, &r); fault != "" {
				t.Fatal(fault)
			}
			got = append(got, r.Matches...)
			if cursor = r.NextCursor; cursor == "" {
				break
			}
			if len(r.Matches) != limit {
				t.Fatalf("a page has %d matches, want %d", len(r.Matches), limit)
			}
		}
		if diff := cmp.Diff(whole.Matches, got); diff != "" {
			t.Errorf("pages of %d (-whole +pages):\n%s", limit, diff)
		}
	}
	var r searchResult
	for cursor, want := range map[string]string{
		"!!": "not one this tool gave out", cursor{"other", 3}.String(): "belongs to other arguments", cursor{question("needle", "", ""), maxHits + 1}.String(): "belongs to other",
	} {
		if fault := c.call("search_files", map[string]any{"query": "needle", "cursor": cursor}, &r); !strings.Contains(fault, want) {
			t.Errorf("cursor %q: %q, want %q", cursor, fault, want)
		}
	}
}

func TestASearchSaysWhatItDidNotLookAt(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.txt": "needle", "b.txt": strings.Repeat("needle ", 1000), "c.txt": "needle", "d.txt": "needle"})
	c := connect(t, docs(t, dir, "max_file: 1KiB", "max_files: 3"))
	r := c.search("needle")
	want := "1 files that are too large, files beyond the number that a root may have were not looked at; a root or glob narrows the search"
	if r.Files != 2 || r.Searched != 2 || r.Missing != want {
		t.Errorf("search_files = %+v, want 2 files and %q", r, want)
	}
}

func TestAFileThatCannotBeReadDoesNotHideTheOthers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.pdf": string(pages(stream("", drawn))), "b.txt": "leave"})
	p, err := New(tree(t, dir), Hooks{Helper: []string{"/does/not/exist"}}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, p)
	if r := c.search("leave"); r.Files != 1 || !strings.HasPrefix(r.Missing, "1 files that could not be read") {
		t.Errorf("search_files = %+v, want the other file, and that one is missing", r)
	}
	if r, fault := c.readFile("a.pdf"); !strings.Contains(fault, "internal error") {
		t.Errorf("read_file = %q, %q, want an internal error", r.Text, fault)
	}
}

func TestSearchRefusesInPlainWords(t *testing.T) {
	c := connect(t, docs(t, t.TempDir()))
	for want, in := range map[string]map[string]any{
		"query holds no word":       {"query": ` "" `},
		`"[a" is not a glob`:        {"query": "a", "glob": "[a"},
		"leads out of the root":     {"query": "a", "glob": "../*"},
		`there is no root "secret"`: {"query": "a", "root": "secret"},
	} {
		var r searchResult
		if fault := c.call("search_files", in, &r); !strings.Contains(fault, want) {
			t.Errorf("search_files of %v says %q, want %q", in, fault, want)
		}
	}
}

func TestASearchEndsWithItsCall(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.txt": numbered(100_000)})
	p := docs(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := p.search(ctx, &mcp.Call{}, searchArgs{Query: "line", Limit: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("search_files = %+v, %v, want %v", r, err, context.Canceled)
	}
	if h, ok := parseQuery("line").look(ctx, "a.txt", numbered(100_000)); ok {
		t.Errorf("a file was looked through to its end: %+v", h)
	}
}

func TestParseQuery(t *testing.T) {
	tests := map[string]query{
		"a b A":                 {"a", "b"},
		`"a  b" c`:              {"a b", "c"},
		`x "open end`:           {"x", "open end"},
		"what? (this), c# @you": {"what", "this", "c#", "@you"},
		"??":                    {"??"},
		"":                      nil,
		`" "`:                   nil,
		strings.Repeat("a ", 9): {"a"},
	}
	for text, want := range tests {
		if diff := cmp.Diff(want, parseQuery(text)); diff != "" {
			t.Errorf("parseQuery(%q) (-want +got):\n%s", text, diff)
		}
	}
	if got := parseQuery("a b c d e f g h i j k l m n o p q r s"); len(got) != maxTerms {
		t.Errorf("parseQuery of many words has %d, want %d", len(got), maxTerms)
	}
}

func TestSnippetsShowTheMatch(t *testing.T) {
	long := strings.Repeat("ä before ", 60) + "NEEDLE" + strings.Repeat(" after ü", 60)
	h, ok := parseQuery("needle").look(t.Context(), "a.txt", "first\n"+long)
	if !ok || len(h.lines) != 1 {
		t.Fatalf("look = %+v, %v", h, ok)
	}
	got := h.lines[0].snippet
	if !strings.Contains(got, "NEEDLE") || !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "…") || len(got) > maxSnippet+10 {
		t.Errorf("snippet = %q, want NEEDLE with some text around it", got)
	}
}

// FuzzLook: whatever is searched for in whatever text, lines are those of the text, in order, and a found file has it all.
func FuzzLook(f *testing.F) {
	f.Add("travel policy", "Travel\nthe policy\r\n")
	f.Add(`"a b" c`, "A\nB c")
	f.Add("ß", "STRASSE\u0130\n")
	f.Fuzz(func(t *testing.T, text, content string) {
		q := parseQuery(text)
		h, ok := q.look(t.Context(), "x/y.txt", content)
		if !ok {
			return
		}
		lines := strings.Count(content, "\n") + 1
		last := 0
		for _, l := range h.lines {
			if l.number <= last || l.number > lines || len(l.snippet) > maxSnippet+10 {
				t.Fatalf("look for %q in %q gives the line %+v of %d, after %d", q, content, l, lines, last)
			}
			last = l.number
		}
	})
}

func BenchmarkSearch5000(b *testing.B) {
	dir := b.TempDir()
	files := map[string]string{}
	for i := range 5000 {
		files[filepath.Join(fmt.Sprintf("d%02d", i%50), fmt.Sprintf("f%04d.md", i))] = strings.Repeat("Some words of an ordinary text, with lines.\n", 40) + fmt.Sprintf("needle%d\n", i%10)
	}
	write(b, dir, files)
	p := docs(b, dir)
	c := &mcp.Call{}
	for b.Loop() {
		r, err := p.search(b.Context(), c, searchArgs{Query: "needle3 ordinary", Limit: 20})
		if err != nil || r.Files != 500 {
			b.Fatal(r.Files, err)
		}
	}
}
