package github

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	gh "github.com/google/go-github/v89/github"

	"toolgate/config"
)

func TestEveryPageIsReadToItsBound(t *testing.T) {
	endless := func(int) int { return 1 << 30 }
	for _, test := range []struct {
		name     string
		limit    int
		size     int
		last     int                // page
		next     func(page int) int // nil: the page after
		want     int
		wantMore bool
	}{
		{"one page", 10, 3, 1, nil, 3, false},
		{"several", 10, 3, 3, nil, 9, false},
		{"as many as the bound", 9, 3, 3, nil, 9, false},
		{"as many as the bound, and more to come", 9, 3, 4, nil, 9, true},
		{"more than the bound", 8, 3, 3, nil, 8, true},
		{"empty pages without end", 10, 0, 1 << 40, nil, 0, true},
		{"a page that names itself", 10, 3, 9, func(page int) int { return page }, 3, false},
		{"a page far away", 4, 3, 1 << 40, endless, 4, true},
	} {
		asked := 0
		got, more, err := every(test.limit, func(opts gh.ListOptions) ([]int, *gh.Response, error) {
			if asked++; opts.PerPage != fullPage {
				t.Errorf("%s: pages of %d were asked for, want %d", test.name, opts.PerPage, fullPage)
			}
			resp := &gh.Response{}
			if opts.Page < test.last {
				resp.NextPage = opts.Page + 1
				if test.next != nil {
					resp.NextPage = test.next(opts.Page)
				}
			}
			return make([]int, test.size), resp, nil
		})
		if err != nil || len(got) != test.want || more != test.wantMore || asked > test.limit {
			t.Errorf("%s: %d entries, more %v, error %v, after %d pages; want %d, %v, none", test.name, len(got), more, err, asked, test.want, test.wantMore)
		}
	}
	broken := errors.New("broken")
	if _, _, err := every(10, func(gh.ListOptions) ([]int, *gh.Response, error) { return nil, nil, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the page", err)
	}
}

func TestWhatChecksComeTo(t *testing.T) {
	for _, test := range []struct {
		sum      checks
		complete bool
		want     string
	}{
		{checks{Failed: 1, Pending: 1, Passed: 1}, false, stateFailure},
		{checks{Pending: 1, Passed: 1}, true, statePending},
		{checks{Passed: 1}, true, stateSuccess},
		{checks{Skipped: 1}, true, stateSuccess},
		{checks{Passed: 1}, false, stateUnknown},
		{checks{}, true, stateNone},
	} {
		got := test.sum
		if got.conclude(test.complete); got.State != test.want {
			t.Errorf("%+v, complete %v: %q, want %q", test.sum, test.complete, got.State, test.want)
		}
	}
}

func TestFilesBeyondWhatGitHubListsAreSaid(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/pulls/42", refusing(200, `{"number":42,"title":"Huge","state":"open","changed_files":4100}`))
	page := "[" + strings.TrimSuffix(strings.Repeat(`{"filename":"x","status":"added"},`, fullPage), ",") + "]"
	h.answer("repos/acme/anvil/pulls/42/files", func(w http.ResponseWriter, r *http.Request) {
		if n := number(r.URL.Query(), "page", 1); n < 30 {
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=%d>; rel="next"`, h.server.URL, r.URL.Path, n+1))
		}
		send(w, []byte(page))
	})
	var got pullDetail
	call(t, h.pack(nil), "get_pull_request", `{"pullNumber":42,"include":["files"]}`).into(t, &got)
	if len(got.Files) != maxFiles || !slices.Contains(got.Notes, "files: the first 3000 of 4100; GitHub lists no more") {
		t.Errorf("%d files, notes %q; want that some are missing", len(got.Files), got.Notes)
	}
}

func TestDefaultOwnerIsWhereSearchesAre(t *testing.T) {
	for _, test := range []struct{ owner, repo, query, want string }{
		{"acme", "anvil", "", "repo:acme/anvil"},
		{"acme", "", "crash", "user:acme crash"},
		{"", "", "crash", "crash"},
		{"acme", "anvil", "user:eve crash", "user:eve crash"},
		{"acme", "anvil", "-repo:acme/forge", "repo:acme/anvil -repo:acme/forge"},
	} {
		p := &Pack{defaults: repository{test.owner, test.repo}}
		if got, err := p.confine(test.query); err != nil || got != test.want {
			t.Errorf("with %q/%q, %q is %q (%v), want %q", test.owner, test.repo, test.query, got, err, test.want)
		}
	}
}

func TestDefaultsAndWhatCallsName(t *testing.T) {
	h := newHub(t)
	p := h.pack(func(cfg *config.GitHub) { cfg.Owner, cfg.Repo = "", "acme/anvil" })
	for _, test := range []struct {
		in   repositoryArgs
		want string // empty: refused
	}{
		{repositoryArgs{}, "acme/anvil"},
		{repositoryArgs{Owner: "ACME"}, "ACME/anvil"},
		{repositoryArgs{Repo: "forge"}, "acme/forge"},
		{repositoryArgs{Owner: "eve", Repo: "forge"}, "eve/forge"},
		{repositoryArgs{Repo: "eve/forge"}, "eve/forge"},
		{repositoryArgs{Owner: "eve", Repo: "Eve/forge"}, "Eve/forge"},
		{repositoryArgs{Owner: "eve"}, ""},
		{repositoryArgs{Repo: "a/b/c"}, ""},
	} {
		got, err := p.repository(test.in)
		if (err == nil) != (test.want != "") || err == nil && got.String() != test.want {
			t.Errorf("%+v is %s (%v), want %s", test.in, got, err, test.want)
		}
	}
}
