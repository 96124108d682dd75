package clip_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"toolgate/tools/internal/clip"
)

func TestLine(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"one line", "a line", "a line"},
		{"several", "a\r\n\tb\n\nc", "a b c"},
		{"spaces around", "  a  b ", "a b"},
		{"control characters", "a\x1b[31mb\x00c\x7fd\u0085e", "a [31mb c d e"},
		{"separators of lines", "a\u2028b\u2029c", "a b c"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := clip.Line(tt.text); got != tt.want {
				t.Errorf("Line(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestTo(t *testing.T) {
	tests := []struct {
		name, text string
		limit      int
		want       string
	}{
		{"empty", "", 10, ""},
		{"it fits", "0123456789", 10, "0123456789"},
		{"a byte too many", "0123456789abcde", 14, "01234 …(cut)"},
		{"not within a character", "éééééééé", 15, "ééé …(cut)"},
		{"room for the sign alone", "0123456789", 9, " …(cut)"},
		{"no room for the sign", "0123456789", 5, "01234"},
		{"no room", "0123456789", 0, ""},
		{"less than none", "0123456789", -1, ""},
		{"not UTF-8", "a\xffb", 10, "a\uFFFDb"},
		{"not UTF-8, and longer when it is", strings.Repeat("\xff", 1), 2, ""},
		{"lines stay", "a\nb", 10, "a\nb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := clip.To(tt.text, tt.limit); got != tt.want {
				t.Errorf("To(%q, %d) = %q, want %q", tt.text, tt.limit, got, tt.want)
			}
		})
	}
}

// FuzzClip: whatever a text is, what is made of it is UTF-8, of one line or within the limit, and nothing more is cut where
// nothing needs to be.
func FuzzClip(f *testing.F) {
	f.Add("a\nb", 3)
	f.Add("é\xff\u2028", 1)
	f.Add(strings.Repeat("é", 20), 11)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		line := clip.Line(text)
		broken := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
		if !utf8.ValidString(line) || strings.ContainsFunc(line, broken) || line != clip.Line(line) {
			t.Errorf("Line(%q) = %q, want one line of UTF-8", text, line)
		}
		got := clip.To(text, limit)
		if len(got) > max(limit, 0) || !utf8.ValidString(got) {
			t.Errorf("To(%q, %d) = %q, want UTF-8 of so many bytes at most", text, limit, got)
		}
		if whole := strings.ToValidUTF8(text, "\uFFFD"); len(whole) <= limit && got != whole {
			t.Errorf("To(%q, %d) = %q, want all of it", text, limit, got)
		}
	})
}
