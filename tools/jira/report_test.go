package jira

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// history of a sprint with the id 42, from 10 to 20 January.
func sprinted(t *testing.T, cloud bool) *fakeJira {
	f := newFake(t, cloud)
	f.boards = []map[string]any{{"id": 7, "name": "ours", "location": map[string]any{"projectKey": "ABC"}}}
	f.projects[7] = []string{"ABC"}
	f.sprints = []map[string]any{{
		"id": 42, "name": "Sprint 2", "state": "closed", "goal": "Ship", "originBoardId": 7,
		"startDate": "2026-01-10T09:00:00.000Z", "endDate": "2026-01-20T09:00:00.000Z", "completeDate": "2026-01-20T10:00:00.000Z",
	}}
	f.next("GET /rest/greenhopper/1.0/rapid/charts/sprintreport", status(http.StatusForbidden, `{}`))
	return f
}

// happened is a change of an issue on a day of January, at noon.
func happened(day, field, from, to string) map[string]any {
	id := map[string]string{"Sprint": "customfield_1", "Story Points": "customfield_2"}[field]
	item := map[string]any{"field": field, "fieldId": id, "from": from, "to": to, "fromString": from, "toString": to}
	if field == "status" {
		item["fieldId"] = "status"
		item["from"], item["to"] = fakeStatus(from)["id"], fakeStatus(to)["id"]
	}
	return map[string]any{"id": "1", "created": "2026-01-" + day + "T12:00:00.000+0000", "items": []any{
		map[string]any{"field": "Rank", "fieldId": "customfield_9", "from": "", "to": "", "toString": "Ranked higher"}, item,
	}}
}

func (f *fakeJira) addWith(key, status, created string, points any, histories ...map[string]any) {
	f.issues = append(f.issues, &fakeIssue{
		key: key, summary: "about " + key, status: status, histories: histories,
		fields: map[string]any{"created": "2026-01-" + created + "T12:00:00.000+0000", "customfield_2": points},
	})
}

// brief is a report's lists by their keys.
func brief(r report) map[string][]string {
	keys := func(g issueGroup) []string {
		found := []string{}
		for _, i := range g.Issues {
			found = append(found, i.Key)
		}
		return found
	}
	return map[string][]string{
		"committed": r.Committed.Keys, "added": r.Added.Keys, "completed": keys(r.Done), "notCompleted": keys(r.NotCompleted),
		"punted": keys(r.Punted), "outside": keys(r.DoneOutside),
	}
}

func TestReportFromHistory(t *testing.T) {
	for _, cloud := range []bool{true, false} {
		f := sprinted(t, cloud)
		f.addWith("ABC-1", "Done", "01", 5.0, happened("11", "Story Points", "3", "5"), happened("15", "status", "To Do", "Done"))
		f.addWith("ABC-2", "Done", "01", 8.0, happened("22", "status", "Doing", "Done"), happened("22", "Sprint", "42", "42, 43"), happened("23", "Story Points", "2", "8")) // done after it
		f.addWith("ABC-3", "To Do", "12", 1.0)                                                                                                                               // created in it
		f.addWith("ABC-4", "Done", "01", 2.0, happened("13", "Sprint", "41", "41, 42"), happened("14", "status", "Doing", "Done"))                                           // added to it
		f.addWith("ABC-5", "Done", "01", 1.0, happened("05", "status", "To Do", "Done"), happened("06", "Sprint", "", "42"))                                                 // done before it
		f.addWith("ABC-6", "To Do", "01", nil, happened("21", "Sprint", "", "42"))                                                                                           // added when it was over
		d := openFake(t, f)

		// The fake looks at no query: the search for removed issues finds all of them, so those that are in the sprint must not
		// count twice, and the ones that were taken out are told by their history.
		var removed report
		f.next("GET /rest/agile/1.0/sprint/42/issue", func(w http.ResponseWriter) {
			f.send(w, map[string]any{"total": 6, "startAt": 0, "issues": f.wireAll(f.issues[:6])})
		})
		f.addWith("ABC-7", "To Do", "01", 3.0, happened("16", "Sprint", "42", ""))
		f.addWith("ABC-8", "To Do", "01", 4.0, happened("13", "Sprint", "", "42"), happened("14", "Sprint", "42", "43"))
		f.addWith("ABC-9", "To Do", "01", 4.0, happened("13", "Sprint", "", "43"))
		d.call("get_sprint_report", `{"boardId":7,"sprintId":42}`, &removed)

		want := map[string][]string{
			"committed":    {"ABC-1", "ABC-2", "ABC-5", "ABC-7"},
			"added":        {"ABC-3", "ABC-4", "ABC-8"},
			"completed":    {"ABC-1", "ABC-4"},
			"notCompleted": {"ABC-2", "ABC-3"},
			"punted":       {"ABC-7", "ABC-8"},
			"outside":      {"ABC-5"},
		}
		if diff := cmp.Diff(want, brief(removed)); diff != "" {
			t.Errorf("the report (cloud: %v; -want +got):\n%s", cloud, diff)
		}
		sums := []float64{removed.Committed.Points, removed.Added.Points, removed.Done.Points, removed.NotCompleted.Points, removed.Punted.Points}
		if want := []float64{3 + 2 + 1 + 3, 1 + 2 + 4, 5 + 2, 2 + 1, 3 + 4}; !slices.Equal(sums, want) {
			t.Errorf("the points (cloud: %v) = %v, want %v", cloud, sums, want)
		}
		if removed.NotCompleted.Issues[0].Status != "Doing" {
			t.Errorf("the status of ABC-2 = %q, want Doing, which it was at the end", removed.NotCompleted.Issues[0].Status)
		}
		if removed.Source != fromAgile || len(removed.Notes) != 2 || !strings.Contains(removed.Notes[0], "it answered 403") || !strings.Contains(removed.Notes[1], "moved to another project") {
			t.Errorf("source %q, notes %q, want agile, and what it cannot know", removed.Source, removed.Notes)
		}
	}
}

func TestLongHistoriesAreReadToTheirBeginning(t *testing.T) {
	f := sprinted(t, true)
	f.addWith(
		"ABC-1", "Done", "01", 1.0, happened("11", "status", "To Do", "Doing"), happened("12", "status", "Doing", "To Do"), happened("13", "status", "To Do", "Doing"),
		happened("14", "Sprint", "", "42"), happened("18", "status", "Doing", "Done"),
	)
	var r report
	openFake(t, f).call("get_sprint_report", `{"boardId":7,"sprintId":42}`, &r)
	if got := brief(r); !slices.Equal(got["added"], []string{"ABC-1"}) || !slices.Equal(got["completed"], []string{"ABC-1"}) {
		t.Errorf("the report = %v, want ABC-1 added and completed", got)
	}
	if n := len(f.sent("GET /rest/api/3/issue/ABC-1/changelog")); n != 2 {
		t.Errorf("%d requests for the history, want 2 pages", n)
	}
}

func TestReportFallsBack(t *testing.T) {
	const chart = "GET /rest/greenhopper/1.0/rapid/charts/sprintreport"
	tests := []struct {
		name   string
		answer func(http.ResponseWriter)
		source string // empty: an error
	}{
		{"forbidden", status(403, `{}`), fromAgile},
		{"not there", status(404, `{}`), fromAgile},
		{"gone", status(410, `{}`), fromAgile},
		{"scopes that do not reach", status(401, `{"message":"scope does not match"}`), fromAgile},
		{"a failure", status(500, `{}`), fromAgile},
		{"a page", status(200, `<html>`, "Content-Type", "text/html"), fromAgile},
		{"another form", status(200, `{"contents":{"completedIssues":{}}}`), fromAgile},
		{"no contents", status(200, `{}`), fromAgile},
		{"half of it", status(200, `{"contents":{"completedIssues":[]}}`), fromAgile},
		{"issues without keys", status(200, `{"contents":{"completedIssues":[{"id":1}],"issuesNotCompletedInCurrentSprint":[]}}`), fromAgile},
		{"empty", status(200, `{"contents":{"completedIssues":[],"issuesNotCompletedInCurrentSprint":[]}}`), fromGreenhopper},
		{"a wait", status(429, `{}`, "Retry-After", "60"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := sprinted(t, true)
			f.answers = map[string][]func(http.ResponseWriter){chart: {tt.answer}}
			f.addWith("ABC-1", "Done", "01", 1.0, happened("15", "status", "To Do", "Done"))
			d := openFake(t, f)
			if tt.source == "" {
				if got := d.fails("get_sprint_report", `{"boardId":7,"sprintId":42}`); !strings.Contains(got, "wait") {
					t.Errorf("the error = %q, want that Jira asks to wait", got)
				}
				return
			}
			var r report
			d.call("get_sprint_report", `{"boardId":7,"sprintId":42}`, &r)
			done := map[string]int{fromAgile: 1, fromGreenhopper: 0}[tt.source]
			if r.Source != tt.source || r.Done.Count != done || r.Goal != "Ship" || r.Completed != "2026-01-20T10:00:00Z" {
				t.Errorf("the report = %+v, want one of %s with %d completed", r, tt.source, done)
			}
		})
	}
}

func TestReportOfJirasOwnIsConfined(t *testing.T) {
	f := sprinted(t, true)
	f.answers = nil
	f.answers = map[string][]func(http.ResponseWriter){"GET /rest/greenhopper/1.0/rapid/charts/sprintreport": {status(200, `{"contents":{`+
		`"completedIssues":[{"key":"ABC-1","summary":"ours","estimateStatistic":{"statFieldId":"timeoriginalestimate","statFieldValue":{"value":7200}}}],`+
		`"issuesNotCompletedInCurrentSprint":[{"key":"SEC-1","summary":"secret","estimateStatistic":{"statFieldValue":{"value":8}}}],`+
		`"puntedIssues":null,"issueKeysAddedDuringSprint":["ABC-1"]}}`)}}
	r := openFake(t, f, "ABC").callWith("", "get_sprint_report", `{"boardId":7,"sprintId":42}`)
	got := string(r.Structured)
	if r.IsError || strings.Contains(got, "SEC") || strings.Contains(got, "secret") || !strings.Contains(got, "1 issue of projects that may not be seen") {
		t.Errorf("the report = %s, want nothing of SEC but a note", got)
	}
	if !strings.Contains(got, `"added":{"count":1,"points":2,"keys":["ABC-1"]}`) || !strings.Contains(got, "points are hours") {
		t.Errorf("the report = %s, want ABC-1 added, with 2 hours", got)
	}
}

// TestNumbersThatAreNoPoints: one that no estimate can be costs that estimate, not the report.
func TestNumbersThatAreNoPoints(t *testing.T) {
	const chart = "GET /rest/greenhopper/1.0/rapid/charts/sprintreport"
	for _, odd := range []string{"1e308", "-1e308", "1000000001"} {
		t.Run("Jira's own, "+odd, func(t *testing.T) {
			f := sprinted(t, true)
			value := `{"statFieldValue":{"value":` + odd + `}}`
			one := func(key, value string) string {
				return `{"key":"` + key + `","estimateStatistic":` + value + `,"currentEstimateStatistic":` + value + `}`
			}
			f.answers = map[string][]func(http.ResponseWriter){chart: {status(200, `{"contents":{"completedIssues":[`+
				one("ABC-1", value)+`,`+one("ABC-2", value)+`,`+one("ABC-3", `{"statFieldValue":{"value":2}}`)+`],"issuesNotCompletedInCurrentSprint":[]}}`)}}
			var r report
			openFake(t, f).call("get_sprint_report", `{"boardId":7,"sprintId":42}`, &r)
			if r.Source != fromGreenhopper || r.Done.Count != 3 || r.Done.Points != 2 || r.Committed.Points != 2 || r.Done.Issues[0].Points != nil {
				t.Errorf("the report = %+v, want three issues, with the 2 points of the last", r)
			}
		})
		t.Run("of the issues, "+odd, func(t *testing.T) {
			f := sprinted(t, true)
			f.addWith("ABC-1", "Done", "01", json.RawMessage(odd))
			f.addWith("ABC-2", "Done", "01", json.RawMessage(odd))
			f.addWith("ABC-3", "Done", "01", 2.0)
			reportHasPoints(t, f, 2)
		})
	}
	for _, odd := range []string{"NaN", "Inf", "-Infinity", "1e308", "1e999", "1000000001"} {
		t.Run("of the history, "+odd, func(t *testing.T) {
			f := sprinted(t, true)
			f.addWith("ABC-1", "Done", "01", 1.0, happened("22", "Story Points", odd, "1"))
			f.addWith("ABC-2", "Done", "01", 1.0, happened("22", "Story Points", odd, "1"))
			f.addWith("ABC-3", "Done", "01", 2.0)
			reportHasPoints(t, f, 2)
		})
	}
}

func reportHasPoints(t *testing.T, f *fakeJira, want float64) {
	t.Helper()
	var r report
	openFake(t, f).call("get_sprint_report", `{"boardId":7,"sprintId":42}`, &r)
	if r.Committed.Count != len(f.issues) || r.Committed.Points != want {
		t.Errorf("committed = %+v, want %d issues with %v points", r.Committed, len(f.issues), want)
	}
}

func TestReportOfASprintThatHasNotBegun(t *testing.T) {
	f := sprinted(t, true)
	f.sprints[0] = map[string]any{"id": 42, "name": "Sprint 3", "state": "future", "originBoardId": 7}
	f.addWith("ABC-1", "To Do", "01", 3.0)
	var r report
	openFake(t, f).call("get_sprint_report", `{"boardId":7,"sprintId":42}`, &r)
	if r.NotCompleted.Count != 1 || r.Committed.Points != 3 || !strings.Contains(strings.Join(r.Notes, " "), "has not begun") {
		t.Errorf("the report = %+v, want ABC-1 not completed and a note", r)
	}
}

func TestReportSaysWhatItGuessed(t *testing.T) {
	f := sprinted(t, false)
	f.addWith("ABC-1", "Done", "01", 1.0, happened("22", "status", "Doing", "Done"))
	f.issues[0].histories[0]["items"].([]any)[1].(map[string]any)["from"] = "999" // a status that was deleted
	var r report
	openFake(t, f).call("get_sprint_report", `{"boardId":7,"sprintId":42}`, &r)
	if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, "(ABC-1)") || !strings.Contains(notes, "is a guess") {
		t.Errorf("the notes = %q, want that ABC-1 is a guess", r.Notes)
	}
}
