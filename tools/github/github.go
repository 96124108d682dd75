// Package github offers repositories of GitHub, on github.com or an Enterprise server: pull requests, commits, issues, files,
// and what workflows did. It reads, and changes nothing.
//
// A call passes, from its tool to the wire: whose token it uses (below), which repository it means and whether that may be
// seen (repository.go, allow.go, query.go), the requests (one file a tool, every.go for answers of many pages), and how what
// went wrong is told (settle.go, failure.go).
package github

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gh "github.com/google/go-github/v89/github"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

// Name is the pack's name in tools.toolsets.
const Name = "github"

// upstream is the name by which callers bring tokens of their own.
const upstream = "github"

// Pack is the tools over one GitHub. Safe for concurrent use.
type Pack struct {
	cfg      config.GitHub
	site     site
	defaults repository // what a call means that names no repository; either part may be empty
	allow    allowList
	egress   *egress.Client
	api      *gh.Client
	log      *zap.Logger
}

// Configured says whether there is anything to make the pack with: a token, or a way for callers to bring theirs.
func Configured(cfg config.GitHub) bool {
	return !cfg.Token.IsZero() || cfg.CallerHeader != "" || cfg.CallerOnly
}

// New makes the pack. It asks no network. Its errors name the key at fault.
func New(cfg config.GitHub, log *zap.Logger) (*Pack, error) { return newPack(cfg, log, reach{}) }

// reach is what a test adds to the hosts that may be asked.
type reach struct {
	follow  []string // redirects to them are followed
	private []string // they may be on this machine
}

func newPack(cfg config.GitHub, log *zap.Logger, more reach) (*Pack, error) {
	s, err := newSite(cfg.APIURL)
	if err != nil {
		return nil, err
	}
	token := cfg.Token.Reveal()
	switch {
	case strings.ContainsAny(token, "\r\n"):
		return nil, errors.New("tools.github.token: it has a line break")
	case !Configured(cfg):
		return nil, errors.New("tools.github.token: there is no token: set it, or tools.github.caller_header or caller_only where callers bring theirs")
	}
	defaults, err := newDefaults(cfg)
	if err != nil {
		return nil, err
	}
	allow, err := newAllowList(cfg.Repositories)
	if err != nil {
		return nil, err
	}
	opts := egress.Options{
		Name:    "GitHub",
		BaseURL: s.base.String(),
		Private: append(s.private(), more.private...),
		Follow:  append(s.follow(), more.follow...),
		Timeout: cfg.Timeout,
		MaxBody: maxAnswer,
		Cache:   cfg.CacheTTL,
	}
	bear(&opts.Authorize, token)
	client, err := egress.New(opts)
	if err != nil {
		return nil, fmt.Errorf("tools.github.api_url: %w", err)
	}
	base := s.base.String()
	api, err := gh.NewClient(
		gh.WithHTTPClient(client.HTTP()),
		gh.WithURLs(&base, &base),
		gh.WithUserAgent("toolgate"),
		gh.WithDisableRateLimitCheck(), // it would count one caller's limit against all others
	)
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("tools.github.api_url: %w", err)
	}
	return &Pack{cfg: cfg, site: s, defaults: defaults, allow: allow, egress: client, api: api, log: log}, nil
}

// Close ends what is still asked of GitHub, and waits for it. Calls after it fail.
func (p *Pack) Close() { p.egress.Close() }

// begin is the start of every call: ctx gets the caller's own token, where there is one.
func (p *Pack) begin(ctx context.Context, c *mcp.Call) (context.Context, error) {
	if own := c.Credential(upstream); own != "" {
		if strings.ContainsAny(own, "\r\n") {
			return nil, mcp.ToolErrorf("the GitHub token that came with this call has a line break: whoever sent it can mend that")
		}
		return egress.As(ctx, own), nil
	}
	if p.cfg.CallerOnly || p.cfg.Token.IsZero() {
		how := "it belongs to the caller's key"
		if p.cfg.CallerHeader != "" {
			how = "send it in the header " + p.cfg.CallerHeader
		}
		return nil, mcp.ToolErrorf("GitHub is only asked with a token of the caller's own here, and none came with this call: %s", how)
	}
	return ctx, nil
}

// answering is a tool's function with what every call begins and ends with: the token, and failures told to the model.
func answering[In, Out any](p *Pack, run func(context.Context, *mcp.Call, In) (Out, error)) func(context.Context, *mcp.Call, In) (Out, error) {
	return func(ctx context.Context, c *mcp.Call, in In) (Out, error) {
		var none Out
		ctx, err := p.begin(ctx, c)
		if err != nil {
			return none, err
		}
		out, err := run(ctx, c, in)
		if err != nil {
			return none, p.told(ctx, err)
		}
		return out, nil
	}
}

// Features returns the tools. All are read-only.
func (p *Pack) Features() mcp.Features {
	return mcp.Features{Tools: []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:         "list_pull_requests",
			Title:        "List pull requests",
			Description:  "Lists a repository's pull requests, newest first.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: pullsSchema,
		}, answering(p, p.listPulls)),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "get_pull_request",
			Title:        "Get pull request",
			Description:  "Reads one pull request, and what include names.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: pullSchema,
		}, answering(p, p.getPull)),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "list_commits",
			Title:        "List commits",
			Description:  "Lists commits, newest first, a line each.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: commitsSchema,
		}, answering(p, p.listCommits)),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "search_github_issues",
			Title:        "Search GitHub issues",
			Description:  "Finds issues and pull requests by GitHub's search syntax.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: issuesSchema,
		}, answering(p, p.searchIssues)),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "get_file_contents",
			Title:        "Get file contents",
			Description:  "Reads lines of a text file in a repository, or lists a folder.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: contentsSchema,
		}, answering(p, p.getContents)),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "list_workflow_runs",
			Title:        "List workflow runs",
			Description:  "Lists runs of GitHub Actions workflows, newest first.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: runsSchema,
		}, answering(p, p.listRuns)),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "get_job_logs",
			Title:        "Get job logs",
			Description:  "Reads the ends of logs: of one job, or of a run's failed jobs.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: logsSchema,
		}, answering(p, p.jobLogs)),
	}}
}
