package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
)

// batch is how many entries are asked for by name in one question: filters have a length that servers bear.
const batch = 50

// membership is what is collected of one list's members.
type membership struct {
	f      *server
	group  string            // DN
	named  map[string]string // DNs that the list names, by key; taken out once they are read
	logins map[string]string // logins that the list names, by lower case
	found  directory.Members // what was read
	seen   map[string]bool   // keys of what is in found
}

// Members reads what the list names, and each of it: at once where entries know their lists, else by their names. What is
// named and cannot be read is a person whose DN alone is known.
func (d *Directory) Members(ctx context.Context, groupDN string) (directory.Members, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return directory.Members{}, err
	}
	const what = "read all members of a list"
	attributes := append(slices.Clone(f.members), "objectSid", "memberUid")
	entries, _, err := d.search(ctx, what, f.at(groupDN, f.groups, attributes))
	if err != nil {
		return directory.Members{}, err
	}
	if len(entries) == 0 {
		return directory.Members{}, &directory.Failure{Message: "the list is no longer in the directory"}
	}
	list := entries[0]
	m := &membership{f: f, group: groupDN, named: map[string]string{}, logins: map[string]string{}, seen: map[string]bool{}}
	for _, a := range f.members {
		dns, err := d.values(ctx, what, list, a)
		if err != nil {
			return directory.Members{}, err
		}
		for _, dn := range dns {
			dn = withoutUID(dn)
			if dn != "" {
				m.named[directory.Key(dn)] = dn
			}
		}
	}
	if !f.ad {
		for _, login := range list.GetEqualFoldAttributeValues("memberUid") {
			m.logins[strings.ToLower(login)] = login
		}
	}
	if len(m.named)+len(m.logins) > d.cfg.SizeLimit {
		return directory.Members{}, d.tooMany(what)
	}
	if err := d.readMembers(ctx, what, m, ridOf(list)); err != nil {
		return directory.Members{}, err
	}
	m.rest()
	sortPeople(m.found.People)
	sortGroups(m.found.Groups)
	return m.found, nil
}

// readMembers reads the entries that the list names.
func (d *Directory) readMembers(ctx context.Context, what string, m *membership, rid string) error {
	if len(m.named) > batch {
		err := d.collect(ctx, what, m, is("memberOf", m.group), m.take)
		// It is a short cut alone: where it does not lead on, the entries are asked for by name.
		if failure, ok := errors.AsType[*directory.Failure](err); err != nil && (!ok || failure.Down) {
			return err
		}
	}
	if m.f.ad && rid != "" {
		if err := d.collect(ctx, what, m, is("primaryGroupID", rid), m.add); err != nil {
			return err
		}
	}
	var filters []string
	for _, dn := range m.named {
		parsed, err := ldap.ParseDN(dn)
		if err == nil && len(parsed.RDNs) > 0 && m.f.holds(parsed) {
			filters = append(filters, m.f.entry(parsed))
		}
	}
	slices.Sort(filters)
	for some := range slices.Chunk(filters, batch) {
		if err := d.collect(ctx, what, m, either(some...), m.take); err != nil {
			return err
		}
	}
	return d.readLogins(ctx, what, m)
}

// readLogins reads the people whom a list names by login.
func (d *Directory) readLogins(ctx context.Context, what string, m *membership) error {
	var filters []string
	for _, login := range m.logins {
		filters = append(filters, is(m.f.login[0], login))
	}
	slices.Sort(filters)
	for some := range slices.Chunk(filters, batch) {
		entries, err := d.all(ctx, what, m.f.below(both(m.f.people, either(some...)), m.f.personAttributes()))
		if err != nil {
			return err
		}
		for _, e := range entries {
			for _, login := range e.GetEqualFoldAttributeValues(m.f.login[0]) {
				delete(m.logins, strings.ToLower(login))
			}
			m.add(e, false)
		}
	}
	return nil
}

// collect gives each entry that matches to take, first those that are lists, and then all of whatever kind, for there is no
// asking for those that are none: where a server does not know one class in a filter, its opposite matches nothing.
func (d *Directory) collect(ctx context.Context, what string, m *membership, filter string, take func(e *ldap.Entry, isList bool)) error {
	lists, err := d.all(ctx, what, m.f.below(both(m.f.groups, filter), m.f.groupAttributes()))
	if err != nil {
		return err
	}
	for _, e := range lists {
		take(e, true)
	}
	entries, err := d.all(ctx, what, m.f.below(filter, m.f.personAttributes()))
	if err != nil {
		return err
	}
	for _, e := range entries {
		take(e, false)
	}
	return nil
}

// take adds an entry if the list names it and it was not added: not all that a server says is in a list is directly in it.
func (m *membership) take(e *ldap.Entry, isList bool) {
	key := directory.Key(e.DN)
	if _, named := m.named[key]; !named {
		return
	}
	delete(m.named, key)
	m.add(e, isList)
}

// add adds an entry, once.
func (m *membership) add(e *ldap.Entry, isList bool) {
	key := directory.Key(e.DN)
	if m.seen[key] {
		return
	}
	m.seen[key] = true
	if isList {
		m.found.Groups = append(m.found.Groups, m.f.group(e))
		return
	}
	m.found.People = append(m.found.People, m.f.person(e))
}

// rest adds what the list names and was not found: in another domain or tree, hidden from us, or gone.
func (m *membership) rest() {
	for _, dn := range m.named {
		dn = strings.ToValidUTF8(dn, "\uFFFD")
		m.found.People = append(m.found.People, directory.Person{DN: dn, Login: dn})
	}
	for _, login := range m.logins {
		login = strings.ToValidUTF8(login, "\uFFFD")
		m.found.People = append(m.found.People, directory.Person{DN: "memberUid=" + ldap.EscapeDN(login) + "," + m.group, Login: login})
	}
}

// values are all values of an attribute. Active Directory gives long ones in parts, as member;range=0-1499 (MS-ADTS,
// 3.1.1.3.1.3.3).
func (d *Directory) values(ctx context.Context, what string, e *ldap.Entry, attribute string) ([]string, error) {
	all := e.GetEqualFoldAttributeValues(attribute)
	for {
		part, last, isPart := rangeOf(e, attribute)
		if !isPart {
			return all, nil
		}
		all = append(all, part.Values...)
		if last < 0 {
			return all, nil
		}
		if len(all) > d.cfg.SizeLimit {
			return nil, d.tooMany(what)
		}
		next := fmt.Sprintf("%s;range=%d-*", attribute, last+1)
		entries, _, err := d.search(ctx, what, query{
			base: e.DN, scope: ldap.ScopeBaseObject, filter: anything, attributes: []string{next}, limit: 1,
		})
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 || len(part.Values) == 0 {
			return nil, &directory.Failure{Message: "the directory gave a part of a list's members and not the rest: ask again"}
		}
		e = entries[0]
		if _, _, isPart := rangeOf(e, attribute); !isPart {
			return nil, &directory.Failure{Message: "the directory gave a part of a list's members and not the rest: ask again"}
		}
	}
}

// rangeOf is the part of an attribute that an entry has, and the place of its last value; -1 if the attribute ends with it.
func rangeOf(e *ldap.Entry, attribute string) (part *ldap.EntryAttribute, last int, isPart bool) {
	for _, a := range e.Attributes {
		name, bounds, ranged := strings.Cut(strings.ToLower(a.Name), ";range=")
		if !ranged || name != strings.ToLower(attribute) {
			continue
		}
		_, end, _ := strings.Cut(bounds, "-")
		if end == "*" {
			return a, -1, true
		}
		if last, err := strconv.Atoi(end); err == nil {
			return a, last, true
		}
	}
	return nil, 0, false
}

// withoutUID is the DN of a uniqueMember, which may end in #'0101'B (RFC 4517, 3.3.21).
func withoutUID(value string) string {
	if i := strings.LastIndex(value, "#'"); i >= 0 && strings.HasSuffix(value, "'B") {
		return value[:i]
	}
	return value
}
