package jira

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

const maxNamed = 30 // issue types or people named in an error

type createArgs struct {
	ProjectKey   string   `json:"projectKey" jsonschema:"E.g. ABC." minLength:"1" maxLength:"64"`
	IssueType    string   `json:"issueType" jsonschema:"E.g. Bug." minLength:"1" maxLength:"100"`
	Summary      string   `json:"summary" jsonschema:"One line." minLength:"1" maxLength:"255"`
	Description  string   `json:"description,omitempty" jsonschema:"Markdown." maxLength:"30000"`
	Labels       []string `json:"labels,omitempty" jsonschema:"Without spaces."`
	Assignee     string   `json:"assignee,omitempty" jsonschema:"Name, mail address or account id." maxLength:"255"`
	Priority     string   `json:"priority,omitempty" jsonschema:"E.g. High." maxLength:"100"`
	Parent       string   `json:"parent,omitempty" jsonschema:"Key of the parent or epic." maxLength:"80"`
	CustomFields string   `json:"customFields,omitempty" jsonschema:"JSON object of other fields by name or id, values as Jira's API takes them." maxLength:"20000"`
}

type createResult struct {
	Key       string `json:"key" jsonschema:"Key of the new issue."`
	BrowseURL string `json:"browseUrl,omitempty" jsonschema:"For people."`
}

func (p *Pack) createIssue(ctx context.Context, c *mcp.Call, in createArgs) (createResult, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return createResult{}, err
	}
	project, err := p.checkProject(in.ProjectKey)
	if err != nil {
		return createResult{}, err
	}
	kind, err := p.issueType(ctx, project, in.IssueType)
	if err != nil {
		return createResult{}, err
	}
	fields := map[string]any{
		"project": map[string]any{"key": project}, "issuetype": map[string]any{"id": kind.ID}, "summary": clip.Line(in.Summary),
	}
	if in.Description != "" {
		fields["description"] = p.richText(in.Description)
	}
	if len(in.Labels) > 0 {
		fields["labels"] = in.Labels
	}
	if in.Priority != "" {
		fields["priority"] = map[string]any{"name": in.Priority}
	}
	if in.Assignee != "" {
		if fields["assignee"], err = p.assignee(ctx, project, in.Assignee); err != nil {
			return createResult{}, err
		}
	}
	if in.Parent != "" {
		if err := p.parent(ctx, in.Parent, kind, fields); err != nil {
			return createResult{}, err
		}
	}
	if err := p.customFields(ctx, in.CustomFields, fields); err != nil {
		return createResult{}, err
	}
	var created struct {
		Key string `json:"key"`
	}
	if err := p.post(ctx, p.site.api("/issue"), map[string]any{"fields": fields}, &created, "there is no project "+project); err != nil {
		return createResult{}, err
	}
	return createResult{created.Key, p.site.browse(created.Key)}, nil
}

// issueType is a kind of issue that a project has.
type issueType struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Subtask bool   `json:"subtask"`
}

func (p *Pack) issueType(ctx context.Context, project, wanted string) (issueType, error) {
	var found struct {
		Types []issueType `json:"issueTypes"`
	}
	if err := p.get(ctx, p.site.api("/project/"+project), nil, &found, "there is no project "+project); err != nil {
		return issueType{}, err
	}
	var names []string
	for _, t := range found.Types {
		if strings.EqualFold(t.Name, strings.TrimSpace(wanted)) || t.ID == wanted {
			return t, nil
		}
		names = append(names, clip.Line(t.Name))
	}
	return issueType{}, mcp.ToolErrorf("%s has no issue type %q; it has %s", project, wanted, strings.Join(names[:min(len(names), maxNamed)], ", "))
}

// parent sets what an issue belongs to. On a Data Center that is another field for epics.
func (p *Pack) parent(ctx context.Context, text string, kind issueType, fields map[string]any) error {
	key, err := p.checkIssue(text)
	if err != nil {
		return err
	}
	if !p.site.cloud && !kind.Subtask {
		b, err := p.fieldBook(ctx)
		if err != nil {
			return err
		}
		if b.epic != "" {
			fields[b.epic] = key
			return nil
		}
	}
	fields["parent"] = map[string]any{"key": key}
	return nil
}

// person is somebody who may be given an issue.
type person struct {
	AccountID   string `json:"accountId"` // Cloud
	Name        string `json:"name"`      // Data Center
	DisplayName string `json:"displayName"`
	Mail        string `json:"emailAddress"`
}

// assignee finds the one whom a call means, as Jira wants to be told.
func (p *Pack) assignee(ctx context.Context, project, text string) (map[string]any, error) {
	text = strings.TrimSpace(text)
	q := query{"project": {project}, "maxResults": {"20"}}
	by := "username"
	if p.site.cloud {
		by = "query"
	}
	q[by] = []string{text}
	var people []person
	if err := p.get(ctx, p.site.api("/user/assignable/search"), q, &people, "there is no project "+project); err != nil {
		return nil, err
	}
	if p.site.cloud && len(people) == 0 { // an account id is not searched for
		if err := p.get(ctx, p.site.api("/user/assignable/search"), query{"project": {project}, "accountId": {text}}, &people, "there is no project "+project); err != nil {
			return nil, err
		}
	}
	exact := slices.DeleteFunc(slices.Clone(people), func(who person) bool {
		return !slices.ContainsFunc([]string{who.AccountID, who.Name, who.DisplayName, who.Mail}, func(s string) bool { return s != "" && strings.EqualFold(s, text) })
	})
	if len(exact) > 0 {
		people = exact
	}
	switch {
	case len(people) == 0:
		return nil, mcp.ToolErrorf("nobody called %q can be given issues of %s", text, project)
	case len(people) > 1:
		var names []string
		for _, who := range people[:min(len(people), maxNamed)] {
			id := who.AccountID
			if id == "" {
				id = who.Name
			}
			names = append(names, fmt.Sprintf("%s (%s)", clip.Line(who.DisplayName), id))
		}
		return nil, mcp.ToolErrorf("%q can be any of %s: give one by what is in the parentheses", text, strings.Join(names, ", "))
	case p.site.cloud:
		return map[string]any{"accountId": people[0].AccountID}, nil
	}
	return map[string]any{"name": people[0].Name}, nil
}

// customFields adds fields that a call gives as JSON. Those that have arguments of their own are refused: some of them
// decide which project an issue is in.
func (p *Pack) customFields(ctx context.Context, text string, fields map[string]any) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var given map[string]jsontext.Value
	if !jsontext.Value(text).IsValid() || decode([]byte(text), &given) != nil { // strict, as what is sent must be
		return mcp.ToolErrorf(`customFields is not a JSON object in which each name stands once, such as {"Story Points": 3}`)
	}
	b := p.knownFields(ctx)
	for name, value := range given {
		id, err := b.find(name)
		if err != nil {
			return err
		}
		if slices.Contains([]string{"project", "issuetype", "summary", "description", "labels", "assignee", "priority", "parent", b.epic}, id) {
			return mcp.ToolErrorf("customFields must not hold %q: it has an argument of its own", name)
		}
		if _, twice := fields[id]; twice {
			return mcp.ToolErrorf("customFields holds %q twice, by name and by id", name)
		}
		fields[id] = value
	}
	return nil
}

type commentArgs struct {
	IssueKey string `json:"issueKey" jsonschema:"E.g. ABC-123." minLength:"3" maxLength:"80"`
	Body     string `json:"body" jsonschema:"Markdown." minLength:"1" maxLength:"30000"`
}

type commentResult struct {
	Key       string `json:"key" jsonschema:"Issue key."`
	CommentID string `json:"commentId" jsonschema:"Id of the comment."`
	BrowseURL string `json:"browseUrl,omitempty" jsonschema:"For people."`
}

func (p *Pack) addComment(ctx context.Context, c *mcp.Call, in commentArgs) (commentResult, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return commentResult{}, err
	}
	i, err := p.current(ctx, in.IssueKey)
	if err != nil {
		return commentResult{}, err
	}
	id, err := p.comment(ctx, i.Key, in.Body)
	if err != nil {
		return commentResult{}, err
	}
	result := commentResult{Key: i.Key, CommentID: id, BrowseURL: p.site.browse(i.Key)}
	if result.BrowseURL != "" {
		result.BrowseURL += "?focusedCommentId=" + url.QueryEscape(id)
	}
	return result, nil
}

// comment adds a comment and returns its id.
func (p *Pack) comment(ctx context.Context, key, body string) (string, error) {
	var created struct {
		ID string `json:"id"`
	}
	err := p.post(ctx, p.site.api("/issue/"+key+"/comment"), map[string]any{"body": p.richText(body)}, &created, noIssue(key))
	return created.ID, err
}

// richText is Markdown as this kind of Jira takes it.
func (p *Pack) richText(source string) any {
	doc := document(source)
	if p.site.cloud {
		return doc
	}
	return wiki(doc)
}

// withAdvice adds a sentence to an error for the model.
func withAdvice(err error, advice string) error {
	var forModel *mcp.ToolError
	if !errors.As(err, &forModel) {
		return err
	}
	return &mcp.ToolError{Message: forModel.Message + "; " + advice, RetryAfter: forModel.RetryAfter}
}
