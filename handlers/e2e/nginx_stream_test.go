package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// bothHTTPs runs a test over HTTP/1.1 and over HTTP/2.
func bothHTTPs(t *testing.T, f *front, test func(t *testing.T, client *http.Client)) {
	for _, version := range []struct {
		name   string
		major  int
		client *http.Client
	}{{"HTTP1.1", 1, f.http1}, {"HTTP2", 2, f.http2}} {
		t.Run(version.name, func(t *testing.T) {
			response, err := f.send(t.Context(), version.client, http.MethodGet, "/health", "")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.ProtoMajor != version.major {
				t.Fatalf("spoke %s", response.Proto)
			}
			test(t, version.client)
		})
	}
}

// TestNginxPassesEventsAtOnce: each event is read before the next is asked for, so that nothing waits for more, and nginx adds
// little to the time from a message to its event. What the machine itself takes is measured past nginx, in turns.
func TestNginxPassesEventsAtOnce(t *testing.T) {
	f := behindNginx(t, frontOptions{})
	past := &front{url: f.back[0].url}
	bothHTTPs(t, f, func(t *testing.T, client *http.Client) {
		const pings, soon = 50, 50 * time.Millisecond
		through, beside := f.pinger(t, client), past.pinger(t, f.http1)
		waits, least := make([]time.Duration, pings), make([]time.Duration, pings)
		for i := range pings {
			least[i], waits[i] = beside(i), through(i)
		}
		slices.Sort(waits)
		slices.Sort(least)
		t.Logf("from the POST to its event: median %v, most %v; past nginx: median %v, most %v",
			waits[pings/2], waits[pings-1], least[pings/2], least[pings-1])
		if added := waits[pings/2] - least[pings/2]; added > soon {
			t.Errorf("the median of events came %v later than past nginx, want at most %v", added, soon)
		}
	})
}

// pinger opens a stream. The function sends one ping and says how long its answer took to come. Its messages share a
// connection, whatever client does, so that none of that time is TLS's.
func (f *front) pinger(t *testing.T, client *http.Client) func(id int) time.Duration {
	t.Helper()
	transport := client.Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = false
	t.Cleanup(transport.CloseIdleConnections)
	client = &http.Client{Transport: transport}
	st := f.open(t, client, http.MethodGet, "/sse", "")
	endpoint := st.endpoint(t)
	return func(id int) time.Duration {
		began := time.Now()
		f.accepted(t, client, endpoint, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, id))
		wantJSON(t, st.next(t).data, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, id))
		return time.Since(began)
	}
}

// elicited is what begins a session that can be asked, and the call of a tool that asks.
const (
	elicited = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},` +
		`"clientInfo":{"name":"behind-nginx","version":"1"}}}`
	elicits = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"test_elicitation","arguments":{"message":"Who?"}}}`
)

// takesBoth is the Accept header of Streamable HTTP.
const takesBoth = "application/json, text/event-stream"

// TestNginxPassesHalfAnAnswer: a tool asks its client in the midst of a call, on the stream that answers the call. Were any
// of it held back, nobody would ever go on.
func TestNginxPassesHalfAnAnswer(t *testing.T) {
	f := behindNginx(t, frontOptions{env: []string{"TOOLGATE_TOOLS_TOOLSETS=conformance"}})
	bothHTTPs(t, f, func(t *testing.T, client *http.Client) {
		session := f.begin(t, client, elicited)
		st := f.open(t, client, http.MethodPost, "/mcp", elicits, "Accept", takesBoth, "Mcp-Session-Id", session)
		question := st.next(t)
		for question.data == "" { // an event that only says where the stream begins
			question = st.next(t)
		}
		wantField(t, question.data, "elicitation/create", "method")
		answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"result":{"action":"decline"}}`, field(t, question.data, "id"))
		if id, isNumber := field(t, question.data, "id").(fmt.Stringer); isNumber {
			answer = fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"decline"}}`, id)
		}
		if got := f.do(t, client, http.MethodPost, "/mcp", answer, "Accept", takesBoth, "Mcp-Session-Id", session); got.status != http.StatusAccepted {
			t.Fatalf("POST of the response: got %d %s, want 202", got.status, got.body)
		}
		field(t, st.next(t).data, "result", "content", 0, "text")
	})
}

// begin opens a session on /mcp and returns its id.
func (f *front) begin(t *testing.T, client *http.Client, initialize string) string {
	t.Helper()
	got := f.do(t, client, http.MethodPost, "/mcp", initialize, "Accept", takesBoth)
	id := got.header.Get("Mcp-Session-Id")
	if got.status != http.StatusOK || id == "" {
		t.Fatalf("initialize: got %d %s, session id %q", got.status, got.body, id)
	}
	return id
}

// TestNginxKeepsQuietStreams: what is quiet but for its heartbeat outlives the read time-out three times over: the stream
// of a session, of a call of MCP, and of one of REST.
func TestNginxKeepsQuietStreams(t *testing.T) {
	t.Parallel()     // it waits more than it works
	const beats = 11 // in seconds, give or take a tenth: more than three times the time-out
	f := behindNginx(t, frontOptions{
		env: []string{
			"TOOLGATE_SSE_PING_INTERVAL=1s", "TOOLGATE_TOOLS_TOOLSETS=conformance", "TOOLGATE_MCP_PROGRESS_INTERVAL=5m",
			"TOOLGATE_SERVER_SHUTDOWN_GRACE=1s", // the calls would go on for ten minutes
		},
		args: []string{"--read-timeout", "3s"},
	})
	long := `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"slow_compute","arguments":{"seconds":600}}}`
	session := f.begin(t, f.http2, elicited)
	streams := map[string]*stream{
		"GET /sse":        f.open(t, f.http2, http.MethodGet, "/sse", ""),
		"GET /sse by 1.1": f.open(t, f.http1, http.MethodGet, "/sse", ""),
		"POST /mcp":       f.open(t, f.http2, http.MethodPost, "/mcp", long, "Accept", takesBoth, "Mcp-Session-Id", session),
		"POST /api/tools": f.open(t, f.http2, http.MethodPost, "/api/tools/slow_compute", `{"seconds":600}`, "Accept", "text/event-stream"),
	}
	began := time.Now()
	for name, st := range streams {
		for seen := 0; seen < beats; {
			if e := st.any(t); e.comment != "" && !strings.Contains(e.comment, "ok") {
				seen++
			}
		}
		t.Logf("%s lives after %v", name, time.Since(began).Round(time.Millisecond))
	}
	if lived := time.Since(began); lived < 9*time.Second {
		t.Errorf("%d heartbeats took %v: this shows nothing about a time-out of 3s", beats, lived)
	}
}
