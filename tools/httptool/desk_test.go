package httptool

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"toolgate/config"
	"toolgate/mcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen is a request as it arrived.
type seen struct {
	method, host, path, escaped, query, body string
	header                                   http.Header
}

// api is a small HTTP API that tells what it is asked. Its answer is what the test says.
type api struct {
	*httptest.Server
	requests chan seen
	answer   func(w http.ResponseWriter, r *http.Request)
}

func serve(t testing.TB, answer func(w http.ResponseWriter, r *http.Request)) *api {
	t.Helper()
	a := &api{requests: make(chan seen, 100), answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the request's body: %v", err)
		}
		a.requests <- seen{r.Method, r.Host, r.URL.Path, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header}
		a.answer(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// answers is a status and a body, JSON unless it begins otherwise.
func answers(status int, kind, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func (a *api) last(t testing.TB) seen {
	t.Helper()
	select {
	case s := <-a.requests:
		return s
	default:
		t.Fatal("the API was not asked")
		return seen{}
	}
}

// unasked fails where a request arrived.
func (a *api) unasked(t testing.TB) {
	t.Helper()
	select {
	case s := <-a.requests:
		t.Errorf("the API was asked %s %s, want no request", s.method, s.escaped)
	default:
	}
}

// declaredAt is a declaration with SERVER and HOST those of an API.
func (a *api) declaredAt(text string) string {
	return strings.NewReplacer("SERVER", a.URL, "HOST", strings.TrimPrefix(a.URL, "http://")).Replace(text)
}

// desk is where the tools of a declaration are called as a client calls them.
type desk struct {
	t      testing.TB
	pack   *Pack
	server *mcp.Server
	peer   *mcp.Peer
	terms  *mcp.Terms
}

func parse(t testing.TB, text string) config.Tree {
	t.Helper()
	tree, err := config.ParseTree("toolgate.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func open(t testing.TB, text string) *desk {
	t.Helper()
	p, err := New(parse(t, text), nil)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	t.Cleanup(p.Close)
	server, err := mcp.NewServer(p.Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatalf("NewServer = %v", err)
	}
	peer := mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest())
	peer.Initialized = true
	return &desk{t: t, pack: p, server: server, peer: peer}
}

func (d *desk) ask(method, params string) json.RawMessage {
	d.t.Helper()
	m, fault := mcp.Decode(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params))
	if fault != nil {
		d.t.Fatalf("%s %s: %v", method, params, fault)
	}
	if d.terms != nil {
		m.On(d.terms)
	}
	return d.server.Answer(d.t.Context(), d.peer, m)
}

// outcome is what a tool said: its structured result, or the text of its error.
type outcome struct {
	IsError           bool            `json:"isError"`
	StructuredContent json.RawMessage `json:"structuredContent"`
	Meta              map[string]any  `json:"_meta"`
	Content           []struct {
		Text string `json:"text"`
	} `json:"content"`
}

func (o outcome) String() string {
	if o.IsError && len(o.Content) > 0 {
		return "error: " + o.Content[0].Text
	}
	return string(o.StructuredContent)
}

func (d *desk) call(tool, arguments string) outcome {
	d.t.Helper()
	raw := d.ask("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments))
	var answer struct {
		Result *outcome        `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		d.t.Fatalf("%s %s = %s: %v", tool, arguments, raw, err)
	}
	if answer.Result == nil {
		return outcome{IsError: true, Content: []struct {
			Text string `json:"text"`
		}{{"protocol " + string(answer.Error)}}}
	}
	return *answer.Result
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
