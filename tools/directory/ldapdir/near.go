package ldapdir

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
	"toolgate/tools/internal/near"
)

const (
	nearEntries = 500 // entries looked at for one that may have been meant: a guess is worth no more
	nearWords   = 4   // words of what was asked that are looked for
	nearWord    = 3   // letters of a word that is looked for inside of names
)

// NearPeople looks at who is named like it: has one of its words in the name, or begins with the same letters.
func (d *Directory) NearPeople(ctx context.Context, identity string, n int) ([]string, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return nil, err
	}
	score := func(p directory.Person) float64 {
		local, _, _ := strings.Cut(p.Mail, "@")
		return closest(identity, p.Login, p.Mail, local, p.UPN, p.DisplayName)
	}
	attributes := slices.Concat(f.login, f.fullName, f.mail)
	return d.near(ctx, f, f.people, identity, attributes, f.personAttributes(), func(entries []*ldap.Entry) []string {
		return near.Best(slices.Values(f.persons(entries)), n, score, func(p directory.Person) string { return p.Login })
	})
}

// NearGroups looks at lists as NearPeople at people.
func (d *Directory) NearGroups(ctx context.Context, name string, n int) ([]string, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return nil, err
	}
	score := func(g directory.Group) float64 { return closest(name, g.Name, g.Mail, g.Description) }
	attributes := slices.Concat(f.groupName, f.mail)
	return d.near(ctx, f, f.groups, name, attributes, f.groupAttributes(), func(entries []*ldap.Entry) []string {
		return near.Best(slices.Values(f.groupsOf(entries)), n, score, func(g directory.Group) string { return g.Name })
	})
}

// near asks for names like the one given, at first for those that share two letters, and then, where none of them is good, for
// those that share the first.
func (d *Directory) near(ctx context.Context, f *server, kind, name string, attributes, wanted []string, best func([]*ldap.Entry) []string) ([]string, error) {
	name = strings.TrimSpace(name)
	for _, letters := range []int{2, 1} {
		head := beginning(name, letters)
		if head == "" {
			return nil, nil
		}
		var some []string
		for _, a := range attributes {
			some = append(some, begins(a, head))
		}
		words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" @.,-_\t", r) })
		for _, word := range words[:min(len(words), nearWords)] {
			if utf8.RuneCountInString(word) >= nearWord {
				for _, a := range attributes {
					some = append(some, contains(a, word))
				}
			}
		}
		q := f.below(both(kind, either(some...)), wanted)
		q.limit = nearEntries
		entries, _, err := d.search(ctx, "look for a similar name", q)
		if err != nil {
			return nil, err
		}
		if found := best(entries); len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

// beginning is the first n runes.
func beginning(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

func closest(word string, names ...string) float64 {
	best := 0.0
	for _, name := range names {
		best = max(best, near.Score(word, name))
	}
	return best
}
