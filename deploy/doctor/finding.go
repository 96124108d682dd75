package doctor

import (
	"fmt"
	"strings"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Info    Level = "info"    // nothing to mend, good to know
	Skipped Level = "skipped" // could not be looked at; the text says what is missing
	Warn    Level = "warn"    // some clients suffer, or something will break later
	Fault   Level = "fault"   // clients fail
)

// Finding is one thing a check found. IDs are stable; docs/doctor.md has a row for each that is a warning or a fault.
type Finding struct {
	ID     string   `json:"id"`
	Check  string   `json:"check"`
	Level  Level    `json:"level"`
	Text   string   `json:"text"`
	Cause  string   `json:"cause,omitempty"`
	Change []string `json:"change,omitempty"` // lines to change, each of the file it names: nginx, toolgate.yaml
}

const maxQuoted = 120 // bytes of a stranger's text that a finding repeats

// sheet collects the findings of one check. It belongs to the goroutine that runs the check.
type sheet struct {
	check    string
	secret   string // struck out wherever a stranger gives it back
	findings []Finding
}

func (s *sheet) ok(id, format string, args ...any) { s.add(Finding{ID: id, Level: OK}, format, args) }

func (s *sheet) info(id, format string, args ...any) {
	s.add(Finding{ID: id, Level: Info}, format, args)
}

func (s *sheet) skip(id, format string, args ...any) {
	s.add(Finding{ID: id, Level: Skipped}, format, args)
}

// remedy is why something is so, and the lines to change.
type remedy struct {
	cause  string
	change []string
}

func because(cause string, change ...string) remedy { return remedy{cause, change} }

func (s *sheet) warn(id string, r remedy, format string, args ...any) {
	s.add(Finding{ID: id, Level: Warn, Cause: r.cause, Change: r.change}, format, args)
}

func (s *sheet) fault(id string, r remedy, format string, args ...any) {
	s.add(Finding{ID: id, Level: Fault, Cause: r.cause, Change: r.change}, format, args)
}

// grade is a fault where it is the server of this project, which does it right, and a warning where another may have
// chosen it.
func (s *sheet) grade(fault bool, id string, r remedy, format string, args ...any) {
	if fault {
		s.fault(id, r, format, args...)
		return
	}
	s.warn(id, r, format, args...)
}

func (s *sheet) add(f Finding, format string, args []any) {
	f.Check, f.Text = s.check, fmt.Sprintf(format, args...)
	if s.secret != "" {
		f.Text, f.Cause = s.clean(f.Text), s.clean(f.Cause)
		for i := range f.Change {
			f.Change[i] = s.clean(f.Change[i])
		}
	}
	s.findings = append(s.findings, f)
}

func (s *sheet) clean(text string) string { return strings.ReplaceAll(text, s.secret, "[key]") }

// has says whether a finding is there already.
func (s *sheet) has(id string) bool {
	for _, f := range s.findings {
		if f.ID == id && f.Level != OK {
			return true
		}
	}
	return false
}

// quoted is a stranger's text, cut and escaped.
func quoted(text string) string {
	if len(text) > maxQuoted {
		text = text[:maxQuoted] + "…"
	}
	return fmt.Sprintf("%q", text)
}
