package github

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"toolgate/config"
	"toolgate/tools/internal/clip"
)

func confined(repositories ...string) func(*config.GitHub) {
	return func(cfg *config.GitHub) { cfg.Repositories = repositories }
}

// oneOfEach is a call of every tool about one repository.
func oneOfEach(owner, repo string) map[string]string {
	where := fmt.Sprintf(`"owner":%q,"repo":%q`, owner, repo)
	return map[string]string{
		"list_pull_requests": `{` + where + `}`,
		"get_pull_request":   `{` + where + `,"pullNumber":42}`,
		"list_commits":       `{` + where + `}`,
		"get_file_contents":  `{` + where + `,"path":"docs/steel.md"}`,
		"list_workflow_runs": `{` + where + `}`,
		"get_job_logs":       `{` + where + `,"jobId":502}`,
	}
}

func TestWhatIsNotListedIsRefusedBeforeItIsAskedFor(t *testing.T) {
	for _, test := range []struct {
		name        string
		list        []string
		owner, repo string
		want        bool
	}{
		{"listed", []string{"acme/anvil"}, "acme", "anvil", true},
		{"in other letters", []string{"Acme/ANVIL"}, "aCME", "Anvil", true},
		{"an owner's", []string{"acme/*"}, "ACME", "anvil", true},
		{"another name", []string{"acme/anvil"}, "acme", "vault", false},
		{"another owner", []string{"acme/*"}, "eve", "anvil", false},
		{"a name that begins so", []string{"acme/anvil"}, "acme", "anvil2", false},
		{"an owner that begins so", []string{"acme/*"}, "acme2", "anvil", false},
		{"a star", []string{"acme/anvil"}, "acme", "*", false},
		{"a way up", []string{"acme/anvil"}, "acme/anvil/..", "x", false},
		{"an escaped way up", []string{"acme/anvil"}, "acme", "%2e%2e", false},
		{"a sign that lower case makes the same", []string{"kit/anvil"}, "\u212ait", "anvil", false},
	} {
		h := newHub(t)
		p := h.pack(confined(test.list...))
		for tool, arguments := range oneOfEach(test.owner, test.repo) {
			before := len(h.requests())
			got := call(t, p, tool, arguments)
			if asked := len(h.requests()) > before; asked != test.want {
				t.Errorf("%s: %s: asked GitHub %v, want %v; the answer is %q", test.name, tool, asked, test.want, got.text())
			}
			if !test.want && !got.IsError {
				t.Errorf("%s: %s: the answer is %q, want an error", test.name, tool, got.text())
			}
		}
	}
}

func TestRenamedRepositoriesDoNotEscape(t *testing.T) {
	for _, test := range []struct {
		name, now string // full name
		to        func(h *hub, rest string) string
		want      bool
	}{
		{"away, by its id", "eve/secret", byID, false},
		{"away, by its name", "eve/secret", byName, false},
		{"to an id that means nothing", "", func(h *hub, rest string) string { return h.server.URL + "/api/v3/repositories/x1" + rest }, false},
		{"to another part of the API", "", func(h *hub, _ string) string { return h.server.URL + "/api/v3/user" }, false},
		{"within the list, by its id", "acme/forge", byID, true},
		{"within the list, by its name", "acme/forge", byName, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			const from = "repos/acme/anvil"
			h.answer("repositories/7003", refusing(200, `{"id":7003,"full_name":"`+test.now+`"}`))
			for place := range recorded {
				rest, ok := strings.CutPrefix(place, from)
				if !ok {
					continue
				}
				h.answer(place, func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, test.to(h, rest), http.StatusMovedPermanently)
				})
				serve := func(w http.ResponseWriter, r *http.Request) {
					h.reply(w, r, saved(t, recorded[place].file), recorded[place].list)
				}
				h.answer("repositories/7003"+rest, serve)
				h.answer("repos/"+test.now+rest, serve)
			}
			h.answer(from+"/actions/jobs/502", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, test.to(h, "/actions/jobs/502"), http.StatusMovedPermanently)
			})
			job := func(w http.ResponseWriter, r *http.Request) { h.serveJob(w, r, "502") }
			h.answer("repositories/7003/actions/jobs/502", job)
			h.answer("repos/"+test.now+"/actions/jobs/502", job)
			h.answer("user", refusing(200, `{"login":"s3cret"}`))
			p := h.pack(confined("acme/*"))
			for tool, arguments := range oneOfEach("acme", "anvil") {
				got := call(t, p, tool, arguments)
				if got.IsError == test.want {
					t.Errorf("%s: isError %v, want %v: %q", tool, got.IsError, !test.want, got.text())
				}
				if !test.want && (!strings.Contains(got.text(), "was renamed or given to another owner") || strings.Contains(got.text(), "ecret")) {
					t.Errorf("%s: %q, want that it was renamed, and not to what", tool, got.text())
				}
			}
		})
	}
}

func byID(h *hub, rest string) string { return h.server.URL + "/api/v3/repositories/7003" + rest }

func byName(h *hub, rest string) string {
	name := "eve/secret"
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.answers["repos/acme/forge/pulls"]; ok {
		name = "acme/forge"
	}
	return h.server.URL + "/api/v3/repos/" + name + rest
}

func TestLogBehindARenameDoesNotEscape(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/actions/jobs/502/logs", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, h.server.URL+"/api/v3/repositories/7003/actions/jobs/502/logs", http.StatusMovedPermanently)
	})
	h.answer("repositories/7003/actions/jobs/502/logs", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, h.store.URL+"/logs/502?sig=s1gned", http.StatusFound)
	})
	h.answer("repositories/7003", refusing(200, `{"full_name":"eve/secret"}`))
	if got := call(t, h.pack(confined("acme/anvil")), "get_job_logs", `{"jobId":502}`); !got.IsError || strings.Contains(got.text(), "TestHardness") {
		t.Errorf("the answer is %q (isError %v), want an error", got.text(), got.IsError)
	}
	var open jobLogsResult
	call(t, h.pack(nil), "get_job_logs", `{"jobId":502}`).into(t, &open)
	if open.Jobs[0].Lines != 8 {
		t.Errorf("without a list the log is %+v, want all of it", open.Jobs[0])
	}
}

func TestSearchesAreConfined(t *testing.T) {
	many := []string{"acme/a", "acme/b", "acme/c", "acme/d", "acme/e", "acme/f", "acme/g"}
	for _, test := range []struct {
		name  string
		list  []string
		query string
		want  string // the query sent; empty: refused
	}{
		{"no list, the default", nil, "crash", "repo:acme/anvil crash"},
		{"no list, another", nil, "repo:eve/x crash OR bang", "repo:eve/x crash OR bang"},
		{"no list, alternatives", nil, "crash OR bang", "repo:acme/anvil (crash OR bang)"},
		{"one", []string{"acme/anvil"}, "crash", "repo:acme/anvil crash"},
		{"several", []string{"acme/anvil", "eve/*"}, "is:open crash", "(repo:acme/anvil OR user:eve) is:open crash"},
		{"named", []string{"acme/anvil", "acme/forge"}, "repo:Acme/Forge crash", "repo:Acme/Forge repo:Acme/Forge crash"},
		{"an owner that is whole", []string{"eve/*"}, "org:EVE crash", "org:EVE org:EVE crash"},
		{"an owner that is not", []string{"acme/anvil"}, "org:acme crash", ""},
		{"not listed", []string{"acme/anvil"}, "repo:acme/vault crash", ""},
		{"not listed, in quotes", []string{"acme/anvil"}, `repo:"acme/vault" crash`, ""},
		{"not listed, beside one that is", []string{"acme/anvil"}, "repo:acme/anvil,acme/vault crash", ""},
		{"not listed, in parentheses", []string{"acme/anvil"}, "(REPO:acme/vault)", ""},
		{"alternatives stay within", []string{"acme/anvil"}, "crash OR author:eve", "repo:acme/anvil (crash OR author:eve)"},
		{"alternatives to what is named stay within", []string{"acme/anvil"}, "repo:acme/anvil or author:eve", "repo:acme/anvil (repo:acme/anvil or author:eve)"},
		{"what is not meant names nothing", []string{"acme/anvil"}, "-repo:acme/anvil crash", "repo:acme/anvil -repo:acme/anvil crash"},
		{"a parenthesis that closes ours", []string{"acme/anvil"}, "x) OR (author:eve", ""},
		{"a quotation mark that opens", []string{"acme/anvil"}, `x" OR y`, ""},
		{"a parenthesis in quotes", []string{"acme/anvil"}, `"x) OR (y"`, `repo:acme/anvil ("x) OR (y")`},
		{"a quotation mark that is escaped", []string{"acme/anvil"}, `"x\") OR (y"`, ""},
		{"a line break", []string{"acme/anvil"}, "x\nrepo:acme/vault", ""},
		{"too many", many, "crash", ""},
		{"one of too many", many, "repo:acme/g crash", "repo:acme/g repo:acme/g crash"},
		{"named twice", []string{"acme/anvil"}, "repo:acme/anvil repo:ACME/anvil", "repo:acme/anvil repo:acme/anvil repo:ACME/anvil"},
		{"several named", []string{"acme/anvil", "acme/forge"}, "repo:acme/anvil repo:acme/forge x", "(repo:acme/anvil OR repo:acme/forge) repo:acme/anvil repo:acme/forge x"},
		{"a name in quotes that are not meant", []string{"acme/anvil"}, `-"repo:acme/anvil" password`, `repo:acme/anvil -"repo:acme/anvil" password`},
		{"a name in quotes", []string{"acme/anvil"}, `"repo:acme/anvil" password`, `repo:acme/anvil "repo:acme/anvil" password`},
		{"a name within a word", []string{"acme/anvil"}, "x.repo:acme/anvil password", "repo:acme/anvil x.repo:acme/anvil password"},
		{"a name that is a label", []string{"acme/anvil"}, "-label:repo:acme/anvil password", "repo:acme/anvil -label:repo:acme/anvil password"},
		{"a name that says where to look", []string{"acme/anvil"}, "in:repo:acme/anvil password", "repo:acme/anvil in:repo:acme/anvil password"},
		{"a sign that lower case makes no other", []string{"eve/*"}, "u\u017fer:eve password", "user:eve u\u017fer:eve password"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			got := call(t, h.pack(confined(test.list...)), "search_github_issues", fmt.Sprintf(`{"query":%q}`, test.query))
			sent := ""
			if asked := h.requests(); len(asked) > 0 {
				u, err := url.Parse(asked[0])
				must(t, err)
				sent = u.Query().Get("q")
			}
			if sent != test.want || got.IsError != (test.want == "") {
				t.Errorf("%q was sent as %q (answer %.200q), want %q", test.query, sent, got.text(), test.want)
			}
		})
	}
}

func TestResultsOfSearchesAreConfined(t *testing.T) {
	h := newHub(t)
	h.pageSize = 3
	var got searchIssuesResult
	call(t, h.pack(confined("acme/anvil")), "search_github_issues", `{"query":"anvil"}`).into(t, &got)
	if len(got.Issues) != 2 || got.Total != 2 || got.NextPage != 0 || slices.ContainsFunc(got.Issues, func(i issue) bool { return i.Repo != "acme/anvil" }) {
		t.Errorf("results = %+v, want the two of acme/anvil, and no number that counts others", got)
	}
}

func TestPageWithoutResultsDoesNotCountThem(t *testing.T) {
	for _, test := range []struct {
		name  string
		list  []string
		page  int
		total int
	}{
		{"confined", []string{"acme/anvil"}, 9, 0},
		{"confined, the first", []string{"acme/anvil"}, 1, 0},
		{"not confined", nil, 9, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			h.answer("search/issues", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Link", "<"+h.server.URL+"/api/v3/search/issues?page=10>; rel=\"next\"")
				send(w, []byte(`{"total_count":7,"incomplete_results":false,"items":[]}`))
			})
			var got searchIssuesResult
			call(t, h.pack(confined(test.list...)), "search_github_issues", fmt.Sprintf(`{"query":"anvil","page":%d}`, test.page)).into(t, &got)
			if got.Total != test.total || (got.NextPage != 0) != (test.total != 0) {
				t.Errorf("total %d, next page %d, want %d, and a next page only where it is counted", got.Total, got.NextPage, test.total)
			}
		})
	}
}

func FuzzRepositoryThatIsTaken(f *testing.F) {
	for _, seed := range [][2]string{{"acme", "anvil"}, {"ACME", "Anvil"}, {"", "acme/anvil"}, {"acme", ".."}, {"acme/..", "x"}, {"a%2fb", "c"}, {"\u212ait", "x"}, {"acme", "a?b"}} {
		f.Add(seed[0], seed[1])
	}
	p := &Pack{allow: allowList{{"acme", "anvil"}, {"eve", anyName}}, defaults: repository{"acme", "anvil"}}
	f.Fuzz(func(t *testing.T, owner, name string) {
		r, err := p.repository(repositoryArgs{owner, name})
		if err != nil {
			return
		}
		if !strings.EqualFold(r.String(), "acme/anvil") && !strings.EqualFold(r.owner, "eve") {
			t.Errorf("%q %q is taken as %s, which is not listed", owner, name, r)
		}
		if place := "repos/" + r.String(); path.Clean(place) != place || strings.Count(place, "/") != 2 || url.PathEscape(r.name) != r.name {
			t.Errorf("%q %q is taken as %s, which is not a path of two names", owner, name, r)
		}
	})
}

// FuzzQueryStaysWithin: whatever a model asks for, the query that is sent is what was asked behind a scope that may be seen,
// which nothing in it ends or joins.
func FuzzQueryStaysWithin(f *testing.F) {
	for _, seed := range []string{
		"crash", "a OR b", "x) OR (y", `"x) OR (y"`, `repo:acme/anvil OR y`, `repo:acme/vault`, "((a) (b))", `a"b"c OR "`,
		`-"repo:acme/anvil" x`, "x.repo:acme/anvil", "in:repo:acme/anvil", "-label:repo:acme/anvil x", `repo:"acme/anvil" org:eve`, "u\u017fer:eve x", "repo:eve/x,eve/y x",
	} {
		f.Add(seed)
	}
	confines := map[*regexp.Regexp]*Pack{
		regexp.MustCompile(`^repo:acme/anvil$`):                            {allow: allowList{{"acme", "anvil"}}},
		regexp.MustCompile(`^(?:(?:user|org):eve|repo:eve/[a-z0-9._-]+)$`): {allow: allowList{{"eve", anyName}}},
	}
	f.Fuzz(func(t *testing.T, query string) {
		for may, p := range confines {
			got, err := p.confine(query)
			if err != nil {
				continue
			}
			for _, s := range scopes(got) {
				if !p.mayName(s) {
					t.Errorf("%q becomes %q, which names %s", query, got, s)
				}
			}
			asked := clip.Line(query)
			scope, whole := strings.CutSuffix(got, asked)
			if joined.MatchString(asked) {
				scope, whole = strings.CutSuffix(got, "("+asked+")")
			}
			if !whole {
				t.Fatalf("%q becomes %q, which does not end in it as one", query, got)
			}
			scope, several := strings.CutPrefix(strings.TrimSuffix(scope, " "), "(")
			if several {
				scope = strings.TrimSuffix(scope, ")")
			}
			for one := range strings.SplitSeq(scope, " OR ") {
				if !may.MatchString(strings.ToLower(one)) {
					t.Errorf("%q becomes %q, which is within %q, want %s", query, got, one, may)
				}
			}
			if !closed(got) {
				t.Errorf("%q becomes %q, whose parentheses do not match", query, got)
			}
		}
	})
}
