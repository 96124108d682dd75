package jira

import (
	"slices"
	"strconv"
	"strings"
)

// wiki is a document as a Data Center takes it: in Jira's wiki notation.
func wiki(doc node) string { return strings.TrimSpace(wikiBlocks(doc.Content, "")) }

// wikiBlocks writes blocks; bullets are those of the lists around them.
func wikiBlocks(nodes []node, bullets string) string {
	between := "\n\n"
	if bullets != "" {
		between = "\n"
	}
	var parts []string
	for _, n := range nodes {
		if text := wikiBlock(n, bullets); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, between)
}

func wikiBlock(n node, bullets string) string {
	switch n.Type {
	case "paragraph":
		return wikiInline(n.Content)
	case "heading":
		level, _ := n.Attrs["level"].(int)
		return "h" + strconv.Itoa(level) + ". " + wikiInline(n.Content)
	case "rule":
		return "----"
	case "codeBlock":
		open := "{code}"
		if language := n.attr("language"); language != "" && !strings.ContainsAny(language, "{}|:") {
			open = "{code:" + language + "}"
		}
		var body string
		if len(n.Content) > 0 {
			body = n.Content[0].Text
		}
		return open + "\n" + body + "\n{code}"
	case "blockquote":
		return "{quote}\n" + wikiBlocks(n.Content, "") + "\n{quote}"
	case "bulletList", "orderedList", "taskList":
		return wikiList(n, bullets)
	case "table":
		var rows []string
		for _, row := range n.Content {
			var b strings.Builder
			bar := "|"
			for _, cell := range row.Content {
				if bar = "|"; cell.Type == "tableHeader" {
					bar = "||"
				}
				text := strings.ReplaceAll(wikiBlocks(cell.Content, ""), "\n", " ")
				if text == "" {
					text = " " // two bars beside each other begin a heading
				}
				b.WriteString(bar + text)
			}
			rows = append(rows, b.String()+bar)
		}
		return strings.Join(rows, "\n")
	}
	return wikiBlocks(n.Content, bullets)
}

func wikiList(n node, bullets string) string {
	bullets += "*"
	if n.Type == "orderedList" {
		bullets = bullets[:len(bullets)-1] + "#"
	}
	var lines []string
	for _, item := range n.Content {
		if item.Type == "taskItem" {
			box := boxOpen
			if item.attr("state") == "DONE" {
				box = boxDone
			}
			lines = append(lines, bullets+" "+wikiEscape(box)+wikiInline(item.Content))
			continue
		}
		var line string
		rest := item.Content
		if len(rest) > 0 && !isList(rest[0].Type) {
			line, rest = wikiBlock(rest[0], bullets), rest[1:]
		}
		lines = append(lines, bullets+" "+line)
		if below := wikiBlocks(rest, bullets); below != "" {
			lines = append(lines, below)
		}
	}
	return strings.Join(lines, "\n")
}

func wikiInline(nodes []node) string {
	var b strings.Builder
	for _, n := range nodes {
		switch n.Type {
		case "hardBreak":
			b.WriteString("\n")
		case "text":
			b.WriteString(wikiMarked(n))
		}
	}
	return b.String()
}

func wikiMarked(n node) string {
	core := strings.TrimSpace(n.Text)
	if core == "" {
		return n.Text
	}
	start := strings.Index(n.Text, core)
	before, after := n.Text[:start], n.Text[start+len(core):]
	has := func(kind string) bool {
		return slices.ContainsFunc(n.Marks, func(m mark) bool { return m.Type == kind })
	}
	bare := core
	core = wikiEscape(core)
	if has("code") {
		core = "{{" + core + "}}"
	}
	if has("strike") {
		core = "-" + core + "-"
	}
	if has("em") {
		core = "_" + core + "_"
	}
	if has("strong") {
		core = "*" + core + "*"
	}
	for _, m := range n.Marks {
		href, _ := m.Attrs["href"].(string)
		switch {
		case m.Type != "link":
		case href == bare:
			core = "[" + wikiHref(href) + "]"
		default:
			core = "[" + core + "|" + wikiHref(href) + "]"
		}
	}
	return before + core + after
}

func wikiHref(href string) string {
	return strings.NewReplacer("|", "%7C", "]", "%5D", "[", "%5B", "\n", "").Replace(href)
}

// wikiEscape keeps characters from being signs of the notation where they would be: macros, links and tables anywhere, the
// others where they stand at the beginning of a word or line.
func wikiEscape(text string) string {
	var b strings.Builder
	previous := ' '
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString("&#92;") // two of them are a line break
			previous = r
			continue
		case strings.ContainsRune(`{}[]|`, r):
			b.WriteByte('\\')
		case strings.ContainsRune("*_-+^~?#!", r) && (previous == ' ' || previous == '\n' || previous == '('):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		previous = r
	}
	return b.String()
}
