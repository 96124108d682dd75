package jira

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/tools/internal/clip"
)

// Bounds of a document that is made into Markdown.
const (
	maxNesting  = 32       // of nodes; what is deeper is left out
	maxMarkdown = 64 << 10 // bytes
	maxNodes    = 20_000
	maxColumns  = 50 // of a table
)

// node is a node of the Atlassian Document Format, which Jira Cloud has texts in.
type node struct {
	Type    string         `json:"type"`
	Text    string         `json:"text,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Marks   []mark         `json:"marks,omitempty"`
	Content []node         `json:"content,omitempty"`
	Version int            `json:"version,omitzero"` // of the document itself: 1
}

type mark struct {
	Type  string         `json:"type"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

func (n node) attr(key string) string {
	switch v := n.Attrs[key].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// markdown is a text of Jira for a model: of a document (Cloud) Markdown, of a text (Data Center) the text. What it cannot
// read is empty.
func markdown(value jsontext.Value) string {
	if value == nil {
		return ""
	}
	if value.Kind() == '"' {
		var text string
		if decode(value, &text) != nil {
			return ""
		}
		return clip.To(strings.ReplaceAll(text, "\r\n", "\n"), maxMarkdown)
	}
	var root node
	if decode(value, &root) != nil {
		return ""
	}
	return root.markdown()
}

// adfValue is markdown of a document that was decoded already.
func adfValue(v map[string]any) any {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	if text := markdown(encoded); text != "" {
		return clip.To(text, maxString)
	}
	return nil
}

func (n node) markdown() string {
	w := &writer{left: maxMarkdown, nodes: maxNodes}
	text := strings.TrimRight(w.blocks([]node{n}, 0), "\n ")
	if w.left <= 0 || w.nodes <= 0 {
		text += "\n\n…(cut)"
	}
	return clip.To(text, maxMarkdown)
}

// writer makes Markdown of nodes, until it has made enough.
type writer struct {
	left  int // bytes of text that may still come
	nodes int // that may still be looked at
}

// take is as much of text as there is room for.
func (w *writer) take(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > w.left {
		cut := max(w.left, 0)
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text, w.left = text[:cut], 0
		return text
	}
	w.left -= len(text)
	return text
}

// enter says whether a node at a depth is looked at.
func (w *writer) enter(depth int) bool {
	w.nodes--
	return depth <= maxNesting && w.left > 0 && w.nodes > 0
}

// blocks are nodes one below the other. Inline ones that stand where blocks should are a paragraph.
func (w *writer) blocks(nodes []node, depth int) string { return w.joined(nodes, depth, "\n\n") }

func (w *writer) joined(nodes []node, depth int, between string) string {
	var parts []string
	for i := 0; i < len(nodes); i++ {
		end := i
		for end < len(nodes) && nodes[end].isInline() {
			end++
		}
		var text string
		if end > i {
			text = w.inline(nodes[i:end], depth)
			i = end - 1
		} else {
			text = w.block(nodes[i], depth)
		}
		if strings.TrimSpace(text) != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, between)
}

func (w *writer) block(n node, depth int) string {
	if !w.enter(depth) {
		return ""
	}
	depth++
	switch n.Type {
	case "paragraph":
		return w.inline(n.Content, depth)
	case "heading":
		level, _ := n.Attrs["level"].(float64)
		return strings.Repeat("#", min(max(int(level), 1), 6)) + " " + clip.Line(w.inline(n.Content, depth))
	case "bulletList", "orderedList", "taskList", "decisionList":
		return w.list(n, depth)
	case "codeBlock":
		return w.code(n)
	case "blockquote":
		text := w.blocks(n.Content, depth)
		if text == "" {
			return ""
		}
		return prefixed(text, "> ", "> ")
	case "panel":
		kind := n.attr("panelType")
		if kind == "" || kind == "custom" {
			kind = "panel"
		}
		label := "**" + strings.ToUpper(kind[:1]) + w.take(clip.Line(kind[1:])) + ":** "
		return prefixed(label+w.blocks(n.Content, depth), "> ", "> ")
	case "rule":
		return "---"
	case "table":
		return w.table(n, depth)
	case "expand", "nestedExpand":
		title := w.take(clip.Line(n.attr("title")))
		if title == "" {
			return w.blocks(n.Content, depth)
		}
		return "**" + title + "**\n\n" + w.blocks(n.Content, depth)
	case "mediaGroup", "mediaSingle":
		return w.joined(n.Content, depth, "\n")
	case "media":
		return w.media(n)
	case "blockCard", "embedCard":
		return w.card(n)
	}
	if len(n.Content) > 0 {
		return w.blocks(n.Content, depth)
	}
	return w.leaf(n)
}

// leaf is a node of an unknown type without any in it: its text, or what it is called.
func (w *writer) leaf(n node) string {
	for _, text := range []string{n.Text, n.attr("text"), n.attr("title"), n.attr("url")} {
		if text != "" {
			return w.take(text)
		}
	}
	if key := n.attr("extensionKey"); key != "" {
		return w.take("[extension: " + clip.Line(key) + "]")
	}
	return ""
}

// prefixed puts first before the first line of text and rest before the others; empty lines get no spaces at their ends.
func prefixed(text, first, rest string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		prefix := rest
		if i == 0 {
			prefix = first
		}
		if line == "" {
			prefix = strings.TrimRight(prefix, " ")
		}
		lines[i] = prefix + line
	}
	return strings.Join(lines, "\n")
}

// day is the date of a time in milliseconds since 1970.
func day(milliseconds string) string {
	n, err := strconv.ParseFloat(milliseconds, 64)
	if err != nil || n < -1e14 || n > 1e14 {
		return ""
	}
	return time.UnixMilli(int64(n)).UTC().Format(time.DateOnly)
}
