package files

import (
	"context"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxTerms      = 16   // words and phrases of a query
	linesShown    = 3    // of one file
	maxSnippet    = 240  // bytes of a line that are shown
	contextEvery  = 4096 // lines between two looks at the clock
	maxOccurences = 50   // looked at to find one that is a word of its own
	countedMost   = 10   // more of one word make a file no better
)

// query is what is looked for: words and phrases, folded. A phrase has spaces in it.
type query []string

// parseQuery reads words and "quoted phrases". Signs at the ends of a word are no part of it.
func parseQuery(text string) query {
	var q query
	add := func(term string) {
		if term != "" && len(q) < maxTerms && !slices.Contains(q, term) {
			q = append(q, term)
		}
	}
	for i, part := range strings.Split(fold(text), `"`) {
		words := strings.Fields(part)
		if i%2 == 1 {
			add(strings.Join(words, " "))
			continue
		}
		for _, word := range words {
			bare := strings.TrimFunc(word, func(r rune) bool { return unicode.IsPunct(r) && r != '#' && r != '@' })
			if bare == "" {
				bare = word
			}
			add(bare)
		}
	}
	return q
}

// hit is a file that has every term, in its text or its path.
type hit struct {
	root, path string
	score      int
	lines      []foundLine // the best, in their order
	more       int         // lines with any of the terms, beside those
}

type foundLine struct {
	number  int // from 1
	terms   int // how many of the query's are on it
	snippet string
}

// look looks through one file; false where it lacks a term. It gives up when ctx ends.
func (q query) look(ctx context.Context, name, text string) (h hit, ok bool) {
	h.path = name
	folded, foldedPath := fold(text), fold(name)
	flat := ""
	for _, term := range q {
		in := folded
		if strings.Contains(term, " ") {
			if flat == "" {
				flat = strings.Join(strings.Fields(folded), " ")
			}
			in = flat
		}
		count, named := strings.Count(in, term), strings.Contains(foldedPath, term)
		if count == 0 && !named {
			return h, false
		}
		h.score += min(count, countedMost)
		if named {
			h.score += 5
		}
		if strings.Contains(path.Base(foldedPath), term) {
			h.score += 10
		}
		if hasWord(in, term) {
			h.score += 5
		}
	}
	if !q.lines(ctx, &h, text, folded) {
		return h, false
	}
	best := 0
	for _, l := range h.lines {
		best = max(best, l.terms)
	}
	h.score += 2 * best
	if best == len(q) && best > 1 {
		h.score += 20 // all of it in one place is what was meant
	}
	return h, true
}

// lines finds the best lines of a file that has been found: those with the most terms, the first of them.
func (q query) lines(ctx context.Context, h *hit, text, folded string) bool {
	number := 0
	for folded != "" || number == 0 {
		number++
		var line, foldedLine string
		line, text, _ = strings.Cut(text, "\n")
		foldedLine, folded, _ = strings.Cut(folded, "\n")
		if number%contextEvery == 0 && ctx.Err() != nil {
			return false
		}
		terms, at := q.onLine(foldedLine, folded)
		if terms == 0 {
			continue
		}
		found := foundLine{number: number, terms: terms}
		place := len(h.lines)
		for place > 0 && h.lines[place-1].terms < terms {
			place--
		}
		if len(h.lines) == linesShown {
			h.more++
			if place == linesShown {
				continue
			}
			h.lines = h.lines[:linesShown-1]
		}
		found.snippet = snippet(line, at*len(line)/max(1, len(foldedLine)))
		h.lines = slices.Insert(h.lines, place, found)
	}
	slices.SortFunc(h.lines, func(a, b foundLine) int { return a.number - b.number })
	return true
}

// onLine counts the terms that begin on a line, and finds the first of them. A phrase may go on below.
func (q query) onLine(line, rest string) (terms, first int) {
	first = len(line)
	for _, term := range q {
		at := strings.Index(line, term)
		if word, _, isPhrase := strings.Cut(term, " "); at < 0 && isPhrase && strings.Contains(line, word) {
			flat := strings.Join(strings.Fields(line), " ")
			next, _, _ := strings.Cut(rest, "\n")
			if i := strings.Index(flat+" "+strings.Join(strings.Fields(next), " "), term); i >= 0 && i < len(flat) {
				at = strings.Index(line, word)
			}
		}
		if at >= 0 {
			terms++
			first = min(first, at)
		}
	}
	return terms, first
}

// hasWord says whether a term stands somewhere with no letter or digit before and after it.
func hasWord(text, term string) bool {
	for range maxOccurences {
		i := strings.Index(text, term)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		text = text[i+len(term):]
		after, _ := utf8.DecodeRuneInString(text)
		if !isWordRune(before) && !isWordRune(after) {
			return true
		}
	}
	return false
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// snippet is a line as it is shown: what stands around a place in it, where it is long.
func snippet(line string, at int) string {
	line = strings.TrimRight(line, "\r")
	if len(line) <= maxSnippet {
		return strings.TrimSpace(line)
	}
	from := min(max(0, at-maxSnippet/3), len(line)-maxSnippet)
	short := strings.TrimSpace(strings.ToValidUTF8(line[from:from+maxSnippet], ""))
	if from > 0 {
		short = "…" + short
	}
	if from+maxSnippet < len(line) {
		short += "…"
	}
	return short
}
