package jira

import (
	"bufio"
	"html"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	gmhtml "github.com/yuin/goldmark/renderer/html"
)

// How a task's box is written where Jira has none.
const (
	boxOpen = "[ ] "
	boxDone = "[x] "
)

// inline is what stands within a block, as texts with the marks that hold for them.
func (r *reader) inline(parent ast.Node, marks []mark, depth int) []node {
	var found []node
	if depth > maxNesting {
		return words(string(parent.Text(r.source)), marks) //nolint:staticcheck // the only way to the text of what is too deep
	}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		found = append(found, r.span(n, marks, depth+1)...)
	}
	return joinTexts(found)
}

func (r *reader) span(n ast.Node, marks []mark, depth int) []node {
	switch n := n.(type) {
	case *ast.Text:
		found := words(r.literal(n), marks)
		switch {
		case n.HardLineBreak():
			return append(found, node{Type: "hardBreak"})
		case n.SoftLineBreak():
			return append(found, words(" ", marks)...)
		}
		return found
	case *ast.String:
		return words(string(n.Value), marks)
	case *ast.CodeSpan:
		var b strings.Builder
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			if t, ok := c.(*ast.Text); ok {
				b.Write(t.Value(r.source))
			}
		}
		return words(strings.ReplaceAll(b.String(), "\n", " "), codeMarks(marks))
	case *ast.Emphasis:
		kind := "em"
		if n.Level == 2 {
			kind = "strong"
		}
		return r.inline(n, with(marks, mark{Type: kind}), depth)
	case *east.Strikethrough:
		return r.inline(n, with(marks, mark{Type: "strike"}), depth)
	case *ast.Link:
		return r.inline(n, with(marks, link(string(n.Destination))), depth)
	case *ast.AutoLink:
		href := string(n.URL(r.source))
		if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(href), "mailto:") {
			href = "mailto:" + href
		}
		return words(string(n.Label(r.source)), with(marks, link(href)))
	case *ast.Image: // pictures in Jira are attachments: a link leads to it
		found := r.inline(n, with(marks, link(string(n.Destination))), depth)
		if len(found) == 0 {
			found = words(string(n.Destination), with(marks, link(string(n.Destination))))
		}
		return found
	case *ast.RawHTML:
		var b strings.Builder
		for i := range n.Segments.Len() {
			segment := n.Segments.At(i)
			b.Write(segment.Value(r.source))
		}
		return words(b.String(), marks)
	case *east.TaskCheckBox:
		if n.IsChecked {
			return words(boxDone, marks)
		}
		return words(boxOpen, marks)
	}
	return r.inline(n, marks, depth)
}

// literal is a text with its escapes and entities resolved. The library does so only where it writes HTML.
func (r *reader) literal(n *ast.Text) string {
	value := n.Value(r.source)
	if n.IsRaw() {
		return string(value)
	}
	var b strings.Builder
	w := bufio.NewWriter(&b)
	gmhtml.DefaultWriter.Write(w, value)
	w.Flush()
	return html.UnescapeString(b.String())
}

func words(text string, marks []mark) []node {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if text == "" {
		return nil // Jira refuses empty texts
	}
	return []node{{Type: "text", Text: text, Marks: marks}}
}

func link(href string) mark {
	return mark{Type: "link", Attrs: map[string]any{"href": strings.ToValidUTF8(href, "\uFFFD")}}
}

// with adds a mark that is not there yet.
func with(marks []mark, m mark) []mark {
	if slices.ContainsFunc(marks, func(o mark) bool { return o.Type == m.Type }) || m.Type == "link" && m.Attrs["href"] == "" {
		return marks
	}
	return append(slices.Clone(marks), m)
}

// codeMarks are those of code: links alone may go with it.
func codeMarks(marks []mark) []mark {
	kept := slices.DeleteFunc(slices.Clone(marks), func(m mark) bool { return m.Type != "link" })
	return append(kept, mark{Type: "code"})
}

// joinTexts makes one of texts that follow one another with the same marks.
func joinTexts(nodes []node) []node {
	var joined []node
	for _, n := range nodes {
		if last := len(joined) - 1; last >= 0 && n.Type == "text" && joined[last].Type == "text" && slices.EqualFunc(n.Marks, joined[last].Marks, sameMark) {
			joined[last].Text += n.Text
			continue
		}
		joined = append(joined, n)
	}
	return joined
}
