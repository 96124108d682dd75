package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"toolgate/config"
	"toolgate/mcp"
)

// ownCredential is a tool of the toolset vault that says which credential it was lent.
func ownCredential() *mcp.Tool {
	spec := mcp.ToolSpec{
		Name: "show_own", Toolset: "vault", Description: "Shows.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
	}
	return mcp.NewTool(spec, func(_ context.Context, c *mcp.Call, _ struct{}) (mcp.Text, error) {
		return mcp.Text("jira=" + c.Credential("jira") + " orders=" + c.Credential("orders") + " github=" + c.Credential("github")), nil
	})
}

func vaultWorld(t *testing.T) *world {
	w := newWorld(t, func(cfg *config.Config) {
		cfg.Tools.Jira.CallerHeader = "X-Jira-Token"
		cfg.Tools.CallerHeaders = []string{"x-orders-key = orders"}
		cfg.Server.AllowedOrigins = []string{"https://app.example.com"}
	})
	f := w.pack.features()
	f.Tools = append(f.Tools, ownCredential())
	w.must(w.server.SetFeatures(f))
	return w
}

func TestHeadersNarrowOnEveryWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := vaultWorld(t)
		const narrow = "X-MCP-Toolsets: vault , other"
		lists := map[string]func(headers ...string) string{
			"REST": func(headers ...string) string { return w.get("/api/tools", headers...).body },
			"stateless": func(headers ...string) string {
				return w.post("/mcp", alone("1", "tools/list", ""), aloneHead("tools/list", "", headers...)...).body
			},
			"without a session": func(headers ...string) string {
				return w.post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, append(headers, "Accept: application/json")...).body
			},
		}
		for name, list := range lists {
			if all := list(); !strings.Contains(all, `"show_own"`) || !strings.Contains(all, `"name":"uppercase_text"`) {
				t.Errorf("%s: without the header: %.300s, want every tool", name, all)
			}
			if few := list(narrow); !strings.Contains(few, `"show_own"`) || strings.Contains(few, `"name":"uppercase_text"`) {
				t.Errorf("%s: narrowed: %.300s, want the toolset alone", name, few)
			}
			if none := list("X-MCP-Exclude-Tools: show_own"); strings.Contains(none, `"show_own"`) || !strings.Contains(none, `"name":"uppercase_text"`) {
				t.Errorf("%s: less one: %.300s", name, none)
			}
		}
		got := w.post("/api/tools/uppercase_text", `{"text":"a"}`, narrow)
		got.wantProblem(t, http.StatusNotFound, "no-such-tool")

		s := w.open("/sse")
		if answer := s.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"a"}}}`, narrow); !strings.Contains(answer, "left out by what was asked for") {
			t.Errorf("over SSE: %s, want it left out", answer)
		}
	})
}

func TestReadonlyHeader(t *testing.T) {
	for text, want := range map[string]bool{"": false, "false": false, "0": false, "off": false, "NO": false, "true": true, "1": true, "yes please": true} {
		got := terms(http.Header{headerReadonly: {text}}, nil)
		if got == nil || got.ReadOnly != want {
			t.Errorf("X-MCP-Readonly: %q = %+v, want %v", text, got, want)
		}
	}
	if got := terms(http.Header{"Accept": {"*/*"}}, map[string]string{"X-Jira-Token": "jira"}); got != nil {
		t.Errorf("nothing beside the request = %+v, want no terms", got)
	}
	if got := terms(http.Header{headerTools: {"", " a ,, b"}}, nil); len(got.Tools) != 2 || got.Toolsets != nil {
		t.Errorf("a list with gaps = %+v, want a and b", got)
	}
}

func TestCallersBringTheirOwnCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := vaultWorld(t)
		got := w.post("/api/tools/show_own", `{}`, "X-Jira-Token: ann:secret-1", "X-Orders-Key: secret-2", "X-GitHub-Token: secret-3")
		var result struct{ Text string }
		if err := json.Unmarshal([]byte(got.body), &result); err != nil {
			t.Fatal(err)
		}
		if want := "jira=ann:secret-1 orders=secret-2 github="; result.Text != want {
			t.Errorf("lent %q, want %q: a header that no setting names brings nothing", result.Text, want)
		}
		if log := w.log.String(); strings.Contains(log, "secret-") {
			t.Errorf("the log shows a credential: %s", log)
		}
		preflight := w.do(http.MethodOptions, "/mcp", "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: x-jira-token")
		allowed := preflight.header.Get("Access-Control-Allow-Headers")
		for _, name := range []string{"X-Jira-Token", "X-Orders-Key", "X-Mcp-Toolsets", "X-Mcp-Readonly", "Authorization"} {
			if !strings.Contains(allowed, name) {
				t.Errorf("pages may send %q, want %s among them", allowed, name)
			}
		}
	})
}

// TestTraceHeaders: what the way in says of a request's trace is among its terms, one way or not at all.
func TestTraceHeaders(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		headers http.Header
		want    mcp.Trace
	}{
		"a trace":             {http.Header{"Traceparent": {parent}}, mcp.Trace{Parent: parent}},
		"with all of it":      {http.Header{"Traceparent": {parent}, "Tracestate": {"a=1", "b=2"}, "Baggage": {"c=3"}}, mcp.Trace{Parent: parent, State: "a=1,b=2", Baggage: "c=3"}},
		"two of them":         {http.Header{"Traceparent": {parent, parent}}, mcp.Trace{}},
		"a state of no trace": {http.Header{"Tracestate": {"a=1"}, "Baggage": {"c=3"}}, mcp.Trace{}},
	} {
		got := terms(test.headers, nil)
		if test.want == (mcp.Trace{}) {
			if got != nil {
				t.Errorf("%s: terms = %+v, want none", name, got)
			}
			continue
		}
		if got == nil || got.Trace != test.want || got.Tools != nil || got.Toolsets != nil || got.ReadOnly {
			t.Errorf("%s: terms = %+v, want the trace %+v alone", name, got, test.want)
		}
	}
}

func TestPagesMayTellTheirTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := vaultWorld(t)
		preflight := w.do(http.MethodOptions, "/mcp", "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: traceparent")
		allowed := preflight.header.Get("Access-Control-Allow-Headers")
		for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
			if !strings.Contains(allowed, name) {
				t.Errorf("pages may send %q, want %s among them", allowed, name)
			}
		}
	})
}
