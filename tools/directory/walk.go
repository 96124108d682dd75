package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// What one answer may cost. Whatever a walk leaves out because of these is said in the answer.
const (
	maxGroups = 1000   // lists looked into: nesting may be wide, and a far directory is asked once a list
	maxPeople = 10_000 // people collected from nested lists: they are sorted in memory
)

// A gap is something that a walk could not look into, in words that begin the sentence "… were not read".
type gap string

// reached is a list met while climbing and the list it was reached through.
type reached struct {
	Group
	from int // index of the list below it; -1 where the person is a direct member
}

// climb is every list above a person, nearest first: the first time a list is met is on a shortest way to it.
type climb struct {
	lists  []reached
	gaps   []gap
	narrow bool // lists beside the way to the one looked for were not collected
}

// climbFrom collects the lists that the person is on, directly and, if nested, through other lists, until it meets the
// one with the DN in until (empty: all). Each list is visited once, so lists that contain one another end it.
//
// A directory that fails to answer for one list leaves a gap; where it fails for the person, that is all there is. The
// error is the cause of ctx's end, or a *Failure of a directory that is down.
func climbFrom(ctx context.Context, dir Directory, p Person, nested bool, until string) (climb, error) {
	climber, climbs := dir.(Climber)
	if !climbs || !nested {
		return climbListByList(ctx, dir, p, nested, until)
	}
	c := climb{narrow: until != ""}
	steps, err := climber.Climb(ctx, p, until)
	switch {
	case ctx.Err() != nil:
		return c, context.Cause(ctx)
	case errors.Is(err, errors.ErrUnsupported):
		c, err := climbListByList(ctx, dir, p, nested, until)
		if _, found := c.find(until); err == nil && until != "" && !found {
			c.gaps = append(c.gaps, gap("the lists on the way, which there is,"))
		}
		return c, err
	case isDown(err):
		return c, err
	case err != nil:
		c.gaps = append(c.gaps, gap("the lists above "+label(p)))
	}
	for _, s := range steps {
		c.lists = append(c.lists, reached{s.Group, s.From})
	}
	return c, nil
}

// hold adds a gap to a whole climb that did not meet list, where the person might be on it and the directory not show it. The
// error is as that of climbFrom.
func (c *climb) hold(ctx context.Context, dir Directory, p Person, list Group) error {
	witness, mayHide := dir.(Witness)
	if _, found := c.find(list.DN); found || !mayHide || len(c.gaps) > 0 {
		return nil
	}
	shows, err := witness.Shows(ctx, p, list.DN)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isDown(err):
		return err
	case err != nil || !shows:
		c.gaps = append(c.gaps, gap("the members of "+list.Name+", if there are any,"))
	}
	return nil
}

// climbListByList is climbFrom in directories that know of each list only what is right above it.
func climbListByList(ctx context.Context, dir Directory, p Person, nested bool, until string) (climb, error) {
	var c climb
	seen := map[string]bool{}
	until = key(until)
	enter := func(above []Group, from int) (met bool) {
		for _, g := range above {
			k := key(g.DN)
			if seen[k] {
				continue
			}
			seen[k] = true
			c.lists = append(c.lists, reached{g, from})
			if k == until {
				return true
			}
		}
		return false
	}

	above, err := dir.GroupsOf(ctx, p.DN, p.Login)
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if isDown(err) {
		return c, err
	}
	if err != nil {
		c.gaps = append(c.gaps, gap("the lists that have "+label(p)+" as a member"))
		return c, nil
	}
	if enter(above, -1) || !nested {
		return c, nil
	}
	for i := 0; i < len(c.lists); i++ { //nolint:intrange // enter makes the list longer on the way
		if i == maxGroups {
			c.gaps = append(c.gaps, gap(fmt.Sprintf("the lists beyond the first %d", maxGroups)))
			break
		}
		above, err := dir.GroupsOf(ctx, c.lists[i].DN, "")
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		if isDown(err) {
			return c, err
		}
		if err != nil {
			c.gaps = append(c.gaps, gap("the lists that contain "+c.lists[i].Name))
			continue
		}
		if enter(above, i) {
			break
		}
	}
	return c, nil
}

// path returns the lists on the way from the person to the i-th list, that one included.
func (c *climb) path(i int) []string {
	var names []string
	for ; i >= 0; i = c.lists[i].from {
		names = append(names, c.lists[i].Name)
	}
	slices.Reverse(names)
	return names
}

// find returns the index of the list with this DN.
func (c *climb) find(dn string) (i int, found bool) {
	k := key(dn)
	i = slices.IndexFunc(c.lists, func(r reached) bool { return key(r.DN) == k })
	return i, i >= 0
}

// enclosed is a person on a list and the nearest list inside it that names the person.
type enclosed struct {
	Person
	through string // empty where the person is named by the list asked for
}

// descent is every person in a list and the lists inside it.
type descent struct {
	people []enclosed // nearest first
	gaps   []gap
}

// descendFrom collects the people on the list and on all lists inside it, each person and each list once. A list inside
// that could not be read leaves a gap; a failure to read the list itself is an error, as is a directory that is down.
func descendFrom(ctx context.Context, dir Directory, g Group) (descent, error) {
	var d descent
	seenPeople, seenGroups := map[string]bool{}, map[string]bool{key(g.DN): true}
	queue := []Group{g}
	for i := 0; i < len(queue); i++ {
		if i == maxGroups {
			d.gaps = append(d.gaps, gap(fmt.Sprintf("the lists beyond the first %d", maxGroups)))
			break
		}
		inside, err := dir.Members(ctx, queue[i].DN)
		if ctx.Err() != nil {
			return d, context.Cause(ctx)
		}
		if err != nil {
			if i == 0 || isDown(err) {
				return d, fmt.Errorf("read the members of %s: %w", queue[i].Name, err)
			}
			d.gaps = append(d.gaps, gap("the members of "+queue[i].Name))
			continue
		}
		through := ""
		if i > 0 {
			through = queue[i].Name
		}
		for _, p := range inside.People {
			if k := key(p.DN); !seenPeople[k] {
				if len(d.people) == maxPeople {
					d.gaps = append(d.gaps, gap(fmt.Sprintf("the people beyond the first %d", maxPeople)))
					return d, nil
				}
				seenPeople[k] = true
				d.people = append(d.people, enclosed{p, through})
			}
		}
		for _, sub := range inside.Groups {
			if k := key(sub.DN); !seenGroups[k] {
				seenGroups[k] = true
				queue = append(queue, sub)
			}
		}
	}
	return d, nil
}

// Why a chain of managers ends.
const (
	endTop     = "top"     // the last one reports to nobody
	endDepth   = "depth"   // there are more, but no more were asked for
	endCycle   = "cycle"   // the last one reports to somebody already in the chain
	endMissing = "missing" // the last one's manager is not in the directory
)

// managersOf returns whom p reports to, nearest first, at most depth of them, and why the chain ends.
func managersOf(ctx context.Context, dir Directory, p Person, depth int) (chain []Person, end string, err error) {
	seen := map[string]bool{key(p.DN): true}
	for p.ManagerDN != "" {
		if seen[key(p.ManagerDN)] {
			return chain, endCycle, nil
		}
		if len(chain) == depth {
			return chain, endDepth, nil
		}
		boss, found, err := dir.Person(ctx, p.ManagerDN)
		if err != nil {
			return chain, "", fmt.Errorf("look up the manager of %s: %w", label(p), err)
		}
		if !found {
			return chain, endMissing, nil
		}
		seen[key(boss.DN)] = true
		chain = append(chain, boss)
		p = boss
	}
	return chain, endTop, nil
}

// label is what to call a person in a sentence.
func label(p Person) string {
	for _, name := range []string{p.DisplayName, p.Login, p.Mail} {
		if name != "" {
			return name
		}
	}
	return p.DN
}
