package github

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

const ownToken = "ghp_of_the_server"

// hub is a small GitHub Enterprise server: it answers with recorded replies, page by page, asks for a token, knows ETags,
// and keeps logs on another host.
type hub struct {
	t        testing.TB
	server   *httptest.Server
	store    *httptest.Server // where logs are; nobody's credentials may reach it
	pageSize int              // entries a page at most, whatever is asked for

	mu      sync.Mutex
	asked   []*http.Request
	stored  []*http.Request
	answers map[string]http.HandlerFunc // by path below the API's, in place of what is recorded
	logs    map[string][]byte           // by job id
}

// recorded is which file answers which path, and under which key a list is where the answer is an object.
var recorded = map[string]struct{ file, list string }{
	"repos/acme/anvil/pulls":                              {"pulls.json", "."},
	"repos/acme/anvil/pulls/42":                           {"pull.json", ""},
	"repos/acme/anvil/pulls/42/files":                     {"files.json", "."},
	"repos/acme/anvil/pulls/42/reviews":                   {"reviews.json", "."},
	"repos/acme/anvil/commits":                            {"commits.json", "."},
	"repos/acme/anvil/commits/" + headSHA + "/status":     {"status.json", "statuses"},
	"repos/acme/anvil/commits/" + headSHA + "/check-runs": {"checkruns.json", "check_runs"},
	"search/issues":                                       {"issues.json", "items"},
	"repos/acme/anvil/contents/docs/steel.md":             {"content_file.json", ""},
	"repos/acme/anvil/contents/empty.txt":                 {"content_empty.json", ""},
	"repos/acme/anvil/contents/logo.png":                  {"content_binary.json", ""},
	"repos/acme/anvil/contents/large.txt":                 {"content_large.json", ""},
	"repos/acme/anvil/contents/model.bin":                 {"content_lfs.json", ""},
	"repos/acme/anvil/contents/latest":                    {"content_symlink.json", ""},
	"repos/acme/anvil/contents/vendor/forge":              {"content_submodule.json", ""},
	"repos/acme/anvil/contents/":                          {"content_folder.json", ""},
	"repos/acme/anvil/actions/runs":                       {"runs.json", "workflow_runs"},
	"repos/acme/anvil/actions/workflows":                  {"workflows.json", "workflows"},
	"repos/acme/anvil/actions/workflows/ci.yml/runs":      {"runs.json", "workflow_runs"},
	"repos/acme/anvil/actions/workflows/161336/runs":      {"runs.json", "workflow_runs"},
	"repos/acme/anvil/actions/runs/9001/jobs":             {"jobs.json", "jobs"},
	"repositories/7001":                                   {"repository.json", ""},
}

const headSHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"

func newHub(t testing.TB) *hub {
	h := &hub{t: t, pageSize: 100, answers: map[string]http.HandlerFunc{}, logs: map[string][]byte{"502": saved(t, "job.log")}}
	h.server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.server.Close)
	h.store = httptest.NewServer(http.HandlerFunc(h.serveLog))
	t.Cleanup(h.store.Close)
	return h
}

func saved(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v3/")
	if !ok {
		h.t.Errorf("%s was asked for, want a path below /api/v3/", r.URL.Path)
	}
	h.mu.Lock()
	h.asked = append(h.asked, r)
	answer := h.answers[path]
	h.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-GitHub-Request-Id", "C0DE:1")
	w.Header().Set("X-RateLimit-Limit", "5000")
	w.Header().Set("X-RateLimit-Remaining", "4999")
	switch found, known := recorded[path]; {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ghp_"):
		refuse(w, http.StatusUnauthorized, "Bad credentials")
	case answer != nil:
		answer(w, r)
	case path == "repos/acme/anvil/pulls/42" && strings.Contains(r.Header.Get("Accept"), "diff"):
		send(w, saved(h.t, "pull.diff"))
	case known:
		h.reply(w, r, saved(h.t, found.file), found.list)
	case strings.HasPrefix(path, "repos/acme/anvil/actions/jobs/"):
		h.serveJob(w, r, strings.TrimPrefix(path, "repos/acme/anvil/actions/jobs/"))
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

// reply sends a recorded answer, of a list one page.
func (h *hub) reply(w http.ResponseWriter, r *http.Request, body []byte, list string) {
	if list != "" {
		body = h.page(w, r, body, list)
	}
	tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(body))
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, max-age=60, s-maxage=60")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, body)
}

func (h *hub) page(w http.ResponseWriter, r *http.Request, body []byte, list string) []byte {
	var whole map[string]json.RawMessage
	entries := json.RawMessage(body)
	if list != "." {
		must(h.t, json.Unmarshal(body, &whole))
		entries = whole[list]
	}
	var all []json.RawMessage
	must(h.t, json.Unmarshal(entries, &all))
	query := r.URL.Query()
	page, size := number(query, "page", 1), min(number(query, "per_page", 30), h.pageSize)
	last := max(1, (len(all)+size-1)/size)
	if page < last {
		link := func(n int, rel string) string {
			query.Set("page", strconv.Itoa(n))
			return fmt.Sprintf(`<%s%s?%s>; rel=%q`, h.server.URL, r.URL.Path, query.Encode(), rel)
		}
		w.Header().Set("Link", link(page+1, "next")+", "+link(last, "last"))
	}
	from := min((page-1)*size, len(all))
	shown, err := json.Marshal(all[from:min(from+size, len(all))])
	must(h.t, err)
	if list == "." {
		return shown
	}
	whole[list] = shown
	shown, err = json.Marshal(whole)
	must(h.t, err)
	return shown
}

func number(query url.Values, name string, otherwise int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil {
		return n
	}
	return otherwise
}

// serveJob answers for one job, and sends who wants its log on to the store.
func (h *hub) serveJob(w http.ResponseWriter, r *http.Request, rest string) {
	id, what, _ := strings.Cut(rest, "/")
	if what == "logs" {
		if _, known := h.logs[id]; known {
			http.Redirect(w, r, h.store.URL+"/logs/"+id+"?sig=s1gned", http.StatusFound)
			return
		}
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	var all struct{ Jobs []json.RawMessage }
	must(h.t, json.Unmarshal(saved(h.t, "jobs.json"), &all))
	for _, job := range all.Jobs {
		if bytes.Contains(job, []byte(`"id": `+id+",")) {
			h.reply(w, r, job, "")
			return
		}
	}
	refuse(w, http.StatusNotFound, "Not Found")
}

func (h *hub) serveLog(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.stored = append(h.stored, r)
	h.mu.Unlock()
	for name := range r.Header {
		if !slices.Contains([]string{"Accept", "Accept-Encoding", "Range", "User-Agent"}, name) {
			h.t.Errorf("the log's host was sent the header %s, want none but what says what is wanted", name)
		}
	}
	if r.URL.Query().Get("sig") != "s1gned" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.logs[strings.TrimPrefix(r.URL.Path, "/logs/")]))
}

// answer puts something in place of what is recorded for a path.
func (h *hub) answer(path string, with http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[path] = with
}

// requests are the paths and queries asked for, in order.
func (h *hub) requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := []string{}
	for _, r := range h.asked {
		all = append(all, strings.TrimPrefix(r.URL.RequestURI(), "/api/v3/"))
	}
	return all
}

func send(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) }

func refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q,"documentation_url":"https://docs.github.com/rest","status":"%d"}`, message, status)
}

func refusing(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// pack makes a pack that asks the hub, with a token and acme/anvil as its default.
func (h *hub) pack(change func(*config.GitHub)) *Pack {
	h.t.Helper()
	cfg := config.GitHub{APIURL: h.server.URL, Token: config.NewSecret(ownToken), Owner: "acme", Repo: "anvil", Timeout: 10 * time.Second}
	if change != nil {
		change(&cfg)
	}
	store := strings.TrimPrefix(h.store.URL, "http://")
	p, err := newPack(cfg, zap.NewNop(), reach{follow: []string{store}, private: []string{store}})
	must(h.t, err)
	h.t.Cleanup(p.Close)
	return p
}

// outcome is a tool's answer.
type outcome struct {
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
	Content    []struct{ Text string }
	Meta       struct{ RetryAfterSeconds int } `json:"_meta"`
}

// text is what a model reads.
func (o outcome) text() string {
	if len(o.Content) == 0 {
		return ""
	}
	return o.Content[0].Text
}

// into decodes an answer that must be no error.
func (o outcome) into(t testing.TB, v any) {
	t.Helper()
	if o.IsError {
		t.Fatalf("the answer is an error: %s", o.text())
	}
	must(t, json.Unmarshal(o.Structured, v))
}

func call(t testing.TB, p *Pack, tool, arguments string) outcome {
	t.Helper()
	return callOn(t, p, nil, tool, arguments)
}

func callOn(t testing.TB, p *Pack, terms *mcp.Terms, tool, arguments string) outcome {
	t.Helper()
	server, err := mcp.NewServer(p.Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	must(t, err)
	m, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`))
	if fault != nil {
		t.Fatal(fault)
	}
	m.On(terms)
	got := server.Answer(t.Context(), mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest()), m)
	var reply struct {
		Result outcome
		Error  *mcp.Error
	}
	must(t, json.Unmarshal(got, &reply))
	if reply.Error != nil {
		t.Fatalf("%s %s: %v", tool, arguments, reply.Error)
	}
	return reply.Result
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
