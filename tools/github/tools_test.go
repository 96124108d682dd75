package github

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnswersOfRecordedReplies(t *testing.T) {
	for _, test := range []struct{ name, tool, arguments, want string }{
		{"pull requests", "list_pull_requests", `{"state":"all"}`, `{"pullRequests":[
			{"number":42,"title":"Harden the anvil","state":"open","author":"eve","head":"eve:harden","base":"main","updated":"2026-03-04T10:30:00Z"},
			{"number":41,"title":"Update hammer to v3","state":"merged","author":"renovate[bot]","head":"renovate/hammer-3.x","base":"main","updated":"2026-02-21T08:00:00Z"},
			{"number":40,"title":"WIP: a second anvil","state":"open","draft":true,"author":"ada","head":"second","base":"main","updated":"2026-02-11T12:00:00Z"}]}`},
		{"more of each", "list_pull_requests", `{"fields":["labels","reviewers","HeadSHA","milestone"],"perPage":1}`, `{"pullRequests":[
			{"number":42,"title":"Harden the anvil","state":"open","author":"eve","head":"eve:harden","base":"main","updated":"2026-03-04T10:30:00Z",
			"labels":["bug","metal"],"reviewers":["hal","team smiths"],"milestone":"2.0","headSha":"` + headSHA + `"}],"nextPage":2}`},
		{"a pull request alone", "get_pull_request", `{"pullNumber":42}`, `{"number":42,"title":"Harden the anvil","state":"open","author":"eve",
			"head":"eve:harden","base":"main","updated":"2026-03-04T10:30:00Z","created":"2026-03-02T09:00:00Z","labels":["bug","metal"],"assignees":["ada"],
			"reviewers":["hal","team smiths"],"milestone":"2.0","headSha":"` + headSHA + `","url":"https://github.com/acme/anvil/pull/42",
			"body":"It was too soft.\n\nFixes #7.","mergeable":"blocked","additions":120,"deletions":7,"changedFiles":5,"commits":2,"comments":5}`},
		{"commits", "list_commits", `{}`, `{"commits":[
			"6dcb09b5b5 2026-03-04 eve: Harden the anvil","1111111111 2026-03-03 Someone Else: Forge it","2222222222 2026-01-31 ada: Start"]}`},
		{"issues", "search_github_issues", `{"query":"anvil"}`, `{"query":"repo:acme/anvil anvil","total":3,"issues":[
			{"repo":"acme/anvil","number":7,"kind":"issue","title":"The anvil is too soft","state":"open","author":"hal","updated":"2026-03-04T08:00:00Z","comments":4,"labels":["bug"]},
			{"repo":"acme/anvil","number":41,"kind":"pr","title":"Update hammer to v3","state":"merged","author":"renovate[bot]","updated":"2026-03-04T08:00:00Z"},
			{"repo":"acme/vault","number":9,"kind":"issue","title":"The vault's anvil","state":"open","author":"eve","updated":"2026-03-04T08:00:00Z"}]}`},
		{
			"more of an issue", "search_github_issues", `{"query":"repo:acme/anvil","fields":["body","assignees","milestone","url","created","closed"],"perPage":1}`,
			`{"query":"repo:acme/anvil","total":3,"nextPage":2,"issues":[{"repo":"acme/anvil","number":7,"kind":"issue","title":"The anvil is too soft","state":"open",
			"author":"hal","updated":"2026-03-04T08:00:00Z","comments":4,"labels":["bug"],"created":"2026-01-05T08:00:00Z","assignees":["ada"],"milestone":"2.0",
			"url":"https://github.com/acme/anvil/issues/7","body":"It bends."}]}`,
		},
		{"a file", "get_file_contents", `{"path":"/docs/steel.md","startLine":3,"endLine":4}`, `{"path":"docs/steel.md","type":"file",
			"sha":"3333333333333333333333333333333333333333","size":91,"startLine":3,"endLine":4,"totalLines":13,"text":"line 3\nline 4\n"}`},
		{"the end of a file", "get_file_contents", `{"path":"docs/steel.md","startLine":13}`, `{"path":"docs/steel.md","type":"file",
			"sha":"3333333333333333333333333333333333333333","size":91,"startLine":13,"endLine":13,"totalLines":13,"text":"last"}`},
		{"an empty file", "get_file_contents", `{"path":"empty.txt"}`, `{"path":"empty.txt","type":"file","sha":"3333333333333333333333333333333333333333","totalLines":0,"text":""}`},
		{"a folder", "get_file_contents", `{}`, `{"path":"","type":"dir","entries":[{"name":"docs","type":"dir"},{"name":"forge","type":"submodule"},
			{"name":"latest","type":"symlink","size":12},{"name":"anvil.go","type":"file","size":2048}]}`},
		{"a symbolic link", "get_file_contents", `{"path":"latest"}`, `{"path":"latest","type":"symlink","sha":"3333333333333333333333333333333333333333","size":12,
			"target":"../elsewhere/x","note":"a symbolic link, to what target names; what is there is read by its own path"}`},
		{"a submodule", "get_file_contents", `{"path":"vendor/forge"}`, `{"path":"vendor/forge","type":"submodule","sha":"3333333333333333333333333333333333333333",
			"target":"https://github.com/acme/forge.git","note":"another repository, at the commit sha; what it holds is read there"}`},
		{"runs", "list_workflow_runs", `{"branch":"harden"}`, `{"total":57,"runs":[
			{"id":9001,"workflow":"CI","title":"Harden the anvil","status":"failure","branch":"harden","event":"pull_request","sha":"6dcb09b5b5","actor":"eve","created":"2026-03-04T09:59:58Z","seconds":450,"attempt":2},
			{"id":9000,"workflow":"CI","title":"Forge it","status":"in_progress","branch":"main","event":"pull_request","sha":"6dcb09b5b5","actor":"eve","created":"2026-03-04T09:59:58Z"}]}`},
		{"a log", "get_job_logs", `{"jobId":502,"tailLines":3}`, `{"jobs":[{"jobId":502,"name":"test (linux)","status":"failure","failedStep":"Run make test","lines":3,"more":true,
			"log":"--- FAIL: TestHardness (0.00s)\n    anvil_test.go:9: hardness = 1, want 9\n##[error]Process completed with exit code 2.\n"}]}`},
		{"logs of a run's failed jobs", "get_job_logs", `{"runId":9001}`, `{"jobs":[{"jobId":502,"name":"test (linux)","status":"failure","failedStep":"Run make test","lines":8,
			"log":"Current runner version: '2.330.0'\n##[group]Run make test\nmake test\ngo test ./...\n100 % done\n--- FAIL: TestHardness (0.00s)\n    anvil_test.go:9: hardness = 1, want 9\n##[error]Process completed with exit code 2.\n"}]}`},
		{"a log that is not there yet", "get_job_logs", `{"jobId":504}`, `{"jobs":[{"jobId":504,"name":"deploy","status":"in_progress","log":"","lines":0,"note":"there is no log yet: the job is not over"}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			got := call(t, h.pack(nil), test.tool, test.arguments)
			var gotValue, wantValue any
			got.into(t, &gotValue)
			must(t, json.Unmarshal([]byte(test.want), &wantValue))
			if diff := cmp.Diff(wantValue, gotValue); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", test.tool, test.arguments, diff)
			}
		})
	}
}

func TestEverythingOfAPullRequest(t *testing.T) {
	for _, pageSize := range []int{1, 2, 100} {
		h := newHub(t)
		h.pageSize = pageSize
		var got pullDetail
		call(t, h.pack(nil), "get_pull_request", `{"pullNumber":42,"include":["files","reviews","status","diff"]}`).into(t, &got)
		wantFiles := []file{
			{"anvil.go", "modified", 100, 5, ""},
			{"docs/steel.md", "renamed", 1, 1, "docs/iron.md"},
			{"hammer.go", "added", 17, 0, ""},
			{"old.go", "removed", 0, 1, ""},
			{"go.mod", "modified", 2, 0, ""},
		}
		if diff := cmp.Diff(wantFiles, got.Files); diff != "" {
			t.Errorf("pages of %d: files (-want +got):\n%s", pageSize, diff)
		}
		wantReviews := []review{
			{Reviewer: "ada", State: "approved", Submitted: "2026-03-03T10:00:00Z", Body: "Hard enough now."},
			{Reviewer: "hal", State: "commented", Submitted: "2026-03-04T09:00:00Z", Body: "Still heavy."},
		}
		if diff := cmp.Diff(wantReviews, got.Reviews); diff != "" {
			t.Errorf("pages of %d: reviews (-want +got):\n%s", pageSize, diff)
		}
		wantStatus := &checks{
			State: "failure", Passed: 2, Failed: 3, Pending: 1, Skipped: 1, Waiting: []string{"deploy"},
			Failing: []check{
				{Name: "test (linux)", Outcome: "failure", JobID: 502},
				{Name: "coverage", Outcome: "action_required", Summary: "Coverage fell to 61 %", URL: "https://github.com/acme/anvil/actions/runs/9001/job/505"},
				{Name: "legacy/sign", Outcome: "error", Summary: "No key", URL: "https://ci.example.com/legacy/sign"},
			},
		}
		if diff := cmp.Diff(wantStatus, got.Status); diff != "" {
			t.Errorf("pages of %d: status (-want +got):\n%s", pageSize, diff)
		}
		if want := string(saved(t, "pull.diff")); got.Diff != want || got.DiffMissing != 0 || got.Notes != nil {
			t.Errorf("pages of %d: diff %q, missing %d, notes %q; want %q, all of it, none", pageSize, got.Diff, got.DiffMissing, got.Notes, want)
		}
	}
}

func TestWhatIsSentToGitHub(t *testing.T) {
	for _, test := range []struct{ name, tool, arguments, want string }{
		{
			"a branch has its owner", "list_pull_requests", `{"head":"harden","base":"main","sort":"updated"}`,
			"repos/acme/anvil/pulls?base=main&direction=desc&head=acme%3Aharden&page=1&per_page=30&sort=updated&state=open",
		},
		{
			"a fork's branch", "list_pull_requests", `{"head":"eve:harden","state":"closed","page":3,"perPage":100}`,
			"repos/acme/anvil/pulls?direction=desc&head=eve%3Aharden&page=3&per_page=100&sort=created&state=closed",
		},
		{
			"long-running ones", "list_pull_requests", `{"sort":"long-running"}`,
			"repos/acme/anvil/pulls?direction=asc&page=1&per_page=30&sort=long-running&state=open",
		},
		{
			"owner and name in one", "list_pull_requests", `{"repo":"Acme/anvil"}`,
			"repos/Acme/anvil/pulls?direction=desc&page=1&per_page=30&sort=created&state=open",
		},
		{
			"a day is whole", "list_commits", `{"since":"2026-01-31","until":"2026-01-31","author":"ada","sha":"a/b","path":"/docs/"}`,
			"repos/acme/anvil/commits?author=ada&page=1&path=docs&per_page=30&sha=a%2Fb&since=2026-01-31T00%3A00%3A00Z&until=2026-01-31T23%3A59%3A59Z",
		},
		{
			"a time with a zone", "list_commits", `{"since":"2026-01-31T12:00:00+02:00"}`,
			"repos/acme/anvil/commits?page=1&per_page=30&since=2026-01-31T10%3A00%3A00Z",
		},
		{
			"a file with signs in its name", "get_file_contents", `{"path":"a:b/c?d #%e","ref":"a&b"}`,
			"repos/acme/anvil/contents/a:b/c%3Fd%20%23%25e?ref=a%26b",
		},
		{
			"a workflow by its file", "list_workflow_runs", `{"workflow":".github/workflows/ci.yml","status":"failure"}`,
			"repos/acme/anvil/actions/workflows/ci.yml/runs?exclude_pull_requests=true&page=1&per_page=30&status=failure",
		},
		{
			"a workflow by its id", "list_workflow_runs", `{"workflow":"161336"}`,
			"repos/acme/anvil/actions/workflows/161336/runs?exclude_pull_requests=true&page=1&per_page=30",
		},
		{
			"a workflow by its name", "list_workflow_runs", `{"workflow":"release IT"}`,
			"repos/acme/anvil/actions/workflows/161336/runs?exclude_pull_requests=true&page=1&per_page=30",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			call(t, h.pack(nil), test.tool, test.arguments)
			asked := h.requests()
			if got := asked[len(asked)-1]; got != test.want {
				t.Errorf("asked for %s, want %s", got, test.want)
			}
		})
	}
}

func TestPagesAreGoneThrough(t *testing.T) {
	h := newHub(t)
	h.pageSize = 2
	p := h.pack(nil)
	var first, second listCommitsResult
	call(t, p, "list_commits", `{}`).into(t, &first)
	call(t, p, "list_commits", `{"page":2}`).into(t, &second)
	if len(first.Commits) != 2 || first.NextPage != 2 || len(second.Commits) != 1 || second.NextPage != 0 {
		t.Errorf("pages = %+v and %+v, want two commits and nextPage 2, then one and none", first, second)
	}
}

func TestArgumentsThatCannotBeMeant(t *testing.T) {
	for _, test := range []struct{ name, tool, arguments, want string }{
		{"an unknown field", "list_pull_requests", `{"fields":["colour"]}`, `fields knows no "colour": it takes created, closed`},
		{"an unknown part", "get_pull_request", `{"pullNumber":42,"include":["files","soul"]}`, `include knows no "soul"`},
		{"no date", "list_commits", `{"since":"last week"}`, `since "last week" is neither a date nor a time`},
		{"a path that leads up", "get_file_contents", `{"path":"docs/../../../vault"}`, `is not one from the top`},
		{"lines the wrong way around", "get_file_contents", `{"path":"docs/steel.md","startLine":5,"endLine":4}`, `endLine 4 is before startLine 5`},
		{"lines beyond the end", "get_file_contents", `{"path":"docs/steel.md","startLine":14}`, `startLine 14 is beyond the end: the file has 13 lines`},
		{"a binary file", "get_file_contents", `{"path":"logo.png"}`, `logo.png is a binary file of 272 bytes`},
		{"an owner that is none", "list_commits", `{"owner":"../x","repo":"y"}`, `"../x/y" is not the name of a repository`},
		{"a name that leads up", "list_commits", `{"repo":".."}`, `is not the name of a repository`},
		{"another owner without a name", "list_commits", `{"owner":"eve"}`, `repo says which repository of eve is meant`},
		{"two owners", "list_commits", `{"owner":"eve","repo":"acme/anvil"}`, `has another owner than owner "eve"`},
		{"neither job nor run", "get_job_logs", `{}`, `give either jobId or runId`},
		{"job and run", "get_job_logs", `{"jobId":1,"runId":2}`, `give either jobId or runId`},
		{"no such workflow", "list_workflow_runs", `{"workflow":"Paint"}`, `there is no workflow "Paint" in acme/anvil; it has CI, Release it`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := call(t, newHub(t).pack(nil), test.tool, test.arguments)
			if !got.IsError || !strings.Contains(got.text(), test.want) {
				t.Errorf("%s %s = %q (isError %v), want an error with %q", test.tool, test.arguments, got.text(), got.IsError, test.want)
			}
		})
	}
}

func TestNothingIsAskedAboutWhatIsNotNamed(t *testing.T) {
	h := newHub(t)
	for _, tool := range []string{"list_pull_requests", "list_commits", "get_file_contents", "list_workflow_runs"} {
		got := call(t, h.pack(noDefault), tool, `{}`)
		if !got.IsError || !strings.Contains(got.text(), "owner and repo say which repository is meant") {
			t.Errorf("%s = %q, want an error that names owner and repo", tool, got.text())
		}
	}
	if asked := h.requests(); len(asked) != 0 {
		t.Errorf("asked for %q, want nothing", asked)
	}
}

func TestEveryToolOnlyReads(t *testing.T) {
	names := []string{}
	for _, tool := range newHub(t).pack(nil).Features().Tools {
		if a := tool.Annotations; !a.ReadOnlyHint || !a.OpenWorldHint || a.DestructiveHint {
			t.Errorf("%s: annotations %+v, want one that reads of an open world", tool.Name, a)
		}
		names = append(names, tool.Name)
	}
	if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != 7 {
		t.Errorf("tools %q, want seven", names)
	}
}
