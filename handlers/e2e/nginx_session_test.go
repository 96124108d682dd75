package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNginxEndedSessionIsAnsweredByToolgate: what the client of a session that no server knows reads is Toolgate's own 404,
// whether the others are there or not: a page in a browser may read it, and what of it is not about the session stays.
func TestNginxEndedSessionIsAnsweredByToolgate(t *testing.T) {
	const page = "https://app.example.com"
	nobody := func() string { return "127.0.0.1:" + freePort(t) }
	for name, o := range map[string]frontOptions{
		"nobody is the second":        {args: []string{"--upstream", nobody()}},
		"nobody is one of the others": {args: []string{"--upstream", nobody(), "--upstream", nobody()}, backs: 2},
		"all are there":               {backs: 3},
		"nobody under a prefix":       {args: []string{"--upstream", nobody()}, path: "/team/tools"},
	} {
		t.Run(name, func(t *testing.T) {
			o.env = []string{"TOOLGATE_SERVER_ALLOWED_ORIGINS=" + page}
			f := behindNginx(t, o)
			ended := strings.Repeat("0", 32)
			for what, c := range map[string]struct {
				method, target, body string
				headers              []string
			}{
				"a call":            {http.MethodPost, "/mcp", fmt.Sprintf(computeCall, 1, 0.0, 1), []string{"Accept", takesBoth, "Mcp-Session-Id", ended}},
				"a stream":          {http.MethodGet, "/mcp", "", []string{"Accept", takesBoth, "Mcp-Session-Id", ended}},
				"an end":            {http.MethodDelete, "/mcp", "", []string{"Mcp-Session-Id", ended}},
				"a message of /sse": {http.MethodPost, "/messages/?session_id=" + ended, fmt.Sprintf(computeCall, 2, 0.0, 2), nil},
				"an unknown method of 2026-07-28": {
					http.MethodPost, "/mcp", `{"jsonrpc":"2.0","id":3,"method":"no/such","params":{"_meta":{` +
						`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"behind-nginx","version":"1"},` +
						`"io.modelcontextprotocol/clientCapabilities":{}}}}`,
					[]string{"Accept", takesBoth, "MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "no/such", "Mcp-Session-Id", ended},
				},
			} {
				headers := append([]string{"Origin", page, "Content-Type", "application/json"}, c.headers...)
				want := f.back[0].do(t, c.method, c.target, c.body, headers...)
				got := f.do(t, f.http2, c.method, o.path+c.target, c.body, headers...)
				if want.status != http.StatusNotFound || want.header.Get("Access-Control-Allow-Origin") != page {
					t.Errorf("%s, past nginx: got %d %s with %v, want 404 that the page may read", what, want.status, want.body, want.header)
				}
				for _, mine := range []string{"Date", "Server", "Connection", "Content-Length", "X-Request-Id", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} { // of each request
					want.header.Del(mine)
					got.header.Del(mine)
				}
				if diff := cmp.Diff([]any{want.status, want.body, want.header}, []any{got.status, got.body, got.header}); diff != "" {
					t.Errorf("%s: past nginx - through nginx +:\n%s", what, diff)
				}
			}
		})
	}
}

// fake is an upstream that counts what it is asked for, and then does what a test wants.
func fake(t *testing.T, then http.HandlerFunc) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // the whole call has arrived
		then(w, r)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), asked
}

// deaf is the address of a listener whose machine takes no connection more and says so to nobody.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil { // room for one
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	one, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = one.Close() })
	return address
}

// TestNginxPassesOnNoCallThatASecondServerBegan: the first server does not know the session. What reached the second and
// was not answered has an end that says so; what never reached it goes to the third.
func TestNginxPassesOnNoCallThatASecondServerBegan(t *testing.T) {
	t.Parallel() // it waits more than it works
	breaksOff := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	saysNothing := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	answers := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "mine") }
	for name, c := range map[string]struct {
		second func(*testing.T) string
		status int
		reason string // empty: the third answers
	}{
		"it breaks off":  {func(t *testing.T) string { a, _ := fake(t, breaksOff); return a }, http.StatusBadGateway, "server_gone"},
		"it is silent":   {func(t *testing.T) string { a, _ := fake(t, saysNothing); return a }, http.StatusGatewayTimeout, "server_silent"},
		"it is down":     {func(t *testing.T) string { return "127.0.0.1:" + freePort(t) }, http.StatusOK, ""},
		"its machine is": {deaf, http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			third, asked := fake(t, answers)
			last, askedLast := fake(t, answers)
			f := behindNginx(t, frontOptions{
				env:  []string{"TOOLGATE_SSE_PING_INTERVAL=1s"},
				args: []string{"--read-timeout", "4s", "--upstream", c.second(t), "--upstream", third, "--upstream", last},
			})
			session := strings.Repeat("0", 32)
			calls := []func() reply{
				func() reply {
					return f.do(t, f.http2, http.MethodPost, "/mcp", fmt.Sprintf(computeCall, 1, 0.0, 1), "Accept", takesBoth, "Mcp-Session-Id", session)
				},
				func() reply {
					return f.do(t, f.http1, http.MethodPost, "/messages/?session_id="+session, fmt.Sprintf(computeCall, 2, 0.0, 2))
				},
			}
			for _, call := range calls {
				got := call()
				if c.reason != "" {
					refusedAs(t, "a call that the second server had begun", got, c.status, c.reason, true)
				} else if got.status != c.status || got.body != "mine" {
					t.Errorf("a call that the second server never saw: got %d %s, want the third's answer", got.status, got.body)
				}
			}
			want := int64(len(calls))
			if c.reason != "" {
				want = 0
			}
			if asked.Load() != want || askedLast.Load() != 0 {
				t.Errorf("the third server was asked %d times, the last %d times, want %d and 0", asked.Load(), askedLast.Load(), want)
			}
		})
	}
}

// TestNginxWhenABackupIsKilledInACall: a session lives on the second server, which is killed while it works for it. The
// client is told so, the call is at no other server, and only what comes after finds no session.
func TestNginxWhenABackupIsKilledInACall(t *testing.T) {
	begun := make(chan struct{}, 2)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done() // until the server that asks is gone
	}))
	defer upstream.Close()
	third, asked := fake(t, http.NotFound)
	f := behindNginx(t, frontOptions{backs: 2, args: []string{"--upstream", third}, config: fmt.Sprintf("tools:\n  toolsets: [http]\n  http:\n"+
		"    private: [%q]\n    tools: [{name: wait, description: Waits for ever., url: %q}]\n", strings.TrimPrefix(upstream.URL, "http://"), upstream.URL+"/")})
	f.back[0].stop(t)
	f.back[0].gone(t)
	session := f.begin(t, f.http2, handshake)
	f.again(t, 0)
	call := func() reply {
		return f.do(t, f.http2, http.MethodPost, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait","arguments":{}}}`,
			"Accept", "application/json", "Mcp-Session-Id", session)
	}
	killed := make(chan error, 1)
	go func() {
		<-begun
		killed <- f.back[1].cmd.Process.Kill()
	}()
	refusedAs(t, "a call whose server was killed", call(), http.StatusBadGateway, "server_gone", true)
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	f.back[1].gone(t)
	if n := asked.Load(); n != 0 || len(begun) > 0 {
		t.Errorf("the third server was asked %d times, the tool's upstream again %d times, want never", n, len(begun))
	}
	if got := call(); got.status != http.StatusNotFound || asked.Load() != 1 {
		t.Errorf("the next call of the session: got %d %s, the third was asked %d times, want 404 and once", got.status, got.body, asked.Load())
	}
}
