package github

import (
	"regexp"
	"strings"
	"unicode"
)

const (
	maxLogLine = 2 << 10 // bytes of one line of a log
	lineCut    = " …(cut)"
)

var (
	// escape is what a terminal makes colors, cursor movements, titles and links of (ECMA-48): CSI, OSC and the short ones.
	escape = regexp.MustCompile(`\x1b\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[\x20-\x2f]*[\x30-\x7e]`)
	// logTime is what GitHub puts before each line.
	logTime = regexp.MustCompile(`^\x{FEFF}?\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z ?`)
)

// tail is the end of a log.
type tail struct {
	text  string
	lines int
	more  bool // there are lines before it
}

// tailOf is the last n lines of a log, as far as they fit into limit bytes, without times, terminal sequences and control
// characters. Lines that are too long are cut. whole says that the log begins where text does.
func tailOf(text string, n, limit int, whole bool) tail {
	if !whole {
		_, text, _ = strings.Cut(text, "\n") // a line that began before
	}
	text = strings.TrimRight(strings.ToValidUTF8(text, "\uFFFD"), "\r\n")
	t := tail{more: !whole}
	var kept []string
	size := 0
	for left := text != ""; left; {
		if len(kept) == n {
			t.more = true
			break
		}
		line := text
		if i := strings.LastIndexByte(text, '\n'); i >= 0 {
			line, text = text[i+1:], text[:i]
		} else {
			left = false
		}
		line = logLine(line)
		if size += len(line) + 1; size > limit {
			t.more = true
			break
		}
		kept = append(kept, line)
	}
	var b strings.Builder
	for i := len(kept) - 1; i >= 0; i-- {
		b.WriteString(kept[i])
		b.WriteByte('\n')
	}
	t.text, t.lines = b.String(), len(kept)
	return t
}

// logLine is a line of a log as people see it.
func logLine(line string) string {
	line = logTime.ReplaceAllString(strings.TrimRight(line, "\r"), "")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:] // what a progress bar wrote over is gone on a screen too
	}
	line = escape.ReplaceAllString(line, "")
	line = strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, line)
	if len(line) > maxLogLine {
		line = line[:runeStart(line, maxLogLine-len(lineCut))] + lineCut
	}
	return line
}
