package github

import (
	"regexp"
	"slices"
	"strings"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

// maxScopes is how many repositories one search is confined to: GitHub takes five operators between them.
const maxScopes = 6

// Both find too much rather than too little: what looks like a scope to them may be a word to GitHub.
var (
	scopeQualifier = regexp.MustCompile(`(?i)(-?)\b(repo|org|user):("[^"]*"|[^\s()]*)`)
	joined         = regexp.MustCompile(`(?i)[()]|\b(?:or|and|not)\b`)
)

// scope is a qualifier of a search that says whose issues are meant.
type scope struct {
	kind  string // repo, org or user
	value string
	not   bool
}

func (s scope) String() string { return s.kind + ":" + s.value }

// scopes are those that a query names.
func scopes(query string) []scope {
	var all []scope
	for _, found := range scopeQualifier.FindAllStringSubmatch(query, -1) {
		for value := range strings.SplitSeq(found[3], ",") {
			all = append(all, scope{kindOf(found[2]), strings.Trim(value, `"`), found[1] != ""})
		}
	}
	return all
}

// kindOf is how GitHub writes a kind of scope, of which text may have letters that only fold to it.
func kindOf(text string) string {
	for _, kind := range []string{"repo", "org"} {
		if strings.EqualFold(kind, text) {
			return kind
		}
	}
	return "user"
}

// confine is the query that is sent in place of one that a model wrote: what may be seen alone, and where it names no
// repository, the default one. What GitHub makes of a query is GitHub's to say, so that its results are checked too; but
// a search that reaches further tells by the number of its results what is in them. Where anything is kept from view, a
// scope of ours stands before the query whatever that names: a name may be one within quotation marks, or of a label.
func (p *Pack) confine(query string) (string, error) {
	query = clip.Line(query)
	named := []string{}
	for _, s := range scopes(query) {
		if !p.mayName(s) {
			return "", p.outside(s.String())
		}
		same := func(name string) bool { return strings.EqualFold(name, s.String()) }
		if !s.not && !slices.ContainsFunc(named, same) {
			named = append(named, s.String())
		}
	}
	if !p.allow.confines() {
		if len(named) == 0 {
			return within(query, p.defaultScope()), nil
		}
		return query, nil
	}
	if !closed(query) {
		return "", mcp.ToolErrorf("the query has a quotation mark or parenthesis without its other half, or a backslash: mend it, or leave them out")
	}
	switch {
	case len(named) == 0 && len(p.allow) > maxScopes:
		return "", mcp.ToolErrorf("the query must say with repo:OWNER/NAME where to search: this server is confined to %s", p.allow)
	case len(named) == 0:
		for _, r := range p.allow {
			named = append(named, scopeOf(r).String())
		}
	case len(named) > maxScopes:
		return "", mcp.ToolErrorf("the query names more than %d repositories: search in fewer at once", maxScopes)
	}
	return within(query, named), nil
}

// mayName says whether a search in a scope finds only what may be seen.
func (p *Pack) mayName(s scope) bool {
	if !p.allow.confines() {
		return true
	}
	if s.kind != "repo" {
		return ownerName.MatchString(s.value) && p.allow.whole(s.value)
	}
	owner, name, _ := strings.Cut(s.value, "/")
	return p.allow.match(repository{owner, name})
}

// defaultScope is what a query means that says nothing of it.
func (p *Pack) defaultScope() []string {
	switch r := p.defaults; {
	case r.owner == "":
		return nil
	case r.name == "":
		return []string{"user:" + r.owner}
	default:
		return []string{"repo:" + r.String()}
	}
}

func scopeOf(r repository) scope {
	if r.name == anyName {
		return scope{kind: "user", value: r.owner}
	}
	return scope{kind: "repo", value: r.String()}
}

// within is a query that finds in one of scopes only. Parentheses are where they are needed alone, since older servers
// know none.
func within(query string, scopes []string) string {
	if len(scopes) == 0 {
		return query
	}
	scope := strings.Join(scopes, " OR ")
	if len(scopes) > 1 {
		scope = "(" + scope + ")"
	}
	switch {
	case query == "":
		return scope
	case joined.MatchString(query):
		query = "(" + query + ")"
	}
	return scope + " " + query
}

// closed says that nothing put around a query ends within it.
func closed(query string) bool {
	depth, quoted := 0, false
	for _, r := range query {
		switch {
		case r == '\\':
			return false
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0 && !quoted
}
