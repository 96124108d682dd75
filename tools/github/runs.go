package github

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

const (
	maxWorkflows = 500 // of one repository, among which a name is looked for
	maxTitle     = 160 // bytes
)

// workflowFile is the name of a file in .github/workflows.
var workflowFile = regexp.MustCompile(`^[A-Za-z0-9._-]+\.ya?ml$`)

type listRunsArgs struct {
	repositoryArgs
	Workflow string `json:"workflow,omitzero" jsonschema:"File (ci.yml), name or id."`
	Branch   string `json:"branch,omitzero" jsonschema:"Branch."`
	Status   string `json:"status,omitzero" jsonschema:"failure, success, cancelled, in_progress, …"`
	pageArgs
}

var runsSchema = jsontext.Value(`{"type":"object","required":["runs","total"],"properties":{` +
	`"runs":{"type":"array","description":"id, workflow, title, status, branch, event, sha, actor, created, seconds.","items":{"type":"object"}},` +
	`"total":{"type":"integer","description":"On all pages."}}}`)

type listRunsResult struct {
	Runs     []run `json:"runs"`
	Total    int   `json:"total"`
	NextPage int   `json:"nextPage,omitzero"`
}

// run is one of a workflow.
type run struct {
	ID       int64  `json:"id"`
	Workflow string `json:"workflow"`
	Title    string `json:"title"`
	Status   string `json:"status"` // what came of it, where it is over
	Branch   string `json:"branch,omitzero"`
	Event    string `json:"event"`
	SHA      string `json:"sha"`
	Actor    string `json:"actor,omitzero"`
	Created  string `json:"created"`
	Seconds  int    `json:"seconds,omitzero"` // it took, where it is over
	Attempt  int    `json:"attempt,omitzero"` // from the second on
}

func (p *Pack) listRuns(ctx context.Context, _ *mcp.Call, in listRunsArgs) (listRunsResult, error) {
	none := listRunsResult{}
	r, err := p.repository(in.repositoryArgs)
	if err != nil {
		return none, err
	}
	opts := &gh.ListWorkflowRunsOptions{Branch: in.Branch, Status: in.Status, ExcludePullRequests: true, ListOptions: in.options()}
	var found *gh.WorkflowRuns
	var resp *gh.Response
	missing := noRepository(r)
	switch workflow := strings.TrimSpace(in.Workflow); {
	case workflow == "":
		found, resp, err = p.api.Actions.ListRepositoryWorkflowRuns(ctx, r.owner, r.name, opts)
	default:
		workflow = strings.TrimPrefix(workflow, ".github/workflows/")
		id, known := strconv.ParseInt(workflow, 10, 64)
		missing = fmt.Sprintf("there is no workflow %q in %s", workflow, r)
		if known == nil {
			found, resp, err = p.api.Actions.ListWorkflowRunsByID(ctx, r.owner, r.name, id, opts)
			break
		}
		if !workflowFile.MatchString(workflow) {
			if workflow, err = p.workflowFile(ctx, r, workflow); err != nil {
				return none, err
			}
		}
		found, resp, err = p.api.Actions.ListWorkflowRunsByFileName(ctx, r.owner, r.name, workflow, opts)
	}
	if err := p.settle(ctx, r, "list the workflow runs of "+r.String(), missing, resp, err); err != nil {
		return none, err
	}
	result := listRunsResult{Runs: make([]run, 0, len(found.WorkflowRuns)), Total: found.GetTotalCount(), NextPage: in.next(resp)}
	for _, w := range found.WorkflowRuns {
		result.Runs = append(result.Runs, newRun(w))
	}
	return result, nil
}

// workflowFile finds the workflow that has a name, and gives its file or id.
func (p *Pack) workflowFile(ctx context.Context, r repository, name string) (string, error) {
	all, _, err := every(maxWorkflows, func(opts gh.ListOptions) ([]*gh.Workflow, *gh.Response, error) {
		page, resp, err := p.api.Actions.ListWorkflows(ctx, r.owner, r.name, &opts)
		if err := p.settle(ctx, r, "list the workflows of "+r.String(), noRepository(r), resp, err); err != nil {
			return nil, resp, err
		}
		return page.Workflows, resp, nil
	})
	if err != nil {
		return "", err
	}
	names := []string{}
	for _, w := range all {
		if strings.EqualFold(w.GetName(), name) {
			return strconv.FormatInt(w.GetID(), 10), nil
		}
		names = append(names, w.GetName())
	}
	if len(names) == 0 {
		return "", mcp.ToolErrorf("there is no workflow %q in %s: it has none", name, r)
	}
	return "", mcp.ToolErrorf("there is no workflow %q in %s; it has %s", name, r, clip.To(strings.Join(names, ", "), maxReason))
}

func newRun(w *gh.WorkflowRun) run {
	one := run{
		ID: w.GetID(), Workflow: w.GetName(), Title: clip.To(clip.Line(w.GetDisplayTitle()), maxTitle), Status: w.GetStatus(),
		Branch: w.GetHeadBranch(), Event: w.GetEvent(), Actor: w.GetActor().GetLogin(), Created: stamp(w.GetCreatedAt()),
	}
	if sha := w.GetHeadSHA(); sha != "" {
		one.SHA = sha[:min(len(sha), shortSHA)]
	}
	if attempt := w.GetRunAttempt(); attempt > 1 {
		one.Attempt = attempt
	}
	if one.Status == "completed" {
		one.Status = w.GetConclusion()
		started, ended := w.GetRunStartedAt(), w.GetUpdatedAt()
		if !started.IsZero() && ended.After(started.Time) {
			one.Seconds = int(ended.Sub(started.Time) / time.Second)
		}
	}
	return one
}
