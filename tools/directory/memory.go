package directory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"toolgate/tools/internal/near"
)

// Memory is a Directory that was read whole from a file. It does not change after it was made, never fails, and asks
// nobody.
type Memory struct {
	people []Person // ordered by login
	groups []Group  // ordered by name

	personByKey map[string]int      // key of login, mail, UPN, DN → index in people
	groupByKey  map[string]int      // key of name, mail, DN → index in groups
	parents     map[string][]int    // key of a member's DN → groups that list it, ordered
	members     map[string]children // key of a group's DN → whom it lists
}

type children struct{ people, groups []int }

var _ Directory = (*Memory)(nil)

// Person finds by login, mail address, UPN or DN.
func (m *Memory) Person(_ context.Context, identity string) (Person, bool, error) {
	i, found := m.personByKey[key(identity)]
	if !found {
		return Person{}, false, nil
	}
	return m.people[i], true, nil
}

// Group finds by name, mail address or DN.
func (m *Memory) Group(_ context.Context, name string) (Group, bool, error) {
	i, found := m.groupByKey[key(name)]
	if !found {
		return Group{}, false, nil
	}
	return m.groups[i], true, nil
}

// GroupsOf returns the lists that name the person or list with this DN.
func (m *Memory) GroupsOf(_ context.Context, dn, _ string) ([]Group, error) {
	return pick(m.groups, m.parents[key(dn)]), nil
}

// Members returns the people and lists that the list with this DN names.
func (m *Memory) Members(_ context.Context, groupDN string) (Members, error) {
	c := m.members[key(groupDN)]
	return Members{People: pick(m.people, c.people), Groups: pick(m.groups, c.groups)}, nil
}

// Search looks at every person: files are small.
func (m *Memory) Search(_ context.Context, query, after string, limit int) ([]Person, error) {
	words := strings.Fields(strings.ToLower(query))
	var found []Person
	for _, p := range m.people {
		if len(found) >= limit {
			break
		}
		if matches(p, words) && Position(p) > after {
			found = append(found, p)
		}
	}
	return found, nil
}

// NearPeople compares with logins, mail addresses and their local parts, UPNs and display names.
func (m *Memory) NearPeople(_ context.Context, identity string, n int) ([]string, error) {
	score := func(p Person) float64 {
		local, _, _ := strings.Cut(p.Mail, "@")
		return closest(identity, p.Login, p.Mail, local, p.UPN, p.DisplayName)
	}
	return near.Best(slices.Values(m.people), n, score, func(p Person) string { return p.Login }), nil
}

// NearGroups compares with names, mail addresses and descriptions.
func (m *Memory) NearGroups(_ context.Context, name string, n int) ([]string, error) {
	score := func(g Group) float64 { return closest(name, g.Name, g.Mail, g.Description) }
	return near.Best(slices.Values(m.groups), n, score, func(g Group) string { return g.Name }), nil
}

// matches says whether every word, given in lower case, is somewhere in what is known of the person.
func matches(p Person, words []string) bool {
	// A line feed cannot be inside a word, so no word matches across two fields.
	all := strings.ToLower(strings.Join([]string{p.Login, p.DisplayName, p.Mail, p.Title, p.Department}, "\n"))
	for _, w := range words {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return len(words) > 0
}

func closest(word string, names ...string) float64 {
	best := 0.0
	for _, name := range names {
		best = max(best, near.Score(word, name))
	}
	return best
}

func pick[T any](from []T, indexes []int) []T {
	picked := make([]T, 0, len(indexes))
	for _, i := range indexes {
		picked = append(picked, from[i])
	}
	return picked
}

// sortedUnique returns the indexes in order, each once.
func sortedUnique(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }
