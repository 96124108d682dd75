package jira

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMarkdownOfDocuments(t *testing.T) {
	files, err := filepath.Glob("testdata/adf/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d documents, %v, want some", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			doc, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "adf/"+name+".md", []byte(markdown(doc)+"\n"))
		})
	}
}

func TestDocumentsOfMarkdown(t *testing.T) {
	files, err := filepath.Glob("testdata/markdown/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d texts, %v, want some", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		t.Run(name, func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc := document(string(source))
			checkDocument(t, doc)
			encoded, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "markdown/"+name+".json", indented(t, encoded))
			golden(t, "markdown/"+name+".wiki", []byte(wiki(doc)+"\n"))
		})
	}
}

func TestOddDocuments(t *testing.T) {
	deep := strings.Repeat(`{"type":"blockquote","content":[`, 500) + `{"type":"paragraph"}` + strings.Repeat(`]}`, 500)
	wide := `{"type":"doc","content":[` + strings.Repeat(`{"type":"paragraph","content":[{"type":"text","text":"`+strings.Repeat("é", 500)+`"}]},`, 200) + `{"type":"rule"}]}`
	tests := []struct{ name, doc, want string }{
		{"nothing", ``, ""},
		{"null", `null`, ""},
		{"a text", `"h1. wiki\r\ntext"`, "h1. wiki\ntext"},
		{"a number", `7`, ""},
		{"of another form", `{"type":"doc","content":"x"}`, ""},
		{"deep", deep, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := markdown([]byte(tt.doc)); got != tt.want {
				t.Errorf("markdown = %q, want %q", got, tt.want)
			}
		})
	}
	if got := markdown([]byte(wide)); len(got) > maxMarkdown || !strings.HasSuffix(got, "…(cut)") || !utf8.ValidString(got) {
		t.Errorf("markdown of a large document has %d bytes and ends in %q, want at most %d, said to be cut", len(got), got[len(got)-20:], maxMarkdown)
	}
}

// TestManySmallTextsAreNotAllLookedAt: a document of many nodes costs no more than one of as many as are looked at.
func TestManySmallTextsAreNotAllLookedAt(t *testing.T) {
	doc := `{"type":"paragraph","content":[` + strings.Repeat(`{"type":"text","text":"x"},`, 3*maxNodes) + `{"type":"text","text":"x"}]}`
	text, cut := strings.CutSuffix(markdown([]byte(doc)), "\n\n…(cut)")
	if len(text) > maxNodes || !cut {
		t.Errorf("markdown has %d bytes, said to be cut: %v; want one of each node that is looked at, at most %d, and that said", len(text), cut, maxNodes)
	}
}

func TestTextsAreNotJoinedBeyondWhatIsKept(t *testing.T) {
	nodes := make([]node, 1000)
	for i := range nodes {
		nodes[i] = node{Type: "text", Text: strings.Repeat("x", maxMarkdown/2)}
	}
	w := &writer{left: maxMarkdown, nodes: maxNodes}
	if got := w.inline(nodes, 0); len(got) != maxMarkdown {
		t.Errorf("the text has %d bytes, want %d", len(got), maxMarkdown)
	}
	if looked := maxNodes - w.nodes; looked > 5 {
		t.Errorf("%d nodes were looked at, want no more than the few that fill the room", looked)
	}
}

func TestTextIsOneLink(t *testing.T) {
	link := func(to string) mark { return mark{Type: "link", Attrs: map[string]any{"href": to}} }
	marks := slices.Repeat([]mark{link("https://b.example")}, 1000)
	marks = append([]mark{{Type: "em"}, link("https://a.example")}, marks...)
	w := &writer{left: maxMarkdown, nodes: maxNodes}
	if got, want := w.marked("x", marks), "[*x*](https://a.example)"; got != want {
		t.Errorf("marked = %.200q (%d bytes), want %q", got, len(got), want)
	}
}

// FuzzMarkdown: whatever Jira sends for a document, it becomes a text of bounded size.
func FuzzMarkdown(f *testing.F) {
	files, err := filepath.Glob("testdata/adf/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Add([]byte(`{"type":"table","content":[{"type":"tableRow","content":[{"content":[{"type":"codeBlock","attrs":{"language":"\u0060"},"content":[{"text":"\u0060"}]}]}]}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if got := markdown(doc); len(got) > maxMarkdown || !utf8.ValidString(got) {
			t.Errorf("markdown has %d bytes, valid: %v, want at most %d of UTF-8", len(got), utf8.ValidString(got), maxMarkdown)
		}
	})
}

// FuzzDocument: whatever a model writes, it becomes a document that Jira's schema allows, and a text in wiki notation.
func FuzzDocument(f *testing.F) {
	files, err := filepath.Glob("testdata/markdown/*.md")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(source))
	}
	f.Add("- - - > # x\n  1. ")
	f.Add(strings.Repeat("> - ", 100) + "x")
	f.Fuzz(func(t *testing.T, source string) {
		doc := document(source)
		checkDocument(t, doc)
		if text := wiki(doc); !utf8.ValidString(text) {
			t.Errorf("wiki = %q, want UTF-8", text)
		}
	})
}

// allowedIn is what Jira's schema lets stand where, of what this package writes.
var allowedIn = map[string][]string{
	"doc":        {"paragraph", "heading", "rule", "codeBlock", "blockquote", "bulletList", "orderedList", "taskList", "table"},
	"blockquote": {"paragraph", "bulletList", "orderedList", "codeBlock"},
	"listItem":   {"paragraph", "bulletList", "orderedList", "codeBlock"},
	"tableCell":  {"paragraph"}, "tableHeader": {"paragraph"},
	"bulletList": {"listItem"}, "orderedList": {"listItem"}, "taskList": {"taskItem"},
	"table": {"tableRow"}, "tableRow": {"tableCell", "tableHeader"},
	"paragraph": {"text", "hardBreak"}, "heading": {"text", "hardBreak"}, "taskItem": {"text", "hardBreak"}, "codeBlock": {"text"},
}

func checkDocument(t *testing.T, n node) {
	t.Helper()
	switch n.Type {
	case "text":
		if n.Text == "" || !utf8.ValidString(n.Text) {
			t.Errorf("a text is %q, want some UTF-8", n.Text)
		}
		code := slices.ContainsFunc(n.Marks, func(m mark) bool { return m.Type == "code" })
		seen := map[string]bool{}
		for _, m := range n.Marks {
			if seen[m.Type] || code && m.Type != "code" && m.Type != "link" {
				t.Errorf("the marks of %q = %v, want each once, and beside code none but a link", n.Text, n.Marks)
			}
			seen[m.Type] = true
		}
		return
	case "listItem":
		if len(n.Content) == 0 || n.Content[0].Type != "paragraph" && n.Content[0].Type != "codeBlock" {
			t.Errorf("a list's item begins with %v, want a paragraph or code", n.Content)
		}
	case "blockquote", "bulletList", "orderedList", "taskList", "table", "tableRow", "doc", "tableCell", "tableHeader":
		if len(n.Content) == 0 {
			t.Errorf("a %s is empty", n.Type)
		}
	}
	for _, child := range n.Content {
		if !slices.Contains(allowedIn[n.Type], child.Type) {
			t.Errorf("a %s holds a %s, want one of %v", n.Type, child.Type, allowedIn[n.Type])
		}
		checkDocument(t, child)
	}
}
