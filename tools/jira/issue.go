package jira

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

// issueFields are asked for of a single issue.
var issueFields = []string{
	"summary", "issuetype", "status", "priority", "assignee", "reporter", "labels", "components", "fixVersions", "resolution",
	"created", "updated", "duedate", "parent", "subtasks", "issuelinks", "description",
}

const maxCommentText = 16 << 10 // bytes of one comment

type issueArgs struct {
	IssueKey     string   `json:"issueKey" jsonschema:"E.g. ABC-123." minLength:"3" maxLength:"80"`
	Fields       []string `json:"fields,omitempty" jsonschema:"More fields, by name or id."`
	CommentLimit int      `json:"commentLimit,omitempty" jsonschema:"Comments, newest first." minimum:"0" maximum:"50" default:"0"`
}

type issueResult struct {
	Key         string         `json:"key"`
	Summary     string         `json:"summary"`
	Type        string         `json:"type,omitempty"`
	Status      string         `json:"status,omitempty"`
	Resolution  string         `json:"resolution,omitempty"`
	Priority    string         `json:"priority,omitempty"`
	Assignee    string         `json:"assignee,omitempty"`
	Reporter    string         `json:"reporter,omitempty"`
	Labels      []string       `json:"labels,omitempty"`
	Components  []string       `json:"components,omitempty"`
	FixVersions []string       `json:"fixVersions,omitempty"`
	Points      *float64       `json:"points,omitempty"`
	Sprints     []string       `json:"sprints,omitempty"`
	Parent      string         `json:"parent,omitempty"`
	Subtasks    []string       `json:"subtasks,omitempty"`
	Links       []issueLink    `json:"links,omitempty"`
	Created     string         `json:"created,omitempty"`
	Updated     string         `json:"updated,omitempty"`
	Due         string         `json:"due,omitempty"`
	Description string         `json:"description,omitempty"`
	Extra       map[string]any `json:"extra,omitempty"`
	Comments    []issueComment `json:"comments,omitempty"`
	CommentsAll int            `json:"commentsTotal,omitzero"`
	BrowseURL   string         `json:"browseUrl,omitempty"`
}

type issueLink struct {
	Relation string `json:"relation"`
	Key      string `json:"key"`
}

type issueComment struct {
	Author  string `json:"author,omitempty"`
	Created string `json:"created,omitempty"`
	Body    string `json:"body"`
}

func (p *Pack) getIssue(ctx context.Context, c *mcp.Call, in issueArgs) (issueResult, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return issueResult{}, err
	}
	key, err := p.checkIssue(in.IssueKey)
	if err != nil {
		return issueResult{}, err
	}
	w, err := p.want(ctx, in.Fields)
	if err != nil {
		return issueResult{}, err
	}
	base := slices.Clone(issueFields)
	for _, id := range []string{w.book.sprint, w.book.epic} {
		if id != "" {
			base = append(base, id)
		}
	}
	i, err := p.readIssue(ctx, key, w.ids(base))
	if err != nil {
		return issueResult{}, err
	}
	result := p.issueResult(i, w)
	result.Extra = p.extras(w, i.Fields, base)
	if in.CommentLimit > 0 {
		if err := p.comments(ctx, i.Key, in.CommentLimit, &result); err != nil {
			return issueResult{}, err
		}
	}
	return result, nil
}

// readIssue reads an issue by its key. It may have another key now: where that is of a project that may not be seen, it is
// not there.
func (p *Pack) readIssue(ctx context.Context, key string, fields []string) (issue, error) {
	var i issue
	q := query{"fields": {strings.Join(fields, ",")}}
	if err := p.get(ctx, p.site.api("/issue/"+key), q, &i, noIssue(key)); err != nil {
		return i, err
	}
	if !p.allow.issue(i.Key) {
		return i, p.outside(key)
	}
	return i, nil
}

func (p *Pack) issueResult(i issue, w wanted) issueResult {
	f := i.Fields
	r := issueResult{
		Key: i.Key, Summary: clip.To(f.text("summary"), shortText), Type: f.name("issuetype"), Status: f.name("status"),
		Resolution: f.name("resolution"), Priority: f.name("priority"), Assignee: f.name("assignee"), Reporter: f.name("reporter"),
		Labels: f.names("labels"), Components: f.names("components"), FixVersions: f.names("fixVersions"),
		Points: f.number(w.book.points), Sprints: f.sprintNames(w.book.sprint),
		Created: f.date("created"), Updated: f.date("updated"), Due: f.text("duedate"),
		Description: markdown(f["description"]), BrowseURL: p.site.browse(i.Key),
	}
	var parent struct {
		Key string `json:"key"`
	}
	if f["parent"] != nil && decode(f["parent"], &parent) == nil {
		r.Parent = parent.Key
	}
	if r.Parent == "" && w.book.epic != "" {
		r.Parent = f.text(w.book.epic)
	}
	if !p.allow.issue(r.Parent) {
		r.Parent = ""
	}
	var subtasks []issue
	if f["subtasks"] != nil && decode(f["subtasks"], &subtasks) == nil {
		for _, s := range subtasks {
			if p.allow.issue(s.Key) {
				r.Subtasks = append(r.Subtasks, s.Key)
			}
		}
	}
	r.Links = p.links(f["issuelinks"])
	return r
}

// links are the issues that an issue is linked with, but those that may not be seen.
func (p *Pack) links(value jsontext.Value) []issueLink {
	var all []struct {
		Type struct {
			Inward  string `json:"inward"`
			Outward string `json:"outward"`
		} `json:"type"`
		Inward  *issue `json:"inwardIssue"`
		Outward *issue `json:"outwardIssue"`
	}
	if value == nil || decode(value, &all) != nil {
		return nil
	}
	var links []issueLink
	for _, l := range all {
		switch {
		case l.Outward != nil && p.allow.issue(l.Outward.Key):
			links = append(links, issueLink{l.Type.Outward, l.Outward.Key})
		case l.Inward != nil && p.allow.issue(l.Inward.Key):
			links = append(links, issueLink{l.Type.Inward, l.Inward.Key})
		}
	}
	return links
}

func (p *Pack) comments(ctx context.Context, key string, limit int, r *issueResult) error {
	var list struct {
		Total    int `json:"total"`
		Comments []struct {
			Author  jsontext.Value `json:"author"`
			Created string         `json:"created"`
			Body    jsontext.Value `json:"body"`
		} `json:"comments"`
	}
	q := page(0, limit)
	q["orderBy"] = []string{"-created"}
	if err := p.get(ctx, p.site.api("/issue/"+key+"/comment"), q, &list, noIssue(key)); err != nil {
		return err
	}
	r.CommentsAll = list.Total
	for _, c := range list.Comments {
		r.Comments = append(r.Comments, issueComment{
			Author: fieldsOf{"": c.Author}.name(""), Created: isoDate(c.Created), Body: clip.To(markdown(c.Body), maxCommentText),
		})
	}
	slices.SortStableFunc(r.Comments, func(a, b issueComment) int { return strings.Compare(b.Created, a.Created) })
	return nil
}
