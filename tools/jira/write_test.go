package jira

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTransition(t *testing.T) {
	tests := []struct{ name, wanted, status, refused string }{
		{"by id", "21", "Done", ""},
		{"by name", "finish", "Done", ""},
		{"by the status it leads to", "doing", "Doing", ""},
		{"a name that two have", "Start", "", `2 transitions of ABC-1 are meant by "Start": give the id of one, 11 (Start, to Doing), 31 (start, to To Do)`},
		{"a status that two lead to", "Done", "", "give the id of one, 21 (Finish, to Done), 22 (Won't do, to Done)"},
		{"unknown", "Fly", "", `ABC-1 has no transition "Fly" now; it has 11 (Start, to Doing), 21`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, true).add("ABC-1")
			d := openFake(t, f)
			arguments := `{"issueKey":"abc-1","transition":"` + tt.wanted + `"}`
			if tt.refused != "" {
				if got := d.fails("transition_jira_issue", arguments); !strings.Contains(got, tt.refused) {
					t.Errorf("the error = %q, want %q in it", got, tt.refused)
				}
				if n := len(f.sent("POST ")); n > 0 {
					t.Errorf("%d requests that write, want none", n)
				}
				return
			}
			var got transitionResult
			d.call("transition_jira_issue", arguments, &got)
			if want := (transitionResult{Key: "ABC-1", From: "To Do", Status: tt.status}); got != want || f.issues[0].status != tt.status {
				t.Errorf("transition_jira_issue = %+v and the issue is %s, want %+v", got, f.issues[0].status, want)
			}
		})
	}
}

func TestTransitionWithComment(t *testing.T) {
	const arguments = `{"issueKey":"ABC-1","transition":"11","comment":"on *it*"}`
	t.Run("on its screen", func(t *testing.T) {
		f := newFake(t, true).add("ABC-1")
		f.screen = true
		openFake(t, f).call("transition_jira_issue", arguments, &transitionResult{})
		sent := f.sent("POST ")
		if len(sent) != 1 || !strings.Contains(sent[0].body, `"update":{"comment":[{"add":{"body":{"type":"doc"`) {
			t.Errorf("sent %+v, want one request with the comment", sent)
		}
	})
	t.Run("without a screen", func(t *testing.T) {
		f := newFake(t, true).add("ABC-1")
		openFake(t, f).call("transition_jira_issue", arguments, &transitionResult{})
		sent := f.sent("POST ")
		if len(sent) != 2 || strings.Contains(sent[0].body, "comment") || !strings.HasSuffix(sent[1].line, "/comment") {
			t.Errorf("sent %+v, want the transition and then the comment", sent)
		}
	})
	t.Run("which is refused", func(t *testing.T) {
		f := newFake(t, true).add("ABC-1")
		f.next("POST /rest/api/3/issue/ABC-1/comment", status(403, `{}`))
		var got transitionResult
		openFake(t, f).call("transition_jira_issue", arguments, &got)
		if got.Status != "Doing" || !strings.Contains(got.Note, "the comment was not added") {
			t.Errorf("transition_jira_issue = %+v, want the new status and a note", got)
		}
	})
}

func TestNothingStaleIsReadAfterAWrite(t *testing.T) {
	f := newFake(t, true).add("ABC-1")
	cfg := cloudConfig(serve(t, f))
	cfg.CacheTTL = time.Hour
	d := open(t, cfg)
	read := func() string {
		var i struct {
			Status string `json:"status"`
		}
		d.call("get_jira_issue", `{"issueKey":"ABC-1"}`, &i)
		return i.Status
	}
	before := read()
	read()
	if n := len(f.sent("GET /rest/api/3/issue/ABC-1")); n != 1 {
		t.Fatalf("%d requests for two reads, want 1: the answer is kept", n)
	}
	d.call("transition_jira_issue", `{"issueKey":"ABC-1","transition":"21"}`, &transitionResult{})
	if after := read(); before != "To Do" || after != "Done" {
		t.Errorf("the status = %s before and %s after, want To Do and Done", before, after)
	}
}

func TestCreate(t *testing.T) {
	const everything = `{"projectKey":"abc","issueType":"bug","summary":"It\nbreaks","description":"A **bold** word\n\n- one","labels":["x"],"assignee":"ada@acme.example",` +
		`"priority":"High","parent":"ABC-1","customFields":"{\"Story Points\":3,\"customfield_4\":{\"value\":\"Bad\"}}"}`
	tests := []struct {
		name  string
		cloud bool
		want  map[string]any
	}{
		{"cloud", true, map[string]any{
			"description": map[string]any{"type": "doc", "version": 1.0, "content": []any{
				map[string]any{"type": "paragraph", "content": []any{
					map[string]any{"type": "text", "text": "A "},
					map[string]any{"type": "text", "text": "bold", "marks": []any{map[string]any{"type": "strong"}}},
					map[string]any{"type": "text", "text": " word"},
				}},
				map[string]any{"type": "bulletList", "content": []any{map[string]any{"type": "listItem", "content": []any{
					map[string]any{"type": "paragraph", "content": []any{map[string]any{"type": "text", "text": "one"}}},
				}}}},
			}},
			"assignee": map[string]any{"accountId": "a1"},
			"parent":   map[string]any{"key": "ABC-1"},
		}},
		{"data center", false, map[string]any{
			"description": "A *bold* word\n\n* one", "assignee": map[string]any{"name": "ada"}, "customfield_3": "ABC-1",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, tt.cloud)
			var got createResult
			openFake(t, f, "ABC").call("create_jira_issue", everything, &got)
			if got.Key != "ABC-77" || !strings.HasSuffix(got.BrowseURL, "/browse/ABC-77") {
				t.Errorf("create_jira_issue = %+v, want ABC-77", got)
			}
			var sent struct {
				Fields map[string]any `json:"fields"`
			}
			if err := json.Unmarshal([]byte(f.sent("POST " + f.api("/issue"))[0].body), &sent); err != nil {
				t.Fatal(err)
			}
			for k, v := range map[string]any{
				"project": map[string]any{"key": "ABC"}, "issuetype": map[string]any{"id": "1"}, "summary": "It breaks", "labels": []any{"x"},
				"priority": map[string]any{"name": "High"}, "customfield_2": 3.0, "customfield_4": map[string]any{"value": "Bad"},
			} {
				tt.want[k] = v
			}
			if diff := cmp.Diff(tt.want, sent.Fields); diff != "" {
				t.Errorf("the fields sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateIsRefusedBeforeItIsSent(t *testing.T) {
	tests := []struct{ name, more, want string }{
		{"an unknown type", `"issueType":"Epic"`, `ABC has no issue type "Epic"; it has Bug, Sub-task`},
		{"an assignee who can be two", `"issueType":"Bug","assignee":"Park"`, `"Park" can be any of Ada Park (a1), Adam Park (a2)`},
		{"custom fields that are no JSON", `"issueType":"Bug","customFields":"x=1"`, "not a JSON object"},
		{"custom fields that are a list", `"issueType":"Bug","customFields":"[1]"`, "not a JSON object"},
		{"custom fields with a name twice", `"issueType":"Bug","customFields":"{\"Severity\":1,\"Severity\":2}"`, "not a JSON object"},
		{"custom fields with a name twice in a value", `"issueType":"Bug","customFields":"{\"Severity\":{\"value\":\"Bad\",\"value\":\"Good\"}}"`, "not a JSON object"},
		{"custom fields with half a sign", `"issueType":"Bug","customFields":"{\"Severity\":\"\\ud800\"}"`, "not a JSON object"},
		{"an unknown custom field", `"issueType":"Bug","customFields":"{\"Severty\":1}"`, "did you mean Severity?"},
		{"a custom field twice", `"issueType":"Bug","customFields":"{\"Severity\":1,\"customfield_4\":1}"`, "twice"},
		{"a parent that is no key", `"issueType":"Bug","parent":"10001"`, "not the key of an issue"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, true)
			if got := openFake(t, f).fails("create_jira_issue", `{"projectKey":"ABC","summary":"x",`+tt.more+`}`); !strings.Contains(got, tt.want) {
				t.Errorf("the error = %q, want %q in it", got, tt.want)
			}
			if n := len(f.sent("POST ")); n > 0 {
				t.Errorf("%d issues were created, want none", n)
			}
		})
	}
}

func TestComment(t *testing.T) {
	for _, cloud := range []bool{true, false} {
		f := newFake(t, cloud).add("ABC-1")
		var got commentResult
		openFake(t, f).call("add_jira_comment", `{"issueKey":"ABC-1","body":"see `+"`x`"+`"}`, &got)
		if got.CommentID != "900" || !strings.HasSuffix(got.BrowseURL, "/browse/ABC-1?focusedCommentId=900") {
			t.Errorf("add_jira_comment = %+v, want the id 900", got)
		}
		want := `{"body":"see {{x}}"}`
		if cloud {
			want = `{"body":{"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"see "},{"type":"text","text":"x","marks":[{"type":"code"}]}]}],"version":1}}`
		}
		if sent := f.sent("POST ")[0].body; sent != want {
			t.Errorf("sent %s, want %s", sent, want)
		}
	}
}
