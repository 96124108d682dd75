package jira

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeJira is a small Jira: it has a few projects, keeps what is written to it, gives small pages, and fails when told to.
// It looks at no query: what may be seen, it leaves to who asks.
type fakeJira struct {
	t     *testing.T
	cloud bool
	size  int // entries a page

	mu       sync.Mutex
	issues   []*fakeIssue
	moved    map[string]string // old keys of issues
	boards   []map[string]any
	projects map[int][]string // of boards
	sprints  []map[string]any // of board 7
	screen   bool             // transitions have a comment on their screen
	answers  map[string][]func(http.ResponseWriter)
	requests []fakeRequest
}

type fakeIssue struct {
	key, summary, status string
	histories            []map[string]any
	fields               map[string]any
	etag                 int
}

type fakeRequest struct {
	line          string // METHOD path
	query         map[string][]string
	authorization string
	body          string
}

func newFake(t *testing.T, cloud bool) *fakeJira {
	return &fakeJira{t: t, cloud: cloud, size: 3, moved: map[string]string{}, projects: map[int][]string{}, answers: map[string][]func(http.ResponseWriter){}}
}

func (f *fakeJira) add(keys ...string) *fakeJira {
	for _, key := range keys {
		f.issues = append(f.issues, &fakeIssue{key: key, summary: "about " + key, status: "To Do"})
	}
	return f
}

// next has the next requests of a line answered so, one each.
func (f *fakeJira) next(line string, answers ...func(http.ResponseWriter)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[line] = append(f.answers[line], answers...)
}

func status(code int, body string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// sent are the requests so far whose line begins so.
func (f *fakeJira) sent(line string) []fakeRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []fakeRequest
	for _, r := range f.requests {
		if strings.HasPrefix(r.line, line) {
			found = append(found, r)
		}
	}
	return found
}

func (f *fakeJira) api(path string) string {
	if f.cloud {
		return "/rest/api/3" + path
	}
	return "/rest/api/2" + path
}

func (f *fakeJira) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	line := r.Method + " " + r.URL.Path
	f.requests = append(f.requests, fakeRequest{line, r.URL.Query(), r.Header.Get("Authorization"), string(body)})
	w.Header().Set("Content-Type", "application/json")
	if waiting := f.answers[line]; len(waiting) > 0 {
		f.answers[line] = waiting[1:]
		waiting[0](w)
		return
	}
	q := r.URL.Query()
	start, _ := strconv.Atoi(q.Get("startAt"))
	limit, _ := strconv.Atoi(q.Get("maxResults"))
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch path := r.URL.Path; {
	case path == f.api("/field"):
		f.send(w, []any{
			map[string]any{"id": "customfield_1", "name": "Sprint", "schema": map[string]any{"type": "array", "custom": sprintType}},
			map[string]any{"id": "customfield_2", "name": "Story Points", "schema": map[string]any{"type": "number", "custom": "x:float"}},
			map[string]any{"id": "customfield_3", "name": "Epic Link", "schema": map[string]any{"type": "any", "custom": epicType}},
			map[string]any{"id": "customfield_4", "name": "Severity", "schema": map[string]any{"type": "option", "custom": "x:select"}},
			map[string]any{"id": "project", "name": "Project", "schema": map[string]any{"type": "project"}},
		})
	case path == f.api("/status"):
		f.send(w, []any{fakeStatus("To Do"), fakeStatus("Doing"), fakeStatus("Done")})
	case path == "/rest/api/3/search/jql":
		if len(body) > 0 {
			var b struct {
				MaxResults    int    `json:"maxResults"`
				NextPageToken string `json:"nextPageToken"`
			}
			f.read(body, &b)
			limit = b.MaxResults
			q.Set("nextPageToken", b.NextPageToken)
		}
		start, _ = strconv.Atoi(strings.TrimPrefix(q.Get("nextPageToken"), "token-"))
		page, end := f.page(len(f.issues), start, limit)
		answer := map[string]any{"issues": f.wireAll(f.issues[page:end]), "isLast": end == len(f.issues)}
		if end < len(f.issues) {
			answer["nextPageToken"] = fmt.Sprintf("token-%d", end)
		}
		f.send(w, answer)
	case path == "/rest/api/2/search", strings.HasSuffix(path, "/issue") && parts[1] == "agile":
		from, end := f.page(len(f.issues), start, limit)
		f.send(w, map[string]any{"startAt": start, "maxResults": f.size, "total": len(f.issues), "issues": f.wireAll(f.issues[from:end])})
	case path == "/rest/agile/1.0/board":
		var list []any
		for _, b := range f.boards {
			if key := q.Get("projectKeyOrId"); key == "" || slices.Contains(f.projects[b["id"].(int)], key) {
				list = append(list, b)
			}
		}
		from, end := f.page(len(list), start, limit)
		f.send(w, map[string]any{"startAt": from, "maxResults": f.size, "isLast": end == len(list), "values": list[from:end]})
	case path == "/rest/agile/1.0/board/7/sprint":
		from, end := f.page(len(f.sprints), start, limit)
		f.send(w, map[string]any{"startAt": from, "maxResults": f.size, "isLast": end == len(f.sprints), "values": f.sprints[from:end]})
	case len(parts) >= 5 && parts[1] == "agile" && parts[3] == "board":
		id, _ := strconv.Atoi(parts[4])
		i := slices.IndexFunc(f.boards, func(b map[string]any) bool { return b["id"] == id })
		switch {
		case i < 0:
			f.missing(w)
		case len(parts) == 6 && parts[5] == "project":
			var list []any
			for _, key := range f.projects[id] {
				list = append(list, map[string]any{"key": key})
			}
			f.send(w, map[string]any{"isLast": true, "values": list})
		default:
			f.send(w, f.boards[i])
		}
	case len(parts) == 5 && parts[1] == "agile" && parts[3] == "sprint":
		id, _ := strconv.Atoi(parts[4])
		i := slices.IndexFunc(f.sprints, func(s map[string]any) bool { return s["id"] == id })
		if i < 0 {
			f.missing(w)
			return
		}
		f.send(w, f.sprints[i])
	case strings.HasPrefix(path, f.api("/project/")):
		f.send(w, map[string]any{"key": parts[4], "issueTypes": []any{
			map[string]any{"id": "1", "name": "Bug", "subtask": false}, map[string]any{"id": "2", "name": "Sub-task", "subtask": true},
		}})
	case path == f.api("/user/assignable/search"):
		f.send(w, []any{
			map[string]any{"accountId": "a1", "name": "ada", "displayName": "Ada Park", "emailAddress": "ada@acme.example"},
			map[string]any{"accountId": "a2", "name": "adam", "displayName": "Adam Park"},
		})
	case line == "POST "+f.api("/issue"):
		w.WriteHeader(http.StatusCreated)
		f.send(w, map[string]any{"id": "1", "key": "ABC-77", "self": "https://x"})
	case strings.HasPrefix(path, f.api("/issue/")):
		f.issue(w, r, parts[4], strings.Join(parts[5:], "/"), body)
	default:
		f.missing(w)
	}
}

// page is the part of a list that is given: never more than a small page.
func (f *fakeJira) page(n, start, limit int) (from, end int) {
	size := f.size
	if limit > 0 {
		size = min(size, limit)
	}
	from = min(start, n)
	return from, min(from+size, n)
}

func (f *fakeJira) find(key string) *fakeIssue {
	if to, ok := f.moved[key]; ok {
		key = to
	}
	for _, i := range f.issues {
		if i.key == key {
			return i
		}
	}
	return nil
}

func (f *fakeJira) issue(w http.ResponseWriter, r *http.Request, key, below string, body []byte) {
	i := f.find(key)
	switch {
	case i == nil:
		f.missing(w)
	case below == "":
		etag := fmt.Sprintf(`"%s-%d"`, i.key, i.etag)
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		f.send(w, f.wire(i))
	case below == "comment":
		w.WriteHeader(http.StatusCreated)
		f.send(w, map[string]any{"id": "900"})
	case below == "transitions" && r.Method == http.MethodPost:
		var asked struct {
			Transition struct {
				ID string `json:"id"`
			} `json:"transition"`
		}
		f.read(body, &asked)
		i.status = map[string]string{"11": "Doing", "21": "Done", "22": "Done", "31": "To Do"}[asked.Transition.ID]
		i.etag++
		w.WriteHeader(http.StatusNoContent)
	case below == "transitions":
		fields := map[string]any{}
		if f.screen {
			fields["comment"] = map[string]any{"required": false, "name": "Comment"}
		}
		var list []any
		for _, t := range [][3]string{{"11", "Start", "Doing"}, {"21", "Finish", "Done"}, {"22", "Won't do", "Done"}, {"31", "start", "To Do"}} {
			list = append(list, map[string]any{"id": t[0], "name": t[1], "to": fakeStatus(t[2]), "fields": fields})
		}
		f.send(w, map[string]any{"transitions": list})
	case below == "changelog":
		start, _ := strconv.Atoi(r.URL.Query().Get("startAt"))
		from, end := f.page(len(i.histories), start, 0)
		f.send(w, map[string]any{"startAt": from, "total": len(i.histories), "isLast": end == len(i.histories), "values": i.histories[from:end]})
	default:
		f.missing(w)
	}
}

func fakeStatus(name string) map[string]any {
	id := map[string]string{"To Do": "1", "Doing": "2", "Done": "3"}[name]
	key := map[string]string{"To Do": "new", "Doing": "indeterminate", "Done": "done"}[name]
	return map[string]any{"id": id, "name": name, "statusCategory": map[string]any{"key": key}}
}

func (f *fakeJira) wire(i *fakeIssue) map[string]any {
	fields := map[string]any{"summary": i.summary, "status": fakeStatus(i.status)}
	for k, v := range i.fields {
		fields[k] = v
	}
	wire := map[string]any{"id": "1", "key": i.key, "fields": fields}
	if i.histories != nil {
		shown := i.histories // a Data Center gives all
		if f.cloud {
			shown = shown[:min(len(shown), f.size)]
		}
		wire["changelog"] = map[string]any{"startAt": 0, "total": len(i.histories), "histories": shown}
	} else {
		wire["changelog"] = map[string]any{"startAt": 0, "total": 0, "histories": []any{}}
	}
	return wire
}

func (f *fakeJira) wireAll(issues []*fakeIssue) []any {
	all := []any{}
	for _, i := range issues {
		all = append(all, f.wire(i))
	}
	return all
}

func (f *fakeJira) send(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.t.Errorf("the fake cannot encode %v: %v", v, err)
	}
}

func (f *fakeJira) read(body []byte, into any) {
	if err := json.Unmarshal(body, into); err != nil {
		f.t.Errorf("the fake was sent %s: %v", body, err)
	}
}

func (f *fakeJira) missing(w http.ResponseWriter) {
	status(http.StatusNotFound, `{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}`)(w)
}

// openFake opens a pack on a fake.
func openFake(t *testing.T, f *fakeJira, projects ...string) *desk {
	t.Helper()
	cfg := dataCenterConfig(serve(t, f))
	if f.cloud {
		cfg = cloudConfig(cfg.URL)
	}
	cfg.Projects = projects
	return open(t, cfg)
}
