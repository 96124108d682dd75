package jira

import (
	"strconv"
	"strings"

	"toolgate/tools/internal/clip"
)

func (w *writer) list(n node, depth int) string {
	next := 1
	if order, ok := n.Attrs["order"].(float64); ok && order >= 0 && order < 1e6 {
		next = int(order)
	}
	var items []string
	for _, item := range n.Content {
		if !w.enter(depth) {
			break
		}
		bullet := "- "
		switch {
		case item.Type == "taskItem" && item.attr("state") == "DONE":
			bullet = "- [x] "
		case item.Type == "taskItem":
			bullet = "- [ ] "
		case n.Type == "orderedList":
			bullet = strconv.Itoa(next) + ". "
			next++
		}
		indent := strings.Repeat(" ", min(len(bullet), 4))
		if strings.HasPrefix(bullet, "- ") {
			indent = "  "
		}
		switch {
		case isList(item.Type): // a list in a list, as task lists have them
			items = append(items, prefixed(w.list(item, depth+1), "  ", "  "))
			continue
		case len(item.Content) == 0:
			items = append(items, bullet+w.leaf(item))
			continue
		}
		items = append(items, prefixed(w.joined(item.Content, depth+1, tight(item.Content)), bullet, indent))
	}
	return strings.Join(items, "\n")
}

func isList(kind string) bool {
	return kind == "bulletList" || kind == "orderedList" || kind == "taskList" || kind == "decisionList"
}

// tight is what stands between the blocks of an item: nothing but a line break where all but the first are lists.
func tight(blocks []node) string {
	for i, b := range blocks {
		if i > 0 && !isList(b.Type) && !b.isInline() {
			return "\n\n"
		}
	}
	return "\n"
}

func (w *writer) code(n node) string {
	var b strings.Builder
	for _, c := range n.Content {
		b.WriteString(w.take(c.Text))
	}
	text := b.String()
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	language := strings.Map(func(r rune) rune {
		if r <= ' ' || r == '`' {
			return -1
		}
		return r
	}, n.attr("language"))
	return fence + w.take(language) + "\n" + strings.TrimSuffix(text, "\n") + "\n" + fence
}

// longestRun is how often c stands one after the other in text at most.
func longestRun(text string, c byte) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

func (w *writer) table(n node, depth int) string {
	var rows [][]string
	columns := 1
	for _, row := range n.Content {
		if !w.enter(depth) {
			break
		}
		var cells []string
		for _, cell := range row.Content[:min(len(row.Content), maxColumns)] {
			text := strings.TrimSpace(w.blocks(cell.Content, depth+1))
			text = strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "  \n", "\n")
			for strings.Contains(text, "\n\n") {
				text = strings.ReplaceAll(text, "\n\n", "\n")
			}
			cells = append(cells, strings.ReplaceAll(text, "\n", "<br>"))
		}
		columns = max(columns, len(cells))
		rows = append(rows, cells)
	}
	var lines []string
	for i, cells := range rows {
		for len(cells) < columns {
			cells = append(cells, "")
		}
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |")
		if i == 0 {
			lines = append(lines, "|"+strings.Repeat(" --- |", columns))
		}
	}
	return strings.Join(lines, "\n")
}

// card is a link that stands alone.
func (w *writer) card(n node) string {
	if url := n.attr("url"); url != "" {
		return w.take(clip.Line(url))
	}
	if data, ok := n.Attrs["data"].(map[string]any); ok {
		return w.leaf(node{Attrs: map[string]any{"title": data["name"], "url": data["url"]}})
	}
	return "[card]"
}
