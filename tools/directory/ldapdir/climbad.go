package ldapdir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
)

// climbAD is Climb where the server follows memberships itself. It says yes or no about one list quickly, and only for a yes
// is asked which lists are on the way.
func (d *Directory) climbAD(ctx context.Context, f *server, p directory.Person, until string) ([]directory.Step, error) {
	const what = "read the lists of a person"
	entries, _, err := d.search(ctx, what, f.at(p.DN, anything, []string{"memberOf", "objectSid", "primaryGroupID"}))
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, &directory.Failure{Message: "the person is no longer in the directory"}
	}
	direct := map[string]bool{}
	dns, err := d.values(ctx, what, entries[0], "memberOf")
	if err != nil {
		return nil, err
	}
	for _, dn := range dns {
		direct[directory.Key(dn)] = true
	}
	if direct[directory.Key(until)] {
		return d.steps(ctx, f, f.entryAt(until), direct)
	}
	if until != "" {
		found, err := d.inChain(ctx, f, p.DN, len(direct) > 0, until)
		if err != nil {
			return nil, err
		}
		if found {
			return d.steps(ctx, f, onTheWay(p.DN, until, f), direct)
		}
	}
	return d.climbPrimary(ctx, f, p, entries[0], direct, until)
}

// climbPrimary goes on by the primary group, which is in no memberOf and which the server does not follow from the person.
func (d *Directory) climbPrimary(ctx context.Context, f *server, p directory.Person, e *ldap.Entry, direct map[string]bool, until string) ([]directory.Step, error) {
	above := []string{is("member"+chain, p.DN)}
	var primary *node
	if sid := primaryGroup(e); sid != nil {
		groups, err := d.all(ctx, "read the primary group of a person", f.below(
			both(f.groups, hasSID(sid)), append(f.groupAttributes(), "memberOf")))
		if err != nil {
			return nil, err
		}
		if len(groups) > 0 {
			primary = &f.nodes(groups[:1])[0]
			direct[directory.Key(primary.DN)] = true
			above = append(above, hasSID(sid))
		}
	}
	switch {
	case until == "":
		if primary != nil {
			above = append(above, is("member"+chain, primary.DN))
		}
		return d.steps(ctx, f, either(above...), direct)
	case primary == nil:
		return nil, nil
	case directory.Key(primary.DN) == directory.Key(until):
		return []directory.Step{{Group: primary.Group, From: -1}}, nil
	}
	found, err := d.inChain(ctx, f, primary.DN, len(primary.above) > 0, until)
	if err != nil || !found {
		return nil, err
	}
	return d.steps(ctx, f, either(above[len(above)-1], onTheWay(primary.DN, until, f)), direct)
}

// entryAt matches the entry with this DN.
func (s *schema) entryAt(dn string) string { return is("distinguishedName", dn) }

// onTheWay matches the lists between an entry and a list, and that list.
func onTheWay(from, to string, f *server) string {
	return either(both(is("member"+chain, from), is("memberOf"+chain, to)), f.entryAt(to))
}

// inChain says whether an entry is in a list, directly or through others. Of what we may not read nothing matches, so the
// entry is asked if it shows lists that it is in, and otherwise the list, which Shows holds to account for a no.
func (d *Directory) inChain(ctx context.Context, f *server, dn string, shows bool, list string) (bool, error) {
	q := f.at(list, is("member"+chain, dn), []string{noAttributes})
	if shows {
		q = f.at(dn, is("memberOf"+chain, list), []string{noAttributes})
	}
	entries, _, err := d.search(ctx, "tell whether an entry is in a list", q)
	return len(entries) > 0, err
}

// steps reads the lists that match, and puts them behind one another, beginning with the direct ones. Where some cannot be
// reached through the others, the server does not show all that it knows, and the lists have to be asked for one by one.
func (d *Directory) steps(ctx context.Context, f *server, filter string, direct map[string]bool) ([]directory.Step, error) {
	entries, err := d.all(ctx, "read the lists above a person", f.below(both(f.groups, filter), append(f.groupAttributes(), "memberOf")))
	if err != nil {
		return nil, err
	}
	waiting := f.nodes(entries)
	slices.SortFunc(waiting, byName)
	var steps []directory.Step
	var reached []node
	enter := func(from int, isAbove func(key string) bool) {
		waiting = slices.DeleteFunc(waiting, func(n node) bool {
			if !isAbove(directory.Key(n.DN)) {
				return false
			}
			steps = append(steps, directory.Step{Group: n.Group, From: from})
			reached = append(reached, n)
			return true
		})
	}
	enter(-1, func(key string) bool { return direct[key] })
	for i := 0; i < len(reached); i++ { //nolint:intrange // enter makes it longer on the way
		enter(i, func(key string) bool { return reached[i].above[key] })
	}
	if len(waiting) > 0 {
		return nil, fmt.Errorf("put %d lists on a way: %w", len(waiting), errors.ErrUnsupported)
	}
	return steps, nil
}

func byName(a, b node) int {
	return cmp.Or(strings.Compare(directory.Key(a.Name), directory.Key(b.Name)), strings.Compare(a.DN, b.DN))
}
