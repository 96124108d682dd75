// Package near finds the names somebody may have meant by a name that does not exist.
package near

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

const (
	threshold   = 0.55 // below this two names have little more in common than letters
	partScore   = 0.85 // one name holds the other whole: better than most typing errors
	minPart     = 3    // shorter parts are in everything
	longestWord = 64   // runes compared; the cost of a comparison is the product of both lengths
)

// Score says how close two names are, from 0 (nothing in common) to 1 (the same but for case and outer spaces).
// Everything under the threshold is 0. Only the first 64 runes of each count.
func Score(a, b string) float64 {
	a, b = fold(a), fold(b)
	switch {
	case a == "" || b == "":
		return 0
	case a == b:
		return 1
	}
	score := levenshtein.Match(a, b, nil)
	shorter, longer := a, b
	if len(shorter) > len(longer) {
		shorter, longer = longer, shorter
	}
	if utf8.RuneCountInString(shorter) >= minPart && strings.Contains(longer, shorter) {
		score = max(score, partScore)
	}
	if score < threshold {
		return 0
	}
	return score
}

// Names returns the at most n names that are closest to word, closest first, equals in alphabetical order. Names that
// are not close at all are left out.
func Names(word string, names []string, n int) []string {
	return Best(slices.Values(names), n,
		func(name string) float64 { return Score(word, name) },
		func(name string) string { return name })
}

// Best returns the labels of the at most n things with the highest scores above zero, best first, equals in
// alphabetical order of their labels.
func Best[T any](things iter.Seq[T], n int, score func(T) float64, label func(T) string) []string {
	type scored struct {
		label string
		score float64
	}
	var found []scored
	for thing := range things {
		if s := score(thing); s > 0 {
			found = append(found, scored{label(thing), s})
		}
	}
	slices.SortFunc(found, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.label, b.label))
	})
	labels := make([]string, 0, n)
	for _, f := range found[:min(n, len(found))] {
		labels = append(labels, f.label)
	}
	return labels
}

func fold(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	for i, runes := 0, 0; i < len(s); runes++ {
		if runes == longestWord {
			return s[:i]
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s
}
