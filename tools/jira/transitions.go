package jira

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

// transition is a way in which an issue's status can change now.
type transition struct {
	ID     string                     `json:"id"`
	Name   string                     `json:"name"`
	To     transitionTarget           `json:"to"`
	Fields map[string]transitionField `json:"fields"` // of its screen
}

type transitionTarget struct {
	Name string `json:"name"`
}

type transitionField struct {
	Required   bool   `json:"required"`
	Name       string `json:"name"`
	HasDefault bool   `json:"hasDefaultValue"`
}

type transitionsArgs struct {
	IssueKey string `json:"issueKey" jsonschema:"E.g. ABC-123." minLength:"3" maxLength:"80"`
}

type transitionItem struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	To       string   `json:"to"`
	Requires []string `json:"requires,omitempty"`
}

type transitionsResult struct {
	Key         string           `json:"key"`
	Status      string           `json:"status"`
	Transitions []transitionItem `json:"transitions"`
}

func (p *Pack) getTransitions(ctx context.Context, c *mcp.Call, in transitionsArgs) (transitionsResult, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return transitionsResult{}, err
	}
	i, err := p.current(ctx, in.IssueKey)
	if err != nil {
		return transitionsResult{}, err
	}
	all, err := p.transitions(ctx, i.Key)
	if err != nil {
		return transitionsResult{}, err
	}
	result := transitionsResult{Key: i.Key, Status: i.Fields.name("status"), Transitions: []transitionItem{}}
	for _, t := range all {
		result.Transitions = append(result.Transitions, transitionItem{ID: t.ID, Name: t.Name, To: t.To.Name, Requires: t.requires()})
	}
	return result, nil
}

// current is an issue that a call named, as it is called now.
func (p *Pack) current(ctx context.Context, text string) (issue, error) {
	key, err := p.checkIssue(text)
	if err != nil {
		return issue{}, err
	}
	return p.readIssue(ctx, key, []string{"status"})
}

func (p *Pack) transitions(ctx context.Context, key string) ([]transition, error) {
	var list struct {
		Transitions []transition `json:"transitions"`
	}
	err := p.get(ctx, p.site.api("/issue/"+key+"/transitions"), query{"expand": {"transitions.fields"}}, &list, noIssue(key))
	return list.Transitions, err
}

// requires are the fields that must be given.
func (t transition) requires() []string {
	var names []string
	for id, f := range t.Fields {
		if !f.Required || f.HasDefault {
			continue
		}
		if f.Name == "" {
			f.Name = id
		}
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// choose finds the transition that a call means, by id, by name, or by the status it leads to.
func choose(all []transition, key, wanted string) (transition, error) {
	wanted = strings.TrimSpace(wanted)
	ways := []func(transition) bool{
		func(t transition) bool { return t.ID == wanted },
		func(t transition) bool { return strings.EqualFold(t.Name, wanted) },
		func(t transition) bool { return strings.EqualFold(t.To.Name, wanted) },
	}
	for _, way := range ways {
		var found []transition
		for _, t := range all {
			if way(t) {
				found = append(found, t)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return transition{}, mcp.ToolErrorf("%d transitions of %s are meant by %q: give the id of one, %s", len(found), key, wanted, described(found))
		}
	}
	if len(all) == 0 {
		return transition{}, mcp.ToolErrorf("%s has no transition that this credential may use", key)
	}
	return transition{}, mcp.ToolErrorf("%s has no transition %q now; it has %s", key, wanted, described(all))
}

func described(all []transition) string {
	var parts []string
	for _, t := range all {
		parts = append(parts, fmt.Sprintf("%s (%s, to %s)", t.ID, clip.Line(t.Name), clip.Line(t.To.Name)))
	}
	return strings.Join(parts, ", ")
}

type transitionArgs struct {
	IssueKey   string `json:"issueKey" jsonschema:"E.g. ABC-123." minLength:"3" maxLength:"80"`
	Transition string `json:"transition" jsonschema:"Id or name, from get_jira_transitions." minLength:"1" maxLength:"255"`
	Comment    string `json:"comment,omitempty" jsonschema:"Comment to add, in Markdown." maxLength:"30000"`
}

type transitionResult struct {
	Key    string `json:"key" jsonschema:"Issue key."`
	From   string `json:"from" jsonschema:"Status before."`
	Status string `json:"status" jsonschema:"Status now."`
	Note   string `json:"note,omitempty" jsonschema:"What was not done."`
}

func (p *Pack) transitionIssue(ctx context.Context, c *mcp.Call, in transitionArgs) (transitionResult, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return transitionResult{}, err
	}
	i, err := p.current(ctx, in.IssueKey)
	if err != nil {
		return transitionResult{}, err
	}
	all, err := p.transitions(ctx, i.Key)
	if err != nil {
		return transitionResult{}, err
	}
	t, err := choose(all, i.Key, in.Transition)
	if err != nil {
		return transitionResult{}, err
	}
	body := map[string]any{"transition": map[string]any{"id": t.ID}}
	_, onScreen := t.Fields["comment"]
	if in.Comment != "" && onScreen {
		body["update"] = map[string]any{"comment": []any{map[string]any{"add": map[string]any{"body": p.richText(in.Comment)}}}}
	}
	if err := p.post(ctx, p.site.api("/issue/"+i.Key+"/transitions"), body, nil, noIssue(i.Key)); err != nil {
		if missing := t.requires(); len(missing) > 0 {
			err = withAdvice(err, "the transition asks for "+strings.Join(missing, ", ")+", which this tool cannot fill in")
		}
		return transitionResult{}, err
	}
	result := transitionResult{Key: i.Key, From: i.Fields.name("status"), Status: t.To.Name}
	if in.Comment != "" && !onScreen { // without a place on the screen Jira takes a comment and forgets it
		if _, err := p.comment(ctx, i.Key, in.Comment); err != nil {
			result.Note = "the status was changed, the comment was not added: " + clip.Line(err.Error())
		}
	}
	return result, nil
}
