package jira

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"toolgate/mcp"
)

const (
	historyPage   = 50
	maxSprintSize = 500 // issues of a sprint whose history is read
	maxCandidates = 200 // issues looked through for those that were removed
)

// historian works a sprint's report out of its issues' history: what Jira's documented API leaves to whoever asks.
type historian struct {
	*Pack
	call       *mcp.Call
	board      board
	sprint     sprint
	report     *report
	start, end time.Time
	begun      bool
	book       *book
	statuses   statuses
	seen       map[string]bool
	unsure     []string // issues whose history is not complete, or has statuses that are gone
}

// reportFields are asked for of every issue that a report may have.
var reportFields = []string{"summary", "issuetype", "status", "assignee", "created"}

// history fills a report.
func (p *Pack) history(ctx context.Context, c *mcp.Call, b board, s sprint, r *report) error {
	r.Source = fromAgile
	h := &historian{Pack: p, call: c, board: b, sprint: s, report: r, book: p.knownFields(ctx), seen: map[string]bool{}}
	h.start, h.end, h.begun = s.span(time.Now())
	if len(h.book.points) == 0 {
		h.note("no field of story points was found: all points are 0")
	}
	var err error
	if h.statuses, err = p.statuses(ctx); err != nil {
		return err
	}
	if err := h.members(ctx); err != nil {
		return err
	}
	if !h.begun {
		h.note("the sprint has not begun: what it would begin with is under committed and notCompleted")
		return nil
	}
	if err := h.removed(ctx); err != nil {
		return err
	}
	if len(h.unsure) > 0 {
		named := strings.Join(h.unsure[:min(5, len(h.unsure))], ", ")
		h.note("of " + plural(len(h.unsure), "issue") + " (" + named + ") the history could not be read to its beginning, or names statuses that are gone: where they are listed is a guess")
	}
	if p.allow.confines() {
		h.note("issues of projects that may not be seen through this server are left out, of every sum too")
	}
	return nil
}

func (h *historian) note(text string) { h.report.Notes = append(h.report.Notes, text) }

func (h *historian) fields() []string { return slices.Concat(reportFields, h.book.points) }

// members puts those issues into the report that are in the sprint now: of a closed one, those that were in it at its end.
func (h *historian) members(ctx context.Context) error {
	at := cursor{}
	for {
		found, err := h.inSprint(ctx, h.sprint.ID, h.fields(), "changelog", historyPage, at)
		if err != nil {
			return err
		}
		for n := range found.Issues {
			if err := h.member(ctx, &found.Issues[n]); err != nil {
				return err
			}
		}
		next, more := found.next(at)
		if !more {
			return nil
		}
		if len(h.seen) >= maxSprintSize {
			h.note(fmt.Sprintf("the sprint has more than %d issues: the others are left out, of every sum too", len(h.seen)))
			return nil
		}
		at = next
		progress(h.call, len(h.seen))
	}
}

func (h *historian) member(ctx context.Context, i *issue) error {
	if h.seen[i.Key] || !h.allow.issue(i.Key) {
		return nil
	}
	h.seen[i.Key] = true
	if !h.begun {
		status := (&changelog{}).statusAt(h.end, i.Fields, h.statuses)
		points := i.Fields.number(h.book.points)
		h.report.put(&h.report.NotCompleted, fared{item: h.item(i, status, points), before: points})
		return nil
	}
	if err := h.completeChangelog(ctx, i); err != nil {
		return err
	}
	atEnd := i.Changelog.inSprintAt(h.end, h.sprint.ID, h.book.sprint, true)
	if !atEnd && !h.wasIn(i, true) {
		return nil // it came into the sprint after that was closed
	}
	h.put(i, atEnd, true)
	return nil
}

// put counts an issue that was in the sprint at some time.
func (h *historian) put(i *issue, atEnd, now bool) {
	log, f := i.Changelog, i.Fields
	current := f.number(h.book.points)
	status := log.statusAt(h.end, f, h.statuses)
	points := log.pointsAt(h.end, h.book, current)
	counted := fared{item: h.item(i, status, points), added: !h.inAtStart(i, now)}
	joined := h.start
	if counted.added {
		if at, known := log.wasAdded(h.sprint.ID, h.book.sprint); known {
			joined = at
		} else if at, known := parseTime(f.text("created")); known {
			joined = at
		}
	}
	counted.before = log.pointsAt(joined, h.book, current)
	if log.cut || status.unknown {
		h.unsure = append(h.unsure, i.Key)
	}
	atStart := log.statusAt(h.start, f, h.statuses)
	switch {
	case !atEnd:
		h.report.put(&h.report.Punted, counted)
	case status.done && atStart.done && !createdAfter(h.start, f):
		h.report.put(&h.report.DoneOutside, counted)
	case status.done:
		h.report.put(&h.report.Done, counted)
	default:
		h.report.put(&h.report.NotCompleted, counted)
	}
}

// createdAfter says whether an issue was created after a moment.
func createdAfter(moment time.Time, f fieldsOf) bool {
	at, known := parseTime(f.text("created"))
	return known && at.After(moment)
}

func (h *historian) inAtStart(i *issue, now bool) bool {
	return !createdAfter(h.start, i.Fields) && i.Changelog.inSprintAt(h.start, h.sprint.ID, h.book.sprint, now)
}

// wasIn says whether an issue was in the sprint while it ran.
func (h *historian) wasIn(i *issue, now bool) bool {
	if h.inAtStart(i, now) {
		return true
	}
	for _, change := range i.Changelog.Histories {
		if change.at.Before(h.start) || change.at.After(h.end) {
			continue
		}
		for _, item := range change.Items {
			if item.is(h.book.sprint, "Sprint") && lists(item.To, h.sprint.ID) {
				return true
			}
		}
	}
	return false
}

func (h *historian) item(i *issue, s state, points *float64) reportedItem {
	f := i.Fields
	return reportedItem{
		Key: i.Key, Summary: f.text("summary"), Type: f.name("issuetype"), Status: s.name, Assignee: f.name("assignee"), Points: points,
	}
}

// removed looks for issues that were taken out of the sprint while it ran. No JQL finds them: it looks through the history
// of what changed since the sprint's start in the board's projects, the latest changes first.
func (h *historian) removed(ctx context.Context) error {
	owners, err := h.projectsOf(ctx, h.board)
	if err != nil {
		return err
	}
	owners = slices.DeleteFunc(owners, func(key string) bool { return !projectKey.MatchString(key) || !h.allow.project(key) })
	if len(owners) == 0 {
		h.note("issues that were removed are not known: the board's projects could not be told")
		return nil
	}
	since := h.start.Add(-24 * time.Hour).UTC().Format("2006-01-02") // Jira reads it in the time zone of whoever asks
	jql := fmt.Sprintf(`%s AND updated >= %q AND (sprint is EMPTY OR sprint != %d) ORDER BY updated DESC`, allowList(owners).clause(), since, h.sprint.ID)
	at, looked := cursor{}, 0
	for {
		found, err := h.search(ctx, jql, h.fields(), "changelog", historyPage, at)
		if err != nil {
			return err
		}
		for n := range found.Issues {
			i := &found.Issues[n]
			if h.seen[i.Key] || !h.allow.issue(i.Key) {
				continue
			}
			h.seen[i.Key] = true
			if err := h.completeChangelog(ctx, i); err != nil {
				return err
			}
			if h.wasIn(i, false) {
				h.put(i, i.Changelog.inSprintAt(h.end, h.sprint.ID, h.book.sprint, false), false)
			}
		}
		looked += len(found.Issues)
		next, more := found.next(at)
		if !more {
			break
		}
		if looked >= maxCandidates {
			h.note(fmt.Sprintf("of the issues changed since the sprint's start only the latest %d were looked through for removed ones: punted, and with it committed and added, may lack some", looked))
			return nil
		}
		at = next
		progress(h.call, len(h.seen))
	}
	h.note("removed issues were looked for in " + strings.Join(owners, ", ") + "; one that was moved to another project or deleted is not known")
	return nil
}
