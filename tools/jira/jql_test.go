package jira

import (
	"regexp"
	"strings"
	"testing"
)

func TestConfine(t *testing.T) {
	const open = `(project in ("ABC"))`
	tests := []struct{ name, jql, want string }{
		{"plain", `status = Done`, open + ` AND (status = Done)`},
		{"alternatives", `a = 1 OR b = 2`, open + ` AND (a = 1 OR b = 2)`},
		{"order", `a = 1 order  by created DESC, "Story Points" asc`, open + ` AND (a = 1) order  by created DESC, "Story Points" asc`},
		{"order alone", `ORDER BY rank`, open + ` ORDER BY rank`},
		{"order in quotes", `summary ~ "x ORDER BY y" AND a = 1`, open + ` AND (summary ~ "x ORDER BY y" AND a = 1)`},
		{"order inside of parentheses", `(a = 1 ORDER BY b)`, open + ` AND ((a = 1 ORDER BY b))`},
		{"order over a line", "a = 1\nORDER\n\tBY b", open + " AND (a = 1) ORDER\n\tBY b"},
		{"nothing", ``, open},
		{"parentheses in quotes", `summary ~ "x) OR (project = SEC"`, open + ` AND (summary ~ "x) OR (project = SEC")`},
		{"escaped quotes", `summary ~ "a \") OR (\" b"`, open + ` AND (summary ~ "a \") OR (\" b")`},
		{"one quote in another", `summary ~ "it's" AND a = 'say "x'`, open + ` AND (summary ~ "it's" AND a = 'say "x')`},
		{"an escaped backslash ends a quote", `summary ~ "a\\" AND b = "c"`, open + ` AND (summary ~ "a\\" AND b = "c")`},
		{"functions", `assignee = currentUser() AND fixVersion in (1, 2)`, open + ` AND (assignee = currentUser() AND fixVersion in (1, 2))`},
		{"a field by its number", `cf[10016] > 3 ORDER BY cf[10016]`, open + ` AND (cf[10016] > 3) ORDER BY cf[10016]`},
	}
	allow := allowList{"ABC"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := allow.confine(tt.jql); got != tt.want || err != nil {
				t.Errorf("confine(%q) = %q, %v, want %q", tt.jql, got, err, tt.want)
			}
		})
	}
}

func TestJQLThatReachesOutIsRefused(t *testing.T) {
	tests := []struct{ name, jql, want string }{
		{"out of the parentheses", `x) OR (project = SECRET`, "closes a parenthesis"},
		{"out at the end", `x = 1)`, "closes a parenthesis"},
		{"left open", `(x = 1`, "opens a parenthesis"},
		{"a quote left open", `x = "1`, "opens a quote"},
		{"a quote left open in the order", `x = 1 ORDER BY "a`, "opens a quote"},
		{"an escaped quote outside of quotes", `x = a\" OR y = ") OR (project = SEC) OR (z = \"b`, "backslash outside of quotes"},
		{"an unknown escape", `x = "\q"`, "unknown escape"},
		{"an escape at the end", `x = "\`, "unknown escape"},
		{"half a character", `x = "\u00"`, "four hexadecimal digits"},
		{"a line break in quotes", "x = \"a\nb\"", "line break"},
		{"a control character", "x = 1\x00", "control character"},
		{"a condition after the order", `x = 1 ORDER BY a OR project = SEC`, "ORDER BY takes"},
		{"parentheses in the order", `x = 1 ORDER BY (a)`, "ORDER BY takes"},
		{"out of the order", `x = 1 ORDER BY a) OR (b`, "parenthesis"},
		{"an order of nothing", `x = 1 ORDER BY`, "names no field"},
	}
	allow := allowList{"ABC"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := allow.confine(tt.jql); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("confine(%q) = %q, %v, want an error with %q", tt.jql, got, err, tt.want)
			}
		})
	}
}

// FuzzConfine: whatever JQL is let through, it stays inside its parentheses, read by a reader of its own that knows no more
// than quotes and parentheses.
func FuzzConfine(f *testing.F) {
	for _, seed := range []string{
		`a = 1`, `x) OR (project = SECRET`, `a = "x\") OR (" ORDER BY b`, `'`, `"\\"`, `order by a`, `(a) order by (b)`, `a ORDER BY b ORDER BY c`, "\\\"", `a = 'b")' AND c = "d('"`,
	} {
		f.Add(seed)
	}
	const head = `(project in ("ABC","D_1"))`
	f.Fuzz(func(t *testing.T, jql string) {
		got, err := allowList{"ABC", "D_1"}.confine(jql)
		if err != nil {
			return
		}
		rest, ok := strings.CutPrefix(got, head)
		if !ok {
			t.Fatalf("confine(%q) = %q, want %s at its beginning", jql, got, head)
		}
		if condition, ok := strings.CutPrefix(rest, " AND "); ok {
			end := closing(condition)
			if end < 0 {
				t.Fatalf("confine(%q) = %q, want one pair of parentheses around the condition", jql, got)
			}
			rest = condition[end:]
		}
		if rest == "" {
			return
		}
		order := regexp.MustCompile(`(?i)^ order\s+by\b`)
		if !order.MatchString(rest) {
			t.Fatalf("confine(%q) = %q, want nothing but ORDER BY after the condition", jql, got)
		}
		if outside := outsideQuotes(rest); strings.ContainsAny(outside, "()=!<>~&|\\") {
			t.Fatalf("confine(%q) = %q, want fields alone in ORDER BY", jql, got)
		}
	})
}

// closing is where the parenthesis that text begins with is closed; -1 where it is not.
func closing(text string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		if depth == 0 {
			return -1
		}
	}
	return -1
}

// outsideQuotes is text without what is quoted.
func outsideQuotes(text string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
