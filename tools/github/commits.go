package github

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

const (
	shortSHA   = 10  // characters: enough that none of a large repository's are the same
	maxSubject = 160 // bytes of a commit's first line
)

type listCommitsArgs struct {
	repositoryArgs
	Since  string `json:"since,omitzero" jsonschema:"2026-01-31, or with T12:00:00Z."`
	Until  string `json:"until,omitzero" jsonschema:"Likewise, that day included."`
	Author string `json:"author,omitzero" jsonschema:"Login or mail address."`
	SHA    string `json:"sha,omitzero" jsonschema:"Branch, tag or commit."`
	Path   string `json:"path,omitzero" jsonschema:"File or folder."`
	pageArgs
}

var commitsSchema = jsontext.Value(`{"type":"object","required":["commits"],"properties":{` +
	`"commits":{"type":"array","description":"SHA, date, author: first line of the message.","items":{"type":"string"}}}}`)

type listCommitsResult struct {
	Commits  []string `json:"commits"`
	NextPage int      `json:"nextPage,omitzero"`
}

func (p *Pack) listCommits(ctx context.Context, _ *mcp.Call, in listCommitsArgs) (listCommitsResult, error) {
	none := listCommitsResult{Commits: []string{}}
	r, err := p.repository(in.repositoryArgs)
	if err != nil {
		return none, err
	}
	opts := &gh.CommitsListOptions{SHA: in.SHA, Path: strings.Trim(in.Path, "/"), Author: in.Author, ListOptions: in.options()}
	if opts.Since, err = moment("since", in.Since, false); err != nil {
		return none, err
	}
	if opts.Until, err = moment("until", in.Until, true); err != nil {
		return none, err
	}
	commits, resp, err := p.api.Repositories.ListCommits(ctx, r.owner, r.name, opts)
	missing := noRepository(r)
	if in.SHA != "" {
		missing = fmt.Sprintf("there is no repository %s or nothing named %q in it", r, in.SHA)
	}
	err = p.settle(ctx, r, "list the commits of "+r.String(), missing, resp, err)
	if status(err) == statusConflict { // the repository is empty
		return none, nil
	}
	if err != nil {
		return none, err
	}
	result := listCommitsResult{Commits: make([]string, 0, len(commits)), NextPage: in.next(resp)}
	for _, commit := range commits {
		result.Commits = append(result.Commits, commitLine(commit))
	}
	return result, nil
}

func commitLine(c *gh.RepositoryCommit) string {
	author := c.GetAuthor().GetLogin()
	if author == "" {
		author = c.GetCommit().GetAuthor().GetName() // of no account
	}
	sha := c.GetSHA()
	subject, _, _ := strings.Cut(strings.TrimSpace(c.GetCommit().GetMessage()), "\n")
	return fmt.Sprintf("%s %s %s: %s", sha[:min(len(sha), shortSHA)],
		c.GetCommit().GetAuthor().GetDate().UTC().Format(time.DateOnly), clip.Line(author), clip.To(clip.Line(subject), maxSubject))
}

// moment reads a date or time; end takes of a date its last second. Empty is the zero time.
func moment(argument, text string, end bool) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			day = day.AddDate(0, 0, 1).Add(-time.Second)
		}
		return day, nil
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, mcp.ToolErrorf("%s %q is neither a date nor a time: write it as 2026-01-31 or 2026-01-31T12:00:00Z", argument, text)
}
