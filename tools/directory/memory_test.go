package directory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func demo(t testing.TB) *Memory {
	t.Helper()
	m, err := Demo()
	if err != nil {
		t.Fatalf("Demo() = %v", err)
	}
	return m
}

func read(t testing.TB, yaml string) *Memory {
	t.Helper()
	m, err := Read(strings.NewReader(yaml))
	if err != nil {
		t.Fatalf("Read() = %v", err)
	}
	return m
}

func logins(m *Memory) []string {
	var all []string
	for _, p := range m.people {
		all = append(all, p.Login)
	}
	return all
}

func TestDemoIsLargeEnoughToShowPaging(t *testing.T) {
	m := demo(t)
	if got := len(logins(m)); got < 30 {
		t.Errorf("people = %d, want at least 30", got)
	}
	if got := len(m.groups); got < 12 {
		t.Errorf("lists = %d, want at least 12", got)
	}
}

func TestPersonIsFoundByEveryIdentity(t *testing.T) {
	m := demo(t)
	for _, identity := range []string{
		"alice", "ALICE", "  alice\t",
		"alice@example.com", "Alice@Example.COM",
		"alice@corp.example.com",
		"uid=alice,ou=people,dc=example,dc=com", "UID=Alice, OU=People, DC=example , DC = com",
	} {
		p, found, err := m.Person(t.Context(), identity)
		if err != nil || !found || p.Login != "alice" {
			t.Errorf("Person(%q) = %q, %v, %v, want alice", identity, p.Login, found, err)
		}
	}
	for _, identity := range []string{"", " ", "alic", "Alice Adams", "alice@", "engineering", "dc=example,dc=com", "alice,", "=", ",", `\`} {
		if p, found, err := m.Person(t.Context(), identity); err != nil || found {
			t.Errorf("Person(%q) = %q, %v, %v, want nobody", identity, p.Login, found, err)
		}
	}
}

func TestGroupIsFoundByEveryIdentity(t *testing.T) {
	m := demo(t)
	for _, name := range []string{"all-staff", "All-Staff", "all-staff@example.com", "cn=all-staff, ou=lists, dc=example, dc=com"} {
		g, found, err := m.Group(t.Context(), name)
		if err != nil || !found || g.Name != "all-staff" {
			t.Errorf("Group(%q) = %q, %v, %v, want all-staff", name, g.Name, found, err)
		}
	}
	if g, found, err := m.Group(t.Context(), "alice"); err != nil || found {
		t.Errorf("Group(alice) = %q, %v, %v, want none: she is a person", g.Name, found, err)
	}
}

func TestKeyOfDNIgnoresSpacesButNotEscapedCommas(t *testing.T) {
	tests := []struct{ a, b string }{
		{`CN=Adams\, Alice, OU=People`, `cn=adams\, alice,ou=people`},
		{`cn = alice , ou = people`, `cn=alice,ou=people`},
	}
	for _, tt := range tests {
		if key(tt.a) != key(tt.b) {
			t.Errorf("key(%q) = %q, want that of %q: %q", tt.a, key(tt.a), tt.b, key(tt.b))
		}
	}
	if a, b := key(`cn=adams\, alice`), key(`cn=adams\,alice`); a == b {
		t.Errorf("key drops a space inside a value: %q", a)
	}
}

func TestSearch(t *testing.T) {
	m := demo(t)
	at := func(login string) string {
		return Position(Person{Login: login, DN: "uid=" + login + ",ou=people,dc=example,dc=com"})
	}
	tests := []struct {
		name, query, after string
		limit              int
		want               []string
	}{
		{"part of a name, any case", "ADAMS", "", 10, []string{"alice"}},
		{"letters beyond ASCII", "jiménez", "", 10, []string{"rosa"}},
		{"every word must match", "software engineer", "", 10, []string{"alice", "bob", "carol", "dave", "peggy"}},
		{"words from different fields", "finance manager", "", 10, []string{"uma"}},
		{"a limit", "software engineer", "", 2, []string{"alice", "bob"}},
		{"after somebody", "software engineer", at("bob"), 2, []string{"carol", "dave"}},
		{"after somebody who has gone", "software engineer", at("bz"), 2, []string{"carol", "dave"}},
		{"after the last", "software engineer", at("zzz"), 2, nil},
		{"nobody", "astronaut", "", 10, nil},
		{"no word at all", "  ", "", 10, nil},
		{"nothing asked", "alice", "", 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			people, err := m.Search(t.Context(), tt.query, tt.after, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range people {
				got = append(got, p.Login)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Search(%q) (-want +got):\n%s", tt.query, diff)
			}
		})
	}
}

func TestReadFillsInWhatFollowsFromTheDomain(t *testing.T) {
	m := read(t, `
domain: corp.test
people:
  - {login: ann}
  - {login: "o,brien", mail: ob@else.test, upn: ob@login.test}
lists:
  - {name: crew, members: [ANN]}
`)
	want := []Person{
		{DN: "uid=ann,ou=people,dc=corp,dc=test", Login: "ann", UPN: "ann@corp.test", Mail: "ann@corp.test"},
		{DN: `uid=o\,brien,ou=people,dc=corp,dc=test`, Login: "o,brien", UPN: "ob@login.test", Mail: "ob@else.test"},
	}
	if diff := cmp.Diff(want, m.people); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
	members, err := m.Members(t.Context(), "cn=crew,ou=lists,dc=corp,dc=test")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[:1], members.People); diff != "" {
		t.Errorf("members of crew (-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name, yaml string
		want       []string // each in the error
	}{
		{"no YAML", "people: [", []string{"parse YAML"}},
		{"an unknown key", "people: [{login: a, nmae: A}]", []string{"nmae"}},
		{"a person without a login", "people: [{name: Ann}]", []string{`"Ann"`, "no login"}},
		{"a list without a name", "lists: [{description: Crew}]", []string{`"Crew"`, "no name"}},
		{"a login twice", "people: [{login: ann, dn: cn=1}, {login: ANN, dn: cn=2}]", []string{"ANN", "also an identity of ann"}},
		{"a mail address that is another's UPN", "people: [{login: ann, mail: x@y}, {login: bob, upn: X@Y}]", []string{"bob", "also an identity of ann"}},
		{"a person's DN that is a list's", "people: [{login: ann, dn: cn=x}]\nlists: [{name: crew, dn: CN=x}]", []string{"crew", "also that of the person ann"}},
		{"a manager who is nobody", "people: [{login: ann, manager: zed}]", []string{"ann", `manager "zed"`}},
		{"a login too long for a cursor", "people: [{login: " + strings.Repeat("a", maxName+1) + "}]", []string{"at most 256 bytes"}},
		{
			"every fault at once", "lists: [{name: crew, members: [zed], lists: [none]}]",
			[]string{`member "zed"`, `list "none"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.yaml))
			if err == nil {
				t.Fatal("Read() = nil, want a refusal")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Read() = %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestAnEmptyFileIsAnEmptyDirectory(t *testing.T) {
	m := read(t, "")
	if got := len(m.people) + len(m.groups); got != 0 {
		t.Errorf("entries = %d, want none", got)
	}
}

func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.yaml")
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "people.yaml") {
		t.Errorf("Open of no file = %v, want an error that names it", err)
	}
	if err := os.WriteFile(file, []byte("people: [{login: ann}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ann"}, logins(m)); diff != "" {
		t.Errorf("logins (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(file, []byte("people: [{}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "people.yaml") {
		t.Errorf("Open of a bad file = %v, want an error that names it", err)
	}
}

func FuzzPerson(f *testing.F) {
	m := demo(f)
	for _, seed := range []string{"alice", "alice@example.com", "uid=alice,ou=people,dc=example,dc=com", `a\`, "=,=", "\x00", "\xff", "İ", "K"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, identity string) {
		p, found, err := m.Person(t.Context(), identity)
		if err != nil {
			t.Fatalf("Person(%q) = %v: a directory in memory always knows", identity, err)
		}
		if found != (p.DN != "") {
			t.Fatalf("Person(%q) = %+v, found %v: want one person or none", identity, p, found)
		}
		if found {
			again, _, _ := m.Person(t.Context(), p.DN)
			if again != p {
				t.Fatalf("Person(%q) = %s, whose DN leads to %s", identity, p.Login, again.Login)
			}
			mine := []string{key(p.Login), key(p.Mail), key(p.UPN), key(p.DN)}
			matched := false
			for _, k := range mine {
				matched = matched || k == key(identity)
			}
			if !matched {
				t.Fatalf("Person(%q) = %s, whose identities are %q", identity, p.Login, mine)
			}
		}
		if near, err := m.NearPeople(t.Context(), identity, 3); err != nil || len(near) > 3 {
			t.Fatalf("NearPeople(%q) = %q, %v, want at most 3", identity, near, err)
		}
	})
}
