package jira

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/tools/internal/egress"
)

// chart is Jira's own sprint report. Nothing documents it: every part may be missing or be something else.
type chart struct {
	Contents *struct {
		Completed    []chartIssue   `json:"completedIssues"`
		NotCompleted []chartIssue   `json:"issuesNotCompletedInCurrentSprint"`
		Incompleted  []chartIssue   `json:"incompletedIssues"` // what older ones call it
		Punted       []chartIssue   `json:"puntedIssues"`
		Elsewhere    []chartIssue   `json:"issuesCompletedInAnotherSprint"`
		Added        jsontext.Value `json:"issueKeysAddedDuringSprint"` // {"ABC-1":true}
	} `json:"contents"`
}

type chartIssue struct {
	Key          string         `json:"key"`
	Summary      string         `json:"summary"`
	TypeName     string         `json:"typeName"`
	StatusName   string         `json:"statusName"`
	Status       jsontext.Value `json:"status"`
	Assignee     string         `json:"assignee"`
	AssigneeName string         `json:"assigneeName"`
	Before       jsontext.Value `json:"estimateStatistic"`
	Now          jsontext.Value `json:"currentEstimateStatistic"`
}

// estimate is a value of what a board estimates by.
func estimate(v jsontext.Value) (n *float64, field string) {
	var e struct {
		Field string `json:"statFieldId"`
		Value struct {
			Value *float64 `json:"value"`
		} `json:"statFieldValue"`
	}
	if v == nil || decode(v, &e) != nil {
		return nil, ""
	}
	if e.Value.Value == nil {
		return nil, e.Field
	}
	return sane(*e.Value.Value), e.Field
}

// greenhopper fills a report from Jira's own. why is why that cannot be used, where another way may do.
func (p *Pack) greenhopper(ctx context.Context, in reportArgs, r *report) (why string, err error) {
	var c chart
	err = p.ask(ctx, egress.Request{
		Path:  "/rest/greenhopper/1.0/rapid/charts/sprintreport",
		Query: query{"rapidViewId": {strconv.Itoa(in.BoardID)}, "sprintId": {strconv.Itoa(in.SprintID)}},
	}, &c)
	var failed *egress.Error
	switch {
	case errors.Is(err, errPage), errors.Is(err, errShape):
		return "its answer has an unknown form", nil
	case errors.As(err, &failed) && failed.Status >= statusBadRequest && failed.Status != statusTooMany &&
		(failed.Status <= statusInternal || failed.Status == statusNotImplemented):
		return fmt.Sprintf("it answered %d", failed.Status), nil
	case err != nil:
		return "", p.explain(ctx, err, "")
	case c.Contents == nil || c.Contents.Completed == nil || c.Contents.NotCompleted == nil && c.Contents.Incompleted == nil:
		return "its answer has an unknown form", nil
	}
	added := addedKeys(c.Contents.Added)
	filled := filler{pack: p, report: r, added: added}
	filled.put(&r.Done, c.Contents.Completed)
	filled.put(&r.NotCompleted, slices.Concat(c.Contents.NotCompleted, c.Contents.Incompleted))
	filled.put(&r.Punted, c.Contents.Punted)
	filled.put(&r.DoneOutside, c.Contents.Elsewhere)
	if filled.shapeless {
		return "its answer has an unknown form", nil
	}
	r.Source = fromGreenhopper
	if filled.hidden > 0 {
		r.Notes = append(r.Notes, plural(filled.hidden, "issue")+" of projects that may not be seen through this server left out, of every sum too")
	}
	if filled.hours {
		r.Notes = append(r.Notes, "the board estimates in time: points are hours")
	}
	return "", nil
}

// addedKeys reads the keys that were added, from an object or a list.
func addedKeys(v jsontext.Value) map[string]bool {
	added := map[string]bool{}
	if v == nil || decode(v, &added) == nil {
		return added
	}
	var keys []string
	if decode(v, &keys) == nil {
		for _, key := range keys {
			added[key] = true
		}
	}
	return added
}

// filler puts the issues of a chart into a report.
type filler struct {
	pack      *Pack
	report    *report
	added     map[string]bool
	hidden    int  // issues that may not be seen
	hours     bool // estimates are times
	shapeless bool // an issue is without a key
}

func (f *filler) put(in *issueGroup, issues []chartIssue) {
	for _, i := range issues {
		switch {
		case !issueKey.MatchString(i.Key):
			f.shapeless = true
			continue
		case !f.pack.allow.issue(i.Key):
			f.hidden++
			continue
		}
		before := f.estimate(i.Before)
		now := f.estimate(i.Now)
		if now == nil && i.Now == nil {
			now = before // older ones have a single estimate
		}
		item := reportedItem{Key: i.Key, Summary: i.Summary, Type: i.TypeName, Status: i.StatusName, Assignee: i.AssigneeName, Points: now}
		if item.Status == "" {
			item.Status = fieldsOf{"": i.Status}.name("")
		}
		if item.Assignee == "" {
			item.Assignee = i.Assignee
		}
		f.report.put(in, fared{item: item, before: before, added: f.added[i.Key]})
	}
}

func (f *filler) estimate(v jsontext.Value) *float64 {
	n, field := estimate(v)
	if n != nil && strings.HasPrefix(field, "time") {
		f.hours = true
		hours := *n / 3600
		return &hours
	}
	return n
}
