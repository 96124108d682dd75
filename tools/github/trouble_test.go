package github

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"toolgate/config"
	"toolgate/mcp"
)

func noDefault(cfg *config.GitHub) { cfg.Owner, cfg.Repo = "", "" }

func TestTroubleIsToldInPlainWords(t *testing.T) {
	reset := strconv.FormatInt(time.Now().Add(10*time.Minute).Unix(), 10)
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
		least  int // retryAfterSeconds, from and to
		most   int
	}{
		{
			"primary limit", refusing(403, `{"message":"API rate limit exceeded for user ID 1."}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset),
			"GitHub's rate limit of 5000 requests for this server's token is used up (403)", 590, 602,
		},
		{"primary limit as 429", refusing(429, `{"message":"slow"}`, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset), "is used up (429)", 590, 602},
		{
			"secondary limit", refusing(403, `{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, "Retry-After", "77"),
			"too many requests at once with this server's token (403, secondary rate limit)", 77, 77,
		},
		{
			"secondary limit without a wait", refusing(429, `{"documentation_url":"https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, "X-RateLimit-Remaining", "12"),
			"secondary rate limit", 60, 60,
		},
		{"token", refusing(401, `{"message":"Bad credentials"}`), "GitHub does not accept this server's token (401): it may have expired; the server's operator can renew it", 0, 0},
		{
			"sso", refusing(403, `{"message":"Resource protected by organization SAML enforcement."}`, "X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso?authorization_request=S3CRET"),
			"must first be authorized for the organization's single sign-on (SAML SSO), by the server's operator. GitHub says: Resource protected", 0, 0,
		},
		{"rights", refusing(403, `{"message":"Resource not accessible by personal access token"}`), "GitHub does not let this server's token do this (403). GitHub says: Resource not accessible", 0, 0},
		{"nothing there", refusing(404, `{"message":"Not Found"}`), "there is no repository acme/anvil, or this server's token may not see it (404)", 0, 0},
		{
			"validation", refusing(422, `{"message":"Validation Failed","errors":[{"resource":"Search","field":"q","code":"invalid"},{"message":"The listed users cannot be searched"},"plain"]}`),
			"GitHub cannot do what was asked (422). GitHub says: Validation Failed; q invalid; The listed users cannot be searched; plain", 0, 0,
		},
		{"law", refusing(451, `{"message":"Repository access blocked"}`), "for legal reasons (451). GitHub says: Repository access blocked", 0, 0},
		{"trouble of its own", refusing(500, `oops`), "GitHub answered 500", 0, 0},
		{"still at it", refusing(202, `{}`), "GitHub is still working the answer out (202)", 5, 5},
		{"a web page", refusing(200, `<html>Log in to the proxy</html>`), "GitHub's answer is not what its API gives", 0, 0},
		{"half an answer", refusing(200, `[{"number":`), "GitHub's answer is not what its API gives", 0, 0},
		{"another kind of answer", refusing(200, `{"number":1}`), "GitHub's answer is not what its API gives", 0, 0},
		{
			"to another host", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://192.0.2.1/x", http.StatusFound)
			},
			"GitHub redirects to another host, which is not followed", 0, 0,
		},
		{"too many words", refusing(422, `{"message":"`+strings.Repeat("word ", 1000)+`"}`), "(cut)", 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			h.answer("repos/acme/anvil/pulls", test.answer)
			got := call(t, h.pack(nil), "list_pull_requests", `{}`)
			if !got.IsError || !strings.Contains(got.text(), test.want) {
				t.Errorf("the answer is %q (isError %v), want an error with %q", got.text(), got.IsError, test.want)
			}
			if wait := got.Meta.RetryAfterSeconds; wait < test.least || wait > test.most {
				t.Errorf("retryAfterSeconds = %d, want %d to %d", wait, test.least, test.most)
			}
			for _, hidden := range []string{ownToken, "S3CRET", "127.0.0.1", "internal error"} {
				if strings.Contains(got.text(), hidden) {
					t.Errorf("the text %q has %q in it", got.text(), hidden)
				}
			}
		})
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	h := newHub(t)
	p := h.pack(nil)
	for _, test := range []struct{ tool, arguments, want string }{
		{"get_pull_request", `{"pullNumber":999}`, "there is no pull request 999 in acme/anvil, or"},
		{"get_file_contents", `{"path":"no/such","ref":"old"}`, `there is no "no/such" in acme/anvil at "old", or`},
		{"list_commits", `{"repo":"nothing"}`, "there is no repository acme/nothing, or"},
		{"list_commits", `{"repo":"nothing","sha":"dev"}`, `there is no repository acme/nothing or nothing named "dev" in it, or`},
		{"list_workflow_runs", `{"workflow":"gone.yml"}`, `there is no workflow "gone.yml" in acme/anvil, or`},
		{"get_job_logs", `{"jobId":1}`, "there is no job 1 in acme/anvil, or"},
		{"get_job_logs", `{"runId":1}`, "there is no workflow run 1 in acme/anvil, or"},
	} {
		if got := call(t, p, test.tool, test.arguments); !got.IsError || !strings.Contains(got.text(), test.want) {
			t.Errorf("%s %s = %q, want %q in it", test.tool, test.arguments, got.text(), test.want)
		}
	}
}

func TestFailureOnceIsTriedAgain(t *testing.T) {
	h := newHub(t)
	failed := false
	h.answer("repos/acme/anvil/commits", func(w http.ResponseWriter, r *http.Request) {
		if !failed {
			failed = true
			refuse(w, http.StatusBadGateway, "Server Error")
			return
		}
		h.reply(w, r, saved(t, "commits.json"), ".")
	})
	var got listCommitsResult
	call(t, h.pack(nil), "list_commits", `{}`).into(t, &got)
	if len(got.Commits) != 3 || len(h.requests()) != 2 {
		t.Errorf("%d commits after %d requests, want 3 after 2", len(got.Commits), len(h.requests()))
	}
}

func TestEmptyRepositoryHasNoCommits(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/commits", refusing(409, `{"message":"Git Repository is empty."}`))
	var got listCommitsResult
	call(t, h.pack(nil), "list_commits", `{}`).into(t, &got)
	if got.Commits == nil || len(got.Commits) != 0 {
		t.Errorf("commits = %v, want an empty list", got.Commits)
	}
}

func TestUnchangedAnswersAreAskedForByTheirTag(t *testing.T) {
	h := newHub(t)
	p := h.pack(func(cfg *config.GitHub) { cfg.CacheTTL = time.Nanosecond })
	for range 2 {
		var got listCommitsResult
		call(t, p, "list_commits", `{}`).into(t, &got)
		if len(got.Commits) != 3 {
			t.Errorf("commits = %v, want 3", got.Commits)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.asked) != 2 || !strings.HasPrefix(h.asked[1].Header.Get("If-None-Match"), `W/"`) {
		t.Errorf("%d requests, the second with If-None-Match %q; want two, and the tag of the first", len(h.asked), h.asked[len(h.asked)-1].Header.Get("If-None-Match"))
	}
}

func TestAnswersServeAgainForTheSameCallerOnly(t *testing.T) {
	h := newHub(t)
	p := h.pack(func(cfg *config.GitHub) { cfg.CacheTTL, cfg.CallerHeader = time.Hour, "X-GitHub-Token" })
	for _, token := range []string{"", "ghp_ada", "", "ghp_ada", "ghp_hal"} {
		var got listCommitsResult
		callOn(t, p, as(token), "list_commits", `{}`).into(t, &got)
	}
	if got := len(h.requests()); got != 3 {
		t.Errorf("%d requests, want one of each of three callers", got)
	}
}

func as(token string) *mcp.Terms {
	return &mcp.Terms{Credentials: mcp.Credentials{"github": token}}
}

func TestCallersOwnToken(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*config.GitHub)
		token  string
		want   string // Authorization; empty: refused
		refuse string
	}{
		{"ours", nil, "", "Bearer " + ownToken, ""},
		{"the caller's", nil, "ghp_ada", "Bearer ghp_ada", ""},
		{"the caller's alone", func(cfg *config.GitHub) { cfg.CallerOnly = true }, "ghp_ada", "Bearer ghp_ada", ""},
		{
			"none where the caller's is needed", func(cfg *config.GitHub) { cfg.CallerOnly, cfg.CallerHeader = true, "X-GitHub-Token" }, "", "",
			"none came with this call: send it in the header X-GitHub-Token",
		},
		{"none where keys have them", func(cfg *config.GitHub) { cfg.CallerOnly = true }, "", "", "it belongs to the caller's key"},
		{"none at all", func(cfg *config.GitHub) { cfg.Token, cfg.CallerHeader = config.Secret{}, "X-GitHub-Token" }, "", "", "send it in the header X-GitHub-Token"},
		{"a line break", nil, "ghp_a\r\nX-Evil: 1", "", "has a line break"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			got := callOn(t, h.pack(test.change), as(test.token), "list_commits", `{}`)
			sent := ""
			if len(h.asked) > 0 {
				sent = h.asked[0].Header.Get("Authorization")
			}
			if sent != test.want || got.IsError != (test.want == "") || !strings.Contains(got.text(), test.refuse) {
				t.Errorf("sent %q, answer %q; want %q, and an error with %q if that is empty", sent, got.text(), test.want, test.refuse)
			}
		})
	}
}

func TestOneCallersLimitIsNotAnothers(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/commits", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer ghp_ada" {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))
			refuse(w, http.StatusForbidden, "API rate limit exceeded")
			return
		}
		h.reply(w, r, saved(t, "commits.json"), ".")
	})
	p := h.pack(nil)
	if got := callOn(t, p, as("ghp_ada"), "list_commits", `{}`); !strings.Contains(got.text(), "for the token that came with this call is used up") {
		t.Errorf("the answer to who is limited is %q, want that the token is used up", got.text())
	}
	if got := callOn(t, p, as("ghp_hal"), "list_commits", `{}`); got.IsError {
		t.Errorf("the answer to another caller is %q, want no error", got.text())
	}
	if got := len(h.requests()); got != 2 {
		t.Errorf("%d requests, want both sent", got)
	}
}

func TestChecksThatCannotBeReadAreNoted(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/commits/"+headSHA+"/check-runs", refusing(403, `{"message":"Resource not accessible by personal access token"}`))
	h.answer("repos/acme/anvil/commits/"+headSHA+"/status", refusing(200, `{"state":"success","statuses":[{"state":"success","context":"ci"}]}`))
	var got pullDetail
	call(t, h.pack(nil), "get_pull_request", `{"pullNumber":42,"include":["status"]}`).into(t, &got)
	if got.Status.State != stateUnknown || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "the check runs could not be read") {
		t.Errorf("status %+v, notes %q; want unknown, and why", got.Status, got.Notes)
	}
}

func TestOnePartThatFailsIsNotPassedOver(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/pulls/42/reviews", refusing(500, `oops`))
	got := call(t, h.pack(nil), "get_pull_request", `{"pullNumber":42,"include":["files","reviews"]}`)
	if !got.IsError || !strings.Contains(got.text(), "GitHub answered 500") {
		t.Errorf("the answer is %q (isError %v), want an error with the status", got.text(), got.IsError)
	}
}
