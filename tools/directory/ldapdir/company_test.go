package ldapdir

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"go.yaml.in/yaml/v3"
)

// company is what a directory is loaded with, whatever server it is.
type company struct {
	base   string
	people []employee
	lists  []list
}

type employee struct {
	Login, Name, Title, Department, Mail, UPN string
	Manager                                   string // a DN
	Disabled                                  bool
	DN                                        string
}

type list struct {
	Name, Description, Mail, DN string
	Members                     []string // DNs
	class                       string   // empty: groupOfNames
}

// demoCompany is the company that comes with the program.
func demoCompany(t *testing.T) company {
	t.Helper()
	text, err := os.ReadFile("../demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var src struct {
		People []employee
		Lists  []struct {
			Name, Description string
			Members, Lists    []string
		}
	}
	if err := yaml.Unmarshal(text, &src); err != nil {
		t.Fatal(err)
	}
	c := company{base: "dc=example,dc=com"}
	person := func(login string) string { return "uid=" + login + ",ou=people," + c.base }
	group := func(name string) string { return "cn=" + name + ",ou=lists," + c.base }
	for _, p := range src.People {
		p.DN = person(p.Login)
		if p.Mail == "" {
			p.Mail = p.Login + "@example.com"
		}
		if p.UPN == "" {
			p.UPN = p.Login + "@corp.example.com"
		}
		if p.Manager != "" {
			p.Manager = person(p.Manager)
		}
		c.people = append(c.people, p)
	}
	for _, l := range src.Lists {
		entry := list{Name: l.Name, Description: l.Description, Mail: l.Name + "@example.com", DN: group(l.Name)}
		for _, m := range l.Members {
			entry.Members = append(entry.Members, person(m))
		}
		for _, m := range l.Lists {
			entry.Members = append(entry.Members, group(m))
		}
		c.lists = append(c.lists, entry)
	}
	return c
}

const (
	manyPeople = 10_000
	manyLists  = 500
	bigList    = 5_000
	deep       = 6 // lists from the innermost to the outermost
)

// largeCompany has many of everything: lists in lists, a circle, a large list, names that have to be escaped in DNs, and lists
// of each class.
func largeCompany() company {
	c := company{base: "dc=large,dc=test"}
	person := func(i int) string { return fmt.Sprintf("uid=u%05d,ou=people,%s", i, c.base) }
	group := func(name string) string { return "cn=" + ldap.EscapeDN(name) + ",ou=lists," + c.base }
	for i := range manyPeople - len(oddNames) {
		e := employee{
			Login: fmt.Sprintf("u%05d", i), Name: fmt.Sprintf("Person Number %d", i), Mail: fmt.Sprintf("u%05d@large.test", i),
			Title: []string{"Engineer", "Accountant", "Clerk"}[i%3], Department: fmt.Sprintf("Department %d", i%100), DN: person(i),
		}
		if i > 0 {
			e.Manager = person((i - 1) / 8)
		}
		c.people = append(c.people, e)
	}
	for i, name := range oddNames {
		c.people = append(c.people, employee{
			Login: fmt.Sprintf("odd%d", i), Name: name, Mail: fmt.Sprintf("odd%d@large.test", i),
			DN: "cn=" + ldap.EscapeDN(name) + ",ou=people," + c.base,
		})
	}
	add := func(name, class string, members ...string) {
		c.lists = append(c.lists, list{Name: name, Description: "The list " + name, Mail: strings.ReplaceAll(name, " ", "-") + "@large.test", DN: group(name), Members: members, class: class})
	}
	add("level-1", "", person(1), person(2))
	for i := 2; i <= deep; i++ {
		add(fmt.Sprintf("level-%d", i), "", group(fmt.Sprintf("level-%d", i-1)))
	}
	add("circle-a", "", group("circle-b"), person(3))
	add("circle-b", "", group("circle-a"))
	add("unique", "groupOfUniqueNames", person(4), group("level-1"))
	add("posix", "posixGroup", person(5), person(6), person(1))
	add("dangling", "", person(7), "uid=gone,ou=people,"+c.base, "uid=far,dc=elsewhere,dc=test")
	var big, odd []string
	for i := range bigList {
		big = append(big, person(i))
	}
	for _, p := range c.people[len(c.people)-len(oddNames):] {
		odd = append(odd, p.DN)
	}
	add("big", "", big...)
	add("odd", "", odd...)
	add(`odd, "list" #1 (ü)`, "", group("odd"))
	for i := len(c.lists); i < manyLists; i++ {
		members := make([]string, 0, 10)
		for j := range 10 {
			members = append(members, person((i*37+j*101)%8000+8))
		}
		if i%20 == 0 {
			members = append(members, person(1)) // who is on many lists that lead nowhere
		}
		add(fmt.Sprintf("list-%03d", i), "", members...)
	}
	return c
}

// oddNames are values that a DN, or a filter, or both, have to escape.
var oddNames = []string{
	`Adams, Alice`, `#hash`, `Jörg Müller`, `Star * (and) \ back`, `a+b=c`, `"quoted" <x>;y`, `山田 太郎`, ` outer spaces `,
}

// ldif is the company as slapadd takes it, with memberOf where the overlay would have written it.
func (c company) ldif(memberOf bool) string {
	var b strings.Builder
	line := func(attribute, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s:: %s\n", attribute, base64.StdEncoding.EncodeToString([]byte(value)))
		}
	}
	above := map[string][]string{}
	if memberOf {
		for _, l := range c.lists {
			for _, m := range l.Members {
				if l.class == "" { // the others are none of the overlay's
					above[m] = append(above[m], l.DN)
				}
			}
		}
	}
	entry := func(dn string, classes ...string) {
		b.WriteString("\n")
		line("dn", dn)
		for _, class := range classes {
			line("objectClass", class)
		}
		slices.Sort(above[dn])
		for _, l := range slices.Compact(above[dn]) {
			line("memberOf", l)
		}
	}
	entry(c.base, "dcObject", "organization")
	line("o", "Test")
	for _, ou := range []string{"people", "lists"} {
		entry("ou="+ou+","+c.base, "organizationalUnit")
	}
	for _, reader := range []string{"reader", "limited"} {
		entry("cn="+reader+","+c.base, "organizationalRole", "simpleSecurityObject")
		line("userPassword", readerPassword)
	}
	for _, p := range c.people {
		entry(p.DN, "inetOrgPerson")
		line("uid", p.Login)
		line("cn", strings.TrimSpace(p.Name))
		if dn, err := ldap.ParseDN(p.DN); err == nil && dn.RDNs[0].Attributes[0].Type == "cn" && strings.TrimSpace(p.Name) != p.Name {
			line("cn", p.Name)
		}
		line("sn", strings.TrimSpace(p.Name))
		line("title", p.Title)
		line("departmentNumber", p.Department)
		line("mail", p.Mail)
		line("manager", p.Manager)
		if p.Disabled {
			line("pwdAccountLockedTime", lockedForGood)
		}
	}
	for i, l := range c.lists {
		member := "member"
		switch l.class {
		case "":
			entry(l.DN, "groupOfNames", "extensibleObject")
		case "groupOfUniqueNames":
			entry(l.DN, l.class, "extensibleObject")
			member = "uniqueMember"
		case "posixGroup":
			entry(l.DN, l.class, "extensibleObject")
			line("gidNumber", fmt.Sprint(1000+i))
			member = "memberUid"
		}
		line("cn", l.Name)
		line("description", l.Description)
		line("mail", l.Mail)
		for _, m := range l.Members {
			if member == "memberUid" {
				_, m, _ = strings.Cut(strings.Split(m, ",")[0], "=")
			}
			line(member, m)
		}
		if len(l.Members) == 0 {
			b.WriteString("member:\n") // the class wants one, and administrators give it nobody
		}
	}
	return b.String()
}
