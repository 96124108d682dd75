package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	tourHeading = "60-second tour"
	readmeHost  = "localhost:3002" // where the README's server listens
)

// tourStep is one thing the README has its reader paste, and what it says comes of it.
type tourStep struct {
	commands string
	prints   string // of the block that follows, which may elide with … ; empty where there is none
}

// TestReadmeTour pastes the tour's commands, in order, into one shell beside a running server. Every block must succeed,
// and print what the README says it prints.
func TestReadmeTour(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	paste(t, "README.md", tour(string(readme), tourHeading), start(t), t.TempDir())
}

// paste runs the steps of a page, in order, in one shell in dir, beside a server that stands where the page says one is.
func paste(t *testing.T, page string, steps []tourStep, s *server, dir string) {
	t.Helper()
	if len(steps) == 0 {
		t.Fatalf("%s has nothing to paste", page)
	}
	local := strings.NewReplacer(readmeHost, "localhost:"+s.port)
	const mark = "=== end of step %d ===\n"
	var script strings.Builder
	script.WriteString("set -eo pipefail\n")
	for i, step := range steps {
		fmt.Fprintf(&script, "%s\nprintf '\\n"+strings.ReplaceAll(mark, "\n", `\n`)+"'\n", local.Replace(step.commands), i)
	}
	rest, err := run(t, dir, nil, "bash", "-c", script.String())
	for i, step := range steps {
		got, after, found := strings.Cut(rest, "\n"+fmt.Sprintf(mark, i))
		if !found {
			t.Fatalf("%s: step %d failed (%v):\n%s\nit printed:\n%s", page, i+1, err, step.commands, rest)
		}
		if !elided(local.Replace(step.prints)).MatchString(got) {
			t.Errorf("%s: step %d:\n%s\nprinted:\n%s\nand the page says:\n%s", page, i+1, step.commands, got, step.prints)
		}
		rest = after
	}
	if err != nil {
		t.Errorf("%s: the shell ended with %v", page, err)
	}
}

// tour returns the steps under a heading of a page, up to the next heading of its level.
func tour(page, heading string) []tourStep {
	var (
		steps  []tourStep
		level  string // the heading's hashes, once we are under it
		fence  string // the language of the block we are in, "" outside
		inside bool
		block  strings.Builder
	)
	for line := range strings.Lines(page) {
		switch text := strings.TrimRight(line, "\n"); {
		case strings.HasPrefix(text, "```"):
			if inside = !inside; inside {
				fence = strings.TrimPrefix(text, "```")
				block.Reset()
				continue
			}
			if level == "" {
				continue
			}
			switch {
			case fence == "sh":
				steps = append(steps, tourStep{commands: block.String()})
			case len(steps) > 0 && steps[len(steps)-1].prints == "":
				steps[len(steps)-1].prints = block.String()
			}
		case inside:
			block.WriteString(line)
		case strings.HasPrefix(text, "#"):
			hashes, title, _ := strings.Cut(text, " ")
			if level != "" && len(hashes) <= len(level) {
				return steps
			}
			if strings.Contains(title, heading) {
				level = hashes
			}
		}
	}
	return steps
}

// elided matches what a README block shows: the same text up to the space between its lines, where … stands for
// anything.
func elided(shown string) *regexp.Regexp {
	if shown == "" {
		return regexp.MustCompile("")
	}
	var b strings.Builder
	b.WriteString(`(?s)^\s*`)
	for i, part := range strings.Split(strings.TrimSpace(shown), "…") {
		if i > 0 {
			b.WriteString(".*")
		}
		b.WriteString(regexp.MustCompile(`\s+`).ReplaceAllString(regexp.QuoteMeta(part), `\s+`))
	}
	b.WriteString(`\s*$`)
	return regexp.MustCompile(b.String())
}

func TestTourReadsItsSection(t *testing.T) {
	const readme = "# Tool\n```sh\nmake run\n```\n## A 60-second tour\ntext\n```sh\ncurl -s a\n```\nprints\n```json\n{\"id\": \"…\"}\n```\n" +
		"### More\n```sh\n# no heading\ncurl b\n```\n## Clients\n```sh\ncurl c\n```\n"
	got := tour(readme, tourHeading)
	want := []tourStep{{"curl -s a\n", "{\"id\": \"…\"}\n"}, {"# no heading\ncurl b\n", ""}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Fatalf("tour: got %q, want %q", got, want)
	}
	for output, matches := range map[string]bool{"{\"id\": 7}": false, "{\"id\":  \"7\"}\n": true, "{\"id\": \"7\"} x": false} {
		if elided(want[0].prints).MatchString(output) != matches {
			t.Errorf("elided(%q) on %q: got %v, want %v", want[0].prints, output, !matches, matches)
		}
	}
}
