package directory

import (
	"context"
	"fmt"
	"strings"

	"toolgate/mcp"
)

// person is somebody in a list of people: what tells them apart, and no more.
type person struct {
	Login       string `json:"login"`
	DisplayName string `json:"displayName"`
	Mail        string `json:"mail,omitempty"`
	Title       string `json:"title,omitempty"`
	Department  string `json:"department,omitempty"`
	Enabled     bool   `json:"enabled"`
}

func personOf(p Person) person {
	return person{
		Login: p.Login, DisplayName: p.DisplayName, Mail: p.Mail,
		Title: p.Title, Department: p.Department, Enabled: !p.Disabled,
	}
}

func personsOf(people []Person) []person {
	all := make([]person, 0, len(people))
	for _, p := range people {
		all = append(all, personOf(p))
	}
	return all
}

type getUserArgs struct {
	UserIdentity string `json:"user_identity" jsonschema:"Login, mail address, UPN or DN." minLength:"1" maxLength:"1024"`
}

type getUserResult struct {
	Login       string `json:"login"`
	DisplayName string `json:"displayName"`
	Mail        string `json:"mail,omitempty"`
	UPN         string `json:"upn,omitempty" jsonschema:"Used to sign in; may differ from mail."`
	DN          string `json:"dn"`
	Title       string `json:"title,omitempty"`
	Department  string `json:"department,omitempty"`
	Manager     string `json:"manager,omitempty" jsonschema:"Login, or DN where that entry cannot be read; absent for who reports to nobody."`
	Enabled     bool   `json:"enabled"`
}

func (p *Pack) getUser(ctx context.Context, _ *mcp.Call, in getUserArgs) (getUserResult, error) {
	who, err := p.person(ctx, in.UserIdentity)
	if err != nil {
		return getUserResult{}, err
	}
	manager := who.ManagerDN
	if manager != "" {
		boss, found, err := p.dir.Person(ctx, manager)
		if err == nil && found {
			manager = boss.Login
		}
	}
	return getUserResult{
		Login: who.Login, DisplayName: who.DisplayName, Mail: who.Mail, UPN: who.UPN, DN: who.DN,
		Title: who.Title, Department: who.Department, Manager: manager, Enabled: !who.Disabled,
	}, nil
}

type searchUsersArgs struct {
	Query  string `json:"query" jsonschema:"Words, e.g. of a name, a title or a department. Every one must match." minLength:"1" maxLength:"200"`
	Limit  int    `json:"limit,omitempty" jsonschema:"People a page." minimum:"1" maximum:"50" default:"20"`
	Cursor string `json:"cursor,omitempty" jsonschema:"nextCursor of the page before." maxLength:"1024"`
}

type searchUsersResult struct {
	Items      []person `json:"items"`
	NextCursor string   `json:"nextCursor,omitempty" jsonschema:"For the next page; absent on the last."`
}

func (p *Pack) searchUsers(ctx context.Context, _ *mcp.Call, in searchUsersArgs) (searchUsersResult, error) {
	if strings.TrimSpace(in.Query) == "" {
		return searchUsersResult{}, mcp.ToolErrorf("query is empty: give at least one word of a name, title or department")
	}
	c, err := cursorFor(in.Cursor, question("search_users", in.Query))
	if err != nil {
		return searchUsersResult{}, err
	}
	// One more than shown tells whether there is a next page.
	found, err := p.dir.Search(ctx, in.Query, c.after, in.Limit+1)
	if err != nil {
		return searchUsersResult{}, fmt.Errorf("search people for %q: %w", in.Query, err)
	}
	var next string
	if len(found) > in.Limit {
		found = found[:in.Limit]
		c.after = Position(found[in.Limit-1])
		next = c.String()
	}
	return searchUsersResult{Items: personsOf(found), NextCursor: next}, nil
}

type getManagerChainArgs struct {
	UserIdentity string `json:"user_identity" jsonschema:"Login, mail address, UPN or DN." minLength:"1" maxLength:"1024"`
	Depth        int    `json:"depth,omitempty" jsonschema:"Managers to go up at most." minimum:"1" maximum:"10" default:"10"`
}

type getManagerChainResult struct {
	User   string   `json:"user"`
	Chain  []person `json:"chain" jsonschema:"Nearest first."`
	End    string   `json:"end" enum:"top,depth,cycle,missing" jsonschema:"Why the chain ends: top (who reports to nobody), depth (more above), cycle (back to somebody named), missing (not in the directory)."`
	Reason string   `json:"reason"`
}

func (p *Pack) getManagerChain(ctx context.Context, _ *mcp.Call, in getManagerChainArgs) (getManagerChainResult, error) {
	who, err := p.person(ctx, in.UserIdentity)
	if err != nil {
		return getManagerChainResult{}, err
	}
	chain, end, err := managersOf(ctx, p.dir, who, in.Depth)
	if err != nil {
		return getManagerChainResult{}, err
	}
	last := who
	if len(chain) > 0 {
		last = chain[len(chain)-1]
	}
	return getManagerChainResult{User: who.Login, Chain: personsOf(chain), End: end, Reason: endReason(end, label(last))}, nil
}

func endReason(end, last string) string {
	switch end {
	case endDepth:
		return "there are more managers above " + last
	case endCycle:
		return last + " reports to somebody who is already in the chain"
	case endMissing:
		return "the manager of " + last + " is not in the directory"
	default:
		return last + " reports to nobody"
	}
}
