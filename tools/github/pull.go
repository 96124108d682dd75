package github

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
)

const (
	maxFiles   = 3000 // of one pull request: GitHub itself lists no more
	maxReviews = 1000
)

type getPullArgs struct {
	repositoryArgs
	PullNumber int      `json:"pullNumber" jsonschema:"Its number." minimum:"1"`
	Include    []string `json:"include,omitzero" jsonschema:"Any of files, reviews, status (checks), diff."`
	DiffPath   string   `json:"diffPath,omitzero" jsonschema:"Diff of this file alone."`
}

var pullSchema = jsontext.Value(`{"type":"object","required":["number","title","state"],"properties":{` +
	`"number":{"type":"integer"},"title":{"type":"string"},"state":{"type":"string"},` +
	`"files":{"type":"array","description":"name, status, additions, deletions.","items":{"type":"object"}},` +
	`"reviews":{"type":"array","description":"Latest of each reviewer.","items":{"type":"object"}},` +
	`"status":{"type":"object","description":"state, counts, failing (jobId: for get_job_logs)."},` +
	`"diff":{"type":"string","description":"Without diffMissing bytes."},` +
	`"notes":{"type":"array","description":"What is missing.","items":{"type":"string"}}}}`)

// pullDetail is a pull request as it is read alone.
type pullDetail struct {
	pull
	MergedBy     string   `json:"mergedBy,omitzero"`
	Mergeable    string   `json:"mergeable,omitzero"` // as GitHub has it: clean, dirty, blocked, behind, unstable, …
	Additions    int      `json:"additions"`
	Deletions    int      `json:"deletions"`
	ChangedFiles int      `json:"changedFiles"`
	Commits      int      `json:"commits"`
	Comments     int      `json:"comments,omitzero"`
	Files        []file   `json:"files,omitzero"`
	Reviews      []review `json:"reviews,omitzero"`
	Status       *checks  `json:"status,omitzero"`
	Diff         string   `json:"diff,omitzero"`
	DiffMissing  int      `json:"diffMissing,omitzero"` // bytes
	Notes        []string `json:"notes,omitzero"`
}

// file is one that a pull request changes.
type file struct {
	Name      string `json:"name"`
	Status    string `json:"status"`
	Additions int    `json:"additions"`
	Deletions int    `json:"deletions"`
	Was       string `json:"was,omitzero"` // its name before
}

func (p *Pack) getPull(ctx context.Context, c *mcp.Call, in getPullArgs) (pullDetail, error) {
	r, err := p.repository(in.repositoryArgs)
	if err != nil {
		return pullDetail{}, err
	}
	include, err := choose("include", in.Include, "files", "reviews", "status", "diff")
	if err != nil {
		return pullDetail{}, err
	}
	q := pullQuestion{p, r, in.PullNumber}
	pr, resp, err := p.api.PullRequests.Get(ctx, r.owner, r.name, in.PullNumber)
	if err := q.settle(ctx, "read", resp, err); err != nil {
		return pullDetail{}, err
	}
	detail := newPullDetail(pr)
	parts := []part{}
	if include["files"] {
		parts = append(parts, q.files(&detail))
	}
	if include["reviews"] {
		parts = append(parts, q.reviews(&detail))
	}
	if include["status"] {
		parts = append(parts, q.status(&detail))
	}
	if include["diff"] || in.DiffPath != "" {
		parts = append(parts, q.diff(&detail, in.DiffPath))
	}
	if detail.Notes, err = q.together(ctx, c, parts); err != nil {
		return pullDetail{}, err
	}
	return detail, nil
}

// pullQuestion is one pull request that is asked about.
type pullQuestion struct {
	*Pack
	r      repository
	number int
}

func (q pullQuestion) String() string { return fmt.Sprintf("the pull request %d of %s", q.number, q.r) }

func (q pullQuestion) settle(ctx context.Context, doing string, resp *gh.Response, err error) error {
	missing := fmt.Sprintf("there is no pull request %d in %s", q.number, q.r)
	return q.Pack.settle(ctx, q.r, doing+" "+q.String(), missing, resp, err)
}

// part reads something beside the pull request itself, and gives what there is to note about it.
type part func(ctx context.Context) (notes []string, err error)

// together reads all parts at once, and ends the others when one fails.
func (q pullQuestion) together(ctx context.Context, c *mcp.Call, parts []part) (notes []string, failed error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var mu sync.Mutex
	done := 0
	noted := make([][]string, len(parts))
	for i, read := range parts {
		all.Go(func() {
			own, err := read(ctx)
			mu.Lock()
			defer mu.Unlock()
			noted[i] = own
			if err != nil && failed == nil {
				failed = err
				cancel(err)
			}
			done++
			c.Progress(float64(done), float64(len(parts)), "")
		})
	}
	all.Wait()
	return slices.Concat(noted...), failed
}

func newPullDetail(pr *gh.PullRequest) pullDetail {
	detail := pullDetail{
		pull:         newPull(pr, maxBody),
		MergedBy:     pr.GetMergedBy().GetLogin(),
		Additions:    pr.GetAdditions(),
		Deletions:    pr.GetDeletions(),
		ChangedFiles: pr.GetChangedFiles(),
		Commits:      pr.GetCommits(),
		Comments:     pr.GetComments() + pr.GetReviewComments(),
	}
	if detail.State == "open" {
		detail.Mergeable = pr.GetMergeableState()
	}
	return detail
}

func (q pullQuestion) files(into *pullDetail) part {
	return func(ctx context.Context) ([]string, error) {
		changed, more, err := every(maxFiles, func(opts gh.ListOptions) ([]*gh.CommitFile, *gh.Response, error) {
			page, resp, err := q.api.PullRequests.ListFiles(ctx, q.r.owner, q.r.name, q.number, &opts)
			return page, resp, q.settle(ctx, "list the files of", resp, err)
		})
		if err != nil {
			return nil, err
		}
		into.Files = make([]file, 0, len(changed))
		for _, f := range changed {
			into.Files = append(into.Files, file{f.GetFilename(), f.GetStatus(), f.GetAdditions(), f.GetDeletions(), f.GetPreviousFilename()})
		}
		if more || len(changed) < into.ChangedFiles {
			return []string{fmt.Sprintf("files: the first %d of %d; GitHub lists no more", len(changed), into.ChangedFiles)}, nil
		}
		return nil, nil
	}
}
