package directory

import (
	"context"
	"fmt"
	"strings"

	"toolgate/mcp"
)

// Name is the pack's name in tools.toolsets.
const Name = "directory"

const suggestions = 3 // names offered in place of one that does not exist

// Pack is the tools over one directory.
type Pack struct{ dir Directory }

// New makes the pack. It calls dir from many goroutines.
func New(dir Directory) *Pack { return &Pack{dir: dir} }

// Features returns the tools. All are read-only.
func (p *Pack) Features() mcp.Features {
	return mcp.Features{Tools: []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "get_user",
			Title:       "Get user",
			Description: "Looks up one person in the company directory: name, mail, title, department, manager, and whether the account is enabled. Needs an exact identity; use search_users to find people by part of a name.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, answering(p.getUser)),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "is_user_in_dl",
			Title:       "Is user in distribution list",
			Description: "Tells whether a person is on a distribution list or in a group, directly or through nested lists, and by which path. The answer is yes, no or unknown.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, answering(p.isUserInDL)),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "search_users",
			Title:       "Search users",
			Description: "Finds people in the company directory by words in their login, name, mail address, title or department. An empty items means that nobody matches.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, answering(p.searchUsers)),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "get_user_groups",
			Title:       "Get a user's lists",
			Description: "Lists the distribution lists and groups that a person is on. To ask about one list, is_user_in_dl is quicker.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, answering(p.getUserGroups)),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "get_dl_members",
			Title:       "Get members of a distribution list",
			Description: "Lists who is on a distribution list or in a group: its direct members, or with nested everybody on it and on the lists inside it.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, answering(p.getDLMembers)),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "get_manager_chain",
			Title:       "Get manager chain",
			Description: "Tells whom a person reports to: the manager, the manager's manager and so on up to the top.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, answering(p.getManagerChain)),
	}}
}

// person finds whom a tool was asked about. Where there is nobody, the error tells the model whom it may have meant.
func (p *Pack) person(ctx context.Context, identity string) (Person, error) {
	if key(identity) == "" {
		return Person{}, mcp.ToolErrorf("user_identity is empty: give a login, mail address, UPN or DN")
	}
	who, found, err := p.dir.Person(ctx, identity)
	if err != nil {
		return Person{}, fmt.Errorf("look up the person %q: %w", identity, err)
	}
	if !found {
		near, err := p.dir.NearPeople(ctx, identity, suggestions)
		return Person{}, unknown("person", identity, near, err, "search_users finds people by part of a name")
	}
	return who, nil
}

// group finds the list a tool was asked about. Where there is none, the error tells the model which it may have meant.
func (p *Pack) group(ctx context.Context, name string) (Group, error) {
	if key(name) == "" {
		return Group{}, mcp.ToolErrorf("dl_name is empty: give a list's name, mail address or DN")
	}
	g, found, err := p.dir.Group(ctx, name)
	if err != nil {
		return Group{}, fmt.Errorf("look up the list %q: %w", name, err)
	}
	if !found {
		near, err := p.dir.NearGroups(ctx, name, suggestions)
		return Group{}, unknown("list", name, near, err, "get_user_groups tells which lists a person is on")
	}
	return g, nil
}

// unknown says that a name does not exist. The suggestions are an extra: where they could not be had, the answer stands
// without them.
func unknown(kind, name string, near []string, noSuggestions error, otherwise string) error {
	if noSuggestions != nil || len(near) == 0 {
		return mcp.ToolErrorf("there is no %s %q in the directory; %s", kind, name, otherwise)
	}
	return mcp.ToolErrorf("there is no %s %q in the directory; did you mean %s?", kind, name, strings.Join(near, ", "))
}

// cursorFor decodes a tool's cursor argument.
func cursorFor(text, question string) (cursor, error) {
	c, err := parseCursor(text, question)
	if err != nil {
		return c, mcp.ToolErrorf("%s", err)
	}
	return c, nil
}

// missing is the sentence about what a walk left out; empty where it left out nothing.
func missing(gaps []gap) string {
	if len(gaps) == 0 {
		return ""
	}
	const named = 3 // one failing server can leave hundreds
	var parts []string
	for _, g := range gaps[:min(named, len(gaps))] {
		parts = append(parts, string(g))
	}
	text := strings.Join(parts, ", ")
	if more := len(gaps) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " were not read"
}
