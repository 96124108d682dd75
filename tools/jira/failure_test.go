package jira

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
)

func TestFailuresAreToldPlainly(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := []struct {
		name   string
		answer func(http.ResponseWriter)
		want   []string
	}{
		{"a bad query", status(400, `{"errorMessages":["Error in the JQL Query: Expecting operator but got 'x'."],"errors":{}}`), []string{"Jira refuses the request (400): Error in the JQL Query: Expecting operator"}},
		{"faults of fields", status(400, `{"errorMessages":[],"errors":{"summary":"You must specify a summary.","priority":"is\nbad"}}`), []string{"priority: is bad; summary: You must specify a summary."}},
		{"a long reason", status(400, `{"errorMessages":["`+long+`"]}`), []string{"…(cut)"}},
		{"a reason of another form", status(400, `{"errorMessages":"no list","message":"something"}`), []string{"(400): something"}},
		{"no reason", status(400, ``), []string{"(400): nothing about why"}},
		{"expired", status(401, `{"message":"Client must be authenticated to access this resource.","status-code":401}`), []string{"does not accept this server's credential (tools.jira.api_token) (401)", "operator can renew it", "Client must be authenticated"}},
		{"forbidden", status(403, `{"errorMessages":["No."]}`), []string{"does not let this server's credential (tools.jira.api_token) do this (403)", "Jira says: No."}},
		{"gone", status(410, `{"errorMessages":["The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."]}`), []string{"done away with", "(410)", "Please migrate"}},
		{"a server fault, as a page", status(500, "<html><body>Oops</body></html>"), []string{"Jira answered 500 Internal Server Error"}},
		{"a long wait", status(429, `{}`, "Retry-After", "61"), []string{"Jira asks to wait (429", "61"}},
		{"a login page", status(200, "<!DOCTYPE html><title>Log in</title>", "Content-Type", "text/html;charset=UTF-8"), []string{"web page in place of data", "tools.jira.url"}},
		{"another form", status(200, `{"issues":"none"}`), []string{"form that this server does not know"}},
		{"no JSON", status(200, `{"issues":[`), []string{"form that this server does not know"}},
		{"nobody, as anybody", status(200, `{"issues":[]}`, "X-Seraph-Loginreason", "AUTHENTICATED_FAILED"), []string{"does not accept this server's credential", "expired"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, true)
			f.next("GET /rest/api/3/search/jql", tt.answer)
			got := openFake(t, f).fails("search_issues_jql", `{"jql":"x"}`)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("the error = %q, want %q in it", got, want)
				}
			}
			if len(got) > 1000 || strings.ContainsAny(got, "\n<") || strings.Contains(got, "c10ud-t0ken") {
				t.Errorf("the error = %q, want one plain line without a credential", got)
			}
		})
	}
}

func TestTheWaitThatJiraWantsIsPassedOn(t *testing.T) {
	f := newFake(t, true).add("ABC-1")
	f.next("POST /rest/api/3/issue/ABC-1/comment", status(429, `{}`, "Retry-After", "7"))
	r := openFake(t, f).callWith("", "add_jira_comment", `{"issueKey":"ABC-1","body":"x"}`)
	if !r.IsError || r.Meta["retryAfterSeconds"] != 7.0 {
		t.Errorf("the result = %+v, want an error with retryAfterSeconds 7", r)
	}
	if n := len(f.sent("POST ")); n != 1 {
		t.Errorf("%d requests that write, want 1: it may have been done", n)
	}
}

func TestWhatPassesIsAskedAgain(t *testing.T) {
	long := strings.Repeat("labels = x AND ", 100) + "labels = y"
	for name, answer := range map[string]func(http.ResponseWriter){
		"a failure":    status(503, "busy"),
		"a short wait": status(429, `{}`, "Retry-After", "0"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, true).add("ABC-1")
			f.next("GET /rest/api/3/search/jql", answer)
			f.next("POST /rest/api/3/search/jql", answer)
			d := openFake(t, f)
			for _, jql := range []string{"x", long} { // the long one by POST, which only reads
				var got listed
				d.call("search_issues_jql", `{"jql":"`+jql+`"}`, &got)
				if len(got.Issues) != 1 {
					t.Errorf("%d issues, want 1", len(got.Issues))
				}
			}
			if get, post := len(f.sent("GET /rest/api/3/search")), len(f.sent("POST /rest/api/3/search")); get != 2 || post != 2 {
				t.Errorf("%d and %d requests, want 2 of each", get, post)
			}
		})
	}
}

func TestFieldsThatCannotBeListedAreDoneWithout(t *testing.T) {
	f := newFake(t, true).add("ABC-1")
	for range 2 {
		f.next("GET /rest/api/3/field", status(403, `{}`))
	}
	d := openFake(t, f)
	var got listed
	d.call("search_issues_jql", `{"jql":"x","fields":["customfield_4"]}`, &got)
	if len(got.Issues) != 1 {
		t.Errorf("%d issues, want 1", len(got.Issues))
	}
	if text := d.fails("search_issues_jql", `{"jql":"x","fields":["How bad?"]}`); !strings.Contains(text, "by its id") {
		t.Errorf("the error = %q, want that a field is named by its id", text)
	}
}

func TestCredentials(t *testing.T) {
	tests := []struct{ name, own, want string }{
		{"ours", "", "Basic Ym90QGFjbWUuZXhhbXBsZTpjMTB1ZC10MGtlbg=="},
		{"the caller's API token", "ada@acme.example:t0p", "Basic YWRhQGFjbWUuZXhhbXBsZTp0MHA="},
		{"the caller's personal token", "PAT123", "Bearer PAT123"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, true).add("ABC-1")
			d := openFake(t, f)
			if r := d.callWith(tt.own, "get_jira_transitions", `{"issueKey":"ABC-1"}`); r.IsError {
				t.Fatalf("the call = the error %q", r.Content[0].Text)
			}
			for _, sent := range f.sent("") {
				if sent.authorization != tt.want {
					t.Errorf("%s was sent with %q, want %q", sent.line, sent.authorization, tt.want)
				}
			}
			f.next("GET /rest/api/3/issue/ABC-1", status(401, `{}`)) // expired by now
			r := d.callWith(tt.own, "get_jira_transitions", `{"issueKey":"ABC-1"}`)
			whose := "this server's credential"
			if tt.own != "" {
				whose = "the credential that came with this call"
			}
			if !r.IsError || !strings.Contains(r.Content[0].Text, whose) || tt.own != "" && strings.Contains(r.Content[0].Text, tt.own) {
				t.Errorf("the result = %+v, want an error about %s", r, whose)
			}
		})
	}
}

func TestCallerOnly(t *testing.T) {
	f := newFake(t, true).add("ABC-1")
	cfg := cloudConfig(serve(t, f))
	cfg.CallerOnly, cfg.CallerHeader = true, "X-Jira-Token"
	d := open(t, cfg)
	for tool, arguments := range map[string]string{
		"get_sprint_report": `{"boardId":1,"sprintId":1}`, "list_boards": `{}`, "list_sprints": `{"boardId":1}`, "get_sprint_issues": `{"sprintId":1}`,
		"search_issues_jql": `{"jql":"x"}`, "get_jira_issue": `{"issueKey":"ABC-1"}`, "get_jira_transitions": `{"issueKey":"ABC-1"}`,
		"create_jira_issue":     `{"projectKey":"ABC","issueType":"Bug","summary":"x"}`,
		"transition_jira_issue": `{"issueKey":"ABC-1","transition":"11"}`, "add_jira_comment": `{"issueKey":"ABC-1","body":"x"}`,
	} {
		if got := d.fails(tool, arguments); !strings.Contains(got, "send it in the header X-Jira-Token") {
			t.Errorf("%s without a credential = %q, want the header named", tool, got)
		}
	}
	if sent := f.sent(""); len(sent) > 0 {
		t.Errorf("%d requests, want none", len(sent))
	}
	if r := d.callWith("PAT123", "search_issues_jql", `{"jql":"x"}`); r.IsError {
		t.Errorf("with a credential = the error %q", r.Content[0].Text)
	}
}

func TestAnswersAreKeptForEachCredentialApart(t *testing.T) {
	f := newFake(t, true).add("ABC-1")
	cfg := cloudConfig(serve(t, f))
	cfg.CacheTTL = time.Hour
	d := open(t, cfg)
	for _, own := range []string{"", "", "PAT1", "PAT1", "PAT2"} {
		if r := d.callWith(own, "get_jira_issue", `{"issueKey":"ABC-1"}`); r.IsError {
			t.Fatalf("the call = the error %q", r.Content[0].Text)
		}
	}
	if got := len(f.sent("GET /rest/api/3/issue/ABC-1")); got != 3 {
		t.Errorf("%d requests for the issue, want 3: one for each credential", got)
	}
}

func TestConfigurationFaults(t *testing.T) {
	secret := config.NewSecret("s3cret")
	tests := []struct {
		name string
		cfg  config.Jira
		want string // empty: no fault
	}{
		{"no URL", config.Jira{}, "tools.jira.url: "},
		{"no host", config.Jira{URL: "https://", PersonalToken: secret}, "tools.jira.url: "},
		{"another scheme", config.Jira{URL: "ftp://jira", PersonalToken: secret}, "tools.jira.url: "},
		{"a password in the URL", config.Jira{URL: "https://a:s3cret@jira.example", PersonalToken: secret}, "tools.jira.url: "},
		{"no credential", config.Jira{URL: "jira.example"}, "tools.jira.api_token: "},
		{"no token", config.Jira{URL: "jira.example", Email: "a@b"}, "tools.jira.api_token: "},
		{"no mail address", config.Jira{URL: "jira.example", APIToken: secret}, "tools.jira.email: "},
		{"both tokens", config.Jira{URL: "jira.example", Email: "a@b", APIToken: secret, PersonalToken: secret}, "tools.jira.personal_token: "},
		{"a token of two lines", config.Jira{URL: "jira.example", PersonalToken: config.NewSecret("s3cret\nx")}, "tools.jira.personal_token: "},
		{"a bad project", config.Jira{URL: "jira.example", PersonalToken: secret, Projects: []string{"a b"}}, "tools.jira.projects: "},
		{"callers bring theirs", config.Jira{URL: "jira.example", CallerHeader: "X-Jira-Token"}, ""},
		{"a host", config.Jira{URL: "acme.atlassian.net", Email: "a@b", APIToken: secret}, ""},
		{"a path", config.Jira{URL: "https://jira.example:8443/jira/", PersonalToken: secret}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(tt.cfg, zap.NewNop())
			if err == nil {
				p.Close()
			}
			if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.HasPrefix(got, tt.want) && tt.want != "" || strings.Contains(got, "s3cret") {
				t.Errorf("New = %v, want a fault of %q without secrets", err, tt.want)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	secret := config.NewSecret("s3cret")
	tests := []struct {
		cfg          config.Jira
		cloud        bool
		base, browse string
	}{
		{config.Jira{URL: "acme.atlassian.net", Email: "a@b", APIToken: secret}, true, "https://acme.atlassian.net", "https://acme.atlassian.net/browse/A-1"},
		{config.Jira{URL: "https://corp.example/jira/", PersonalToken: secret}, false, "https://corp.example/jira", "https://corp.example/jira/browse/A-1"},
		{config.Jira{URL: "http://127.0.0.1:8080", PersonalToken: secret}, false, "http://127.0.0.1:8080", "http://127.0.0.1:8080/browse/A-1"},
		{config.Jira{URL: "ACME.atlassian.net", CallerOnly: true}, true, "https://ACME.atlassian.net", "https://ACME.atlassian.net/browse/A-1"},
		{config.Jira{URL: "jira.corp.example", CallerOnly: true}, false, "https://jira.corp.example", "https://jira.corp.example/browse/A-1"},
		{config.Jira{URL: "https://api.atlassian.com/ex/jira/0a1b", Email: "a@b", APIToken: secret}, true, "https://api.atlassian.com/ex/jira/0a1b", ""},
	}
	for _, tt := range tests {
		s, err := newSite(tt.cfg)
		if err != nil {
			t.Errorf("newSite(%q) = %v", tt.cfg.URL, err)
			continue
		}
		if s.cloud != tt.cloud || s.base.String() != tt.base || s.browse("A-1") != tt.browse {
			t.Errorf("newSite(%q) = %v, %s, %s, want %v, %s, %s", tt.cfg.URL, s.cloud, s.base, s.browse("A-1"), tt.cloud, tt.base, tt.browse)
		}
	}
}
