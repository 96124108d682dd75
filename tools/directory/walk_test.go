package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flaky is a directory that cannot answer about some entries.
type flaky struct {
	*Memory
	noGroupsOf []string // logins and names of lists
	noMembers  []string // names of lists
	noPerson   []string // logins
	noNear     bool
}

var errDown = errors.New("directory server is down")

func (f *flaky) GroupsOf(ctx context.Context, dn, login string) ([]Group, error) {
	if f.isOneOf(ctx, dn, f.noGroupsOf) {
		return nil, errDown
	}
	return f.Memory.GroupsOf(ctx, dn, login)
}

func (f *flaky) Members(ctx context.Context, dn string) (Members, error) {
	if f.isOneOf(ctx, dn, f.noMembers) {
		return Members{}, errDown
	}
	return f.Memory.Members(ctx, dn)
}

func (f *flaky) Person(ctx context.Context, identity string) (Person, bool, error) {
	if f.isOneOf(ctx, identity, f.noPerson) {
		return Person{}, false, errDown
	}
	return f.Memory.Person(ctx, identity)
}

func (f *flaky) NearPeople(ctx context.Context, identity string, n int) ([]string, error) {
	if f.noNear {
		return nil, errDown
	}
	return f.Memory.NearPeople(ctx, identity, n)
}

// isOneOf says whether the identity is that of a person or list with one of the names.
func (f *flaky) isOneOf(ctx context.Context, identity string, names []string) bool {
	if p, found, _ := f.Memory.Person(ctx, identity); found {
		return slices.Contains(names, p.Login)
	}
	g, found, _ := f.Memory.Group(ctx, identity)
	return found && slices.Contains(names, g.Name)
}

func mustPerson(t *testing.T, dir Directory, identity string) Person {
	t.Helper()
	p, found, err := dir.Person(t.Context(), identity)
	if err != nil || !found {
		t.Fatalf("Person(%q) = %v, %v", identity, found, err)
	}
	return p
}

func mustGroup(t *testing.T, dir Directory, name string) Group {
	t.Helper()
	g, found, err := dir.Group(t.Context(), name)
	if err != nil || !found {
		t.Fatalf("Group(%q) = %v, %v", name, found, err)
	}
	return g
}

// knots has two ways to one list, a list that contains itself, a circle of lists and a circle of managers.
const knots = `
people:
  - {login: ann, manager: bob}
  - {login: bob, manager: cat}
  - {login: cat, manager: bob}
  - {login: dan, manager: dan}
lists:
  - {name: far, lists: [middle]}
  - {name: middle, lists: [near]}
  - {name: near, members: [ann]}
  - {name: short, members: [ann], lists: [short]}
  - {name: top, lists: [far, short, loop]}
  - {name: loop, members: [dan], lists: [top]}
`

func TestClimbTakesAShortestWayAndEnds(t *testing.T) {
	dir := read(t, knots)
	tests := []struct {
		login, list string
		want        []string // nil: no way
	}{
		{"ann", "near", []string{"near"}},
		{"ann", "far", []string{"near", "middle", "far"}},
		{"ann", "top", []string{"short", "top"}},
		{"ann", "loop", []string{"short", "top", "loop"}},
		{"dan", "top", []string{"loop", "top"}},
		{"dan", "near", nil},
		{"bob", "top", nil},
	}
	for _, tt := range tests {
		t.Run(tt.login+" in "+tt.list, func(t *testing.T) {
			goal := mustGroup(t, dir, tt.list)
			c, err := climbFrom(t.Context(), dir, mustPerson(t, dir, tt.login), true, goal.DN)
			if err != nil || len(c.gaps) > 0 {
				t.Fatalf("climbFrom = gaps %q, %v", c.gaps, err)
			}
			var got []string
			if i, found := c.find(goal.DN); found {
				got = c.path(i)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("way (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClimbMeetsEachListOnce(t *testing.T) {
	dir := read(t, knots)
	c, err := climbFrom(t.Context(), dir, mustPerson(t, dir, "ann"), true, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range c.lists {
		got = append(got, l.Name)
	}
	if diff := cmp.Diff([]string{"near", "short", "middle", "top", "far", "loop"}, got); diff != "" {
		t.Errorf("lists, nearest first (-want +got):\n%s", diff)
	}
}

func TestDescendMeetsEachPersonOnce(t *testing.T) {
	dir := read(t, knots)
	d, err := descendFrom(t.Context(), dir, mustGroup(t, dir, "top"))
	if err != nil || len(d.gaps) > 0 {
		t.Fatalf("descendFrom = gaps %q, %v", d.gaps, err)
	}
	got := map[string]string{}
	for _, p := range d.people {
		got[p.Login] += p.through
	}
	if diff := cmp.Diff(map[string]string{"ann": "short", "dan": "loop"}, got); diff != "" {
		t.Errorf("people and the nearest list that names them (-want +got):\n%s", diff)
	}
}

// ladder is one person on the first of n lists, each inside the next.
func ladder(n int) string {
	var b strings.Builder
	b.WriteString("people: [{login: ann}]\nlists:\n- {name: l0, members: [ann]}\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "- {name: l%d, lists: [l%d]}\n", i, i-1)
	}
	return b.String()
}

func TestWalksAreBounded(t *testing.T) {
	for _, tt := range []struct {
		lists int
		cut   bool
	}{{maxGroups, false}, {maxGroups + 1, true}} {
		t.Run(fmt.Sprint(tt.lists, " lists"), func(t *testing.T) {
			dir := read(t, ladder(tt.lists))
			c, err := climbFrom(t.Context(), dir, mustPerson(t, dir, "ann"), true, "")
			if err != nil || len(c.gaps) > 0 != tt.cut {
				t.Errorf("climb: gaps %q, %v, want cut %v", c.gaps, err, tt.cut)
			}
			d, err := descendFrom(t.Context(), dir, mustGroup(t, dir, fmt.Sprint("l", tt.lists-1)))
			if err != nil || len(d.gaps) > 0 != tt.cut || len(d.people) > 0 == tt.cut {
				t.Errorf("descent: %d people, gaps %q, %v, want cut %v", len(d.people), d.gaps, err, tt.cut)
			}
		})
	}
}

func TestDescendCollectsABoundedNumberOfPeople(t *testing.T) {
	var b strings.Builder
	b.WriteString("people:\n")
	for i := range maxPeople + 1 {
		fmt.Fprintf(&b, "- {login: u%d}\n", i)
	}
	b.WriteString("lists:\n- {name: crowd, members: [u0")
	for i := range maxPeople {
		fmt.Fprintf(&b, ", u%d", i+1)
	}
	b.WriteString("]}\n")
	dir := read(t, b.String())
	d, err := descendFrom(t.Context(), dir, mustGroup(t, dir, "crowd"))
	if err != nil || len(d.people) != maxPeople || len(d.gaps) != 1 {
		t.Errorf("descendFrom = %d people, gaps %q, %v, want %d and one gap", len(d.people), d.gaps, err, maxPeople)
	}
}

func TestWalksEndWithTheirCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := read(t, knots)
	ann, top := mustPerson(t, dir, "ann"), mustGroup(t, dir, "top")
	cancel()
	if _, err := climbFrom(ctx, dir, ann, true, top.DN); !errors.Is(err, context.Canceled) {
		t.Errorf("climbFrom = %v, want %v", err, context.Canceled)
	}
	if _, err := descendFrom(ctx, dir, top); !errors.Is(err, context.Canceled) {
		t.Errorf("descendFrom = %v, want %v", err, context.Canceled)
	}
}

func TestManagersOf(t *testing.T) {
	demo, knots := demo(t), read(t, knots)
	tests := []struct {
		name, login string
		dir         Directory
		depth       int
		want        []string
		end         string
	}{
		{"up to the top", "dave", demo, 10, []string{"carol", "erin", "frank", "henry", "grace"}, endTop},
		{"the top is reached just in time", "dave", demo, 5, []string{"carol", "erin", "frank", "henry", "grace"}, endTop},
		{"no deeper than asked", "dave", demo, 2, []string{"carol", "erin"}, endDepth},
		{"nobody above", "grace", demo, 10, nil, endTop},
		{"a circle", "ann", knots, 10, []string{"bob", "cat"}, endCycle},
		{"one's own manager", "dan", knots, 10, nil, endCycle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chain, end, err := managersOf(t.Context(), tt.dir, mustPerson(t, tt.dir, tt.login), tt.depth)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range chain {
				got = append(got, p.Login)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || end != tt.end {
				t.Errorf("end %q, want %q; chain (-want +got):\n%s", end, tt.end, diff)
			}
		})
	}
}

func TestAManagerWhoIsNotInTheDirectoryEndsTheChain(t *testing.T) {
	orphan := Person{DN: "uid=x", Login: "x", ManagerDN: "uid=gone"}
	if chain, end, err := managersOf(t.Context(), demo(t), orphan, 10); err != nil || end != endMissing || len(chain) > 0 {
		t.Errorf("managersOf = %v, %q, %v, want an empty chain that ends as %q", chain, end, err, endMissing)
	}
}
