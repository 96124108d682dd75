package github

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLogIsFetchedWithoutCredentials(t *testing.T) {
	h := newHub(t) // its store fails the test if it sees any
	call(t, h.pack(nil), "get_job_logs", `{"jobId":502}`)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.stored) != 1 || len(h.asked) != 2 || h.asked[1].Header.Get("Authorization") != "Bearer "+ownToken {
		t.Errorf("the log's host was asked %d times, GitHub %d times; want once, and GitHub twice with our token", len(h.stored), len(h.asked))
	}
}

func TestOnlyTheEndOfALargeLogIsFetched(t *testing.T) {
	var log strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&log, "2026-03-04T10:00:00.0000000Z this is line %d of a large log\n", i)
	}
	h := newHub(t)
	h.logs["502"] = []byte(log.String())
	var got jobLogsResult
	call(t, h.pack(nil), "get_job_logs", `{"jobId":502,"tailLines":2}`).into(t, &got)
	if want := "this is line 59998 of a large log\nthis is line 59999 of a large log\n"; got.Jobs[0].Log != want || !got.Jobs[0].More {
		t.Errorf("log = %q (more %v), want %q and more", got.Jobs[0].Log, got.Jobs[0].More, want)
	}
	ranges := []string{}
	for _, r := range h.stored {
		ranges = append(ranges, r.Header.Get("Range"))
	}
	if want := fmt.Sprintf("[bytes=0-%d bytes=%d-]", logWindow-1, log.Len()-logWindow); fmt.Sprint(ranges) != want {
		t.Errorf("parts %v were asked for, want %s", ranges, want)
	}
}

func TestLogsOfHostsThatGiveNoParts(t *testing.T) {
	h := newHub(t)
	whole := strings.Repeat("2026-03-04T10:00:00Z x\n", 100_000) + "the end\n"
	h.answer("repos/acme/anvil/actions/jobs/502/logs", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, whole) })
	var got jobLogsResult
	call(t, h.pack(nil), "get_job_logs", `{"jobId":502,"tailLines":2}`).into(t, &got)
	if want := "x\nthe end\n"; got.Jobs[0].Log != want {
		t.Errorf("log = %q, want %q", got.Jobs[0].Log, want)
	}
	h.answer("repos/acme/anvil/actions/jobs/502/logs", func(w http.ResponseWriter, _ *http.Request) {
		send(w, make([]byte, maxAnswer+1))
	})
	call(t, h.pack(nil), "get_job_logs", `{"jobId":502}`).into(t, &got)
	if !strings.Contains(got.Jobs[0].Note, "cannot be had in parts") {
		t.Errorf("note = %q, want that it is too large", got.Jobs[0].Note)
	}
}

func TestLogsThatAreGone(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"deleted", refusing(410, `{"message":"Server Error"}`), "its log was deleted"},
		{"never there", refusing(404, `{"message":"Not Found"}`), "the job did not run"},
		{"empty", refusing(416, ``), ""},
	} {
		h := newHub(t)
		h.answer("repos/acme/anvil/actions/jobs/502/logs", test.answer)
		var got jobLogsResult
		call(t, h.pack(nil), "get_job_logs", `{"jobId":502}`).into(t, &got)
		if job := got.Jobs[0]; job.Log != "" || !strings.Contains(job.Note, test.want) || (job.Note == "") != (test.want == "") {
			t.Errorf("%s: log %q, note %q; want none, and %q", test.name, job.Log, job.Note, test.want)
		}
	}
}

func TestLogHostThatWasNotFollowedBefore(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/actions/jobs/502/logs", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://logs.example.com/x", http.StatusFound)
	})
	got := call(t, h.pack(nil), "get_job_logs", `{"jobId":502}`)
	if !got.IsError || !strings.Contains(got.text(), "GitHub redirects to another host") {
		t.Errorf("the answer is %q (isError %v), want an error about another host", got.text(), got.IsError)
	}
}

func TestLogsOfAWholeRun(t *testing.T) {
	h := newHub(t)
	h.pageSize = 1
	var got jobLogsResult
	call(t, h.pack(nil), "get_job_logs", `{"runId":9001,"allJobs":true}`).into(t, &got)
	names := []string{}
	for _, job := range got.Jobs {
		names = append(names, job.Name)
	}
	if want := "[build test (linux) deploy]"; fmt.Sprint(names) != want {
		t.Errorf("logs of %v, want %s", names, want)
	}
}

func TestRunWithMoreFailuresThanAreRead(t *testing.T) {
	h := newHub(t)
	var jobs []string
	for i := range maxLogs + 2 {
		jobs = append(jobs, fmt.Sprintf(`{"id":%d,"name":"j%d","status":"completed","conclusion":"failure"}`, 600+i, i))
		h.logs[fmt.Sprint(600+i)] = []byte(strings.Repeat("y", maxLogLine) + "\n")
	}
	h.answer("repos/acme/anvil/actions/runs/9001/jobs", refusing(200, `{"jobs":[`+strings.Join(jobs, ",")+`]}`))
	var got jobLogsResult
	call(t, h.pack(nil), "get_job_logs", `{"runId":9001}`).into(t, &got)
	if len(got.Jobs) != maxLogs || !strings.Contains(got.Note, "2 more jobs were not read; their jobIds: 610, 611") {
		t.Errorf("%d logs, note %q; want %d, and the others named", len(got.Jobs), got.Note, maxLogs)
	}
}

func TestRunWithoutFailures(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/actions/runs/9001/jobs", refusing(200, `{"jobs":[{"id":1,"status":"completed","conclusion":"success"},{"id":2,"status":"queued"}]}`))
	var got jobLogsResult
	call(t, h.pack(nil), "get_job_logs", `{"runId":9001}`).into(t, &got)
	if len(got.Jobs) != 0 || !strings.Contains(got.Note, "no job of the run 9001 failed: it has 2, of which 1 are not over") {
		t.Errorf("%d logs, note %q; want none, and why", len(got.Jobs), got.Note)
	}
}

func TestLinesOfLogsAsPeopleSeeThem(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"2026-03-04T10:00:00.1234567Z plain\r", "plain"},
		{"\ufeff2026-03-04T10:00:00Z first", "first"},
		{"no time", "no time"},
		{"2026-03-04T10:00:00Z", ""},
		{"\x1b[1;31mred\x1b[0m \x1b[38:5:208mor\x1b[K", "red or"},
		{"\x1b]0;title\x07text", "text"},
		{"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"\x1b(Bplain\x1b7", "plain"},
		{"10 %\r 90 %\rdone", "done"},
		{"tab\tstays, bell\x07 and \x9bCSI go", "tab\tstays, bell and CSI go"},
		{"\x1b[unfinished", "nfinished"},
		{strings.Repeat("é", maxLogLine), strings.Repeat("é", (maxLogLine-len(lineCut))/2) + lineCut},
	} {
		if got := logLine(strings.ToValidUTF8(test.line, "")); got != strings.ToValidUTF8(test.want, "") {
			t.Errorf("logLine(%q) = %q, want %q", test.line, got, test.want)
		}
	}
}

func FuzzTailOfALog(f *testing.F) {
	f.Add("2026-03-04T10:00:00Z a\n2026-03-04T10:00:01Z b\n", 1, 100, true)
	f.Add("\x1b[31mred\x1b[0m\r\n\n\n x", 3, 5, false)
	f.Add("\xff\xfe\n\ufeff", 9, 9, true)
	f.Fuzz(func(t *testing.T, log string, n, limit int, whole bool) {
		n, limit = max(n%100, 1), max(limit%1000, 1)
		got := tailOf(log, n, limit, whole)
		shown := strings.Split(strings.TrimSuffix(got.text, "\n"), "\n")
		if got.lines == 0 {
			shown = nil
		}
		if len(got.text) > limit || got.lines > n || len(shown) != got.lines || !utf8.ValidString(got.text) {
			t.Fatalf("tailOf(%q, %d, %d) = %q, %d lines: beyond its bounds", log, n, limit, got.text, got.lines)
		}
		if strings.ContainsFunc(got.text, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
			t.Fatalf("tailOf(%q) = %q, which has control characters", log, got.text)
		}
		if !whole {
			return
		}
		all := strings.Split(strings.TrimRight(strings.ToValidUTF8(log, "\uFFFD"), "\r\n"), "\n")
		if strings.TrimRight(log, "\r\n") == "" {
			all = nil
		}
		if got.lines < len(all) != got.more {
			t.Errorf("tailOf(%q) has %d of %d lines and says more %v", log, got.lines, len(all), got.more)
		}
		for i, line := range shown {
			if want := logLine(all[len(all)-len(shown)+i]); line != want {
				t.Errorf("line %d of tailOf(%q) = %q, want %q", i, log, line, want)
			}
		}
	})
}
