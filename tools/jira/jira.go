// Package jira offers a Jira site, Cloud or Data Center: its boards, sprints and issues, what became of a sprint, and, where
// an operator enables it, writing to issues.
//
// A call passes, from its tool to the wire: whose credential it uses (site.go), what it may see (allow.go, jql.go), the
// request (ask.go), and how what went wrong is told (failure.go).
package jira

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

// Name is the pack's name in tools.toolsets.
const Name = "jira"

// Pack is the tools over one Jira site. Safe for concurrent use.
type Pack struct {
	cfg    config.Jira
	site   site
	allow  allowList
	client *egress.Client
	books  books
	log    *zap.Logger
}

// New makes the pack. It asks no network. Its errors name the key at fault.
func New(cfg config.Jira, log *zap.Logger) (*Pack, error) {
	s, err := newSite(cfg)
	if err != nil {
		return nil, err
	}
	allow, err := newAllowList(cfg.Projects)
	if err != nil {
		return nil, err
	}
	client, err := egress.New(egress.Options{
		Name:        "Jira",
		BaseURL:     s.base.String(),
		Private:     []string{s.base.Host}, // an operator wrote it: a Data Center is mostly in a network of one's own
		Timeout:     cfg.Timeout,
		Cache:       cfg.CacheTTL,
		CacheAlways: true, // Jira says no-store of everything
	})
	if err != nil {
		return nil, fmt.Errorf("tools.jira.url: %w", err)
	}
	return &Pack{cfg: cfg, site: s, allow: allow, client: client, log: log}, nil
}

// Close ends what is still asked of Jira, and waits for it. Calls after it fail.
func (p *Pack) Close() { p.client.Close() }

// begin is the start of every call: ctx gets the credential that the call's requests use.
func (p *Pack) begin(ctx context.Context, c *mcp.Call) (context.Context, error) {
	if own := c.Credential("jira"); own != "" {
		return egress.As(ctx, own), nil
	}
	if p.cfg.CallerOnly || !p.site.hasOwn() {
		how := "it belongs to the caller's key"
		if p.cfg.CallerHeader != "" {
			how = "send it in the header " + p.cfg.CallerHeader
		}
		return nil, mcp.ToolErrorf("this Jira is only asked with a credential of the caller's own, and none came with this call: %s, as EMAIL:API_TOKEN or a personal access token", how)
	}
	return ctx, nil
}

// Features returns the tools. Those that write do nothing until they are enabled by name.
func (p *Pack) Features() mcp.Features {
	return mcp.Features{Tools: append(p.reading(), p.writing()...)}
}

func (p *Pack) reading() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:         "get_sprint_report",
			Title:        "Get sprint report",
			Description:  "What became of a sprint: its goal and dates, what was committed at its start, completed, not completed, added and removed, with counts and story points.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: reportSchema,
		}, p.sprintReport),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "list_boards",
			Title:        "List boards",
			Description:  "Lists Jira boards; a board's id is needed for its sprints.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: boardsSchema,
		}, p.listBoards),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "list_sprints",
			Title:        "List sprints",
			Description:  "Lists the sprints of a board, newest first; those not started yet come before all.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: sprintsSchema,
		}, p.listSprints),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "get_sprint_issues",
			Title:        "Get sprint issues",
			Description:  "Lists the issues that are in a sprint now. What changed during it is in get_sprint_report.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: issuesSchema,
		}, p.sprintIssues),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "search_issues_jql",
			Title:        "Search issues by JQL",
			Description:  "Finds Jira issues by JQL, e.g. project = ABC AND status = \"In Progress\" ORDER BY updated DESC.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: issuesSchema,
		}, p.searchIssues),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "get_jira_issue",
			Title:        "Get Jira issue",
			Description:  "Reads one Jira issue, its description in Markdown, and if asked its latest comments.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: issueSchema,
		}, p.getIssue),
		mcp.NewTool(mcp.ToolSpec{
			Name:         "get_jira_transitions",
			Title:        "Get Jira transitions",
			Description:  "Lists how an issue's status can change from where it is now, for transition_jira_issue.",
			Annotations:  mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: true},
			OutputSchema: transitionsSchema,
		}, p.getTransitions),
	}
}

func (p *Pack) writing() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "create_jira_issue",
			Title:       "Create Jira issue",
			Description: "Creates a Jira issue.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: false, OpenWorldHint: true},
		}, p.createIssue),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "transition_jira_issue",
			Title:       "Transition Jira issue",
			Description: "Changes the status of a Jira issue by one of its transitions.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: false, DestructiveHint: true, OpenWorldHint: true},
		}, p.transitionIssue),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "add_jira_comment",
			Title:       "Add Jira comment",
			Description: "Comments on a Jira issue.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: false, OpenWorldHint: true},
		}, p.addComment),
	}
}
