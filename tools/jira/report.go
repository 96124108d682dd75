package jira

import (
	"context"
	"fmt"
	"time"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

// Where a report comes from.
const (
	fromGreenhopper = "greenhopper" // Jira's own report: what its board shows people
	fromAgile       = "agile"       // worked out of the issues' history
)

type reportArgs struct {
	BoardID  int `json:"boardId" jsonschema:"Id, from list_boards." minimum:"1"`
	SprintID int `json:"sprintId" jsonschema:"Id, from list_sprints." minimum:"1"`
}

type report struct {
	Sprint    string `json:"sprint"`
	State     string `json:"state"`
	Goal      string `json:"goal,omitempty"`
	Start     string `json:"start,omitempty"`
	End       string `json:"end,omitempty"`
	Completed string `json:"completedAt,omitempty"`
	Source    string `json:"source"`

	Committed    keyGroup   `json:"committed"`
	Done         issueGroup `json:"completed"`
	NotCompleted issueGroup `json:"notCompleted"`
	Punted       issueGroup `json:"punted"`
	Added        keyGroup   `json:"added"`
	DoneOutside  issueGroup `json:"completedOutsideSprint"`

	Notes []string `json:"notes,omitempty"`
}

// issueGroup is issues of a sprint that fared the same. Points are those at its end.
type issueGroup struct {
	Count  int            `json:"count"`
	Points float64        `json:"points"`
	Issues []reportedItem `json:"issues"`
}

// keyGroup is issues that are in an issueGroup too. Points are those they came into the sprint with.
type keyGroup struct {
	Count  int      `json:"count"`
	Points float64  `json:"points"`
	Keys   []string `json:"keys"`
}

type reportedItem struct {
	Key           string   `json:"key"`
	Summary       string   `json:"summary"`
	Type          string   `json:"type,omitempty"`
	Status        string   `json:"status,omitempty"`
	Assignee      string   `json:"assignee,omitempty"`
	Points        *float64 `json:"points,omitempty"`
	PointsAtStart *float64 `json:"pointsAtStart,omitempty"`
}

func newReport(s sprint) *report {
	r := &report{
		Sprint: clip.To(s.Name, shortText), State: s.State, Goal: clip.To(s.Goal, maxString),
		Start: isoDate(s.StartDate), End: isoDate(s.EndDate), Completed: isoDate(s.CompleteDate),
	}
	r.reset()
	return r
}

// reset takes out all issues.
func (r *report) reset() {
	r.Notes = nil
	for _, g := range []*keyGroup{&r.Committed, &r.Added} {
		*g = keyGroup{Keys: []string{}}
	}
	for _, g := range []*issueGroup{&r.Done, &r.NotCompleted, &r.Punted, &r.DoneOutside} {
		*g = issueGroup{Issues: []reportedItem{}}
	}
}

// fared is one issue of a sprint, and how it fared.
type fared struct {
	item   reportedItem // with the points at the sprint's end
	before *float64     // its points at the sprint's start, or when it was added
	added  bool         // during the sprint
}

// put counts an issue in the group of those that fared as it did, and among those committed or added.
func (r *report) put(in *issueGroup, f fared) {
	f.item.Summary = clip.To(f.item.Summary, shortText)
	if f.before != nil && (f.item.Points == nil || *f.item.Points != *f.before) {
		f.item.PointsAtStart = f.before
	}
	in.Count++
	in.Points += value(f.item.Points)
	in.Issues = append(in.Issues, f.item)
	k := &r.Committed
	if f.added {
		k = &r.Added
	}
	k.Count++
	k.Points += value(f.before)
	k.Keys = append(k.Keys, f.item.Key)
}

func value(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}

func (p *Pack) sprintReport(ctx context.Context, c *mcp.Call, in reportArgs) (*report, error) {
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return nil, err
	}
	b, err := p.checkBoard(ctx, in.BoardID)
	if err != nil {
		return nil, err
	}
	s, err := p.checkSprint(ctx, in.SprintID, in.BoardID)
	if err != nil {
		return nil, err
	}
	r := newReport(s)
	why, err := p.greenhopper(ctx, in, r)
	if err != nil {
		return nil, err
	}
	if why == "" {
		return r, nil
	}
	r.reset()
	r.Notes = append(r.Notes, "Jira's own sprint report could not be used ("+why+"): this one is worked out of the history of the issues")
	return r, p.history(ctx, c, b, s, r)
}

// span is when a sprint ran. ok is false where it has not begun.
func (s sprint) span(now time.Time) (start, end time.Time, ok bool) {
	start, ok = parseTime(s.StartDate)
	if !ok || s.State == "future" {
		return start, end, false
	}
	if s.State == "active" {
		return start, now, true
	}
	for _, text := range []string{s.CompleteDate, s.EndDate} {
		if end, ok := parseTime(text); ok {
			return start, end, true
		}
	}
	return start, now, true
}

func plural(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
