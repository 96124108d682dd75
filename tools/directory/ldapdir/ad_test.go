package ldapdir

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
	"toolgate/tools/directory"
)

// withPrimaryGroup is the demo company in Active Directory, where everybody is in Domain Users, which no attribute of theirs
// says, and which is in two lists.
func withPrimaryGroup(t *testing.T) *adServer {
	s := serveAD(t, demoCompany(t))
	add := func(name string, members ...string) {
		e := s.add("CN="+name+",CN=Users,"+s.base, map[string]string{"objectCategory": "group", "sAMAccountName": name, "cn": name})
		e.attributes["member"] = members
	}
	add("Domain Users")
	s.entry("CN=Domain Users,CN=Users," + s.base).attributes["objectsid"] = []string{sid(513)}
	add("Users", "CN=Domain Users,CN=Users,"+s.base)
	add("Badge Holders", "CN=Users,CN=Users,"+s.base)
	s.link()
	return s
}

func TestActiveDirectoryIsAskedFewQuestions(t *testing.T) {
	tests := []struct {
		name, user, list, member string
		via                      []any
		most                     int // questions, those for the person and the list among them
	}{
		{"direct", "alice", "engineering", "yes", []any{"engineering"}, 4},
		{"nested", "alice", "all-staff", "yes", []any{"engineering", "product-development", "headquarters", "employees", "all-staff"}, 5},
		{"not in it", "alice", "finance", "no", []any{}, 7},
		{"the primary group", "alice", "Domain Users", "yes", []any{"Domain Users"}, 5},
		{"through the primary group", "alice", "Badge Holders", "yes", []any{"Domain Users", "Users", "Badge Holders"}, 7},
	}
	s := withPrimaryGroup(t)
	desk := newDesk(t, open(t, s.config()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.asked()
			got, failure := desk.call(t, "is_user_in_dl", fmt.Sprintf(`{"user_identity":%q,"dl_name":%q}`, tt.user, tt.list))
			if failure != "" {
				t.Fatal(failure)
			}
			if diff := cmp.Diff([]any{tt.member, tt.via}, []any{got["member"], got["via"]}); diff != "" {
				t.Errorf("is_user_in_dl (-want +got):\n%s", diff)
			}
			if asked := s.asked(); len(asked) > tt.most {
				t.Errorf("questions = %d, want at most %d:\n%s", len(asked), tt.most, strings.Join(asked, "\n"))
			}
		})
	}
	s.asked()
	got, failure := desk.call(t, "get_user_groups", `{"user_identity":"alice","nested":true}`)
	if failure != "" || got["total"] != 9.0 || got["complete"] != true {
		t.Errorf("get_user_groups = %v, %q, want 6 lists by name and 3 by the primary group", got, failure)
	}
	if asked := s.asked(); len(asked) > 4 {
		t.Errorf("questions for all lists = %d, want at most 4:\n%s", len(asked), strings.Join(asked, "\n"))
	}
}

// TestWhatIsHiddenIsNeverNo: of a membership the list knows one half and the member the other, and we may be shown either.
func TestWhatIsHiddenIsNeverNo(t *testing.T) {
	const people, lists = ",ou=people,dc=example,dc=com", ",ou=lists,dc=example,dc=com"
	memberOfLists := func(e *adEntry, attribute string) bool {
		return attribute == "member" || attribute == "memberof" && strings.HasSuffix(e.dn, lists)
	}
	oneList := func(e *adEntry, attribute string) bool {
		return attribute == "member" && e.dn == "cn=engineering"+lists
	}
	onePair := func(e *adEntry, attribute string) bool {
		return oneList(e, attribute) || attribute == "memberof" && e.dn == "uid=alice"+people
	}
	tests := []struct {
		name   string
		hidden func(*adEntry, string) bool
		list   string
		nested bool
		member string
		via    int
	}{
		{"lists of people, direct", hides("memberof"), "engineering", true, "yes", 1},
		{"lists of people, through others", hides("memberof"), "all-staff", true, "yes", 5},
		{"lists of people, by the primary group", hides("memberof"), "Badge Holders", true, "yes", 3},
		{"lists of people, and not in it", hides("memberof"), "finance", true, "no", 0},
		{"lists of people, directly not in it", hides("memberof"), "finance", false, "no", 0},
		{"members, direct", hides("member"), "engineering", true, "yes", 1},
		{"members, direct alone", hides("member"), "engineering", false, "yes", 1},
		{"members, through others", hides("member"), "all-staff", true, "yes", 5},
		{"members, by the primary group", hides("member"), "Badge Holders", true, "yes", 3},
		{"members, and not in it", hides("member"), "finance", true, "no", 0},
		{"members of one list", oneList, "engineering", true, "yes", 1},
		{"members of one list on the way", oneList, "all-staff", true, "yes", 5},
		{"both", hides("member", "memberof"), "engineering", true, "unknown", 0},
		{"both, direct alone", hides("member", "memberof"), "engineering", false, "unknown", 0},
		{"both, by the primary group", hides("member", "memberof"), "Badge Holders", true, "unknown", 0},
		{"both, of one person and one list", onePair, "engineering", true, "unknown", 0},
		{"both, on the way", memberOfLists, "all-staff", true, "unknown", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := withPrimaryGroup(t)
			s.hidden = tt.hidden
			got, failure := newDesk(t, open(t, s.config())).call(t, "is_user_in_dl", fmt.Sprintf(`{"user_identity":"alice","dl_name":%q,"nested":%v}`, tt.list, tt.nested))
			if failure != "" || got["member"] != tt.member || len(got["via"].([]any)) != tt.via {
				t.Errorf("is_user_in_dl = %v, %q, want %s via %d lists", got, failure, tt.member, tt.via)
			}
		})
	}
}

func TestThePrimaryGroupIsAMembership(t *testing.T) {
	s := withPrimaryGroup(t)
	desk := newDesk(t, open(t, s.config()))
	got, failure := desk.call(t, "is_user_in_dl", `{"user_identity":"alice","dl_name":"Domain Users","nested":false}`)
	if failure != "" || got["member"] != "yes" || got["direct"] != true {
		t.Errorf("is_user_in_dl = %v, %q, want a direct member", got, failure)
	}
	got, failure = desk.call(t, "get_user_groups", `{"user_identity":"alice"}`)
	if failure != "" || got["total"] != 3.0 {
		t.Errorf("get_user_groups = %v, %q, want book-club, Domain Users and engineering", got, failure)
	}
	got, failure = desk.call(t, "get_dl_members", `{"dl_name":"Badge Holders","nested":true}`)
	if failure != "" || got["total"] != float64(len(demoCompany(t).people)) {
		t.Errorf("get_dl_members = total %v, %q, want everybody", got["total"], failure)
	}
}

func TestIdentitiesOfActiveDirectory(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	s.entry("uid=alice,ou=people," + s.base).attributes["proxyaddresses"] = []string{"SMTP:alice@example.com", "smtp:a.adams@example.com"}
	s.entry("cn=finance,ou=lists," + s.base).attributes["proxyaddresses"] = []string{"smtp:money@example.com"}
	s.entry("cn=sales,ou=lists," + s.base).attributes["samaccountname"] = []string{"$AB1000-J4K7"}
	// Two share a mail address; the login of one is the mail address of another.
	s.entry("uid=bob,ou=people," + s.base).attributes["mail"] = []string{"team@example.com"}
	s.entry("uid=carol,ou=people," + s.base).attributes["mail"] = []string{"team@example.com"}
	s.entry("uid=dave,ou=people," + s.base).attributes["mail"] = []string{"erin"}
	d := open(t, s.config())
	for identity, want := range map[string]string{
		"alice": "alice", `CORP\Alice`: "alice", "A.Adams@example.com": "alice", "alice@corp.example.com": "alice",
		"UID=Alice,OU=People,DC=example,DC=com": "alice", "sam.smith_contractors@corp.example.com": "smith-ext", "erin": "erin",
		`CORP\`: "", `uid=ali\63e,ou=people,dc=example,dc=com`: "alice", "cn=nobody,dc=elsewhere": "", "money@example.com": "",
	} {
		p, found, err := d.Person(t.Context(), identity)
		if err != nil || p.Login != want || found != (want != "") {
			t.Errorf("Person(%q) = %q, %v, %v, want %q", identity, p.Login, found, err, want)
		}
	}
	for name, want := range map[string]string{"finance": "finance", "money@example.com": "finance", "sales": "sales"} {
		if g, _, err := d.Group(t.Context(), name); err != nil || g.Name != want {
			t.Errorf("Group(%q) = %q, %v, want %q", name, g.Name, err, want)
		}
	}
	_, failure := newDesk(t, d).call(t, "get_user", `{"user_identity":"team@example.com"}`)
	for _, part := range []string{"more than one", "uid=bob,", "uid=carol,"} {
		if !strings.Contains(failure, part) {
			t.Errorf("get_user of two = error %q, want %q in it", failure, part)
		}
	}
}

// TestPagesOfLoginsLongerThanACursor: nobody is lost or given twice, be the first hundreds of characters of their logins one.
func TestPagesOfLoginsLongerThanACursor(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	want := map[string]bool{"zz-short": true}
	for i := range 4 {
		want[strings.Repeat("zz-ünd-long ", 70)+fmt.Sprint(i)] = true
	}
	for login := range want {
		s.add(fmt.Sprintf("CN=n%d,OU=people,%s", len(s.entries), s.base), map[string]string{
			"objectClass": "user", "objectCategory": "person", "sAMAccountName": login, "title": "paged",
		})
	}
	desk := newDesk(t, open(t, s.config()))
	cursor := ""
	for range len(want) {
		page, failure := desk.call(t, "search_users", fmt.Sprintf(`{"query":"paged","limit":1,"cursor":%q}`, cursor))
		if failure != "" {
			t.Fatalf("search_users = %q, with %d people to come", failure, len(want))
		}
		for _, item := range page["items"].([]any) {
			login := item.(map[string]any)["login"].(string)
			if !want[login] {
				t.Errorf("search_users gives %.20q… twice, or made it up", login)
			}
			delete(want, login)
		}
		cursor, _ = page["nextCursor"].(string)
		if cursor == "" {
			break
		}
	}
	if len(want) > 0 || cursor != "" {
		t.Errorf("people not given = %d, last cursor %q, want none", len(want), cursor)
	}
}

func TestMembersThatAreNoPeople(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	const foreign = "CN=S-1-5-21-9-9-9-1105,CN=ForeignSecurityPrincipals,DC=example,DC=com"
	s.add(foreign, map[string]string{"objectClass": "foreignSecurityPrincipal", "cn": "S-1-5-21-9-9-9-1105"})
	s.add("CN=Ann Outside,OU=contacts,DC=example,DC=com", map[string]string{"objectClass": "contact", "objectCategory": "person", "cn": "Ann Outside", "mail": "ann@outside.example"})
	const otherDomain = "CN=Zed,CN=Users,DC=other,DC=corp"
	list := s.entry("cn=mars-office,ou=lists," + s.base)
	list.attributes["member"] = []string{foreign, "CN=Ann Outside,OU=contacts,DC=example,DC=com", otherDomain, "uid=alice,ou=people,dc=example,dc=com"}
	s.link()
	members, err := open(t, s.config()).Members(t.Context(), list.dn)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"alice", "ann@outside.example", foreign, otherDomain}
	if diff := cmp.Diff(want, logins(members.People)); diff != "" || len(members.Groups) > 0 {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestAListLongerThanWhatMayBeReadIsAnError(t *testing.T) {
	s := serveAD(t, demoCompany(t))
	s.parts = 2
	cfg := s.config()
	cfg.SizeLimit = 7
	_, err := open(t, cfg).Members(t.Context(), "cn=engineering,ou=lists,"+s.base) // of 9
	if f, ok := errors.AsType[*directory.Failure](err); !ok || f.Down || !strings.Contains(f.Message, "more entries") {
		t.Errorf("Members = %v, want one about more entries", err)
	}
}

func TestWhatTheServerIs(t *testing.T) {
	tests := []struct {
		name   string
		root   [][]string
		change func(*config.LDAP)
		ad     bool
		base   string // empty: an error
	}{
		{"Active Directory", [][]string{{"supportedCapabilities", capabilityAD}, {"defaultNamingContext", "DC=example,DC=com"}}, nil, true, "DC=example,DC=com"},
		{"another", [][]string{{"namingContexts", "dc=example,dc=com"}}, nil, false, "dc=example,dc=com"},
		{"another, with data about itself", [][]string{{"namingContexts", "cn=config", "dc=example,dc=com", "cn=Monitor"}}, nil, false, "dc=example,dc=com"},
		{"one with two trees", [][]string{{"namingContexts", "dc=a", "dc=b"}}, nil, false, ""},
		{"one that says nothing", nil, nil, false, ""},
		{"one that says nothing, configured", nil, func(c *config.LDAP) { c.BaseDN, c.Flavor = "dc=mine", config.LDAPAD }, true, "dc=mine"},
		{"Active Directory, not to be taken as it", [][]string{{"supportedCapabilities", capabilityAD}, {"defaultNamingContext", "DC=x"}}, func(c *config.LDAP) { c.Flavor = config.LDAPGeneric }, false, "DC=x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serveAD(t, demoCompany(t))
			s.root = tt.root
			cfg := s.config()
			if tt.change != nil {
				tt.change(&cfg)
			}
			got, err := open(t, cfg).facts(t.Context())
			if tt.base == "" {
				if f, ok := errors.AsType[*directory.Failure](err); !ok || !strings.Contains(f.Message, "base_dn") {
					t.Errorf("facts = %v, want an error that names base_dn", err)
				}
				return
			}
			if err != nil || got.ad != tt.ad || got.base != tt.base {
				t.Errorf("facts = %+v, %v, want ad %v below %s", got, err, tt.ad, tt.base)
			}
		})
	}
}

func TestABaseThatIsNotThereIsAnErrorAndNobodyIsUnknown(t *testing.T) {
	for _, base := range []string{"dc=gone,dc=example,dc=com", "dc=elsewhere"} {
		cfg := serveAD(t, demoCompany(t)).config()
		cfg.BaseDN = base
		_, failure := newDesk(t, open(t, cfg)).call(t, "get_user", `{"user_identity":"alice"}`)
		if !strings.Contains(failure, "base_dn") {
			t.Errorf("get_user below %s = error %q, want one that names base_dn", base, failure)
		}
	}
}
