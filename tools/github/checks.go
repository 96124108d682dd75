package github

import (
	"context"
	"fmt"
	"slices"

	gh "github.com/google/go-github/v89/github"

	"toolgate/tools/internal/clip"
)

const (
	maxChecks  = 1000 // of one commit, of either kind
	maxFailing = 50   // that are named
)

// What all checks of a commit come to.
const (
	stateFailure = "failure"
	statePending = "pending"
	stateSuccess = "success"
	stateNone    = "none"    // there are no checks
	stateUnknown = "unknown" // some could not be read, and the others did not fail
)

// checks sums up the commit statuses and check runs of a pull request's head.
type checks struct {
	State   string   `json:"state"`
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	Pending int      `json:"pending"`
	Skipped int      `json:"skipped"` // neutral ones among them
	Failing []check  `json:"failing,omitzero"`
	Waiting []string `json:"waiting,omitzero"`
}

// check is one that failed.
type check struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	JobID   int64  `json:"jobId,omitzero"` // where a workflow of GitHub Actions ran it
	Summary string `json:"summary,omitzero"`
	URL     string `json:"url,omitzero"`
}

func (q pullQuestion) status(into *pullDetail) part {
	return func(ctx context.Context) ([]string, error) {
		sum := &checks{}
		notes := []string{}
		sha := into.HeadSHA
		for _, read := range []struct {
			what string
			from func(context.Context, string, *checks) (bool, error)
		}{{"check runs", q.runs}, {"commit statuses", q.statuses}} {
			more, err := read.from(ctx, sha, sum)
			switch code := status(err); {
			case code == statusForbidden || code == statusNotFound: // a token may be good for the one kind alone
				notes = append(notes, fmt.Sprintf("status: the %s could not be read: %s may not see them (%d)", read.what, credential(ctx), code))
			case err != nil:
				return nil, err
			case more:
				notes = append(notes, fmt.Sprintf("status: there are more than %d %s", maxChecks, read.what))
			}
		}
		sum.conclude(len(notes) == 0)
		into.Status = sum
		return notes, nil
	}
}

func (q pullQuestion) runs(ctx context.Context, sha string, sum *checks) (more bool, err error) {
	runs, more, err := every(maxChecks, func(opts gh.ListOptions) ([]*gh.CheckRun, *gh.Response, error) {
		page, resp, err := q.api.Checks.ListCheckRunsForRef(ctx, q.r.owner, q.r.name, sha, &gh.ListCheckRunsOptions{ListOptions: opts})
		if err := q.settle(ctx, "list the check runs of", resp, err); err != nil {
			return nil, resp, err
		}
		return page.CheckRuns, resp, nil
	})
	for _, run := range runs {
		sum.addRun(run)
	}
	return more, err
}

func (q pullQuestion) statuses(ctx context.Context, sha string, sum *checks) (more bool, err error) {
	statuses, more, err := every(maxChecks, func(opts gh.ListOptions) ([]*gh.RepoStatus, *gh.Response, error) {
		page, resp, err := q.api.Repositories.GetCombinedStatus(ctx, q.r.owner, q.r.name, sha, &opts)
		if err := q.settle(ctx, "read the commit statuses of", resp, err); err != nil {
			return nil, resp, err
		}
		return page.Statuses, resp, nil
	})
	for _, s := range statuses {
		switch s.GetState() {
		case "success":
			sum.Passed++
		case "pending":
			sum.wait(s.GetContext())
		default: // failure, error
			sum.fail(check{Name: s.GetContext(), Outcome: s.GetState(), Summary: clip.To(clip.Line(s.GetDescription()), 200), URL: s.GetTargetURL()})
		}
	}
	return more, err
}

func (s *checks) addRun(run *gh.CheckRun) {
	if run.GetStatus() != "completed" {
		s.wait(run.GetName())
		return
	}
	switch run.GetConclusion() {
	case "success":
		s.Passed++
	case "neutral", "skipped":
		s.Skipped++
	default: // failure, timed_out, cancelled, action_required, stale, startup_failure
		failed := check{Name: run.GetName(), Outcome: run.GetConclusion(), Summary: clip.To(clip.Line(run.GetOutput().GetTitle()), 200)}
		if run.GetApp().GetSlug() == "github-actions" {
			failed.JobID = run.GetID()
		} else {
			failed.URL = run.GetHTMLURL()
		}
		s.fail(failed)
	}
}

func (s *checks) fail(c check) {
	s.Failed++
	if len(s.Failing) < maxFailing {
		s.Failing = append(s.Failing, c)
	}
}

func (s *checks) wait(name string) {
	s.Pending++
	if len(s.Waiting) < maxFailing {
		s.Waiting = append(s.Waiting, name)
	}
}

// conclude sets what all of it comes to. complete says that everything could be read.
func (s *checks) conclude(complete bool) {
	slices.Sort(s.Waiting)
	switch {
	case s.Failed > 0:
		s.State = stateFailure
	case s.Pending > 0:
		s.State = statePending
	case !complete:
		s.State = stateUnknown
	case s.Passed+s.Skipped > 0:
		s.State = stateSuccess
	default:
		s.State = stateNone
	}
}
