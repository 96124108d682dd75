package github

import (
	"context"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	gh "github.com/google/go-github/v89/github"
	"go.uber.org/zap"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

type searchIssuesArgs struct {
	Query  string   `json:"query" jsonschema:"E.g. is:issue is:open label:bug crash. Say is:issue or is:pr. Without repo:, org: or user: it is about the default repository." minLength:"1"`
	Fields []string `json:"fields,omitzero" jsonschema:"More: created, closed, assignees, milestone, body, url."`
	pageArgs
}

var issuesSchema = jsontext.Value(`{"type":"object","required":["query","total","issues"],"properties":{` +
	`"query":{"type":"string","description":"As it was sent."},` +
	`"total":{"type":"integer","description":"On all pages."},` +
	`"issues":{"type":"array","description":"repo, number, kind (issue, pr), title, state, author, updated, comments, labels, fields.","items":{"type":"object"}}}}`)

type searchIssuesResult struct {
	Query      string  `json:"query"`
	Total      int     `json:"total"`
	Issues     []issue `json:"issues"`
	Incomplete bool    `json:"incomplete,omitzero"`
	NextPage   int     `json:"nextPage,omitzero"`
}

// issue is one that was found, or a pull request.
type issue struct {
	Repo      string   `json:"repo"`
	Number    int      `json:"number"`
	Kind      string   `json:"kind"`
	Title     string   `json:"title"`
	State     string   `json:"state"`
	Author    string   `json:"author,omitzero"`
	Updated   string   `json:"updated"`
	Comments  int      `json:"comments,omitzero"`
	Labels    []string `json:"labels,omitzero"`
	Created   string   `json:"created,omitzero"`
	Closed    string   `json:"closed,omitzero"`
	Assignees []string `json:"assignees,omitzero"`
	Milestone string   `json:"milestone,omitzero"`
	URL       string   `json:"url,omitzero"`
	Body      string   `json:"body,omitzero"`
}

func (p *Pack) searchIssues(ctx context.Context, _ *mcp.Call, in searchIssuesArgs) (searchIssuesResult, error) {
	none := searchIssuesResult{}
	fields, err := choose("fields", in.Fields, "created", "closed", "assignees", "milestone", "body", "url")
	if err != nil {
		return none, err
	}
	query, err := p.confine(in.Query)
	if err != nil {
		return none, err
	}
	found, resp, err := p.api.Search.Issues(ctx, query, &gh.SearchOptions{ListOptions: in.options()})
	if err != nil {
		return none, &askError{"search issues", "there is nothing to search", err}
	}
	result := searchIssuesResult{
		Query: query, Total: found.GetTotal(), Incomplete: found.GetIncompleteResults(), NextPage: in.next(resp),
		Issues: make([]issue, 0, len(found.Issues)),
	}
	for _, one := range found.Issues {
		if r := repositoryOf(one); p.allow.match(r) {
			result.Issues = append(result.Issues, newIssue(r, one, fields))
		}
	}
	dropped := len(found.Issues) - len(result.Issues)
	if dropped > 0 {
		p.log.Warn("a search found issues beyond the repositories that may be seen", zap.Int("dropped", dropped))
	}
	if dropped > 0 || p.allow.confines() && len(result.Issues) == 0 {
		result.Total, result.NextPage = len(result.Issues), 0 // any other number may tell of what is not to be seen
	}
	return result, nil
}

// repositoryOf is whose an issue is; of no name where that cannot be told.
func repositoryOf(one *gh.Issue) repository {
	u, err := url.Parse(one.GetRepositoryURL())
	if err != nil {
		return repository{}
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 2 {
		return repository{}
	}
	return repository{parts[len(parts)-2], parts[len(parts)-1]}
}

func newIssue(r repository, one *gh.Issue, fields map[string]bool) issue {
	is := issue{
		Repo: r.String(), Number: one.GetNumber(), Kind: "issue", Title: one.GetTitle(), State: one.GetState(),
		Author: one.GetUser().GetLogin(), Updated: stamp(one.GetUpdatedAt()), Comments: one.GetComments(), Labels: labels(one.Labels),
	}
	if links := one.PullRequestLinks; links != nil {
		is.Kind = "pr"
		if !links.GetMergedAt().IsZero() {
			is.State = "merged"
		}
	}
	if fields["created"] {
		is.Created = stamp(one.GetCreatedAt())
	}
	if fields["closed"] {
		is.Closed = stamp(one.GetClosedAt())
	}
	if fields["assignees"] {
		is.Assignees = logins(one.Assignees)
	}
	if fields["milestone"] {
		is.Milestone = one.GetMilestone().GetTitle()
	}
	if fields["url"] {
		is.URL = one.GetHTMLURL()
	}
	if fields["body"] {
		is.Body = clip.To(one.GetBody(), maxListedBody)
	}
	return is
}
