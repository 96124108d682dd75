package github

import (
	"strings"
	"time"
	"unicode/utf8"

	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
)

// runeStart is the largest index up to i at which a character of text begins.
func runeStart(text string, i int) int {
	for i > 0 && i < len(text) && !utf8.RuneStart(text[i]) {
		i--
	}
	return max(i, 0)
}

// cutLines is as many whole lines from the beginning of text as fit into limit bytes, and how many bytes are missing. A
// first line that does not fit is cut within.
func cutLines(text string, limit int) (kept string, missing int) {
	if len(text) <= limit {
		return text, 0
	}
	cut := strings.LastIndexByte(text[:limit], '\n') + 1
	if cut == 0 {
		cut = runeStart(text, limit)
	}
	return text[:cut], len(text) - cut
}

// stamp is a time as results have it: UTC, to the second; empty where there is none.
func stamp(t gh.Timestamp) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// choose finds which of known were asked for; anything else is the model's mistake.
func choose(argument string, asked []string, known ...string) (map[string]bool, error) {
	chosen := map[string]bool{}
	for _, name := range asked {
		i := indexFold(known, name)
		if i < 0 {
			return nil, badChoice(argument, name, known)
		}
		chosen[known[i]] = true
	}
	return chosen, nil
}

func indexFold(known []string, name string) int {
	for i, k := range known {
		if strings.EqualFold(k, strings.TrimSpace(name)) {
			return i
		}
	}
	return -1
}

func badChoice(argument, name string, known []string) error {
	return mcp.ToolErrorf("%s knows no %q: it takes %s", argument, name, strings.Join(known, ", "))
}
