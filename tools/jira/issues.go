package jira

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
	"toolgate/tools/internal/egress"
)

const (
	longQuery = 1000 // bytes of JQL that still go into a URL, where the answer can be kept
	shortText = 300  // bytes of a summary or name; Jira has no longer ones but where somebody means ill
)

// listFields are asked for of every issue in a list.
var listFields = []string{"summary", "issuetype", "status", "priority", "assignee", "updated"}

// issue is an issue as Jira gives it.
type issue struct {
	Key       string     `json:"key"`
	Fields    fieldsOf   `json:"fields"`
	Changelog *changelog `json:"changelog"`
}

// issueItem is an issue in a list.
type issueItem struct {
	Key      string         `json:"key"`
	Summary  string         `json:"summary"`
	Type     string         `json:"type,omitempty"`
	Status   string         `json:"status,omitempty"`
	Priority string         `json:"priority,omitempty"`
	Assignee string         `json:"assignee,omitempty"`
	Points   *float64       `json:"points,omitempty"`
	Updated  string         `json:"updated,omitempty"`
	Extra    map[string]any `json:"extra,omitempty"`
}

type issuePage struct {
	Issues     []issueItem `json:"issues"`
	NextCursor string      `json:"nextCursor,omitempty"`
}

// wanted is which fields a list of issues is asked for, and how they are read.
type wanted struct {
	book  *book
	extra []asked
}

// want works out the fields of a list.
func (p *Pack) want(ctx context.Context, names []string) (wanted, error) {
	w := wanted{book: p.knownFields(ctx)}
	var err error
	w.extra, err = w.book.resolve(names)
	return w, err
}

// ids are the fields as Jira is asked for them.
func (w wanted) ids(base []string) []string {
	ids := slices.Concat(base, w.book.points)
	for _, a := range w.extra {
		if !slices.Contains(ids, a.id) {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// extras are the values of the fields that the call asked for, but those that are shown anyway.
func (p *Pack) extras(w wanted, f fieldsOf, shown []string) map[string]any {
	extra := map[string]any{}
	for _, a := range w.extra {
		if slices.Contains(shown, a.id) || slices.Contains(w.book.points, a.id) {
			continue
		}
		if value := p.plain(f[a.id]); value != nil {
			extra[a.name] = value
		}
	}
	return extra
}

// items are issues as lists show them, without those that may not be seen.
func (p *Pack) items(issues []issue, w wanted) []issueItem {
	items := make([]issueItem, 0, len(issues))
	for _, i := range issues {
		if !p.allow.issue(i.Key) {
			continue
		}
		f := i.Fields
		items = append(items, issueItem{
			Key: i.Key, Summary: clip.To(f.text("summary"), shortText), Type: f.name("issuetype"), Status: f.name("status"),
			Priority: f.name("priority"), Assignee: f.name("assignee"), Points: f.number(w.book.points),
			Updated: f.date("updated"), Extra: p.extras(w, f, listFields),
		})
	}
	return items
}

type searchArgs struct {
	JQL    string   `json:"jql" jsonschema:"The query." minLength:"1" maxLength:"8000"`
	Fields []string `json:"fields,omitempty" jsonschema:"More fields, by name or id."`
	Limit  int      `json:"limit,omitempty" jsonschema:"Issues a page." minimum:"1" maximum:"50" default:"20"`
	Cursor string   `json:"cursor,omitempty" jsonschema:"nextCursor of the page before."`
}

func (p *Pack) searchIssues(ctx context.Context, c *mcp.Call, in searchArgs) (issuePage, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return issuePage{}, err
	}
	jql, err := p.allow.confine(in.JQL)
	if err != nil {
		return issuePage{}, err
	}
	asked := question("search_issues_jql", in.JQL, in.Limit, strings.Join(in.Fields, "\x00"))
	at, err := parseCursor(in.Cursor, asked)
	if err != nil {
		return issuePage{}, err
	}
	w, err := p.want(ctx, in.Fields)
	if err != nil {
		return issuePage{}, err
	}
	found, err := p.search(ctx, jql, w.ids(listFields), "", in.Limit, at)
	if err != nil {
		return issuePage{}, err
	}
	result := issuePage{Issues: p.items(found.Issues, w)}
	if next, more := found.next(at); more {
		result.NextCursor = next.encode(asked)
	}
	return result, nil
}

// searchPage is a page of a search, of either kind of Jira.
type searchPage struct {
	Issues []issue `json:"issues"`

	NextPageToken string `json:"nextPageToken"` // Cloud
	IsLast        bool   `json:"isLast"`

	Total int `json:"total"` // Data Center, and boards of both
}

// next is where the next page begins, if there is one.
func (s searchPage) next(at cursor) (cursor, bool) {
	if s.NextPageToken != "" {
		return cursor{Token: s.NextPageToken}, !s.IsLast
	}
	start := at.Start + len(s.Issues)
	return cursor{Start: start}, len(s.Issues) > 0 && start < s.Total
}

// search asks for a page of what JQL finds. JQL that is too long for a URL goes into the body of a POST, which only reads.
func (p *Pack) search(ctx context.Context, jql string, fields []string, expand string, limit int, at cursor) (searchPage, error) {
	const missing = "this Jira has no search where this server looks for it"
	var found searchPage
	path := p.site.api("/search")
	if p.site.cloud {
		path = p.site.api("/search/jql")
	}
	r := egress.Request{Method: "GET", Path: path, Twice: true}
	if len(jql) <= longQuery {
		q := query{"jql": {jql}, "fields": {strings.Join(fields, ",")}, "maxResults": page(0, limit)["maxResults"]}
		switch {
		case at.Token != "":
			q["nextPageToken"] = []string{at.Token}
		case !p.site.cloud:
			q["startAt"] = page(at.Start, limit)["startAt"]
		}
		if expand != "" {
			q["expand"] = []string{expand}
		}
		r.Query = q
		err := p.explain(ctx, p.ask(ctx, r, &found), missing)
		return found, err
	}
	body := map[string]any{"jql": jql, "fields": fields, "maxResults": limit}
	switch {
	case p.site.cloud && at.Token != "":
		body["nextPageToken"] = at.Token
	case !p.site.cloud:
		body["startAt"] = at.Start
	}
	switch {
	case expand != "" && p.site.cloud:
		body["expand"] = expand
	case expand != "":
		body["expand"] = []string{expand}
	}
	var err error
	r.Method = "POST"
	if r.Body, err = json.Marshal(body); err != nil {
		return found, mcp.ToolErrorf("the JQL is not text that can be sent")
	}
	err = p.explain(ctx, p.ask(ctx, r, &found), missing)
	return found, err
}

type sprintIssuesArgs struct {
	SprintID int      `json:"sprintId" jsonschema:"Id, from list_sprints." minimum:"1"`
	Fields   []string `json:"fields,omitempty" jsonschema:"More fields, by name or id."`
	Limit    int      `json:"limit,omitempty" jsonschema:"Issues a page." minimum:"1" maximum:"50" default:"50"`
	Cursor   string   `json:"cursor,omitempty" jsonschema:"nextCursor of the page before."`
}

func (p *Pack) sprintIssues(ctx context.Context, c *mcp.Call, in sprintIssuesArgs) (issuePage, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return issuePage{}, err
	}
	asked := question("get_sprint_issues", in.SprintID, in.Limit, strings.Join(in.Fields, "\x00"))
	at, err := parseCursor(in.Cursor, asked)
	if err != nil {
		return issuePage{}, err
	}
	w, err := p.want(ctx, in.Fields)
	if err != nil {
		return issuePage{}, err
	}
	found, err := p.inSprint(ctx, in.SprintID, w.ids(listFields), "", in.Limit, at)
	if err != nil {
		return issuePage{}, err
	}
	result := issuePage{Issues: p.items(found.Issues, w)}
	if next, more := found.next(at); more {
		result.NextCursor = next.encode(asked)
	}
	return result, nil
}
