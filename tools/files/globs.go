package files

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// globs say which paths below a root exist for callers. They are compared without regard to case and to how letters are
// composed: where the file system does the same, no other spelling of a name may get around an exclusion.
type globs struct {
	include []string // folded; empty: files that have text, by their names
	exclude []string // folded; also holds for all that is in a folder that matches
	hidden  bool     // names that begin with a dot count
}

// readGlobs checks patterns and folds them. A pattern is from the root, whether it begins with a slash or not, and one that
// ends with a slash means all that is in the folder.
func readGlobs(key string, patterns []string) (folded, faults []string) {
	for _, pattern := range patterns {
		p := strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), "/")
		if strings.HasSuffix(p, "/") {
			p += "**"
		}
		switch {
		case p == "" || !doublestar.ValidatePattern(p):
			faults = append(faults, fmt.Sprintf("%s: %q is not a glob, such as **/*.md or drafts/**", key, pattern))
		case slices.Contains(strings.Split(p, "/"), ".."):
			faults = append(faults, fmt.Sprintf("%s: %q leads out of the root", key, pattern))
		default:
			folded = append(folded, fold(p))
		}
	}
	return folded, faults
}

// excludes says whether the entry itself is left out, be it a file or a folder. The folders above it are not looked at.
func (g globs) excludes(name string) bool {
	if !g.hidden && strings.HasPrefix(path.Base(name), ".") {
		return true
	}
	return matches(g.exclude, fold(name))
}

// includes says whether a file is one of those to be offered, if nothing excludes it.
func (g globs) includes(name string) bool {
	if len(g.include) == 0 {
		return kindOf(name).offered
	}
	return matches(g.include, fold(name))
}

// allow says whether the file at a path, or one in a folder above, is left out by nothing and included.
func (g globs) allow(name string) bool {
	for at, c := range name {
		if c == '/' && g.excludes(name[:at]) {
			return false
		}
	}
	return !g.excludes(name) && g.includes(name)
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return doublestar.MatchUnvalidated(p, name) })
}

// fold is the form in which names and words are compared.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
