package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

// tellAlone is a call of tell by a client of 2026-07-28 that wants progress and log messages.
func tellAlone(id, arguments string) string {
	m := callAlone(id, "tell", arguments)
	return strings.Replace(m, `"_meta":{`, `"_meta":{"progressToken":"t","io.modelcontextprotocol/logLevel":"info",`, 1)
}

// flowAlone sends a request that stands alone, whose answer must be a stream.
func (c *client) flowAlone(message, method, name string) *stream {
	c.tb.Helper()
	return c.stream(http.MethodPost, "/mcp", message, aloneHead(method, name)...)
}

// TestAloneFlows: progress and log messages come on the request's own stream, before the answer, without ids; the stream
// ends with the answer.
func TestAloneFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).talk()
		answer := w.flowAlone(tellAlone("1", `{"steps":2,"every":100}`), "tools/call", "tell")
		if id := answer.header.Get("Mcp-Session-Id"); id != "" {
			t.Errorf("Mcp-Session-Id: got %q, want none", id)
		}
		var want strings.Builder
		for step := range 2 {
			fmt.Fprintf(&want, "event: message\ndata: "+`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":%d,"total":2}}`+"\n\n", step+1)
			want.WriteString("event: message\ndata: " + `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"tell","data":"a step"}}` + "\n\n")
		}
		want.WriteString("event: message\ndata: " + aloneResult("1", "told") + "\n\n")
		if got := strings.Join(answer.wantEnd(), ""); got != want.String() {
			t.Errorf("got %q, want %q", got, want.String())
		}
	})
}

// TestAloneQuiet: what was not asked for is not sent, and then the answer is plain JSON.
func TestAloneQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t).talk()
		got := w.post("/mcp", callAlone("1", "tell", `{"steps":3,"every":100}`), aloneHead("tools/call", "tell")...)
		if got.status != http.StatusOK || got.body != aloneResult("1", "told") {
			t.Errorf("got %d %s, want the answer in JSON", got.status, got.body)
		}
		got = w.post("/mcp", tellAlone("2", `{"steps":3,"every":60000}`), aloneHead("tools/call", "tell", "Accept: application/json")...)
		if got.status != http.StatusOK || !strings.HasPrefix(got.body, `{"jsonrpc":"2.0","id":2,"result":{`) {
			t.Errorf("to a client that takes JSON alone: got %d %s, want the answer in JSON", got.status, got.body)
		}
	})
}

// TestAloneHeartbeat: a long call has a stream after a second, and comments on it.
func TestAloneHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		answer := w.flowAlone(callAlone("1", "wait", `{}`), "tools/call", "wait")
		if took := time.Since(began); took != time.Second {
			t.Errorf("the stream began after %v, want 1s", took)
		}
		if frame, err := answer.frame(); err != nil || !strings.HasPrefix(frame, ": ping - ") {
			t.Errorf("got %q (%v), want a comment", frame, err)
		}
		w.pack.gate <- struct{}{}
		if got := answer.next(); got != aloneResult("1", "let go") {
			t.Errorf("got %s", got)
		}
		answer.wantEnd()
	})
}

// TestAloneCancelled: closing the connection cancels the call, whether or not its answer has begun; notifications cancel
// nothing over HTTP.
func TestAloneCancelled(t *testing.T) {
	slow := `{"steps":1,"every":3600000}`
	t.Run("a stream", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t).talk()
			answer := w.flowAlone(tellAlone("1", slow), "tools/call", "tell")
			answer.next()
			w.post("/mcp", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,`+meta+`}}`, both)
			synctest.Wait()
			select {
			case <-w.pack.began:
				t.Fatal("a notification cancelled the call")
			default:
			}
			began := time.Now()
			answer.close()
			w.heard()
			if took := time.Since(began); took != 0 {
				t.Errorf("the call heard after %v, want at once", took)
			}
		})
	})
	t.Run("before its answer begins", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t).talk()
			conn, err := w.network.dial(w.addr)
			w.must(err)
			body := callAlone("1", "tell", slow)
			_, err = fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\nContent-Length: %d\r\n\r\n%s",
				strings.Join(aloneHead("tools/call", "tell", "Accept: application/json"), "\r\n"), len(body), body)
			w.must(err)
			pass(time.Minute / 2)
			w.must(conn.Close())
			w.heard()
		})
	})
}

// TestAloneTogether: many requests at once, some with the same id, are each answered where they were asked.
func TestAloneTogether(t *testing.T) {
	w := newWorld(t, unlimited).talk()
	done := make(chan string, 20)
	for i := range cap(done) {
		go func() {
			id := fmt.Sprint(i % 2)
			text := fmt.Sprintf("S%d", i)
			got := w.post("/mcp", callAlone(id, "uppercase_text", `{"text":"`+text+`"}`), aloneHead("tools/call", "uppercase_text")...).body
			if got == aloneResult(id, text) {
				got = ""
			}
			done <- got
		}()
	}
	for range cap(done) {
		if wrong := <-done; wrong != "" {
			t.Errorf("got %s, which is another's answer", wrong)
		}
	}
}

// TestAloneWithKeys: each request shows its own credentials.
func TestAloneWithKeys(t *testing.T) {
	w := newWorld(t, withKeys)
	head := aloneHead("tools/call", "uppercase_text", w.bearer("reader"))
	if got := w.post("/mcp", callAlone("1", "uppercase_text", `{"text":"x"}`), head...); got.body != aloneResult("1", "X") {
		t.Errorf("a reader: got %d %s", got.status, got.body)
	}
	w.post("/mcp", callAlone("1", "uppercase_text", `{"text":"x"}`), override(head, "-Authorization")...).wantRefused(t, 401, "unauthorized")
}

// listenTo is a request that opens a subscription.
func listenTo(id, filter string) string {
	return alone(id, "subscriptions/listen", `"notifications":`+filter+`,`)
}

func tag(id string) string { return `"_meta":{"io.modelcontextprotocol/subscriptionId":` + id + `}` }

// TestSubscription: the acknowledgement first, then what was asked for and nothing else, then, at the server's end, the
// answer. Comments keep the stream alive.
func TestSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tools := w.flowAlone(listenTo(`"sub"`, `{"toolsListChanged":true}`), "subscriptions/listen", "")
		others := w.flowAlone(listenTo("7", `{"promptsListChanged":true,"resourceSubscriptions":["x:y"]}`), "subscriptions/listen", "")
		frame, err := tools.frame()
		want := `event: message` + "\n" + `data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true},` + tag(`"sub"`) + `}}` + "\n\n"
		if err != nil || frame != want {
			t.Errorf("first: got %q (%v), want %q", frame, err, want)
		}
		if got := others.next(); !strings.Contains(got, `"notifications":{"promptsListChanged":true,"resourceSubscriptions":["x:y"]},`+tag("7")) {
			t.Errorf("first: got %s, want what will be honoured", got)
		}
		if frame, err := tools.frame(); err != nil || !strings.HasPrefix(frame, ": ping - ") {
			t.Errorf("got %q (%v), want a comment", frame, err)
		}
		w.talk()
		w.server.ResourceUpdated("x:z")
		w.server.ResourceUpdated("x:y")
		name, data := tools.event()
		for name == "" {
			name, data = tools.event() // comments
		}
		if want := `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{` + tag(`"sub"`) + `}}`; data != want {
			t.Errorf("got %s, want %s", data, want)
		}
		closed := make(chan error, 1)
		go func() { closed <- w.close(10 * time.Second) }()
		for _, s := range []struct {
			stream *stream
			want   []string
		}{
			{tools, []string{`{"jsonrpc":"2.0","id":"sub","result":{"resultType":"complete",` + tag(`"sub"`) + `}}`}},
			{others, []string{
				`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:y",` + tag("7") + `}}`,
				`{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete",` + tag("7") + `}}`,
			}},
		} {
			var got []string
			for _, frame := range s.stream.wantEnd() {
				if data, ok := strings.CutPrefix(frame, "event: message\ndata: "); ok {
					got = append(got, strings.TrimSpace(data))
				}
			}
			if strings.Join(got, "\n") != strings.Join(s.want, "\n") {
				t.Errorf("got %q, want %q", got, s.want)
			}
		}
		w.must(<-closed)
	})
}

// TestSubscriptionLeft: a client that goes is forgotten.
func TestSubscriptionLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		gone := w.flowAlone(listenTo("1", `{"toolsListChanged":true}`), "subscriptions/listen", "")
		stays := w.flowAlone(listenTo("2", `{"toolsListChanged":true}`), "subscriptions/listen", "")
		gone.next()
		stays.next()
		gone.leave()
		w.talk()
		if got := stays.next(); !strings.Contains(got, "list_changed") || !strings.Contains(got, tag("2")) {
			t.Errorf("got %s", got)
		}
	})
}

func TestSubscriptionRefused(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Limits.Body = 1 << 20 })
	for name, filter := range map[string]string{
		"no object":       `true`,
		"null":            `null`,
		"a kind of text":  `{"toolsListChanged":"yes"}`,
		"URIs no list":    `{"resourceSubscriptions":"x:y"}`,
		"URIs of numbers": `{"resourceSubscriptions":[1]}`,
		"2000 URIs":       `{"resourceSubscriptions":["x:y"` + strings.Repeat(`,"x:y"`, 1999) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.post("/mcp", listenTo("1", filter), aloneHead("subscriptions/listen", "")...).wantError(t, http.StatusBadRequest, -32602, "1")
		})
	}
	w.post("/mcp", alone("1", "subscriptions/listen", ""), aloneHead("subscriptions/listen", "")...).wantError(t, http.StatusBadRequest, -32602, "1")
}
