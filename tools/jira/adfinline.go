package jira

import (
	"slices"
	"strings"

	"toolgate/tools/internal/clip"
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
		if n.Type == "text" {
			text, count := w.run(nodes[i:], depth)
			n.Text = text
			i += count - 1
		}
		b.WriteString(w.piece(n, depth))
	}
	return b.String()
}

// run is the text of the first node, which was entered, and of those after it with the same marks, and how many they are:
// they are one, since their signs would run into each other. It ends early where there is no room for more.
func (w *writer) run(nodes []node, depth int) (text string, count int) {
	var b strings.Builder
	b.WriteString(nodes[0].Text)
	for count = 1; count < len(nodes) && b.Len() <= w.left; count++ {
		next := nodes[count]
		if next.Type != "text" || !slices.EqualFunc(next.Marks, nodes[0].Marks, sameMark) || !w.enter(depth) {
			break
		}
		b.WriteString(next.Text)
	}
	return b.String(), count
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
		return w.take("@" + strings.TrimPrefix(clip.Line(text), "@"))
	case "emoji":
		if text := n.attr("text"); text != "" {
			return w.take(clip.Line(text))
		}
		return w.take(clip.Line(n.attr("shortName")))
	case "inlineCard":
		return w.card(n)
	case "status":
		return w.take("[" + clip.Line(n.attr("text")) + "]")
	case "date":
		return day(n.attr("timestamp"))
	case "mediaInline", "media":
		return w.media(n)
	case "placeholder":
		return w.take(clip.Line(n.attr("text")))
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
	return w.take("[media: " + clip.Line(name) + "]")
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
	if i := slices.IndexFunc(marks, func(m mark) bool { return m.Type == "link" }); i >= 0 { // a link in a link is none
		href := clip.Line((node{Attrs: marks[i].Attrs}).attr("href"))
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
