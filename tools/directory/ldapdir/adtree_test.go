package ldapdir

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
)

// adTree is what an adServer knows.
type adTree struct {
	base    string
	root    [][]string
	entries []*adEntry
	parts   int                                     // values of member given at once
	hidden  func(e *adEntry, attribute string) bool // attributes, in lower case, that the client may not read
}

type adEntry struct {
	dn         string
	attributes map[string][]string // by lower case
}

const firstRID = 1000

// newADTree loads a company as Active Directory would hold it.
func newADTree(c company) *adTree {
	t := &adTree{base: c.base, parts: 1500}
	t.root = [][]string{
		{"supportedCapabilities", capabilityAD, "1.2.840.113556.1.4.1670"},
		{"supportedControl", oidPaging},
		{"defaultNamingContext", c.base},
		{"namingContexts", c.base, "CN=Configuration," + c.base, "CN=Schema,CN=Configuration," + c.base},
	}
	t.add(c.base, nil)
	for _, p := range c.people {
		control := "512"
		if p.Disabled {
			control = "514"
		}
		t.add(p.DN, map[string]string{
			"objectClass": "user", "objectCategory": "person", "sAMAccountName": p.Login, "userPrincipalName": p.UPN,
			"cn": p.Name, "displayName": p.Name, "mail": p.Mail, "title": p.Title, "department": p.Department,
			"manager": p.Manager, "userAccountControl": control, "primaryGroupID": "513",
		})
	}
	for _, l := range c.lists {
		e := t.add(l.DN, map[string]string{
			"objectClass": "group", "objectCategory": "group", "sAMAccountName": l.Name, "cn": l.Name,
			"mail": l.Mail, "description": l.Description,
		})
		e.attributes["member"] = l.Members
	}
	t.link()
	return t
}

// add adds an entry with a SID of its own. link is called after the last.
func (t *adTree) add(dn string, attributes map[string]string) *adEntry {
	e := &adEntry{dn: dn, attributes: map[string][]string{"distinguishedname": {dn}}}
	for name, value := range attributes {
		if value != "" {
			e.attributes[strings.ToLower(name)] = []string{value}
		}
	}
	if attributes != nil && e.attributes["objectsid"] == nil {
		e.attributes["objectsid"] = []string{sid(firstRID + uint32(len(t.entries)))}
	}
	t.entries = append(t.entries, e)
	return e
}

// sid is S-1-5-21-1-2-3-rid.
func sid(rid uint32) string {
	b := []byte{1, 5, 0, 0, 0, 0, 0, 5}
	for _, part := range []uint32{21, 1, 2, 3, rid} {
		b = binary.LittleEndian.AppendUint32(b, part)
	}
	return string(b)
}

// hides hides attributes, given in lower case, of all entries.
func hides(attributes ...string) func(*adEntry, string) bool {
	return func(_ *adEntry, attribute string) bool { return slices.Contains(attributes, attribute) }
}

// read are the values of an attribute that the client sees.
func (t *adTree) read(e *adEntry, attribute string) []string {
	attribute = strings.ToLower(attribute)
	if t.hidden != nil && t.hidden(e, attribute) {
		return nil
	}
	return e.attributes[attribute]
}

// link writes every memberOf.
func (t *adTree) link() {
	by := map[string]*adEntry{}
	for _, e := range t.entries {
		delete(e.attributes, "memberof")
		by[directory.Key(e.dn)] = e
	}
	for _, e := range t.entries {
		for _, m := range e.attributes["member"] {
			if inside := by[directory.Key(m)]; inside != nil {
				inside.attributes["memberof"] = append(inside.attributes["memberof"], e.dn)
			}
		}
	}
}

func (t *adTree) entry(dn string) *adEntry {
	key := directory.Key(dn)
	i := slices.IndexFunc(t.entries, func(e *adEntry) bool { return directory.Key(e.dn) == key })
	if i < 0 {
		return nil
	}
	return t.entries[i]
}

func under(dn, base string) bool {
	return ("," + directory.Key(dn))[max(0, len(directory.Key(dn))-len(directory.Key(base))):] == ","+directory.Key(base)
}

func (t *adTree) find(base string, scope int, filter *ber.Packet) (found []*adEntry, exists bool) {
	if t.entry(base) == nil {
		return nil, false
	}
	for _, e := range t.entries {
		in := scope == ldap.ScopeWholeSubtree && under(e.dn, base) || directory.Key(e.dn) == directory.Key(base)
		if in && t.matches(e, filter) {
			found = append(found, e)
		}
	}
	return found, true
}

// matches is false where an attribute is hidden, as a server that may not tell does not know (MS-ADTS, 3.1.1.3.1.3.1).
func (t *adTree) matches(e *adEntry, f *ber.Packet) bool {
	values := func(name string) []string { return t.read(e, name) }
	switch f.Tag {
	case ldap.FilterAnd:
		return !slices.ContainsFunc(f.Children, func(c *ber.Packet) bool { return !t.matches(e, c) })
	case ldap.FilterOr:
		return slices.ContainsFunc(f.Children, func(c *ber.Packet) bool { return t.matches(e, c) })
	case ldap.FilterNot:
		return !t.matches(e, f.Children[0])
	case ldap.FilterEqualityMatch:
		name, want := text(f.Children[0]), text(f.Children[1])
		return slices.ContainsFunc(values(name), func(v string) bool {
			if strings.EqualFold(name, "objectSid") {
				return v == want
			}
			return directory.Key(v) == directory.Key(want)
		})
	case ldap.FilterPresent:
		return strings.EqualFold(text(f), "objectClass") || len(values(text(f))) > 0
	case ldap.FilterSubstrings:
		return slices.ContainsFunc(values(text(f.Children[0])), func(v string) bool { return hasParts(v, f.Children[1].Children) })
	case ldap.FilterExtensibleMatch:
		var rule, name, value string
		for _, part := range f.Children {
			switch part.Tag {
			case ldap.MatchingRuleAssertionMatchingRule:
				rule = text(part)
			case ldap.MatchingRuleAssertionType:
				name = text(part)
			case ldap.MatchingRuleAssertionMatchValue:
				value = text(part)
			}
		}
		if ":"+rule+":" != chain || len(values(name)) == 0 {
			return false
		}
		if strings.EqualFold(name, "member") {
			return t.above(value)[directory.Key(e.dn)]
		}
		return t.above(e.dn)[directory.Key(value)]
	}
	return false
}

func hasParts(value string, parts []*ber.Packet) bool {
	value = strings.ToLower(value)
	for _, p := range parts {
		want := strings.ToLower(text(p))
		i := strings.Index(value, want)
		if i < 0 || p.Tag == ldap.FilterSubstringsInitial && i > 0 {
			return false
		}
		value = value[i+len(want):]
	}
	return true
}

// above are the keys of all lists that an entry is in by name, directly or through others.
func (t *adTree) above(dn string) map[string]bool {
	all := map[string]bool{}
	for queue := []string{dn}; len(queue) > 0; queue = queue[1:] {
		e := t.entry(queue[0])
		if e == nil {
			continue
		}
		for _, up := range e.attributes["memberof"] {
			if k := directory.Key(up); !all[k] {
				all[k] = true
				queue = append(queue, up)
			}
		}
	}
	return all
}

// shown are the attributes asked for, long ones in part.
func (t *adTree) shown(e *adEntry, asked []string) [][]string {
	var shown [][]string
	for _, name := range asked {
		bare, from := strings.ToLower(name), 0
		if before, bounds, ranged := strings.Cut(bare, ";range="); ranged {
			bare = before
			_, _ = fmt.Sscanf(bounds, "%d-", &from)
		}
		values := t.read(e, bare)
		bounded := bare == "member" || bare == "memberof"
		switch {
		case len(values) == 0:
		case !bounded || from == 0 && len(values) <= t.parts:
			shown = append(shown, append([]string{name}, values...))
		case from+t.parts >= len(values):
			shown = append(shown, append([]string{fmt.Sprintf("%s;range=%d-*", bare, from)}, values[from:]...))
		default:
			part := values[from : from+t.parts]
			shown = append(shown, []string{bare}, append([]string{fmt.Sprintf("%s;range=%d-%d", bare, from, from+t.parts-1)}, part...))
		}
	}
	return shown
}
