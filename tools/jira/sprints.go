package jira

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

const (
	sprintPage     = 50 // as much as Jira gives at once
	maxSprintPages = 40 // Jira gives the oldest first: all must be read before the newest is known
)

// sprint is a sprint as the agile API gives it.
type sprint struct {
	ID            int    `json:"id"`
	Name          string `json:"name"`
	State         string `json:"state"`
	Goal          string `json:"goal"`
	StartDate     string `json:"startDate"`
	EndDate       string `json:"endDate"`
	CompleteDate  string `json:"completeDate"`
	OriginBoardID int    `json:"originBoardId"`
}

type sprintItem struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	State     string `json:"state"`
	Start     string `json:"start,omitempty"`
	End       string `json:"end,omitempty"`
	Completed string `json:"completed,omitempty"`
	Goal      string `json:"goal,omitempty"`
}

type sprintsArgs struct {
	BoardID int    `json:"boardId" jsonschema:"Id, from list_boards." minimum:"1"`
	State   string `json:"state,omitempty" jsonschema:"Only these; leave out for all." enum:"active,closed,future"`
	Limit   int    `json:"limit,omitempty" jsonschema:"Sprints a page." minimum:"1" maximum:"50" default:"10"`
	Cursor  string `json:"cursor,omitempty" jsonschema:"nextCursor of the page before."`
}

type sprintsResult struct {
	Sprints    []sprintItem `json:"sprints"`
	Note       string       `json:"note,omitempty"`
	NextCursor string       `json:"nextCursor,omitempty"`
}

func (p *Pack) listSprints(ctx context.Context, c *mcp.Call, in sprintsArgs) (sprintsResult, error) {
	result := sprintsResult{Sprints: []sprintItem{}}
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return result, err
	}
	asked := question("list_sprints", in.BoardID, in.State, in.Limit)
	at, err := parseCursor(in.Cursor, asked)
	if err != nil {
		return result, err
	}
	if p.allow.confines() {
		if _, err := p.checkBoard(ctx, in.BoardID); err != nil {
			return result, err
		}
	}
	all, complete, err := p.sprints(ctx, c, in.BoardID, in.State)
	if err != nil {
		return result, err
	}
	if !complete {
		result.Note = fmt.Sprintf("the board has more than %d sprints; the newest ones may be missing: ask for the state active or future", len(all))
	}
	slices.SortStableFunc(all, newestFirst)
	for _, s := range all {
		if at.ID != 0 && newestFirst(s, sprint{ID: at.ID, StartDate: at.Date}) <= 0 {
			continue
		}
		if len(result.Sprints) == in.Limit {
			last := result.Sprints[in.Limit-1]
			result.NextCursor = cursor{Date: last.Start, ID: last.ID}.encode(asked)
			break
		}
		result.Sprints = append(result.Sprints, sprintItem{
			ID: s.ID, Name: clip.To(s.Name, shortText), State: s.State, Goal: clip.To(s.Goal, maxString),
			Start: s.StartDate, End: isoDate(s.EndDate), Completed: isoDate(s.CompleteDate),
		})
	}
	return result, nil
}

// newestFirst orders sprints: those that have not started, then by their start. Starts are as isoDate writes them.
func newestFirst(a, b sprint) int {
	if (a.StartDate == "") != (b.StartDate == "") {
		if a.StartDate == "" {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.StartDate, a.StartDate), cmp.Compare(b.ID, a.ID))
}

// sprints reads all sprints of a board, each once. complete is false where there are more than it reads.
func (p *Pack) sprints(ctx context.Context, c *mcp.Call, boardID int, state string) (all []sprint, complete bool, err error) {
	seen := map[int]bool{}
	start := 0
	for n := range maxSprintPages {
		var list struct {
			Values []sprint `json:"values"`
			IsLast bool     `json:"isLast"`
		}
		q := page(start, sprintPage)
		if state != "" {
			q["state"] = []string{state}
		}
		if err := p.get(ctx, agile(fmt.Sprintf("/board/%d/sprint", boardID)), q, &list, noBoard(boardID)); err != nil {
			return nil, false, err
		}
		for _, s := range list.Values {
			if s.StartDate = isoDate(s.StartDate); !seen[s.ID] {
				seen[s.ID] = true
				all = append(all, s)
			}
		}
		start += len(list.Values)
		if list.IsLast || len(list.Values) == 0 {
			return all, true, nil
		}
		c.Progress(float64(n+1), 0, fmt.Sprintf("read %d sprints", len(all)))
	}
	return all, false, nil
}

func noSprint(id int) string { return fmt.Sprintf("there is no sprint %d", id) }

// checkSprint reads a sprint that a call named, and refuses one of a board that may not be seen. seen is a board that may.
func (p *Pack) checkSprint(ctx context.Context, id, seen int) (sprint, error) {
	var s sprint
	if err := p.get(ctx, agile(fmt.Sprintf("/sprint/%d", id)), nil, &s, noSprint(id)); err != nil {
		return s, err
	}
	if !p.allow.confines() || s.OriginBoardID == seen && seen != 0 {
		return s, nil
	}
	if s.OriginBoardID == 0 {
		return s, p.outside(fmt.Sprintf("the sprint %d", id))
	}
	_, err := p.checkBoard(ctx, s.OriginBoardID)
	return s, err
}

// inSprint asks for a page of the issues that are in a sprint.
func (p *Pack) inSprint(ctx context.Context, id int, fields []string, expand string, limit int, at cursor) (searchPage, error) {
	q := page(at.Start, limit)
	q["fields"] = []string{strings.Join(fields, ",")}
	if clause := p.allow.clause(); clause != "" {
		q["jql"] = []string{clause}
	}
	if expand != "" {
		q["expand"] = []string{expand}
	}
	var found searchPage
	err := p.get(ctx, agile(fmt.Sprintf("/sprint/%d/issue", id)), q, &found, noSprint(id))
	return found, err
}
