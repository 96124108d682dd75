// Package text offers what programs do exactly and models only nearly: changing case, counting, matching patterns and
// comparing texts. Its tools read nothing but their arguments.
package text

import (
	"context"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"toolgate/mcp"
)

// Name is the pack's name in tools.toolsets.
const Name = "text"

// What one call may cost. Time to match grows with the product of text and pattern, and a match cannot be interrupted
// within a line. The length of a text that is searched or compared stands in the tags of the arguments; upper case and
// counting are linear, and limits.body bounds them.
const (
	maxProgram = 500    // instructions of a compiled pattern: "x{1000}" has over a thousand
	maxShown   = 500    // characters of a matching line that are shown
	maxLines   = 20_000 // lines of either text that are compared
)

// Features returns the tools. All are read-only.
func Features() mcp.Features {
	return mcp.Features{Tools: []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "uppercase_text",
			Title:       "Uppercase text",
			Description: "Returns the text with all letters in upper case, in any script.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, uppercase),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "count_text",
			Title:       "Count text",
			Description: "Counts the characters, words, lines and bytes of a text exactly.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, count),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "search_text",
			Title:       "Search text",
			Description: "Finds the lines of a text that match a regular expression and returns them with their numbers.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, search),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "diff_text",
			Title:       "Compare texts",
			Description: "Compares two texts line by line and returns a unified diff, or says that they are the same.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, compare),
	}}
}

type textArgs struct {
	Text string `json:"text" jsonschema:"The text."`
}

func uppercase(_ context.Context, _ *mcp.Call, in textArgs) (mcp.Text, error) {
	return mcp.Text(strings.ToUpper(in.Text)), nil
}

type countResult struct {
	Characters int `json:"characters" jsonschema:"Code points, line breaks included."`
	Letters    int `json:"letters"`
	Words      int `json:"words"`
	Lines      int `json:"lines" jsonschema:"A last one without a line break counts."`
	Bytes      int `json:"bytes"`
}

func count(_ context.Context, _ *mcp.Call, in textArgs) (countResult, error) {
	r := countResult{Bytes: len(in.Text)}
	inWord := false
	for _, c := range in.Text {
		r.Characters++
		if unicode.IsLetter(c) {
			r.Letters++
		}
		space := unicode.IsSpace(c)
		if !space && !inWord {
			r.Words++
		}
		inWord = !space
	}
	r.Lines = len(lines(in.Text))
	return r, nil
}

type searchArgs struct {
	Text       string `json:"text" jsonschema:"The text to search." maxLength:"262144"`
	Pattern    string `json:"pattern" jsonschema:"Regular expression (RE2), matched within each line." minLength:"1" maxLength:"500"`
	IgnoreCase bool   `json:"ignore_case,omitempty" jsonschema:"Match either case." default:"false"`
	Limit      int    `json:"limit,omitempty" jsonschema:"Matching lines to return at most." minimum:"1" maximum:"200" default:"50"`
}

type matchingLine struct {
	Line int    `json:"line"`
	Text string `json:"text" jsonschema:"Its first 500 characters."`
}

type searchResult struct {
	Matches []matchingLine `json:"matches"`
	Total   int            `json:"total" jsonschema:"Those beyond limit included."`
}

func search(ctx context.Context, _ *mcp.Call, in searchArgs) (searchResult, error) {
	pattern, err := compile(in.Pattern, in.IgnoreCase)
	if err != nil {
		return searchResult{}, err
	}
	var r searchResult
	for i, line := range lines(in.Text) {
		if ctx.Err() != nil {
			return r, fmt.Errorf("search line %d: %w", i+1, context.Cause(ctx))
		}
		if !pattern.MatchString(line) {
			continue
		}
		r.Total++
		if len(r.Matches) < in.Limit {
			r.Matches = append(r.Matches, matchingLine{i + 1, head(line)})
		}
	}
	return r, nil
}

// compile refuses, in words for the model, what is no pattern and what would take too long to match.
func compile(pattern string, ignoreCase bool) (*regexp.Regexp, error) {
	if ignoreCase {
		pattern = "(?i)" + pattern
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, mcp.ToolErrorf("pattern is not RE2 syntax: %s", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, mcp.ToolErrorf("pattern is not RE2 syntax: %s", err)
	}
	if n := len(program.Inst); n > maxProgram {
		return nil, mcp.ToolErrorf("pattern is too costly (%d steps, at most %d): repeat fewer times, use * or + in place of {n,m}", n, maxProgram)
	}
	return regexp.MustCompile(pattern), nil
}

type compareArgs struct {
	Before string `json:"before" jsonschema:"The first text." maxLength:"262144"`
	After  string `json:"after" jsonschema:"The second text." maxLength:"262144"`
}

func compare(_ context.Context, _ *mcp.Call, in compareArgs) (mcp.Text, error) {
	for _, side := range []struct{ name, text string }{{"before", in.Before}, {"after", in.After}} {
		if n := strings.Count(side.text, "\n"); n > maxLines {
			return "", mcp.ToolErrorf("%s has %d lines, at most %d can be compared: compare the parts one by one", side.name, n, maxLines)
		}
	}
	if in.Before == in.After {
		return "The texts are the same.", nil
	}
	changes := string(diff.Diff("before", []byte(in.Before), "after", []byte(in.After)))
	// The first line repeats the names in the two below it.
	_, changes, _ = strings.Cut(changes, "\n")
	return mcp.Text(changes), nil
}

// lines splits at line feeds, drops carriage returns before them, and does not count the nothing after the last one.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range all {
		all[i] = strings.TrimSuffix(all[i], "\r")
	}
	return all
}

// head is the part of a line that is shown.
func head(line string) string {
	if utf8.RuneCountInString(line) <= maxShown {
		return line
	}
	return string([]rune(line)[:maxShown]) + "…"
}
