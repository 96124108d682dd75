package jira

import (
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// document is Markdown as Jira Cloud takes it. What Jira's format does not allow at a place becomes what comes nearest: a
// heading in a list is a bold paragraph.
func document(source string) node {
	r := reader{source: []byte(source)}
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
	root := node{Type: "doc", Version: 1, Content: r.blocks(parser.Parse(text.NewReader(r.source)), anywhere, 0)}
	if len(root.Content) == 0 {
		root.Content = []node{{Type: "paragraph"}}
	}
	return root
}

// place is where blocks stand: not every one may stand everywhere.
type place int

const (
	anywhere place = iota
	inQuote
	inItem
	inCell
)

// reader makes nodes of a parsed Markdown text.
type reader struct {
	source []byte
	tasks  int
}

func (r *reader) blocks(parent ast.Node, at place, depth int) []node {
	var found []node
	if depth > maxNesting {
		return found
	}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		found = append(found, r.block(n, at, depth+1)...)
	}
	return found
}

func (r *reader) block(n ast.Node, at place, depth int) []node {
	switch n := n.(type) {
	case *ast.Heading:
		if at != anywhere {
			return paragraph(r.inline(n, []mark{{Type: "strong"}}, depth))
		}
		return []node{{Type: "heading", Attrs: map[string]any{"level": n.Level}, Content: r.inline(n, nil, depth)}}
	case *ast.Paragraph, *ast.TextBlock:
		return paragraph(r.inline(n, nil, depth))
	case *ast.ThematicBreak:
		if at != anywhere {
			return nil
		}
		return []node{{Type: "rule"}}
	case *ast.FencedCodeBlock:
		return r.code(n, string(n.Language(r.source)))
	case *ast.CodeBlock:
		return r.code(n, "")
	case *ast.HTMLBlock:
		return paragraph(words(strings.TrimSpace(r.lines(n)), nil))
	case *ast.Blockquote:
		if at != anywhere {
			return r.blocks(n, at, depth)
		}
		if inside := r.blocks(n, inQuote, depth); len(inside) > 0 {
			return []node{{Type: "blockquote", Content: inside}}
		}
		return nil
	case *ast.List:
		return r.list(n, at, depth)
	case *east.Table:
		return r.table(n, at, depth)
	}
	return r.blocks(n, at, depth)
}

func paragraph(content []node) []node {
	if len(content) == 0 {
		return nil
	}
	return []node{{Type: "paragraph", Content: content}}
}

func (r *reader) lines(n ast.Node) string {
	var b strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		line := lines.At(i)
		b.Write(line.Value(r.source))
	}
	return b.String()
}

func (r *reader) code(n ast.Node, language string) []node {
	code := node{Type: "codeBlock"}
	if language != "" {
		code.Attrs = map[string]any{"language": strings.ToValidUTF8(language, "\uFFFD")}
	}
	if body := strings.TrimSuffix(r.lines(n), "\n"); body != "" {
		code.Content = words(body, nil)
	}
	return []node{code}
}

func (r *reader) list(n *ast.List, at place, depth int) []node {
	if at == anywhere && r.allTasks(n) {
		return []node{r.taskList(n, depth)}
	}
	list := node{Type: "bulletList"}
	if n.IsOrdered() {
		list.Type = "orderedList"
		if n.Start != 1 {
			list.Attrs = map[string]any{"order": n.Start}
		}
	}
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		content := r.blocks(item, inItem, depth)
		if len(content) == 0 || content[0].Type != "paragraph" && content[0].Type != "codeBlock" {
			content = append([]node{{Type: "paragraph"}}, content...) // an item begins with one of these
		}
		list.Content = append(list.Content, node{Type: "listItem", Content: content})
	}
	return []node{list}
}

// allTasks says whether every item of a list is a task of one line, as Jira's own task lists have them.
func (r *reader) allTasks(n *ast.List) bool {
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		if checkbox(item) == nil || item.ChildCount() > 1 {
			return false
		}
	}
	return true
}

func checkbox(item ast.Node) *east.TaskCheckBox {
	if item.FirstChild() == nil || item.FirstChild().FirstChild() == nil {
		return nil
	}
	box, _ := item.FirstChild().FirstChild().(*east.TaskCheckBox)
	return box
}

func (r *reader) taskList(n *ast.List, depth int) node {
	list := node{Type: "taskList", Attrs: r.local()}
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		attrs := r.local()
		attrs["state"] = "TODO"
		if checkbox(item).IsChecked {
			attrs["state"] = "DONE"
		}
		content := r.inline(item.FirstChild(), nil, depth)
		if len(content) > 0 && content[0].Text != "" && strings.HasPrefix(content[0].Text, "[") { // the box, as inline writes it
			content[0].Text = strings.TrimPrefix(strings.TrimPrefix(content[0].Text, boxDone), boxOpen)
			if content[0].Text == "" {
				content = content[1:]
			}
		}
		list.Content = append(list.Content, node{Type: "taskItem", Attrs: attrs, Content: content})
	}
	return list
}

// local is a name that Jira wants for each task, different from the others of the text.
func (r *reader) local() map[string]any {
	r.tasks++
	return map[string]any{"localId": "task-" + strconv.Itoa(r.tasks)}
}

// table is a table where one may stand; elsewhere a paragraph a row.
func (r *reader) table(n *east.Table, at place, depth int) []node {
	var rows, plain []node
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		kind := "tableCell"
		if _, head := row.(*east.TableHeader); head {
			kind = "tableHeader"
		}
		var cells, line []node
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			content := r.inline(cell, nil, depth)
			cells = append(cells, node{Type: kind, Content: []node{{Type: "paragraph", Content: content}}})
			if len(line) > 0 {
				line = append(line, node{Type: "text", Text: " | "})
			}
			line = append(line, content...)
		}
		rows = append(rows, node{Type: "tableRow", Content: cells})
		plain = append(plain, paragraph(line)...)
	}
	if at != anywhere {
		return plain
	}
	return []node{{Type: "table", Content: rows}}
}
