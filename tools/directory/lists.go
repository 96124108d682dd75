package directory

import (
	"context"
	"fmt"
	"strings"

	"toolgate/mcp"
)

// The answers of is_user_in_dl.
const (
	memberYes     = "yes"
	memberNo      = "no"
	memberUnknown = "unknown"
)

type isUserInDLArgs struct {
	UserIdentity string `json:"user_identity" jsonschema:"Login, mail address, UPN or DN." minLength:"1" maxLength:"1024"`
	DLName       string `json:"dl_name" jsonschema:"Name, mail address or DN of the list." minLength:"1" maxLength:"1024"`
	Nested       bool   `json:"nested,omitempty" jsonschema:"Count membership through lists inside the list." default:"true"`
}

type isUserInDLResult struct {
	Member string   `json:"member" enum:"yes,no,unknown" jsonschema:"unknown where something could not be read; never take it for no."`
	Direct bool     `json:"direct"`
	Via    []string `json:"via" jsonschema:"Lists on the way from one that names the person to the one asked about."`
	Reason string   `json:"reason"`
}

func (p *Pack) isUserInDL(ctx context.Context, _ *mcp.Call, in isUserInDLArgs) (isUserInDLResult, error) {
	who, err := p.person(ctx, in.UserIdentity)
	if err != nil {
		return isUserInDLResult{}, err
	}
	list, err := p.group(ctx, in.DLName)
	if err != nil {
		return isUserInDLResult{}, err
	}
	c, err := climbFrom(ctx, p.dir, who, in.Nested, list.DN)
	if err != nil {
		return isUserInDLResult{}, fmt.Errorf("look for %s above %s: %w", list.Name, label(who), err)
	}
	if err := c.hold(ctx, p.dir, who, list); err != nil {
		return isUserInDLResult{}, fmt.Errorf("make sure that %s is not in %s: %w", label(who), list.Name, err)
	}
	answer := membership(who, list, c, in.Nested)
	if who.Disabled {
		answer.Reason += "; the account is disabled"
	}
	return answer, nil
}

// membership reads the answer off a climb that had list as its goal.
func membership(who Person, list Group, c climb, nested bool) isUserInDLResult {
	if i, found := c.find(list.DN); found {
		via := c.path(i)
		return isUserInDLResult{
			Member: memberYes, Direct: len(via) == 1, Via: via,
			Reason: label(who) + " is a direct member of " + strings.Join(via, ", which is in "),
		}
	}
	answer := isUserInDLResult{Member: memberNo}
	switch {
	case len(c.gaps) > 0:
		answer.Member = memberUnknown
		answer.Reason = fmt.Sprintf("no way from %s to %s was found, but %s", label(who), list.Name, missing(c.gaps))
	case !nested:
		answer.Reason = fmt.Sprintf("%s is not a direct member of %s; lists inside it were not looked at", label(who), list.Name)
	case c.narrow:
		answer.Reason = fmt.Sprintf("%s is not on %s, neither directly nor through other lists", label(who), list.Name)
	case len(c.lists) == 0:
		answer.Reason = label(who) + " is on no list at all"
	default:
		answer.Reason = fmt.Sprintf("%s is not among the %d lists that %s is on, directly or through other lists", list.Name, len(c.lists), label(who))
	}
	return answer
}

type getUserGroupsArgs struct {
	UserIdentity string `json:"user_identity" jsonschema:"Login, mail address, UPN or DN." minLength:"1" maxLength:"1024"`
	Nested       bool   `json:"nested,omitempty" jsonschema:"Also the lists that contain those lists." default:"false"`
	Limit        int    `json:"limit,omitempty" jsonschema:"Lists a page." minimum:"1" maximum:"50" default:"20"`
	Cursor       string `json:"cursor,omitempty" jsonschema:"nextCursor of the page before." maxLength:"1024"`
}

type userGroup struct {
	Name        string `json:"name"`
	Mail        string `json:"mail,omitempty"`
	Description string `json:"description,omitempty"`
	Through     string `json:"through,omitempty" jsonschema:"The list inside this one that the person is on; absent for direct members."`

	at string // its place among the others
}

type getUserGroupsResult struct {
	User       string      `json:"user"`
	Groups     []userGroup `json:"groups"`
	Total      int         `json:"total" jsonschema:"On all pages."`
	Complete   bool        `json:"complete" jsonschema:"False if something could not be read."`
	Missing    string      `json:"missing,omitempty"`
	NextCursor string      `json:"nextCursor,omitempty" jsonschema:"For the next page; absent on the last."`
}

func (p *Pack) getUserGroups(ctx context.Context, _ *mcp.Call, in getUserGroupsArgs) (getUserGroupsResult, error) {
	who, err := p.person(ctx, in.UserIdentity)
	if err != nil {
		return getUserGroupsResult{}, err
	}
	c, err := cursorFor(in.Cursor, question("get_user_groups", who.DN, in.Nested))
	if err != nil {
		return getUserGroupsResult{}, err
	}
	found, err := climbFrom(ctx, p.dir, who, in.Nested, "")
	if err != nil {
		return getUserGroupsResult{}, fmt.Errorf("collect the lists of %s: %w", label(who), err)
	}
	groups := make([]userGroup, 0, len(found.lists))
	for _, l := range found.lists {
		g := userGroup{Name: l.Name, Mail: l.Mail, Description: l.Description, at: position(l.Name, l.DN)}
		if l.from >= 0 {
			g.Through = found.lists[l.from].Name
		}
		groups = append(groups, g)
	}
	shown, next := page(c, groups, func(g userGroup) string { return g.at }, in.Limit)
	return getUserGroupsResult{
		User: who.Login, Groups: shown, Total: len(groups), NextCursor: next,
		Complete: len(found.gaps) == 0, Missing: missing(found.gaps),
	}, nil
}

// Kinds of a list's members. In the order of an answer lists stand before people.
const (
	kindList = "list"
	kindUser = "user"
)

type getDLMembersArgs struct {
	DLName string `json:"dl_name" jsonschema:"Name, mail address or DN of the list." minLength:"1" maxLength:"1024"`
	Nested bool   `json:"nested,omitempty" jsonschema:"The people of lists inside in place of those lists, to any depth." default:"false"`
	Limit  int    `json:"limit,omitempty" jsonschema:"Members a page." minimum:"1" maximum:"50" default:"20"`
	Cursor string `json:"cursor,omitempty" jsonschema:"nextCursor of the page before." maxLength:"1024"`
}

type dlMember struct {
	Kind        string `json:"kind" enum:"user,list"`
	Name        string `json:"name" jsonschema:"Login of the person, or name of the list."`
	DisplayName string `json:"displayName,omitempty"`
	Mail        string `json:"mail,omitempty"`
	Disabled    bool   `json:"disabled,omitzero"`
	Through     string `json:"through,omitempty" jsonschema:"The list inside that names the person; absent for direct members."`

	at string // its place among the others
}

type getDLMembersResult struct {
	List       string     `json:"list"`
	Members    []dlMember `json:"members" jsonschema:"Lists inside, then people."`
	Total      int        `json:"total" jsonschema:"On all pages."`
	Complete   bool       `json:"complete" jsonschema:"False if something could not be read."`
	Missing    string     `json:"missing,omitempty"`
	NextCursor string     `json:"nextCursor,omitempty" jsonschema:"For the next page; absent on the last."`
}

func (p *Pack) getDLMembers(ctx context.Context, _ *mcp.Call, in getDLMembersArgs) (getDLMembersResult, error) {
	list, err := p.group(ctx, in.DLName)
	if err != nil {
		return getDLMembersResult{}, err
	}
	c, err := cursorFor(in.Cursor, question("get_dl_members", list.DN, in.Nested))
	if err != nil {
		return getDLMembersResult{}, err
	}
	members, gaps, err := p.members(ctx, list, in.Nested)
	if err != nil {
		return getDLMembersResult{}, err
	}
	total := len(members)
	shown, next := page(c, members, func(m dlMember) string { return m.at }, in.Limit)
	return getDLMembersResult{
		List: list.Name, Members: shown, Total: total, NextCursor: next,
		Complete: len(gaps) == 0, Missing: missing(gaps),
	}, nil
}

func (p *Pack) members(ctx context.Context, list Group, nested bool) (members []dlMember, gaps []gap, err error) {
	if nested {
		all, err := descendFrom(ctx, p.dir, list)
		if err != nil {
			return nil, nil, err
		}
		for _, who := range all.people {
			members = append(members, memberOf(who.Person, who.through))
		}
		return members, all.gaps, nil
	}
	direct, err := p.dir.Members(ctx, list.DN)
	if err != nil {
		return nil, nil, fmt.Errorf("read the members of %s: %w", list.Name, err)
	}
	for _, g := range direct.Groups {
		members = append(members, dlMember{
			Kind: kindList, Name: g.Name, DisplayName: g.Description, Mail: g.Mail,
			at: kindList + position(g.Name, g.DN),
		})
	}
	for _, who := range direct.People {
		members = append(members, memberOf(who, ""))
	}
	return members, nil, nil
}

func memberOf(who Person, through string) dlMember {
	return dlMember{
		Kind: kindUser, Name: who.Login, DisplayName: who.DisplayName, Mail: who.Mail,
		Disabled: who.Disabled, Through: through, at: kindUser + Position(who),
	}
}
