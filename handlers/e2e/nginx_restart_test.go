package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// What these tests send.
const (
	handshake = `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
		`"clientInfo":{"name":"behind-nginx","version":"1"}}}`
	computeCall = `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"slow_compute","arguments":{"seconds":%g,"label":"%d"}}}`
)

// talker is a client of /sse that may be used beside the test's goroutine: it reports by errors.
type talker struct {
	f        *front
	client   *http.Client
	st       *stream
	endpoint string
}

func (f *front) talker(t *testing.T, client *http.Client) *talker {
	t.Helper()
	st := f.open(t, client, http.MethodGet, "/sse", "")
	return &talker{f: f, client: client, st: st, endpoint: st.endpoint(t)}
}

// post sends a message and expects 202.
func (k *talker) post(ctx context.Context, message string) error {
	got, err := k.f.ask(ctx, k.client, http.MethodPost, k.endpoint, message)
	if err != nil {
		return fmt.Errorf("POST: %w", err)
	}
	if got.status != http.StatusAccepted {
		return fmt.Errorf("POST: status %d %s", got.status, got.body)
	}
	return nil
}

// answer waits for the answer to id, past everything else.
func (k *talker) answer(ctx context.Context, id int) (string, error) {
	for {
		select {
		case e, open := <-k.st.events:
			if !open {
				return "", fmt.Errorf("the stream ended (%v) without an answer to %d, which was accepted", k.st.err, id)
			}
			var m struct {
				ID any `json:"id"`
			}
			if e.name == "message" && json.Unmarshal([]byte(e.data), &m) == nil && m.ID == float64(id) {
				return e.data, nil
			}
		case <-ctx.Done():
			return "", fmt.Errorf("no answer to %d, which was accepted", id)
		}
	}
}

// call is one call and its answer, which must be its own.
func (k *talker) call(ctx context.Context, id int, seconds float64) error {
	if err := k.post(ctx, fmt.Sprintf(computeCall, id, seconds, id)); err != nil {
		return err
	}
	answer, err := k.answer(ctx, id)
	if err == nil && !strings.Contains(answer, fmt.Sprintf(`\"%d\" took`, id)) {
		return fmt.Errorf("the answer to %d is another's: %s", id, answer)
	}
	return err
}

// TestNginxReloadLosesNoCall reloads nginx three times while sessions call without a pause, over both versions of HTTP.
// Every POST is accepted, every call that was accepted is answered, and no stream ends.
func TestNginxReloadLosesNoCall(t *testing.T) {
	f := behindNginx(t, frontOptions{env: []string{"TOOLGATE_TOOLS_TOOLSETS=conformance"}})
	const sessions, calls, reloads = 8, 60, 3
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reached := make(chan struct{}, sessions*reloads)
	failed := make(chan error, sessions)
	var talking sync.WaitGroup
	for i := range sessions {
		client := f.http1
		if i%2 == 0 {
			client = browser(f.pool, true)
			t.Cleanup(client.CloseIdleConnections)
		}
		k := f.talker(t, client)
		talking.Go(func() {
			for id := range calls {
				if id%(calls/(reloads+1)) == calls/(reloads+1)-1 && i == 0 && id < calls-1 {
					reached <- struct{}{}
				}
				if err := k.call(ctx, id, 0.01); err != nil {
					failed <- fmt.Errorf("session %d, call %d: %w", i, id, err)
					return
				}
			}
		})
	}
	for range reloads {
		select {
		case <-reached:
			f.signal(t, syscall.SIGHUP)
		case err := <-failed:
			t.Fatal(err)
		}
	}
	talking.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if n := strings.Count(f.logged(t), "received from "+strconv.Itoa(os.Getpid())+", reconfiguring"); n != reloads {
		t.Errorf("nginx reloaded %d times, want %d", n, reloads)
	}
}

// TestNginxReloadEndsOldStreamsAndClientsComeBack: workers of before the reload end after --drain, a stream is cut in the
// midst of a call, and its client finds its session and the answer when it comes back.
func TestNginxReloadEndsOldStreamsAndClientsComeBack(t *testing.T) {
	f := behindNginx(t, frontOptions{env: []string{"TOOLGATE_TOOLS_TOOLSETS=conformance"}, args: []string{"--drain", "1s"}})
	bothHTTPs(t, f, func(t *testing.T, client *http.Client) {
		st := f.open(t, client, http.MethodGet, "/sse", "")
		first := st.next(t)
		if first.name != "endpoint" || first.id == "" {
			t.Fatalf("first on the stream: %+v, want an endpoint with an id", first)
		}
		f.accepted(t, client, first.data, fmt.Sprintf(computeCall, 7, 2.5, 7))
		f.signal(t, syscall.SIGHUP)
		_ = st.ended(t)
		back := &talker{f: f, client: client, st: f.open(t, client, http.MethodGet, "/sse", "", "Last-Event-ID", first.id)}
		if endpoint := back.st.endpoint(t); endpoint != first.data {
			t.Errorf("after the reload: endpoint %s, want that of before, %s", endpoint, first.data)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := back.answer(ctx, 7); err != nil {
			t.Error(err)
		}
	})
}

// TestNginxRestartOfAServerTellsEveryClient stops the server with calls under way. Those that end within the grace are
// answered, and so are those that do not; new sessions are opened on the other server, and stay usable when the first is
// back.
func TestNginxRestartOfAServerTellsEveryClient(t *testing.T) {
	f := behindNginx(t, frontOptions{backs: 2, env: []string{"TOOLGATE_TOOLS_TOOLSETS=conformance", "TOOLGATE_SERVER_SHUTDOWN_GRACE=2s"}})
	const sessions = 6
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	talkers := make([]*talker, sessions)
	for i := range talkers {
		client := f.http1
		if i%2 == 0 {
			client = f.http2
		}
		talkers[i] = f.talker(t, client)
		for id, seconds := range []float64{1, 600} {
			if err := talkers[i].post(ctx, fmt.Sprintf(computeCall, id, seconds, id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.back[0].stop(t)
	for i, k := range talkers {
		short, err := k.answer(ctx, 0)
		if err != nil || !strings.Contains(short, "took 1 seconds") {
			t.Errorf("session %d, a call that ends in time: %v, %s", i, err, short)
		}
		if long, err := k.answer(ctx, 1); err != nil || !strings.Contains(long, "error") && !strings.Contains(long, "isError") {
			t.Errorf("session %d, a call that does not: %v, %s", i, err, long)
		}
		if err := k.st.ended(t); err != nil {
			t.Errorf("session %d: the stream was cut (%v), want its end", i, err)
		}
	}
	f.back[0].gone(t)

	other := f.begin(t, f.http2, handshake) // on the second
	legacy := f.talker(t, f.http1)
	f.again(t, 0)
	mine := f.begin(t, f.http2, handshake) // on the first
	for _, session := range []string{other, mine} {
		got := f.do(t, f.http2, http.MethodPost, "/mcp", fmt.Sprintf(computeCall, 3, 0.0, 3), "Accept", takesBoth, "Mcp-Session-Id", session)
		if got.status != http.StatusOK || !strings.Contains(got.body, "took 0 seconds") {
			t.Errorf("a session's call after the first server is back: got %d %s", got.status, got.body)
		}
	}
	if err := legacy.call(ctx, 4, 0); err != nil {
		t.Errorf("a session of /sse on the second server, when the first is back: %v", err)
	}
	if got := f.back[1].get(t, "/sessions"); !strings.Contains(got.body, other) || strings.Contains(got.body, mine) {
		t.Errorf("the second server's sessions: got %s, want %s and not %s", got.body, other, mine)
	}
	stranger := f.do(t, f.http2, http.MethodPost, "/mcp", fmt.Sprintf(computeCall, 5, 0.0, 5), "Accept", takesBoth, "Mcp-Session-Id", strings.Repeat("0", 32))
	if stranger.status != http.StatusNotFound {
		t.Errorf("a session that no server knows: got %d %s, want 404", stranger.status, stranger.body)
	}
}

// TestNginxWhenAServerIsKilled: calls under way fail as connections do, or with 502, and never with another's answer.
// Each client comes back with one initialize; nothing else has to be repeated.
func TestNginxWhenAServerIsKilled(t *testing.T) {
	begun := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done() // until the server that asks is gone
	}))
	defer upstream.Close()
	f := behindNginx(t, frontOptions{backs: 3, config: fmt.Sprintf("tools:\n  toolsets: [conformance, http]\n  http:\n    private: [%q]\n"+
		"    tools: [{name: wait, description: Waits for ever., url: %q}]\n", strings.TrimPrefix(upstream.URL, "http://"), upstream.URL+"/")})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	long := fmt.Sprintf(computeCall, 1, 600.0, 1)

	legacy := f.talker(t, f.http2)
	if err := legacy.post(ctx, long); err != nil {
		t.Fatal(err)
	}
	streaming := f.begin(t, f.http2, handshake)
	answering := f.open(t, f.http2, http.MethodPost, "/mcp", long, "Accept", takesBoth, "Mcp-Session-Id", streaming)
	whole := make(chan error, 1)
	go func() { // a client of REST, which waits for a whole answer
		got, err := f.ask(ctx, f.http1, http.MethodPost, "/api/tools/wait", `{}`)
		if err == nil && got.status != http.StatusBadGateway {
			whole <- fmt.Errorf("got %d %s, want 502", got.status, got.body)
			return
		}
		if err == nil && (!json.Valid([]byte(got.body)) || got.header.Get("Retry-After") == "") {
			err = fmt.Errorf("502 as %q with Retry-After %q, want JSON and a time", got.body, got.header.Get("Retry-After"))
		}
		whole <- err
	}()
	select {
	case <-begun:
	case err := <-whole:
		t.Fatalf("the call of REST came to an end before its server did: %v", err)
	}
	if err := f.back[0].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	f.back[0].gone(t)

	if _, err := legacy.answer(ctx, 1); err == nil || ctx.Err() != nil {
		t.Errorf("a call of /sse when its server was killed: %v, want the stream to end without an answer", err)
	}
	for e := range answering.events {
		if strings.Contains(e.data, `"result"`) || strings.Contains(e.data, `"error"`) {
			t.Errorf("on the stream of a call whose server was killed: %+v, want no answer", e)
		}
	}
	if answering.err == nil {
		t.Error("the stream of a call whose server was killed ended as if it were whole, want an error of the connection")
	}
	if err := <-whole; err != nil {
		t.Errorf("a call of REST when its server was killed: %v", err)
	}

	back := f.talker(t, f.http2) // EventSource comes back by itself
	if back.endpoint == legacy.endpoint {
		t.Error("after the kill the session is the same one")
	}
	if err := errors.Join(back.post(ctx, strings.Replace(handshake, `"hello"`, "9", 1)), back.call(ctx, 2, 0)); err != nil {
		t.Errorf("on another server: %v", err)
	}
	call := fmt.Sprintf(computeCall, 2, 0.0, 2)
	if got := f.do(t, f.http2, http.MethodPost, "/mcp", call, "Accept", takesBoth, "Mcp-Session-Id", streaming); got.status != http.StatusNotFound {
		t.Errorf("the session of the killed server: got %d %s, want 404", got.status, got.body)
	}
	if got := f.do(t, f.http2, http.MethodPost, "/mcp", call, "Accept", takesBoth, "Mcp-Session-Id", f.begin(t, f.http2, handshake)); got.status != http.StatusOK {
		t.Errorf("after one initialize: got %d %s, want 200", got.status, got.body)
	}
}

// TestNginxRollingRestartFailsNoStatelessCall restarts three servers, one after the other, under clients that call without
// a pause and repeat a failed call once.
func TestNginxRollingRestartFailsNoStatelessCall(t *testing.T) {
	f := behindNginx(t, frontOptions{backs: 3, env: []string{"TOOLGATE_TOOLS_TOOLSETS=conformance"}})
	const clients = 6
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	over, succeeded := make(chan struct{}), make(chan struct{})
	failed := make(chan error, clients)
	var made, repeated [clients]int
	var calling sync.WaitGroup
	for i := range clients {
		client := f.http1
		if i%2 == 0 {
			client = f.http2
		}
		calling.Go(func() {
			for id := 0; ; id++ {
				select {
				case <-over:
					return
				default:
				}
				made[i]++
				err := f.alone(ctx, client, id)
				if err != nil {
					repeated[i]++
					err = f.alone(ctx, client, id)
				}
				if err != nil {
					failed <- fmt.Errorf("client %d, call %d, repeated once: %w", i, id, err)
					return
				}
				select {
				case succeeded <- struct{}{}:
				default: // nobody waits
				}
			}
		})
	}
	calls := func(n int) { // waits for so many that succeed
		for range n {
			select {
			case <-succeeded:
			case <-ctx.Done():
				t.Fatal("no call succeeds any more")
			}
		}
	}
	for number := range f.back {
		calls(20)
		f.back[number].stop(t)
		f.back[number].gone(t)
		calls(20)
		f.again(t, number)
	}
	calls(20)
	close(over)
	calling.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	t.Logf("calls of each client: %v, of them repeated: %v", made, repeated)
}

// alone is one call of 2026-07-28, which has no session.
func (f *front) alone(ctx context.Context, client *http.Client, id int) error {
	name := fmt.Sprintf("caller-%d", id)
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"greet","arguments":{"name":%q},"_meta":{`+
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"behind-nginx","version":"1"},`+
		`"io.modelcontextprotocol/clientCapabilities":{}}}}`, id, name)
	got, err := f.ask(ctx, client, http.MethodPost, "/mcp", body,
		"Accept", takesBoth, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "greet")
	if err != nil {
		return err
	}
	if got.status != http.StatusOK || !strings.Contains(got.body, "Hello, "+name+"!") {
		return fmt.Errorf("status %d %s", got.status, got.body)
	}
	return nil
}
