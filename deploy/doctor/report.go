package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// form writes a report. progress may come from any goroutine, the rest comes from one.
type form interface {
	begin(url string)
	progress(format string, args ...any)
	finding(f Finding)
	end(s server) error
}

const lineWidth = 110 // columns of a text report

// textForm is for people.
type textForm struct {
	out io.Writer

	mu     sync.Mutex
	err    error // the first that out returned
	counts map[Level]int
}

func (t *textForm) begin(url string) {
	t.counts = map[Level]int{}
	t.printf("toolgate doctor %s\n\n", url)
}

func (t *textForm) progress(format string, args ...any) {
	t.printf("%-8s %s\n", "…", fmt.Sprintf(format, args...))
}

func (t *textForm) finding(f Finding) {
	t.mu.Lock()
	t.counts[f.Level]++
	t.mu.Unlock()
	text := f.Text
	if f.Level == Fault || f.Level == Warn {
		text += " [" + f.ID + "]"
	}
	var b strings.Builder
	fold(&b, fmt.Sprintf("%-8s %-11s", f.Level, f.Check), text, 20)
	if f.Cause != "" {
		fold(&b, fmt.Sprintf("%20s%-8s", "", "cause:"), f.Cause, 28)
	}
	for i, line := range f.Change {
		label := "change:"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(&b, "%20s%-8s%s\n", "", label, line) // never folded: it is to be copied
	}
	t.printf("%s", b.String())
}

func (t *textForm) end(server) error {
	plural := func(n int, one string) string {
		if n == 1 {
			return fmt.Sprintf("%d %s", n, one)
		}
		return fmt.Sprintf("%d %ss", n, one)
	}
	t.printf("\n%s, %s, %d ok, %d skipped\n", plural(t.counts[Fault], "fault"), plural(t.counts[Warn], "warning"),
		t.counts[OK]+t.counts[Info], t.counts[Skipped])
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *textForm) printf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := fmt.Fprintf(t.out, format, args...); err != nil && t.err == nil {
		t.err = fmt.Errorf("write the report: %w", err)
	}
}

// fold writes text behind a label, and what is too long for a line on further ones, indented.
func fold(b *strings.Builder, label, text string, indent int) {
	b.WriteString(label)
	column := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > lineWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}

// jsonForm is for programs: one object, at the end.
type jsonForm struct {
	out    io.Writer
	report jsonReport
}

type jsonReport struct {
	URL      string     `json:"url"`
	Server   jsonServer `json:"server"`
	Faults   int        `json:"faults"`
	Warnings int        `json:"warnings"`
	Findings []Finding  `json:"findings"`
}

type jsonServer struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

func (j *jsonForm) begin(url string)        { j.report.URL, j.report.Findings = url, []Finding{} }
func (j *jsonForm) progress(string, ...any) {}

func (j *jsonForm) finding(f Finding) {
	switch f.Level {
	case Fault:
		j.report.Faults++
	case Warn:
		j.report.Warnings++
	}
	j.report.Findings = append(j.report.Findings, f)
}

func (j *jsonForm) end(s server) error {
	j.report.Server = jsonServer{s.name, s.version}
	e := json.NewEncoder(j.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(j.report); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
