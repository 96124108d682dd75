// Package clip makes texts of others fit: into one line, or into a number of bytes.
package clip

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const sign = " …(cut)" // ends what was cut

// Line is text on one line, without control characters, and with one space where there were several or a line break. It is
// UTF-8.
func Line(text string) string {
	text = strings.Map(func(r rune) rune { // which makes U+FFFD of what is not UTF-8
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// To is text of at most limit bytes. What is longer is cut, between characters, and says so where there is room for that.
// It is UTF-8: text that is not becomes it.
func To(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	if limit < len(sign) {
		return text[:start(text, limit)]
	}
	return text[:start(text, limit-len(sign))] + sign
}

// start is the largest index up to i at which a character of text begins; 0 where i is less.
func start(text string, i int) int {
	i = max(i, 0)
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}
