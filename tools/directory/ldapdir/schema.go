package ldapdir

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"toolgate/config"
	"toolgate/tools/directory"
)

// accountDisabled is the bit of userAccountControl of an account that cannot be used (MS-ADTS, 2.2.16).
const accountDisabled = 0x2

// lockedForGood is the pwdAccountLockedTime of an account that only an administrator opens again
// (draft-behera-ldap-password-policy-10, 5.3.3). Other times are of wrong passwords, and pass.
const lockedForGood = "000001010000Z"

// schema is which entries a kind of server has, and what is in which attribute. Of several attributes for one thing, the first
// that an entry has counts.
type schema struct {
	ad     bool
	people string // filter
	groups string // filter

	login, upn, mail, fullName, title, department []string
	personIdentity                                []string // attributes by which a person is found
	groupName                                     []string
	groupIdentity                                 []string // attributes by which a list is found
	proxies                                       bool     // proxyAddresses holds more mail addresses
	members                                       []string // attributes of DNs
}

// schemaOf is what Active Directory has (MS-ADSC, MS-ADA1 to 3), or what RFC 2798, 2307 and 4519 say.
func schemaOf(ad bool, cfg config.LDAP) *schema {
	s := &schema{
		people: "(|(objectClass=inetOrgPerson)(objectClass=person)(objectClass=posixAccount))",
		groups: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=groupOfMembers)(objectClass=posixGroup))",
		login:  []string{"uid"}, upn: []string{"krbPrincipalName"}, mail: []string{"mail"},
		fullName: []string{"displayName", "cn"}, title: []string{"title"},
		department:     []string{"department", "departmentNumber", "ou"},
		personIdentity: []string{"uid", "mail", "krbPrincipalName"},
		groupName:      []string{"cn"},
		groupIdentity:  []string{"cn", "mail"},
		members:        []string{"member", "uniqueMember"},
	}
	if ad {
		s = &schema{
			ad:     true,
			people: "(&(objectCategory=person)(objectClass=user))",
			groups: "(objectCategory=group)",
			login:  []string{"sAMAccountName"}, upn: []string{"userPrincipalName"}, mail: []string{"mail"},
			fullName: []string{"displayName", "cn"}, title: []string{"title"}, department: []string{"department"},
			personIdentity: []string{"sAMAccountName", "userPrincipalName", "mail"},
			groupName:      []string{"sAMAccountName", "cn"},
			groupIdentity:  []string{"sAMAccountName", "cn", "displayName", "mail"},
			proxies:        true,
			members:        []string{"member"},
		}
	}
	if cfg.PeopleFilter != "" {
		s.people = cfg.PeopleFilter
	}
	if cfg.GroupsFilter != "" {
		s.groups = cfg.GroupsFilter
	}
	return s
}

// personAttributes are those that person reads.
func (s *schema) personAttributes() []string {
	return slices.Concat(s.login, s.upn, s.mail, s.fullName, s.title, s.department,
		[]string{"manager", "userAccountControl", "pwdAccountLockedTime", "nsAccountLock"})
}

// person is what an entry says of somebody. Who has no login is called by something else that finds them.
func (s *schema) person(e *ldap.Entry) directory.Person {
	p := directory.Person{
		DN:          e.DN,
		Login:       first(e, s.login),
		UPN:         first(e, s.upn),
		Mail:        first(e, s.mail),
		DisplayName: first(e, s.fullName),
		Title:       first(e, s.title),
		Department:  first(e, s.department),
		ManagerDN:   first(e, []string{"manager"}),
	}
	for _, name := range []string{p.Mail, p.DN} {
		if p.Login == "" {
			p.Login = name
		}
	}
	control, _ := strconv.ParseInt(e.GetEqualFoldAttributeValue("userAccountControl"), 10, 64)
	p.Disabled = control&accountDisabled != 0 ||
		e.GetEqualFoldAttributeValue("pwdAccountLockedTime") == lockedForGood ||
		strings.EqualFold(e.GetEqualFoldAttributeValue("nsAccountLock"), "true")
	return p
}

func (s *schema) persons(entries []*ldap.Entry) []directory.Person {
	people := make([]directory.Person, 0, len(entries))
	for _, e := range entries {
		people = append(people, s.person(e))
	}
	return people
}

// groupAttributes are those that group reads.
func (s *schema) groupAttributes() []string {
	return slices.Concat(s.groupName, s.mail, []string{"description"})
}

// group is what an entry says of a list.
func (s *schema) group(e *ldap.Entry) directory.Group {
	g := directory.Group{
		DN: e.DN, Name: first(e, s.groupName), Mail: first(e, s.mail), Description: first(e, []string{"description"}),
	}
	if s.ad && strings.HasPrefix(g.Name, "$") { // made up by the server for a list without one
		g.Name = first(e, []string{"cn"})
	}
	if g.Name == "" {
		g.Name = e.DN
	}
	return g
}

// groupsOf are lists by name.
func (s *schema) groupsOf(entries []*ldap.Entry) []directory.Group {
	groups := make([]directory.Group, 0, len(entries))
	for _, e := range entries {
		groups = append(groups, s.group(e))
	}
	sortGroups(groups)
	return groups
}

func sortGroups(groups []directory.Group) {
	slices.SortFunc(groups, func(a, b directory.Group) int {
		return strings.Compare(orderOf(a.Name, a.DN), orderOf(b.Name, b.DN))
	})
}

func sortPeople(people []directory.Person) {
	slices.SortFunc(people, func(a, b directory.Person) int {
		return strings.Compare(orderOf(a.Login, a.DN), orderOf(b.Login, b.DN))
	})
}

func orderOf(name, dn string) string { return directory.Key(name) + "\x00" + dn }

// first is the first value that an entry has of the attributes, as text.
func first(e *ldap.Entry, attributes []string) string {
	for _, a := range attributes {
		if v := e.GetEqualFoldAttributeValue(a); v != "" {
			return strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	return ""
}
