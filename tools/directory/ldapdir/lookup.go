package ldapdir

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
)

// matchesNamed is how many entries are told apart in the error of an identity that several have.
const matchesNamed = 5

// Person finds by login, mail address, UPN, DN, and in Active Directory DOMAIN\login. Where several match, the one whose login
// it is counts.
func (d *Directory) Person(ctx context.Context, identity string) (directory.Person, bool, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return directory.Person{}, false, err
	}
	const what = "find a person"
	e, err := d.one(ctx, what, f, identity, f.people, f.personIdentity, f.personAttributes())
	if err != nil || e == nil {
		return directory.Person{}, false, err
	}
	return f.person(e), true, nil
}

// Group finds by name, mail address or DN. Where several match, the one whose name it is counts.
func (d *Directory) Group(ctx context.Context, name string) (directory.Group, bool, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return directory.Group{}, false, err
	}
	e, err := d.one(ctx, "find a list", f, name, f.groups, f.groupIdentity, f.groupAttributes())
	if err != nil || e == nil {
		return directory.Group{}, false, err
	}
	return f.group(e), true, nil
}

// one is the entry of a kind with this DN, or with this value in one of the attributes, of which the first is the one that
// counts where several match; nil if there is none.
func (d *Directory) one(ctx context.Context, what string, f *server, identity, kind string, attributes, wanted []string) (*ldap.Entry, error) {
	identity = strings.TrimSpace(identity)
	if dn, err := ldap.ParseDN(identity); err == nil && len(dn.RDNs) > 0 && f.holds(dn) {
		entries, _, err := d.search(ctx, what, f.at(dn.String(), kind, wanted))
		if err != nil || len(entries) == 0 {
			return nil, err
		}
		return entries[0], nil
	}
	if _, login, qualified := strings.Cut(identity, `\`); qualified && f.ad {
		identity = login
	}
	q := f.below(f.named(kind, attributes, identity), wanted)
	q.limit = matchesNamed
	entries, more, err := d.search(ctx, what, q)
	if err != nil {
		return nil, err
	}
	if len(entries) > 1 || more {
		return f.pick(entries, more, identity, attributes[0])
	}
	if len(entries) == 0 {
		return nil, nil
	}
	return entries[0], nil
}

// pick is the one entry that has the identity in the attribute that counts.
func (s *server) pick(entries []*ldap.Entry, more bool, identity, attribute string) (*ldap.Entry, error) {
	var found []*ldap.Entry
	var names []string
	for _, e := range entries {
		for _, v := range e.GetEqualFoldAttributeValues(attribute) {
			if strings.EqualFold(strings.TrimSpace(v), identity) {
				found = append(found, e)
				break
			}
		}
		names = append(names, strings.ToValidUTF8(e.DN, "\uFFFD"))
	}
	if len(found) == 1 && !more {
		return found[0], nil
	}
	if more {
		names = append(names, "…")
	}
	return nil, &directory.Failure{
		Message: fmt.Sprintf("%q is the identity of more than one entry of the directory: give the DN of one, such as %s", identity, strings.Join(names, " or ")),
	}
}

// GroupsOf asks which lists name the entry: a list knows its members everywhere, whatever servers keep with the members. Active
// Directory keeps it at both, and hides the one or the other from some.
func (d *Directory) GroupsOf(ctx context.Context, dn, login string) ([]directory.Group, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return nil, err
	}
	const what = "read the lists of an entry"
	var logins []string
	if login != "" {
		logins = []string{login}
	}
	filters := []string{f.naming([]string{dn}, logins)}
	if f.ad {
		more, err := d.saidOf(ctx, what, f, dn, login != "")
		if err != nil {
			return nil, err
		}
		filters = append(filters, more...)
	}
	var entries []*ldap.Entry
	seen := map[string]bool{}
	for some := range slices.Chunk(filters, batch) {
		found, err := d.all(ctx, what, f.below(both(f.groups, either(some...)), f.groupAttributes()))
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if key := directory.Key(e.DN); !seen[key] {
				seen[key] = true
				entries = append(entries, e)
			}
		}
	}
	return f.groupsOf(entries), nil
}

// saidOf matches the lists that an entry of Active Directory says it is in, and a person's primary group.
func (d *Directory) saidOf(ctx context.Context, what string, f *server, dn string, isPerson bool) ([]string, error) {
	entries, _, err := d.search(ctx, what, f.at(dn, anything, []string{"memberOf", "objectSid", "primaryGroupID"}))
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	lists, err := d.values(ctx, what, entries[0], "memberOf")
	if err != nil {
		return nil, err
	}
	var filters []string
	for _, list := range lists {
		filters = append(filters, f.entryAt(list))
	}
	if sid := primaryGroup(entries[0]); isPerson && sid != nil {
		filters = append(filters, hasSID(sid))
	}
	return filters, nil
}

// Shows asks whether we are shown anybody on the list, or, where the person was asked as well, any list of theirs. An empty
// list cannot be told from one whose members are hidden.
func (d *Directory) Shows(ctx context.Context, p directory.Person, groupDN string) (bool, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return false, err
	}
	const what = "tell whether memberships are shown"
	var some []string
	for _, a := range append(slices.Clone(f.members), "memberUid") {
		some = append(some, "("+a+"=*)")
	}
	entries, _, err := d.search(ctx, what, f.at(groupDN, either(some...), []string{noAttributes}))
	if err == nil && len(entries) == 0 && f.ad {
		entries, _, err = d.search(ctx, what, f.at(p.DN, "(memberOf=*)", []string{noAttributes}))
	}
	return len(entries) > 0, err
}

// Search reads all who match, and gives those that are asked for: servers that sort by login are few.
func (d *Directory) Search(ctx context.Context, text, after string, limit int) ([]directory.Person, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return nil, err
	}
	filters := []string{f.people}
	for _, word := range strings.Fields(text) {
		var some []string
		for _, attributes := range [][]string{f.login, f.fullName, f.mail, f.title, f.department} {
			for _, a := range attributes {
				some = append(some, contains(a, word))
			}
		}
		filters = append(filters, either(some...))
	}
	if len(filters) == 1 || limit <= 0 {
		return nil, nil
	}
	entries, err := d.all(ctx, "find all who match", f.below(both(filters...), f.personAttributes()))
	if err != nil {
		return nil, err
	}
	people := f.persons(entries)
	distinct(people)
	type placed struct {
		at string
		directory.Person
	}
	var rest []placed
	for _, p := range people {
		if at := directory.Position(p); at > after {
			rest = append(rest, placed{at, p})
		}
	}
	slices.SortFunc(rest, func(a, b placed) int { return strings.Compare(a.at, b.at) })
	found := make([]directory.Person, 0, limit)
	for _, p := range rest[:min(limit, len(rest))] {
		found = append(found, p.Person)
	}
	return found, nil
}

// distinct gives people of one login their DNs in its place: a login that two have finds neither.
func distinct(people []directory.Person) {
	count := map[string]int{}
	for _, p := range people {
		count[directory.Key(p.Login)]++
	}
	for i := range people {
		if p := &people[i]; count[directory.Key(p.Login)] > 1 {
			p.Login = p.DN
		}
	}
}
