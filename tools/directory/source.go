package directory

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed demo.yaml
var demoYAML string

const maxName = 256 // bytes of a login or a list's name: directories allow no more, and cursors carry one

// source is the file that people write. Logins and list names refer to one another; mail addresses, UPNs and DNs
// follow from the domain unless they are written out.
type source struct {
	Domain    string         `yaml:"domain"`     // of mail addresses, e.g. example.com
	UPNDomain string         `yaml:"upn_domain"` // of UPNs; empty: domain
	Base      string         `yaml:"base"`       // of DNs; empty: made of domain, e.g. dc=example,dc=com
	People    []sourcePerson `yaml:"people"`
	Lists     []sourceList   `yaml:"lists"`
}

type sourcePerson struct {
	Login      string `yaml:"login"`
	Name       string `yaml:"name"`
	Title      string `yaml:"title"`
	Department string `yaml:"department"`
	Manager    string `yaml:"manager"` // a login
	Mail       string `yaml:"mail"`
	UPN        string `yaml:"upn"`
	DN         string `yaml:"dn"`
	Disabled   bool   `yaml:"disabled"`
}

type sourceList struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Mail        string   `yaml:"mail"`
	DN          string   `yaml:"dn"`
	Members     []string `yaml:"members"` // logins
	Lists       []string `yaml:"lists"`   // names of lists inside this one
}

// Demo returns the directory that comes with the program: a small company at example.com.
func Demo() (*Memory, error) {
	m, err := Read(strings.NewReader(demoYAML))
	if err != nil {
		return nil, fmt.Errorf("read the demo directory: %w", err)
	}
	return m, nil
}

// Open reads a directory from a YAML file of the form of demo.yaml.
func Open(file string) (*Memory, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open the directory file: %w", err)
	}
	defer f.Close()
	m, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read the directory file %s: %w", file, err)
	}
	return m, nil
}

// Read reads a directory from YAML. Unknown keys, references to nobody and identities that two entries share are
// refused, all of them in one error. Lists may contain one another and managers may report in a circle: real
// directories have both.
func Read(r io.Reader) (*Memory, error) {
	var src source
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&src); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parse YAML: %w", err)
	}
	src.fill()
	b := builder{m: &Memory{
		personByKey: map[string]int{}, groupByKey: map[string]int{},
		parents: map[string][]int{}, members: map[string]children{},
	}}
	b.people(src.People)
	b.groups(src.Lists)
	b.managers(src.People)
	b.memberships(src.Lists)
	if err := errors.Join(b.faults...); err != nil {
		return nil, err
	}
	return b.m, nil
}

// fill writes out what follows from the domain and puts people and lists in order.
func (s *source) fill() {
	if s.UPNDomain == "" {
		s.UPNDomain = s.Domain
	}
	if s.Base == "" && s.Domain != "" {
		s.Base = "dc=" + strings.ReplaceAll(s.Domain, ".", ",dc=")
	}
	for i := range s.People {
		p := &s.People[i]
		p.Mail = orAt(p.Mail, p.Login, s.Domain)
		p.UPN = orAt(p.UPN, p.Login, s.UPNDomain)
		if p.DN == "" {
			p.DN = dnUnder(p.Login, "uid", "people", s.Base)
		}
	}
	for i := range s.Lists {
		l := &s.Lists[i]
		l.Mail = orAt(l.Mail, l.Name, s.Domain)
		if l.DN == "" {
			l.DN = dnUnder(l.Name, "cn", "lists", s.Base)
		}
	}
	slices.SortStableFunc(s.People, func(a, b sourcePerson) int { return strings.Compare(key(a.Login), key(b.Login)) })
	slices.SortStableFunc(s.Lists, func(a, b sourceList) int { return strings.Compare(key(a.Name), key(b.Name)) })
}

func orAt(address, local, domain string) string {
	if address != "" || local == "" || domain == "" {
		return address
	}
	return local + "@" + domain
}

func dnUnder(name, attribute, unit, base string) string {
	dn := attribute + "=" + strings.ReplaceAll(strings.ReplaceAll(name, `\`, `\\`), ",", `\,`) + ",ou=" + unit
	if base == "" {
		return dn
	}
	return dn + "," + base
}

// builder turns a filled source into a Memory and collects every fault on the way.
type builder struct {
	m      *Memory
	faults []error
}

func (b *builder) fault(format string, args ...any) {
	b.faults = append(b.faults, fmt.Errorf(format, args...))
}

func (b *builder) people(people []sourcePerson) {
	for i, p := range people {
		if strings.TrimSpace(p.Login) == "" {
			b.fault("people: an entry named %q has no login: give it one", p.Name)
		}
		if len(p.Login) > maxName {
			b.fault("people: %.20s…: a login has at most %d bytes", p.Login, maxName)
		}
		b.m.people = append(b.m.people, Person{
			DN: p.DN, Login: p.Login, UPN: p.UPN, Mail: p.Mail, DisplayName: p.Name,
			Title: p.Title, Department: p.Department, Disabled: p.Disabled,
		})
		b.index(b.m.personByKey, i, "people: "+p.Login, func(j int) string { return people[j].Login },
			p.Login, p.Mail, p.UPN, p.DN)
	}
}

func (b *builder) groups(lists []sourceList) {
	for i, l := range lists {
		if strings.TrimSpace(l.Name) == "" {
			b.fault("lists: an entry described as %q has no name: give it one", l.Description)
		}
		if len(l.Name) > maxName {
			b.fault("lists: %.20s…: a name has at most %d bytes", l.Name, maxName)
		}
		b.m.groups = append(b.m.groups, Group{DN: l.DN, Name: l.Name, Mail: l.Mail, Description: l.Description})
		b.index(b.m.groupByKey, i, "lists: "+l.Name, func(j int) string { return lists[j].Name }, l.Name, l.Mail, l.DN)
		if owner, taken := b.m.personByKey[key(l.DN)]; taken {
			b.fault("lists: %s: DN %q is also that of the person %s: give each its own", l.Name, l.DN, b.m.people[owner].Login)
		}
	}
}

// index files entry i under each of its identities. One identity leads to one entry, or nobody could say whom it means.
func (b *builder) index(byKey map[string]int, i int, where string, name func(int) string, identities ...string) {
	for _, identity := range identities {
		k := key(identity)
		if k == "" {
			continue
		}
		if other, taken := byKey[k]; taken && other != i {
			b.fault("%s: %q is also an identity of %s: give each its own", where, identity, name(other))
			continue
		}
		byKey[k] = i
	}
}

func (b *builder) managers(people []sourcePerson) {
	for i, p := range people {
		if p.Manager == "" {
			continue
		}
		boss, found := b.m.personByKey[key(p.Manager)]
		if !found {
			b.fault("people: %s: manager %q is not among the people", p.Login, p.Manager)
			continue
		}
		b.m.people[i].ManagerDN = b.m.people[boss].DN
	}
}

func (b *builder) memberships(lists []sourceList) {
	for i, l := range lists {
		people, groups := map[int]bool{}, map[int]bool{}
		for _, login := range l.Members {
			j, found := b.m.personByKey[key(login)]
			if !found {
				b.fault("lists: %s: member %q is not among the people (lists inside go under lists:)", l.Name, login)
				continue
			}
			people[j] = true
		}
		for _, name := range l.Lists {
			j, found := b.m.groupByKey[key(name)]
			if !found {
				b.fault("lists: %s: list %q is not among the lists (people go under members:)", l.Name, name)
				continue
			}
			groups[j] = true
		}
		c := children{people: sortedUnique(people), groups: sortedUnique(groups)}
		b.m.members[key(l.DN)] = c
		// Lists are visited in order, so what lists each member ends up in order too.
		for _, j := range c.people {
			k := key(b.m.people[j].DN)
			b.m.parents[k] = append(b.m.parents[k], i)
		}
		for _, j := range c.groups {
			k := key(b.m.groups[j].DN)
			b.m.parents[k] = append(b.m.parents[k], i)
		}
	}
}
