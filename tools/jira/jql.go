package jira

import (
	"strings"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

// confine puts JQL inside of what may be seen: (project in ("A","B")) AND (JQL) ORDER BY …. JQL whose quotes and parentheses
// do not pair up, so that it could reach out of its parentheses, is refused, and so is whatever Jira and this function might
// read differently. Where everything may be seen, JQL stays as it is.
func (a allowList) confine(jql string) (string, error) {
	if !a.confines() {
		return jql, nil
	}
	words, err := scanJQL(jql)
	if err != nil {
		return "", err
	}
	condition, order := jql, ""
	for i, w := range words {
		if w.depth == 0 && w.is("order") && i+1 < len(words) && words[i+1].is("by") {
			if err := checkOrder(words[i+2:]); err != nil {
				return "", err
			}
			condition, order = jql[:w.start], " "+strings.TrimSpace(jql[w.start:])
			break
		}
	}
	confined := "(" + a.clause() + ")"
	if condition = strings.TrimSpace(condition); condition != "" {
		confined += " AND (" + condition + ")"
	}
	return confined + order, nil
}

// word is a piece of JQL: a word, a quoted text, or one of the characters that stand for themselves.
type word struct {
	text   string
	start  int // of its first byte
	depth  int // of parentheses around it
	quoted bool
}

func (w word) is(keyword string) bool { return !w.quoted && strings.EqualFold(w.text, keyword) }

const jqlSigns = "(),=!<>~&|"

// scanJQL cuts JQL into words as Jira's own grammar does. It refuses what does not pair up.
func scanJQL(jql string) ([]word, error) {
	var words []word
	depth := 0
	for i := 0; i < len(jql); {
		c := jql[i]
		start := i
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c < ' ' || c == 0x7F:
			return nil, mcp.ToolErrorf("the JQL has a control character")
		case c == '\\':
			return nil, mcp.ToolErrorf("the JQL has a backslash outside of quotes: put the text that it belongs to into quotes")
		case c == '"' || c == '\'':
			end, err := quotedEnd(jql, i)
			if err != nil {
				return nil, err
			}
			words = append(words, word{jql[start:end], start, depth, true})
			i = end
			continue
		case strings.IndexByte(jqlSigns, c) >= 0:
			i++
			if c == ')' {
				if depth--; depth < 0 {
					return nil, mcp.ToolErrorf("the JQL closes a parenthesis that it does not open")
				}
			}
			words = append(words, word{jql[start:i], start, depth, false})
			if c == '(' {
				depth++
			}
			continue
		}
		for i < len(jql) && jql[i] > ' ' && jql[i] != 0x7F && !strings.ContainsRune(jqlSigns+`\"'`, rune(jql[i])) {
			i++
		}
		words = append(words, word{jql[start:i], start, depth, false})
	}
	if depth > 0 {
		return nil, mcp.ToolErrorf("the JQL opens a parenthesis that it does not close")
	}
	return words, nil
}

// quotedEnd is where the quoted text ends that begins at start. Escapes are those of Jira's grammar.
func quotedEnd(jql string, start int) (int, error) {
	for i := start + 1; i < len(jql); i++ {
		switch c := jql[i]; {
		case c == jql[start]:
			return i + 1, nil
		case c < ' ':
			return 0, mcp.ToolErrorf("the JQL has a line break or control character inside of quotes")
		case c == '\\':
			i++
			if i >= len(jql) || strings.IndexByte(`tnr\'" u`, jql[i]) < 0 {
				return 0, mcp.ToolErrorf(`the JQL has an unknown escape inside of quotes: a backslash is written \\`)
			}
			if jql[i] == 'u' {
				digits := jql[i+1 : min(i+5, len(jql))]
				if len(digits) < 4 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
					return 0, mcp.ToolErrorf(`the JQL has \u without four hexadecimal digits`)
				}
				i += 4
			}
		}
	}
	return 0, mcp.ToolErrorf("the JQL opens a quote that it does not close")
}

// checkOrder lets through what ORDER BY takes: fields with ASC or DESC, separated by commas.
func checkOrder(words []word) error {
	for _, w := range words {
		bad := !w.quoted && (strings.ContainsAny(w.text, "()=!<>~&|") || w.is("and") || w.is("or") || w.is("not"))
		if bad {
			return mcp.ToolErrorf("ORDER BY takes fields with ASC or DESC, separated by commas, and stands at the end of the JQL; found %q", clip.To(w.text, 40))
		}
	}
	if len(words) == 0 {
		return mcp.ToolErrorf("ORDER BY names no field")
	}
	return nil
}
