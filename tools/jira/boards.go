package jira

import (
	"context"
	"fmt"
	"strings"

	"toolgate/mcp"
	"toolgate/tools/internal/clip"
)

const (
	boardPage     = 50
	maxBoardPages = 20 // Jira's pages read for one of ours, where most boards may not be seen
)

// board is a board as Jira gives it.
type board struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Location struct {
		ProjectKey string `json:"projectKey"` // Cloud only
	} `json:"location"`
}

type boardItem struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`
	Project string `json:"project,omitempty"`
}

type boardsArgs struct {
	ProjectKey string `json:"projectKey,omitempty" jsonschema:"Boards of this project only." maxLength:"64"`
	Name       string `json:"name,omitempty" jsonschema:"Part of the name." maxLength:"255"`
	Limit      int    `json:"limit,omitempty" jsonschema:"Boards a page." minimum:"1" maximum:"50" default:"25"`
	Cursor     string `json:"cursor,omitempty" jsonschema:"nextCursor of the page before."`
}

type boardsResult struct {
	Boards     []boardItem `json:"boards"`
	NextCursor string      `json:"nextCursor,omitempty"`
}

type boardList struct {
	Values []board `json:"values"`
	Total  *int    `json:"total"`
	IsLast bool    `json:"isLast"`
}

func (p *Pack) listBoards(ctx context.Context, c *mcp.Call, in boardsArgs) (boardsResult, error) {
	result := boardsResult{Boards: []boardItem{}}
	ctx, err := p.begin(ctx, c)
	if err != nil {
		return result, err
	}
	projects := []string(p.allow)
	switch {
	case in.ProjectKey != "":
		key, err := p.checkProject(in.ProjectKey)
		if err != nil {
			return result, err
		}
		projects = []string{key}
	case len(projects) == 0:
		projects = []string{""}
	}
	asked := question("list_boards", in.ProjectKey, in.Name, in.Limit)
	at, err := parseCursor(in.Cursor, asked)
	if err != nil {
		return result, err
	}
	named := in.ProjectKey != ""
	for range maxBoardPages {
		if at.Project >= len(projects) {
			return result, nil
		}
		key := projects[at.Project]
		list, err := p.boards(ctx, key, in.Name, at.Start)
		if err != nil {
			return result, err
		}
		for _, b := range list.Values {
			if len(result.Boards) == in.Limit {
				result.NextCursor = at.encode(asked)
				return result, nil
			}
			at.Start++
			mine, err := p.shows(ctx, b, key, named)
			if err != nil {
				return result, err
			}
			if mine {
				result.Boards = append(result.Boards, boardItem{b.ID, clip.To(b.Name, shortText), b.Type, b.Location.ProjectKey})
			}
		}
		if list.IsLast || len(list.Values) == 0 || list.Total != nil && at.Start >= *list.Total {
			at = cursor{Project: at.Project + 1}
		}
	}
	if at.Project < len(projects) {
		result.NextCursor = at.encode(asked)
	}
	return result, nil
}

func (p *Pack) boards(ctx context.Context, project, name string, start int) (boardList, error) {
	q := page(start, boardPage)
	missing := "this Jira has no boards: it is without Jira Software"
	if project != "" {
		q["projectKeyOrId"] = []string{project}
		missing = "there is no project " + project
	}
	if name != "" {
		q["name"] = []string{name}
	}
	var list boardList
	err := p.get(ctx, agile("/board"), q, &list, missing)
	return list, err
}

// shows says whether a board that came up under a project is listed there. Each board is, once: one of several projects
// under the first of them, unless the call named a project.
func (p *Pack) shows(ctx context.Context, b board, under string, named bool) (bool, error) {
	if !p.allow.confines() {
		return true, nil
	}
	owners, err := p.projectsOf(ctx, b)
	if err != nil || !p.owned(owners) {
		return false, err
	}
	if named {
		return true, nil
	}
	for _, key := range p.allow {
		for _, owner := range owners {
			if strings.EqualFold(owner, key) {
				return key == under, nil
			}
		}
	}
	return false, nil
}

// owned says whether all the projects of a board may be seen.
func (p *Pack) owned(owners []string) bool {
	for _, key := range owners {
		if !p.allow.project(key) {
			return false
		}
	}
	return len(owners) > 0
}

// projectsOf are the keys of the projects a board belongs to: the one that it is located in, where Jira says so, else all
// that have issues on it.
func (p *Pack) projectsOf(ctx context.Context, b board) ([]string, error) {
	if b.Location.ProjectKey != "" {
		return []string{b.Location.ProjectKey}, nil
	}
	var list struct {
		Values []struct {
			Key string `json:"key"`
		} `json:"values"`
		IsLast bool `json:"isLast"`
	}
	var keys []string
	for range maxBoardPages {
		if err := p.get(ctx, agile(fmt.Sprintf("/board/%d/project", b.ID)), page(len(keys), boardPage), &list, noBoard(b.ID)); err != nil {
			return nil, err
		}
		for _, project := range list.Values {
			keys = append(keys, project.Key)
		}
		if list.IsLast || len(list.Values) == 0 {
			return keys, nil
		}
	}
	return keys, nil
}

func noBoard(id int) string { return fmt.Sprintf("there is no board %d", id) }

// checkBoard reads a board that a call named, and refuses one of projects that may not be seen.
func (p *Pack) checkBoard(ctx context.Context, id int) (board, error) {
	var b board
	if err := p.get(ctx, agile(fmt.Sprintf("/board/%d", id)), nil, &b, noBoard(id)); err != nil {
		return b, err
	}
	if !p.allow.confines() {
		return b, nil
	}
	owners, err := p.projectsOf(ctx, b)
	if err == nil && !p.owned(owners) {
		err = p.outside(fmt.Sprintf("the board %d", id))
	}
	return b, err
}
