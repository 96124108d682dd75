package ldapdir

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"toolgate/config"
	"toolgate/tools/directory"
)

// open is a Directory that ends with its test.
func open(t *testing.T, cfg config.LDAP) *Directory {
	t.Helper()
	d, err := Open(cfg, zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// eachLarge runs a test on the large company, with the memberof overlay and without.
func eachLarge(t *testing.T, test func(t *testing.T, s *slapd)) {
	t.Run("with memberOf", func(t *testing.T) { test(t, overlaid) })
	t.Run("without memberOf", func(t *testing.T) { test(t, plain) })
}

func mustGroup(t *testing.T, d directory.Directory, name string) directory.Group {
	t.Helper()
	g, found, err := d.Group(t.Context(), name)
	if err != nil || !found {
		t.Fatalf("Group(%q) = found %v, %v, want a list", name, found, err)
	}
	return g
}

func logins(people []directory.Person) []string {
	var all []string
	for _, p := range people {
		all = append(all, p.Login)
	}
	return all
}

func TestLargeListsAreReadWhole(t *testing.T) {
	eachLarge(t, func(t *testing.T, s *slapd) {
		cfg, relay := through(t, s)
		d := open(t, cfg)
		big := mustGroup(t, d, "big")
		relay.asked()
		members, err := d.Members(t.Context(), big.DN)
		if err != nil || len(members.People) != bigList || len(members.Groups) != 0 {
			t.Fatalf("Members(big) = %d people, %d lists, %v, want %d people", len(members.People), len(members.Groups), err, bigList)
		}
		if got := members.People[0]; got.Login != "u00000" || got.DisplayName != "Person Number 0" || got.Title != "Engineer" || got.Department != "Department 0" {
			t.Errorf("first = %+v, want all of u00000", got)
		}
		// The list, what memberOf finds in pages or not at all, and without it each of them by name in batches.
		most := 2 + bigList/cfg.PageSize + 2
		if s == plain {
			most = 3 + 2*bigList/batch
		}
		if asked := relay.asked(); asked > most {
			t.Errorf("questions = %d, want at most %d", asked, most)
		}
	})
}

func TestMembershipIsFoundInFewQuestions(t *testing.T) {
	outermost := fmt.Sprintf("level-%d", deep)
	way := []any{"level-1", "level-2", "level-3", "level-4", "level-5", outermost}
	tests := []struct {
		name, user, list, member string
		via                      []any
		most                     int // questions, those for the person and the list among them
	}{
		{"direct", "u00002", "level-1", "yes", way[:1], 3},
		{"six deep", "u00002", outermost, "yes", way, 2 + deep + 2},
		{"six deep, beside 25 lists that lead nowhere", "u00001", outermost, "yes", way, 2 + deep + 7},
		{"a circle", "u00003", "circle-b", "yes", []any{"circle-a", "circle-b"}, 5},
		{"not in it", "u00001", "circle-a", "no", []any{}, 2 + deep + 2},
		{"a list that names people by login", "u00005", "posix", "yes", []any{"posix"}, 3},
		{"a list of another class", "u00004", "unique", "yes", []any{"unique"}, 3},
		{"through a list of another class", "u00002", "unique", "yes", []any{"level-1", "unique"}, 5},
		{"a name that DNs escape", "odd0", `odd, "list" #1 (ü)`, "yes", []any{"odd", `odd, "list" #1 (ü)`}, 4},
		{"in a list of thousands", "u04999", "big", "yes", []any{"big"}, 3},
		{"not in a list of thousands", "u05000", "big", "no", []any{}, 5},
	}
	eachLarge(t, func(t *testing.T, s *slapd) {
		cfg, relay := through(t, s)
		desk := newDesk(t, open(t, cfg))
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				relay.asked()
				got, failure := desk.call(t, "is_user_in_dl", fmt.Sprintf(`{"user_identity":%q,"dl_name":%q}`, tt.user, tt.list))
				if failure != "" {
					t.Fatal(failure)
				}
				if diff := cmp.Diff([]any{tt.member, tt.via}, []any{got["member"], got["via"]}); diff != "" {
					t.Errorf("is_user_in_dl (-want +got):\n%s", diff)
				}
				if asked := relay.asked(); asked > tt.most {
					t.Errorf("questions = %d, want at most %d", asked, tt.most)
				}
			})
		}
	})
}

func TestNamesThatHaveToBeEscaped(t *testing.T) {
	eachLarge(t, func(t *testing.T, s *slapd) {
		d := open(t, s.config())
		members, err := d.Members(t.Context(), mustGroup(t, d, "odd").DN)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range oddNames {
			want = append(want, fmt.Sprintf("odd%d", i))
		}
		if diff := cmp.Diff(want, logins(members.People)); diff != "" {
			t.Errorf("members of odd (-want +got):\n%s", diff)
		}
		for i, p := range members.People {
			if p.DisplayName != strings.TrimSpace(oddNames[i]) {
				t.Errorf("name = %q, want %q", p.DisplayName, oddNames[i])
			}
			again, found, err := d.Person(t.Context(), p.DN)
			if err != nil || !found || again != p {
				t.Errorf("Person(%q) = %+v, %v, %v, want the same", p.DN, again, found, err)
			}
			groups, err := d.GroupsOf(t.Context(), p.DN, p.Login)
			if err != nil || len(groups) != 1 || groups[0].Name != "odd" {
				t.Errorf("GroupsOf(%q) = %+v, %v, want odd", p.DN, groups, err)
			}
		}
		above, err := d.GroupsOf(t.Context(), mustGroup(t, d, "odd").DN, "")
		if err != nil || len(above) != 1 || above[0].Name != `odd, "list" #1 (ü)` {
			t.Fatalf("GroupsOf(odd) = %+v, %v", above, err)
		}
		inside, err := d.Members(t.Context(), above[0].DN)
		if err != nil || len(inside.Groups) != 1 || inside.Groups[0].Name != "odd" {
			t.Errorf("Members(%s) = %+v, %v, want odd", above[0].DN, inside, err)
		}
	})
}

func TestMembersOfEveryKind(t *testing.T) {
	tests := []struct {
		list   string
		people []string
		lists  []string
	}{
		{"unique", []string{"u00004"}, []string{"level-1"}},
		{"posix", []string{"u00001", "u00005", "u00006"}, nil},
		{"circle-a", []string{"u00003"}, []string{"circle-b"}},
		// Who is named and cannot be read is a member all the same.
		{"dangling", []string{"u00007", "uid=far,dc=elsewhere,dc=test", "uid=gone,ou=people,dc=large,dc=test"}, nil},
	}
	eachLarge(t, func(t *testing.T, s *slapd) {
		d := open(t, s.config())
		for _, tt := range tests {
			t.Run(tt.list, func(t *testing.T) {
				members, err := d.Members(t.Context(), mustGroup(t, d, tt.list).DN)
				if err != nil {
					t.Fatal(err)
				}
				var lists []string
				for _, g := range members.Groups {
					lists = append(lists, g.Name)
				}
				if diff := cmp.Diff([][]string{tt.people, tt.lists}, [][]string{logins(members.People), lists}); diff != "" {
					t.Errorf("members (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestSearchReadsEveryPage(t *testing.T) {
	d := open(t, plain.config())
	var got []string
	after := ""
	for range 4 {
		page, err := d.Search(t.Context(), "large.test person", after, 4000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, logins(page)...)
		after = directory.Position(page[len(page)-1])
	}
	if len(got) != manyPeople-len(oddNames) || !slices.IsSorted(got) {
		t.Errorf("people = %d, in order %v, want %d in order", len(got), slices.IsSorted(got), manyPeople-len(oddNames))
	}
}

// TestALimitIsAnErrorAndNeverAPart: more than may be read is not read in part, whoever sets the limit.
func TestALimitIsAnErrorAndNeverAPart(t *testing.T) {
	limits := []struct {
		name   string
		user   string
		change func(*config.LDAP)
		paged  bool
	}{
		{"the server's", "limited", func(c *config.LDAP) { c.PageSize = 50 }, true},
		{"the server's, without pages", "limited", func(*config.LDAP) {}, false},
		{"ours", "reader", func(c *config.LDAP) { c.PageSize, c.SizeLimit = 100, 300 }, true},
		{"ours, within a page", "reader", func(c *config.LDAP) { c.SizeLimit = 300 }, true},
		{"ours, without pages", "reader", func(c *config.LDAP) { c.SizeLimit = 300 }, false},
	}
	for _, tt := range limits {
		t.Run(tt.name, func(t *testing.T) {
			cfg := overlaid.config()
			cfg.BindDN = "cn=" + tt.user + "," + overlaid.base
			tt.change(&cfg)
			d := open(t, cfg)
			known, err := d.facts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			known.paged = tt.paged
			desk := newDesk(t, d)
			got, failure := desk.call(t, "search_users", `{"query":"engineer"}`)
			if got != nil || !strings.Contains(failure, "more entries") {
				t.Errorf("search_users = %v, %q, want an error about more entries", got, failure)
			}
			got, failure = desk.call(t, "get_dl_members", `{"dl_name":"big"}`)
			if tt.user == "reader" && (got != nil || !strings.Contains(failure, "more entries")) {
				t.Errorf("get_dl_members = %v, %q, want an error about more entries", got, failure)
			}
			// The server lets nobody read many at once, and small batches are none.
			if tt.user == "limited" && (got["total"] != float64(bigList) || got["complete"] != true) {
				t.Errorf("get_dl_members = %v, %q, want all %d", got, failure, bigList)
			}
			// What is small is answered, over the same connections.
			if got, failure := desk.call(t, "is_user_in_dl", `{"user_identity":"u00002","dl_name":"level-6"}`); got["member"] != "yes" {
				t.Errorf("is_user_in_dl = %v, %q, want yes", got, failure)
			}
		})
	}
}

// TestPagesLargerThanTheServerGivesAreSaidToBe: the remedy is the operator's.
func TestPagesLargerThanTheServerGivesAreSaidToBe(t *testing.T) {
	cfg := overlaid.config()
	cfg.BindDN = "cn=limited," + overlaid.base
	_, failure := newDesk(t, open(t, cfg)).call(t, "search_users", `{"query":"engineer"}`)
	if !strings.Contains(failure, "page_size") {
		t.Errorf("search_users = error %q, want one that names page_size", failure)
	}
}

func TestConnectionsAreBoundedAndUsedAgain(t *testing.T) {
	cfg, relay := through(t, plain)
	cfg.Connections = 3
	d := open(t, cfg)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for i := range 10 {
				if _, found, err := d.Person(t.Context(), fmt.Sprintf("u%05d", i)); err != nil || !found {
					t.Errorf("Person = %v, %v", found, err)
				}
			}
		})
	}
	all.Wait()
	if most, opened := relay.most.Load(), relay.opened.Load(); most > 3 || opened > 3 {
		t.Errorf("connections = %d at once, %d in all, want at most 3", most, opened)
	}
}
