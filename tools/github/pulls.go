package github

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

const (
	maxListedBody = 1 << 10 // bytes of a description where many are listed
	maxBody       = 8 << 10 // bytes of the description of one
)

type listPullsArgs struct {
	repositoryArgs
	State  string   `json:"state,omitzero" jsonschema:"State." enum:"open,closed,all" default:"open"`
	Base   string   `json:"base,omitzero" jsonschema:"Branch to merge into."`
	Head   string   `json:"head,omitzero" jsonschema:"Branch, or OWNER:BRANCH."`
	Sort   string   `json:"sort,omitzero" jsonschema:"Order." enum:"created,updated,popularity,long-running" default:"created"`
	Fields []string `json:"fields,omitzero" jsonschema:"More: created, closed, merged, labels, assignees, reviewers, milestone, body, headSha, url."`
	pageArgs
}

var pullsSchema = jsontext.Value(`{"type":"object","required":["pullRequests"],"properties":{` +
	`"pullRequests":{"type":"array","description":"number, title, state (open, closed, merged), draft, author, head, base, updated, fields.","items":{"type":"object"}}}}`)

type listPullsResult struct {
	PullRequests []pull `json:"pullRequests"`
	NextPage     int    `json:"nextPage,omitzero"`
}

// pull is a pull request as lists have it.
type pull struct {
	Number    int      `json:"number"`
	Title     string   `json:"title"`
	State     string   `json:"state"`
	Draft     bool     `json:"draft,omitzero"`
	Author    string   `json:"author,omitzero"`
	Head      string   `json:"head"`
	Base      string   `json:"base"`
	Updated   string   `json:"updated"`
	Created   string   `json:"created,omitzero"`
	Closed    string   `json:"closed,omitzero"`
	Merged    string   `json:"merged,omitzero"`
	Labels    []string `json:"labels,omitzero"`
	Assignees []string `json:"assignees,omitzero"`
	Reviewers []string `json:"reviewers,omitzero"` // asked, and not done
	Milestone string   `json:"milestone,omitzero"`
	HeadSHA   string   `json:"headSha,omitzero"`
	URL       string   `json:"url,omitzero"`
	Body      string   `json:"body,omitzero"`
}

func (p *Pack) listPulls(ctx context.Context, _ *mcp.Call, in listPullsArgs) (listPullsResult, error) {
	none := listPullsResult{}
	r, err := p.repository(in.repositoryArgs)
	if err != nil {
		return none, err
	}
	fields, err := choose("fields", in.Fields,
		"created", "closed", "merged", "labels", "assignees", "reviewers", "milestone", "body", "headSha", "url")
	if err != nil {
		return none, err
	}
	opts := &gh.PullRequestListOptions{State: in.State, Base: in.Base, Head: in.Head, Sort: in.Sort, Direction: "desc", ListOptions: in.options()}
	if in.Sort == "long-running" {
		opts.Direction = "asc" // of those that are open for long, the oldest first
	}
	if opts.Head != "" && !strings.Contains(opts.Head, ":") {
		opts.Head = r.owner + ":" + opts.Head // without an owner GitHub takes no notice of it
	}
	pulls, resp, err := p.api.PullRequests.List(ctx, r.owner, r.name, opts)
	if err := p.settle(ctx, r, "list the pull requests of "+r.String(), noRepository(r), resp, err); err != nil {
		return none, err
	}
	result := listPullsResult{PullRequests: make([]pull, 0, len(pulls)), NextPage: in.next(resp)}
	for _, pr := range pulls {
		result.PullRequests = append(result.PullRequests, newPull(pr, maxListedBody).only(fields))
	}
	return result, nil
}

func newPull(pr *gh.PullRequest, bodyLimit int) pull {
	one := pull{
		Number:    pr.GetNumber(),
		Title:     pr.GetTitle(),
		State:     pr.GetState(),
		Draft:     pr.GetDraft(),
		Author:    pr.GetUser().GetLogin(),
		Head:      pr.GetHead().GetLabel(),
		Base:      pr.GetBase().GetRef(),
		Updated:   stamp(pr.GetUpdatedAt()),
		Created:   stamp(pr.GetCreatedAt()),
		Closed:    stamp(pr.GetClosedAt()),
		Merged:    stamp(pr.GetMergedAt()),
		Labels:    labels(pr.Labels),
		Assignees: logins(pr.Assignees),
		Reviewers: logins(pr.RequestedReviewers),
		Milestone: pr.GetMilestone().GetTitle(),
		HeadSHA:   pr.GetHead().GetSHA(),
		URL:       pr.GetHTMLURL(),
		Body:      clip.To(pr.GetBody(), bodyLimit),
	}
	if one.Merged != "" || pr.GetMerged() {
		one.State = "merged"
	}
	// a branch of the same repository needs no owner before it
	if owner, ref, ok := strings.Cut(one.Head, ":"); !ok || strings.EqualFold(owner, pr.GetBase().GetUser().GetLogin()) {
		one.Head = pr.GetHead().GetRef()
		if ok && one.Head == "" {
			one.Head = ref
		}
	}
	for _, team := range pr.RequestedTeams {
		one.Reviewers = append(one.Reviewers, "team "+team.GetSlug())
	}
	return one
}

// only leaves out what was not asked for.
func (p pull) only(fields map[string]bool) pull {
	drop := func(name string, value *string) {
		if !fields[name] {
			*value = ""
		}
	}
	drop("created", &p.Created)
	drop("closed", &p.Closed)
	drop("merged", &p.Merged)
	drop("milestone", &p.Milestone)
	drop("headSha", &p.HeadSHA)
	drop("url", &p.URL)
	drop("body", &p.Body)
	for name, list := range map[string]*[]string{"labels": &p.Labels, "assignees": &p.Assignees, "reviewers": &p.Reviewers} {
		if !fields[name] {
			*list = nil
		}
	}
	return p
}

func noRepository(r repository) string { return "there is no repository " + r.String() }

func logins(users []*gh.User) []string {
	var names []string
	for _, u := range users {
		names = append(names, u.GetLogin())
	}
	return names
}

func labels(all []*gh.Label) []string {
	var names []string
	for _, l := range all {
		names = append(names, l.GetName())
	}
	return names
}
