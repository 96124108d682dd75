package jira

import (
	"strings"
	"testing"
)

func TestNothingElseIsSeenOrChanged(t *testing.T) {
	f := newFake(t, true).add("ABC-1", "SEC-1")
	f.moved["ABC-9"] = "SEC-1"
	f.boards = []map[string]any{
		{"id": 7, "name": "ours", "location": map[string]any{"projectKey": "ABC"}},
		{"id": 8, "name": "theirs", "location": map[string]any{"projectKey": "SEC"}},
		{"id": 9, "name": "of two"},
	}
	f.projects[9] = []string{"ABC", "SEC"}
	f.sprints = []map[string]any{{"id": 42, "name": "their secret", "state": "closed", "goal": "secret", "originBoardId": 8}}
	d := openFake(t, f, "ABC")
	tests := []struct{ name, tool, arguments string }{
		{"issue", "get_jira_issue", `{"issueKey":"SEC-1"}`},
		{"issue, in lower case", "get_jira_issue", `{"issueKey":" sec-1 "}`},
		{"issue moved there", "get_jira_issue", `{"issueKey":"ABC-9"}`},
		{"transitions", "get_jira_transitions", `{"issueKey":"SEC-1"}`},
		{"transitions of a moved one", "get_jira_transitions", `{"issueKey":"ABC-9"}`},
		{"transition", "transition_jira_issue", `{"issueKey":"SEC-1","transition":"11"}`},
		{"transition of a moved one", "transition_jira_issue", `{"issueKey":"ABC-9","transition":"11"}`},
		{"comment", "add_jira_comment", `{"issueKey":"SEC-1","body":"x"}`},
		{"comment on a moved one", "add_jira_comment", `{"issueKey":"ABC-9","body":"x"}`},
		{"create", "create_jira_issue", `{"projectKey":"SEC","issueType":"Bug","summary":"x"}`},
		{"create below", "create_jira_issue", `{"projectKey":"ABC","issueType":"Bug","summary":"x","parent":"SEC-1"}`},
		{"boards of a project", "list_boards", `{"projectKey":"SEC"}`},
		{"sprints", "list_sprints", `{"boardId":8}`},
		{"sprints of a board of two projects", "list_sprints", `{"boardId":9}`},
		{"report of a board", "get_sprint_report", `{"boardId":8,"sprintId":42}`},
		{"report of a sprint", "get_sprint_report", `{"boardId":7,"sprintId":42}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.fails(tt.tool, tt.arguments)
			if !strings.Contains(got, "confined to the projects ABC") || strings.Contains(got, "secret") {
				t.Errorf("%s %s = %q, want that it is confined to ABC", tt.tool, tt.arguments, got)
			}
		})
	}
	for _, r := range f.sent("POST ") {
		t.Errorf("%s was sent, want no request that changes something", r.line)
	}
	if reads := f.sent("GET /rest/api/3/issue/SEC-1"); len(reads) > 0 {
		t.Errorf("%d requests for SEC-1, want none", len(reads))
	}
}

func TestProjectCannotBeChosenByCustomFields(t *testing.T) {
	f := newFake(t, true)
	d := openFake(t, f, "ABC")
	for _, name := range []string{"project", "Project", "PROJECT", "parent", "issuetype"} {
		got := d.fails("create_jira_issue", `{"projectKey":"ABC","issueType":"Bug","summary":"x","customFields":"{\"`+name+`\":{\"key\":\"SEC\"}}"}`)
		if !strings.Contains(got, "an argument of its own") && !strings.Contains(got, "there is no field") {
			t.Errorf("customFields with %s = %q, want it refused", name, got)
		}
	}
	if sent := f.sent("POST "); len(sent) > 0 {
		t.Errorf("%d issues were created, want none", len(sent))
	}
}

func TestSearchIsConfinedTwice(t *testing.T) {
	for _, cloud := range []bool{true, false} {
		f := newFake(t, cloud).add("ABC-1", "SEC-1")
		f.issues[0].fields = map[string]any{
			"parent":        map[string]any{"key": "SEC-7", "fields": map[string]any{"summary": "secret"}},
			"issuelinks":    []any{map[string]any{"type": map[string]any{"outward": "blocks"}, "outwardIssue": map[string]any{"key": "SEC-8", "fields": map[string]any{"summary": "secret"}}}},
			"subtasks":      []any{map[string]any{"key": "SEC-9", "fields": map[string]any{"summary": "secret"}}},
			"customfield_3": "SEC-6",
			"customfield_4": []any{"SEC-5", map[string]any{"key": "SEC-4"}},
		}
		d := openFake(t, f, "ABC", "XYZ")
		for tool, arguments := range map[string]string{
			"search_issues_jql": `{"jql":"status = Done ORDER BY created","fields":["Epic Link","Severity","customfield_4"]}`,
			"get_sprint_issues": `{"sprintId":42,"fields":["Epic Link","Severity"]}`,
			"get_jira_issue":    `{"issueKey":"ABC-1","fields":["Epic Link","Severity"]}`,
		} {
			r := d.callWith("", tool, arguments)
			if got := string(r.Structured); r.IsError || !strings.Contains(got, "ABC-1") || strings.Contains(got, "SEC-") {
				t.Errorf("%s (cloud: %v) = %s, want ABC-1 and nothing of SEC", tool, cloud, got)
			}
		}
		path, want := "GET /rest/api/2/search", `(project in ("ABC","XYZ")) AND (status = Done) ORDER BY created`
		if cloud {
			path = "GET /rest/api/3/search/jql"
		}
		if got := f.sent(path)[0].query["jql"][0]; got != want {
			t.Errorf("the JQL sent = %q, want %q", got, want)
		}
		if got, want := f.sent("GET /rest/agile/1.0/sprint/42/issue")[0].query["jql"][0], `project in ("ABC","XYZ")`; got != want {
			t.Errorf("the JQL sent for a sprint = %q, want %q", got, want)
		}
	}
}

func TestAllowListFaults(t *testing.T) {
	for _, projects := range [][]string{{"ABC", ""}, {`ABC") OR ("`}, {"A B"}, {"ä"}} {
		if _, err := newAllowList(projects); err == nil || !strings.HasPrefix(err.Error(), "tools.jira.projects: ") {
			t.Errorf("newAllowList(%q) = %v, want a fault of tools.jira.projects", projects, err)
		}
	}
}
