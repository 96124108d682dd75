package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
	"toolgate/tools/internal/egress"
)

const (
	maxJobs     = 1000     // of one run, among which those that failed are looked for
	maxLogs     = 10       // logs read by one call
	maxLogBytes = 48 << 10 // of all logs in one result
	logWindow   = 1 << 20  // bytes at the end of a log that are fetched; logs have hundreds of MiB
)

type jobLogsArgs struct {
	repositoryArgs
	JobID     int64 `json:"jobId,omitzero" jsonschema:"Job."`
	RunID     int64 `json:"runId,omitzero" jsonschema:"Or a run."`
	AllJobs   bool  `json:"allJobs,omitzero" jsonschema:"Of a run, not failed jobs alone."`
	TailLines int   `json:"tailLines,omitzero" jsonschema:"Lines of each log." minimum:"1" maximum:"5000" default:"200"`
}

var logsSchema = jsontext.Value(`{"type":"object","required":["jobs"],"properties":{` +
	`"jobs":{"type":"array","description":"jobId, name, status, failedStep, log, lines, more, note.","items":{"type":"object"}}}}`)

type jobLogsResult struct {
	Jobs []jobLog `json:"jobs"`
	Note string   `json:"note,omitzero"`
}

// jobLog is a job and the end of its log.
type jobLog struct {
	JobID      int64  `json:"jobId"`
	Name       string `json:"name"`
	Status     string `json:"status"` // what came of it, where it is over
	FailedStep string `json:"failedStep,omitzero"`
	Log        string `json:"log"`
	Lines      int    `json:"lines"`
	More       bool   `json:"more,omitzero"`
	Note       string `json:"note,omitzero"`
}

func (p *Pack) jobLogs(ctx context.Context, c *mcp.Call, in jobLogsArgs) (jobLogsResult, error) {
	result := jobLogsResult{Jobs: []jobLog{}}
	r, err := p.repository(in.repositoryArgs)
	if err != nil {
		return result, err
	}
	var jobs []*gh.WorkflowJob
	switch {
	case in.JobID > 0 && in.RunID == 0:
		job, resp, err := p.api.Actions.GetWorkflowJobByID(ctx, r.owner, r.name, in.JobID)
		missing := fmt.Sprintf("there is no job %d in %s", in.JobID, r)
		if err := p.settle(ctx, r, fmt.Sprintf("read the job %d of %s", in.JobID, r), missing, resp, err); err != nil {
			return result, err
		}
		jobs = []*gh.WorkflowJob{job}
	case in.RunID > 0 && in.JobID == 0:
		if jobs, err = p.runJobs(ctx, r, in.RunID); err != nil {
			return result, err
		}
		jobs, result.Note = pickJobs(jobs, in.RunID, in.AllJobs)
	default:
		return result, mcp.ToolErrorf("give either jobId or runId: list_workflow_runs has the ids of runs")
	}
	for i, job := range jobs {
		one, err := p.jobLog(ctx, r, job, in.TailLines, maxLogBytes/len(jobs))
		if err != nil {
			return result, err
		}
		result.Jobs = append(result.Jobs, one)
		c.Progress(float64(i+1), float64(len(jobs)), "read the log of "+job.GetName())
	}
	return result, nil
}

// runJobs are the jobs of a run's latest attempt.
func (p *Pack) runJobs(ctx context.Context, r repository, id int64) ([]*gh.WorkflowJob, error) {
	jobs, _, err := every(maxJobs, func(opts gh.ListOptions) ([]*gh.WorkflowJob, *gh.Response, error) {
		page, resp, err := p.api.Actions.ListWorkflowJobs(ctx, r.owner, r.name, id, &gh.ListWorkflowJobsOptions{Filter: "latest", ListOptions: opts})
		missing := fmt.Sprintf("there is no workflow run %d in %s", id, r)
		if err := p.settle(ctx, r, fmt.Sprintf("list the jobs of the run %d of %s", id, r), missing, resp, err); err != nil {
			return nil, resp, err
		}
		return page.Jobs, resp, nil
	})
	return jobs, err
}

// pickJobs chooses which jobs' logs are read, and says what to note about the others.
func pickJobs(all []*gh.WorkflowJob, id int64, every bool) (picked []*gh.WorkflowJob, note string) {
	for _, job := range all {
		if every || failedJob(job) {
			picked = append(picked, job)
		}
	}
	if len(picked) == 0 {
		running := 0
		for _, job := range all {
			if job.GetStatus() != "completed" {
				running++
			}
		}
		return nil, fmt.Sprintf("no job of the run %d failed: it has %d, of which %d are not over; allJobs reads their logs", id, len(all), running)
	}
	if len(picked) > maxLogs {
		left := []string{}
		for _, job := range picked[maxLogs:] {
			left = append(left, strconv.FormatInt(job.GetID(), 10))
		}
		note = clip.To(fmt.Sprintf("%d more jobs were not read; their jobIds: %s", len(left), strings.Join(left, ", ")), maxReason)
		picked = picked[:maxLogs]
	}
	return picked, note
}

func failedJob(job *gh.WorkflowJob) bool {
	switch job.GetConclusion() {
	case "failure", "timed_out", "startup_failure":
		return true
	}
	return false
}

func (p *Pack) jobLog(ctx context.Context, r repository, job *gh.WorkflowJob, n, limit int) (jobLog, error) {
	one := jobLog{JobID: job.GetID(), Name: job.GetName(), Status: job.GetStatus()}
	if one.Status == "completed" {
		one.Status = job.GetConclusion()
	}
	for _, step := range job.Steps {
		if step.GetConclusion() == "failure" {
			one.FailedStep = step.GetName()
			break
		}
	}
	text, whole, err := p.logEnd(ctx, r, job.GetID())
	switch code := status(err); {
	case code == statusNotFound && job.GetStatus() != "completed":
		one.Note = "there is no log yet: the job is not over"
		return one, nil
	case errors.Is(err, egress.ErrTooLarge): // its host gives no parts
		one.Note = fmt.Sprintf("the log has more than %d bytes, and cannot be had in parts", maxAnswer)
		return one, nil
	case code == statusNotFound || code == statusGone:
		one.Note = "there is no log, or no longer: the job did not run, or its log was deleted"
		return one, nil
	case err != nil:
		return one, err
	}
	end := tailOf(text, n, limit, whole)
	one.Log, one.Lines, one.More = end.text, end.lines, end.more
	return one, nil
}

// logEnd is the end of a job's log; whole says that it is all of it. GitHub only says where the log is: a host that knows
// nothing of our credentials, and is given none. Most logs are had by the first request.
func (p *Pack) logEnd(ctx context.Context, r repository, id int64) (text string, whole bool, err error) {
	place := fmt.Sprintf("repos/%s/actions/jobs/%d/logs", r, id)
	text, where, err := p.logPart(ctx, r, place, fmt.Sprintf("bytes=0-%d", logWindow-1))
	if status(err) == statusNotSatisfiable { // nothing has no first byte
		return "", true, nil
	}
	if err != nil {
		return "", false, err
	}
	if where.total <= int64(len(text)) {
		return text, true, nil
	}
	// what was there is asked for again, since addresses of logs are good for a minute only
	text, where, err = p.logPart(ctx, r, place, fmt.Sprintf("bytes=%d-", where.total-logWindow))
	return text, where.first == 0, err
}

// logRange says which bytes of a log an answer has: from first on, of total.
type logRange struct{ first, total int64 }

// logPart asks for a part of a log. The host may give all of it.

func (p *Pack) logPart(ctx context.Context, r repository, place, wanted string) (string, logRange, error) {
	doing := "read the log at " + place
	req, err := p.api.NewRequest(ctx, "GET", place, nil)
	if err != nil {
		return "", logRange{}, fmt.Errorf("%s: %w", doing, err)
	}
	req.Header.Set("Range", wanted)
	resp, err := p.api.BareDo(req)
	if err := p.settle(ctx, r, doing, "there is no such log", resp, err); err != nil {
		return "", logRange{}, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", logRange{}, fmt.Errorf("%s: %w", doing, err)
	}
	where := logRange{0, int64(len(content))}
	if said := resp.Header.Get("Content-Range"); said != "" {
		if _, err := fmt.Sscanf(said, "bytes %d-", &where.first); err != nil {
			return "", where, fmt.Errorf("%s: %w", doing, errGarbled)
		}
		_, total, _ := strings.Cut(said, "/")
		if n, err := strconv.ParseInt(total, 10, 64); err == nil {
			where.total = n
		}
	}
	return string(content), where, nil
}
