package jira

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

type listed struct {
	Issues []struct {
		Key string `json:"key"`
	} `json:"issues"`
	Boards []struct {
		ID int `json:"id"`
	} `json:"boards"`
	Sprints []struct {
		ID int `json:"id"`
	} `json:"sprints"`
	NextCursor string `json:"nextCursor"`
}

// walk reads a list page by page. arguments has %s where the cursor goes.
func walk(t *testing.T, d *desk, tool, arguments string) (keys []string, pages int) {
	t.Helper()
	cursor := ""
	for range 20 {
		var page listed
		d.call(tool, fmt.Sprintf(arguments, cursor), &page)
		pages++
		for _, i := range page.Issues {
			keys = append(keys, i.Key)
		}
		for _, b := range page.Boards {
			keys = append(keys, fmt.Sprint(b.ID))
		}
		for _, s := range page.Sprints {
			keys = append(keys, fmt.Sprint(s.ID))
		}
		if page.NextCursor == "" {
			return keys, pages
		}
		cursor = `,"cursor":"` + page.NextCursor + `"`
	}
	t.Fatalf("%s does not come to an end: %v", tool, keys)
	return nil, 0
}

func TestIssuesComePageByPage(t *testing.T) {
	all := []string{"ABC-1", "ABC-2", "ABC-3", "ABC-4", "ABC-5", "ABC-6", "ABC-7"}
	long := strings.Repeat("labels = x AND ", 100) + "labels = y" // too long for a URL
	for _, cloud := range []bool{true, false} {
		for tool, arguments := range map[string]string{
			"search_issues_jql": `{"jql":"project = ABC","limit":2%s}`,
			"get_sprint_issues": `{"sprintId":42,"limit":2%s}`,
		} {
			d := openFake(t, newFake(t, cloud).add(all...))
			if keys, pages := walk(t, d, tool, arguments); !slices.Equal(keys, all) || pages != 4 {
				t.Errorf("%s (cloud: %v) = %v on %d pages, want %v on 4", tool, cloud, keys, pages, all)
			}
		}
		d := openFake(t, newFake(t, cloud).add(all...))
		if cloud {
			if keys, pages := walk(t, d, "search_issues_jql", `{"jql":"`+long+`","limit":2%s}`); !slices.Equal(keys, all) || pages != 4 {
				t.Errorf("search_issues_jql of a long query = %v on %d pages, want %v on 4", keys, pages, all)
			}
		}
	}
}

func TestSprintsComeNewestFirst(t *testing.T) {
	f := newFake(t, true)
	f.size = 2
	f.boards = []map[string]any{{"id": 7, "name": "b"}}
	for n := range 6 {
		f.sprints = append(f.sprints, map[string]any{"id": n + 1, "name": "s", "state": "closed", "startDate": fmt.Sprintf("2026-01-%02dT08:00:00.000Z", n+1)})
	}
	f.sprints = append(f.sprints, map[string]any{"id": 7, "name": "next", "state": "future"})
	f.sprints[0]["startDate"] = "2026-06-01T10:00:00.000+0200" // begun late
	d := openFake(t, f)
	want := []string{"7", "1", "6", "5", "4", "3", "2"}
	if got, pages := walk(t, d, "list_sprints", `{"boardId":7,"limit":3%s}`); !slices.Equal(got, want) || pages != 3 {
		t.Errorf("list_sprints = %v on %d pages, want %v on 3", got, pages, want)
	}
}

func TestBoardsOfAllowedProjectsAlone(t *testing.T) {
	f := newFake(t, true)
	f.size = 2
	for n := range 9 {
		id := n + 1
		key := []string{"ABC", "XYZ", "SEC"}[n%3]
		f.boards = append(f.boards, map[string]any{"id": id, "name": fmt.Sprint("board ", id), "type": "scrum", "location": map[string]any{"projectKey": key}})
		f.projects[id] = []string{key, "ABC"} // Jira lists a board under every project with issues on it
	}
	tests := []struct {
		name      string
		projects  []string
		arguments string
		want      []string
	}{
		{"all", nil, `{"limit":4%s}`, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}},
		{"one project allowed", []string{"ABC"}, `{"limit":2%s}`, []string{"1", "4", "7"}},
		{"two projects allowed", []string{"abc", "XYZ"}, `{"limit":2%s}`, []string{"1", "4", "7", "2", "5", "8"}},
		{"one project asked for", []string{"ABC", "XYZ"}, `{"projectKey":"xyz","limit":2%s}`, []string{"2", "5", "8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := walk(t, openFake(t, f, tt.projects...), "list_boards", tt.arguments); !slices.Equal(got, tt.want) {
				t.Errorf("list_boards = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCursorsAreForTheirQuestionAlone(t *testing.T) {
	d := openFake(t, newFake(t, true).add("ABC-1", "ABC-2"))
	var first listed
	d.call("search_issues_jql", `{"jql":"a = 1","limit":1}`, &first)
	tests := []struct{ name, arguments, want string }{
		{"another query", `{"jql":"a = 2","limit":1,"cursor":"` + first.NextCursor + `"}`, "belongs to other arguments"},
		{"more fields", `{"jql":"a = 1","limit":1,"fields":["Severity"],"cursor":"` + first.NextCursor + `"}`, "belongs to other arguments"},
		{"cut", `{"jql":"a = 1","limit":1,"cursor":"` + first.NextCursor[:20] + `"}`, "not one this tool gave out"},
		{"made up", `{"jql":"a = 1","cursor":"///"}`, "not one this tool gave out"},
		{"endless", `{"jql":"a = 1","cursor":"` + strings.Repeat("A", maxCursor+4) + `"}`, "not one this tool gave out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := d.fails("search_issues_jql", tt.arguments); !strings.Contains(got, tt.want) {
				t.Errorf("search_issues_jql = %q, want %q in it", got, tt.want)
			}
		})
	}
}

func TestAnswersThatChangedAreSeen(t *testing.T) {
	f := newFake(t, true).add("ABC-1")
	cfg := cloudConfig(serve(t, f))
	cfg.CacheTTL = time.Nanosecond // every answer is asked whether it changed
	d := open(t, cfg)
	read := func() string {
		var i struct {
			Status string `json:"status"`
		}
		d.call("get_jira_issue", `{"issueKey":"ABC-1"}`, &i)
		return i.Status
	}
	if got := []string{read(), read()}; !slices.Equal(got, []string{"To Do", "To Do"}) {
		t.Errorf("the status = %v, want To Do twice", got)
	}
	f.mu.Lock()
	f.issues[0].status, f.issues[0].etag = "Doing", 1
	f.mu.Unlock()
	if got := read(); got != "Doing" {
		t.Errorf("the status after a change = %q, want Doing", got)
	}
}
