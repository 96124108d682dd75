package mcp

import (
	"fmt"
	"regexp"
	"strings"
)

// folds replaces what no script can know, or would not want to repeat, by words: STATE1, STATE2, … stand for the states that
// clients were given, TASK1, … for the names of tasks, SHOP for what stateless results say of the server.
type folds struct {
	words map[string]string // by what they stand for
	means map[string]string // by word
}

var (
	metaWord   = regexp.MustCompile(`\bMETA\b`)
	foldedWord = regexp.MustCompile(`\b(STATE|TASK)[0-9]+\b`)
	secret     = regexp.MustCompile(`v1\.[A-Za-z0-9_-]{20,}|task_[A-Z2-7]{20,}`)
)

func newFolds() *folds { return &folds{words: map[string]string{}, means: map[string]string{}} }

// fold puts words for secrets.
func (f *folds) fold(text string, meta []byte) string {
	text = strings.ReplaceAll(text, string(meta), "SHOP")
	return secret.ReplaceAllStringFunc(text, func(found string) string {
		word, ok := f.words[found]
		if !ok {
			kind := "STATE"
			if strings.HasPrefix(found, "task_") {
				kind = "TASK"
			}
			word = fmt.Sprintf("%s%d", kind, f.count(kind)+1)
			f.words[found], f.means[word] = word, found
		}
		return word
	})
}

func (f *folds) count(kind string) (n int) {
	for word := range f.means {
		if strings.HasPrefix(word, kind) {
			n++
		}
	}
	return n
}

// unfold puts secrets for words.
func (f *folds) unfold(text string) string {
	return foldedWord.ReplaceAllStringFunc(text, func(word string) string {
		if meaning, ok := f.means[word]; ok {
			return meaning
		}
		return word
	})
}
