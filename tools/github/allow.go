package github

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	ownerName      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// anyName stands for every repository of an owner.
const anyName = "*"

// allowList is the repositories that may be seen, in lower case; empty is all.
type allowList []repository

func newAllowList(texts []string) (allowList, error) {
	var allow allowList
	for _, text := range texts {
		owner, name, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "/")
		if !ownerName.MatchString(owner) || name != anyName && !validName(name) {
			return nil, fmt.Errorf("tools.github.repositories: %q is neither OWNER/NAME nor OWNER/*", text)
		}
		if r := (repository{owner, name}); !slices.Contains(allow, r) {
			allow = append(allow, r)
		}
	}
	return allow, nil
}

func validName(name string) bool {
	return repositoryName.MatchString(name) && name != "." && name != ".."
}

// confines says whether anything is kept from view.
func (a allowList) confines() bool { return len(a) > 0 }

// match says whether a repository may be seen.
func (a allowList) match(r repository) bool {
	if len(a) == 0 {
		return true
	}
	if !r.valid() {
		return false
	}
	r = repository{strings.ToLower(r.owner), strings.ToLower(r.name)}
	return slices.Contains(a, r) || slices.Contains(a, repository{r.owner, anyName})
}

// whole says whether all of an owner's repositories may be seen.
func (a allowList) whole(owner string) bool {
	return len(a) == 0 || slices.Contains(a, repository{strings.ToLower(owner), anyName})
}

func (a allowList) String() string {
	texts := make([]string, len(a))
	for i, r := range a {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}
