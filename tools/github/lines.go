package github

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"toolgate/mcp"
)

const (
	maxShown    = 64 << 10 // bytes of a file's lines in one result
	sniffed     = 8 << 10  // bytes in which a NUL says that a file is binary
	defaultSpan = 1000     // lines where a call names no end
)

// span is lines of a text.
type span struct {
	Text  string
	Start int // of the first line shown, from 1; 0 where there are none
	End   int
	Total int
	Cut   bool // the last line shown goes on
}

// lines selects the lines from start to end, both counted from 1 and both included; 0 is the first, and as many as make a
// good page. What does not fit into limit bytes is left for another call, and of a line that is longer than that, the rest
// is lost. Lines keep their ends; a text's last one may have none.
func lines(text string, start, end, limit int) (span, error) {
	total := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		total++
	}
	s := span{Total: total}
	start = max(start, 1)
	if end == 0 {
		end = start + defaultSpan - 1
	}
	if end < start {
		return s, mcp.ToolErrorf("endLine %d is before startLine %d", end, start)
	}
	if total == 0 && start == 1 {
		return s, nil
	}
	if start > total {
		return s, mcp.ToolErrorf("startLine %d is beyond the end: the file has %d lines", start, total)
	}
	for range start - 1 {
		_, text, _ = strings.Cut(text, "\n")
	}
	s.Start, s.End = start, start-1
	var shown strings.Builder
	for text != "" && s.End < end {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line = text[:i+1]
		}
		if shown.Len()+len(line) > limit {
			if shown.Len() > 0 {
				break
			}
			s.End++
			shown.WriteString(line[:runeStart(line, limit)])
			s.Cut = true
			break
		}
		text = text[len(line):]
		shown.WriteString(line)
		s.End++
	}
	s.Text = shown.String()
	return s, nil
}

// binary says that content is not text: a NUL near its beginning, or no UTF-8.
func binary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), sniffed)], 0) >= 0 || !utf8.Valid(content)
}
