package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
)

// maxLists bounds how many lists are met on the way to one: each is an entry read, and a part of a filter.
const maxLists = 1000

// node is a list and, where the server keeps it, which lists it is in.
type node struct {
	directory.Group
	above map[string]bool // keys of DNs
}

// Climb finds the way to one list, level by level: all lists above the lists of a level are one question. Active Directory is
// asked in another way, and for all lists as well.
func (d *Directory) Climb(ctx context.Context, p directory.Person, until string) ([]directory.Step, error) {
	f, err := d.facts(ctx)
	if err != nil {
		return nil, err
	}
	if f.ad {
		return d.climbAD(ctx, f, p, until)
	}
	if until == "" {
		return nil, fmt.Errorf("find every list at once: %w", errors.ErrUnsupported)
	}
	var levels [][]node
	seen := map[string]bool{}
	dns, logins := []string{p.DN}, []string{p.Login}
	for len(dns) > 0 {
		level, err := d.levelAbove(ctx, f, dns, logins)
		if err != nil {
			return nil, err
		}
		level = slices.DeleteFunc(level, func(n node) bool {
			key := directory.Key(n.DN)
			met := seen[key]
			seen[key] = true
			return met
		})
		if i := slices.IndexFunc(level, func(n node) bool { return directory.Key(n.DN) == directory.Key(until) }); i >= 0 {
			return d.wayBack(ctx, f, levels, level[i])
		}
		if len(seen) > maxLists {
			return nil, &directory.Failure{Message: fmt.Sprintf("more than %d lists are above the person", maxLists)}
		}
		levels = append(levels, level)
		dns, logins = dnsOf(level), nil
	}
	return nil, nil
}

// levelAbove reads the lists that name one of the entries, by name.
func (d *Directory) levelAbove(ctx context.Context, f *server, dns, logins []string) ([]node, error) {
	var level []node
	for some := range slices.Chunk(dns, batch) {
		entries, err := d.all(ctx, "read the lists above others", f.below(
			both(f.groups, f.naming(some, logins)), append(f.groupAttributes(), "memberOf")))
		if err != nil {
			return nil, err
		}
		level = append(level, f.nodes(entries)...)
	}
	slices.SortFunc(level, byName)
	return level, nil
}

// nodes are lists with memberOf.
func (s *schema) nodes(entries []*ldap.Entry) []node {
	var all []node
	for _, e := range entries {
		n := node{Group: s.group(e), above: map[string]bool{}}
		for _, dn := range e.GetEqualFoldAttributeValues("memberOf") {
			n.above[directory.Key(dn)] = true
		}
		all = append(all, n)
	}
	return all
}

// wayBack is the way to goal, which is above the last of the levels.
func (d *Directory) wayBack(ctx context.Context, f *server, levels [][]node, goal node) ([]directory.Step, error) {
	way := []node{goal}
	for _, level := range slices.Backward(levels) {
		below, err := d.memberAmong(ctx, f, way[0], level)
		if err != nil {
			return nil, err
		}
		way = slices.Insert(way, 0, below)
	}
	steps := make([]directory.Step, 0, len(way))
	for i, n := range way {
		steps = append(steps, directory.Step{Group: n.Group, From: i - 1})
	}
	return steps, nil
}

// memberAmong is one of the lists that is a direct member of another, which at least one of them is. What a server says that
// the lists are in is where it looks first, and no proof: some count what they are in through others.
func (d *Directory) memberAmong(ctx context.Context, f *server, list node, among []node) (node, error) {
	var hinted []node
	for _, n := range among {
		if n.above[directory.Key(list.DN)] {
			hinted = append(hinted, n)
		}
	}
	if len(hinted) > 0 && len(hinted) < len(among) {
		if has, err := d.hasOneOf(ctx, f, list, hinted); err != nil {
			return node{}, err
		} else if has {
			among = hinted
		}
	}
	for len(among) > 1 {
		half := among[:len(among)/2]
		has, err := d.hasOneOf(ctx, f, list, half)
		if err != nil {
			return node{}, err
		}
		if has {
			among = half
		} else {
			among = among[len(half):]
		}
	}
	return among[0], nil
}

// hasOneOf says whether a list names one of the others.
func (d *Directory) hasOneOf(ctx context.Context, f *server, list node, others []node) (bool, error) {
	for some := range slices.Chunk(dnsOf(others), batch) {
		entries, _, err := d.search(ctx, "tell whether lists are in another", f.at(list.DN, f.naming(some, nil), []string{noAttributes}))
		if err != nil || len(entries) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

func dnsOf(nodes []node) []string {
	var dns []string
	for _, n := range nodes {
		dns = append(dns, n.DN)
	}
	return dns
}
