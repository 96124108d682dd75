package jira

import (
	"slices"
	"strings"
)

// isInline says whether a node stands within a line.
func (n node) isInline() bool {
	switch n.Type {
	case "text", "hardBreak", "mention", "emoji", "inlineCard", "status", "date", "mediaInline", "placeholder", "inlineExtension":
		return true
	}
	return false
}

// inline is nodes of one line, or of several where there are hard breaks.
func (w *writer) inline(nodes []node, depth int) string {
	var b strings.Builder
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		if !w.enter(depth) {
			break
		}
		if n.Type == "text" { // texts with the same marks are one: their signs would run into each other
			for i+1 < len(nodes) && nodes[i+1].Type == "text" && slices.EqualFunc(nodes[i+1].Marks, n.Marks, sameMark) {
				i++
				n.Text += nodes[i].Text
			}
		}
		b.WriteString(w.piece(n, depth))
	}
	return b.String()
}

func sameMark(a, b mark) bool {
	return a.Type == b.Type && (node{Attrs: a.Attrs}).attr("href") == (node{Attrs: b.Attrs}).attr("href")
}

func (w *writer) piece(n node, depth int) string {
	switch n.Type {
	case "text":
		return w.marked(w.take(n.Text), n.Marks)
	case "hardBreak":
		return "  \n"
	case "mention":
		text := n.attr("text")
		if text == "" {
			text = n.attr("id")
		}
		return w.take("@" + strings.TrimPrefix(oneLine(text), "@"))
	case "emoji":
		if text := n.attr("text"); text != "" {
			return w.take(oneLine(text))
		}
		return w.take(oneLine(n.attr("shortName")))
	case "inlineCard":
		return w.card(n)
	case "status":
		return w.take("[" + oneLine(n.attr("text")) + "]")
	case "date":
		return day(n.attr("timestamp"))
	case "mediaInline", "media":
		return w.media(n)
	case "placeholder":
		return w.take(oneLine(n.attr("text")))
	}
	if len(n.Content) > 0 {
		return w.blocks(n.Content, depth+1)
	}
	return w.leaf(n)
}

// media is an attachment or picture by its name: the file itself is behind a login.
func (w *writer) media(n node) string {
	name := n.attr("alt")
	for _, key := range []string{"__fileName", "fileName", "url", "id"} {
		if name == "" {
			name = n.attr(key)
		}
	}
	return w.take("[media: " + oneLine(name) + "]")
}

// marked puts the signs of marks around text. Spaces at its ends stay outside of them, where Markdown wants them.
func (w *writer) marked(text string, marks []mark) string {
	core := strings.TrimSpace(text)
	if core == "" || len(marks) == 0 {
		return text
	}
	start := strings.Index(text, core)
	before, after := text[:start], text[start+len(core):]
	has := func(kind string) bool {
		return slices.ContainsFunc(marks, func(m mark) bool { return m.Type == kind })
	}
	bare := core
	if has("code") {
		fence := strings.Repeat("`", longestRun(core, '`')+1)
		space := ""
		if strings.HasPrefix(core, "`") || strings.HasSuffix(core, "`") {
			space = " "
		}
		core = fence + space + core + space + fence
	}
	if has("strike") {
		core = "~~" + core + "~~"
	}
	if has("em") {
		core = "*" + core + "*"
	}
	if has("strong") {
		core = "**" + core + "**"
	}
	for _, m := range marks {
		if m.Type != "link" {
			continue
		}
		href := oneLine((node{Attrs: m.Attrs}).attr("href"))
		switch {
		case href == "" || href == bare || href == "mailto:"+bare:
		case strings.ContainsAny(href, " ()<>"):
			core = "[" + core + "](<" + strings.NewReplacer("<", "%3C", ">", "%3E").Replace(w.take(href)) + ">)"
		default:
			core = "[" + core + "](" + w.take(href) + ")"
		}
	}
	return before + core + after
}
