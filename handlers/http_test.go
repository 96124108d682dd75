package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
)

// TestHTTPMalformed sends over the connection itself what clients of a library cannot send. Each ends in one of the
// statuses, or in a closed connection where 0 is among them; nothing runs, nobody else notices.
func TestHTTPMalformed(t *testing.T) {
	const message = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"x"}}}`
	post := func(headers string) string {
		return "POST /mcp HTTP/1.1\r\nContent-Type: application/json\r\n" + headers + "\r\n"
	}
	host := "Host: localhost\r\n"
	for _, tt := range []struct {
		name, text string
		statuses   []string // "400", or "" for a connection that is closed without a word
	}{
		{"no Host", "GET /health HTTP/1.1\r\n\r\n", []string{"400"}},
		{"two Hosts", "GET /health HTTP/1.1\r\n" + host + host + "\r\n", []string{"400"}},
		{"a space in Host", "GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", []string{"400"}},
		{"a port that is a host", "GET /health HTTP/1.1\r\nHost: localhost:8080.evil.example\r\n\r\n", []string{"400"}},
		{"a port with an at sign", "GET /health HTTP/1.1\r\nHost: localhost:8080@x\r\n\r\n", []string{"400"}},
		{"Content-Length twice", post(host+"Content-Length: 5\r\nContent-Length: 6\r\n") + message, []string{"400"}},
		{"Content-Length -1", post(host+"Content-Length: -1\r\n") + message, []string{"400"}},
		{"Content-Length +5", post(host+"Content-Length: +5\r\n") + message, []string{"400"}},
		{"Content-Length 0x10", post(host+"Content-Length: 0x10\r\n") + message, []string{"400"}},
		{"Content-Length of 20 digits", post(host+"Content-Length: 99999999999999999999\r\n") + message, []string{"400"}},
		{"Transfer-Encoding xchunked", post(host+"Transfer-Encoding: xchunked\r\n") + message, []string{"400", "501"}},
		{"Transfer-Encoding identity, chunked", post(host+"Transfer-Encoding: identity, chunked\r\n") + message, []string{"400", "501"}},
		{"a chunk size of letters", post(host+"Transfer-Encoding: chunked\r\n") + "zz\r\n" + message, []string{"400", ""}},
		{"a chunk size that overflows", post(host+"Transfer-Encoding: chunked\r\n") + "ffffffffffffffffff\r\n", []string{"400", "413", ""}},
		{"a body shorter than said", post(host+"Content-Length: 500\r\n") + message, []string{"400", "408", ""}},
		{"a header of 2 MB", "GET /health HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", []string{"400", "431"}},
		{"20 000 headers", "GET /health HTTP/1.1\r\n" + host + strings.Repeat("X: y\r\n", 20_000) + "\r\n", []string{"400", "431"}},
		{"a URL of 100 kB", "GET /" + strings.Repeat("x", 100_000) + " HTTP/1.1\r\n" + host + "\r\n", []string{"404", "414", "431"}},
		{"a zero byte in the path", "GET /%00 HTTP/1.1\r\n" + host + "\r\n", []string{"400", "404"}},
		{"a path upwards", "GET /..%2f..%2fetc/passwd HTTP/1.1\r\n" + host + "\r\n", []string{"400", "404"}},
		{"a plain path upwards", "GET /../../etc/passwd HTTP/1.1\r\n" + host + "\r\n", []string{"400", "404"}},
		{"two slashes", "POST //mcp HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 106\r\n" + host + "\r\n" + message, []string{"404"}},
		{"a star", "GET * HTTP/1.1\r\n" + host + "\r\n", []string{"400", "404"}},
		{"another host in the target", "GET http://evil.example/health HTTP/1.1\r\n" + host + "\r\n", []string{"403"}},
		{"Expect: teapot", post(host+"Expect: teapot\r\nContent-Length: 2\r\n") + "{}", []string{"417"}},
		{"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", []string{"400", ""}},
		{"an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []string{"400", "404", "505", ""}},
		{"random bytes", "\x00\xff\x80\x13\r\n\r\n", []string{"400"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				said := w.raw(tt.text, 40*time.Second)
				status := ""
				if rest, ok := strings.CutPrefix(said, "HTTP/1.1 "); ok {
					status, _, _ = strings.Cut(rest, " ")
				}
				fits := false
				for _, want := range tt.statuses {
					fits = fits || status == want
				}
				if !fits {
					t.Errorf("got %.300q, want one of %q", said, tt.statuses)
				}
				if n := w.pack.ran.Load(); n != 0 {
					t.Errorf("%d calls ran", n)
				}
				if got := w.post("/mcp", ping("2")); got.body != pong("2") {
					t.Errorf("the next client: got %d %s", got.status, got.body)
				}
			})
		})
	}
}

// TestHTTPOdd sends over the connection itself what is unusual and allowed.
func TestHTTPOdd(t *testing.T) {
	const start = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct {
		name, text string
		want       []string // in the answer, in order
	}{
		{
			"100-continue", start + "Expect: 100-continue\r\nContent-Length: 40\r\nConnection: close\r\n\r\n" + ping("1"),
			[]string{"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK", pong("1")},
		},
		{
			"pipelined requests", start + "Content-Length: 40\r\n\r\n" + ping("1") + start + "Content-Length: 40\r\nConnection: close\r\n\r\n" + ping("2"),
			[]string{pong("1"), pong("2")},
		},
		{
			"a websocket's upgrade", start + "Content-Length: 40\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n" + ping("1"),
			[]string{"HTTP/1.1 200 OK", pong("1")},
		},
		{
			"an upgrade to h2c", start + "Content-Length: 40\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n" + ping("1"),
			[]string{"HTTP/1.1 200 OK", pong("1")},
		},
		{
			"chunks close the connection", start + "Transfer-Encoding: chunked\r\n\r\n28\r\n" + ping("1") + "\r\n0\r\n\r\n",
			[]string{"HTTP/1.1 200 OK", "Connection: close", pong("1")},
		},
		{
			"a length beside chunks closes it too", start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n" + ping("1") + "\r\n0\r\n\r\n",
			[]string{"HTTP/1.1 200 OK", "Connection: close", pong("1")},
		},
		{"HTTP/1.0", "GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n", []string{"HTTP/1.0 200 OK", `{"status":"ok"}`}},
		{"an absolute target", "GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", []string{"HTTP/1.1 200 OK"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				said := w.raw(tt.text, time.Minute)
				rest := said
				for _, want := range tt.want {
					_, after, found := strings.Cut(rest, want)
					if !found {
						t.Fatalf("got %q, want %q in it after what came before", said, want)
					}
					rest = after
				}
			})
		})
	}
}

// TestHTTPPipelined: requests that come in one piece are answered in their order.
func TestHTTPPipelined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const many = 50
		var all strings.Builder
		for i := range many {
			closing := ""
			if i == many-1 {
				closing = "Connection: close\r\n"
			}
			message := ping(fmt.Sprint(100 + i))
			fmt.Fprintf(&all, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", len(message), closing, message)
		}
		rest := w.raw(all.String(), time.Minute)
		for i := range many {
			want := pong(fmt.Sprint(100 + i))
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Fatalf("after %d answers: got %.300q, want %s", i, rest, want)
			}
			rest = after
		}
	})
}

// TestHTTPHeadEnds: HEAD waits for nothing, on streams neither.
func TestHTTPHeadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for path, status := range map[string]string{"/sse": "200", "/mcp": "405", "/health": "405", "/": "200", "/api/tools": "200"} {
			began := time.Now()
			said := w.raw("HEAD "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", time.Minute)
			if !strings.HasPrefix(said, "HTTP/1.1 "+status) || !strings.HasSuffix(said, "\r\n\r\n") {
				t.Errorf("HEAD %s: got %.300q, want %s and no body", path, said, status)
			}
			if took := time.Since(began); took != 0 {
				t.Errorf("HEAD %s took %v", path, took)
			}
		}
	})
}

// TestHTTPPathsAsTheyAre: no path leads to another, or a POST would lose its body on the way.
func TestHTTPPathsAsTheyAre(t *testing.T) {
	w := newWorld(t)
	for path, status := range map[string]int{"/mcp": 200, "/mcp/": 200, "/MCP": 404, "/Mcp": 404, "/mcp//": 404, "/mcp/x": 404, "/SSE": 404} {
		if got := w.post(path, ping("1")); got.status != status || got.header.Get("Location") != "" {
			t.Errorf("POST %s: got %d to %q, want %d", path, got.status, got.header.Get("Location"), status)
		}
	}
}

// TestHTTPHalfClosed: who has said that it is done is gone, whether or not it still reads.
func TestHTTPHalfClosed(t *testing.T) {
	listeners, err := Listen(t.Context(), []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	web := NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		gone <- context.Cause(r.Context())
	}), zap.NewNop())
	served := make(chan error, 1)
	go func() { served <- web.Serve(listeners[0]) }()
	client, err := net.Dial("tcp", listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := io.WriteString(client, "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-gone:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the request ended with %v, want it cancelled", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the request goes on")
	}
	_ = web.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serving ended with %v", err)
	}
}

// TestHTTPMedia: every path that is posted to takes JSON as it is, and nothing else.
func TestHTTPMedia(t *testing.T) {
	w := newWorld(t)
	s := w.open("/sse")
	id := "?session_id=" + s.id()
	paths := []string{
		"/messages" + id, "/messages/" + id, "/message" + id, "/message/" + id, "/sse/messages" + id, "/sse/messages/" + id,
		"/sse/messages", "/mcp", "/mcp/",
	}
	for _, path := range paths {
		for _, header := range []string{
			"Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data; boundary=x",
			"Content-Type: ", "Content-Type: application/json5", "Content-Type: text/plain; application/json",
			"Content-Encoding: gzip", "Content-Encoding: br", "Content-Encoding: gzip, gzip, gzip",
		} {
			got := w.post(path, call("1", "uppercase_text", `{"text":"x"}`), header)
			got.wantRefused(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
	}
	if n := w.pack.ran.Load(); n != 0 {
		t.Errorf("%d of the refused calls ran", n)
	}
	for _, header := range []string{
		"Content-Type: application/json; charset=utf-8", "Content-Type: Application/JSON", "Content-Type: application/json;", "Content-Encoding: identity",
	} {
		if got := w.post("/mcp", ping("1"), header); got.body != pong("1") {
			t.Errorf("%s: got %d %s, want it taken", header, got.status, got.body)
		}
	}
}

// TestHTTPBodyLimit: one byte too many is refused however it is framed, and the connection closed.
func TestHTTPBodyLimit(t *testing.T) {
	const limit = 4096
	fill := func(n int) string { return ping("1") + strings.Repeat(" ", n-len(ping("1"))) }
	for name, framed := range map[string]string{
		"by length": "Content-Length: 4097\r\n\r\n" + fill(limit+1),
		"in chunks": "Transfer-Encoding: chunked\r\n\r\n1001\r\n" + fill(limit+1) + "\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *config.Config) { c.Limits.Body = limit })
				s := w.open("/sse")
				for _, target := range []string{"/mcp", s.endpoint, "/message?sessionId=" + s.id(), "/sse/messages"} {
					said := w.raw("POST "+target+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+framed, time.Minute)
					if !strings.HasPrefix(said, "HTTP/1.1 413 ") || !strings.Contains(said, "\r\nConnection: close\r\n") {
						t.Errorf("%s: got %.300q, want 413 and the connection closed", target, said)
					}
				}
				if got := w.post("/mcp", fill(limit)); got.body != pong("1") {
					t.Errorf("a body at the limit: got %d %s, want it taken", got.status, got.body)
				}
			})
		})
	}
}

// TestHTTPStalledBody: a body that stops coming costs its own connection, and after 30 seconds not even that.
func TestHTTPStalledBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.open("/sse")
		began := time.Now()
		ended := make(chan string, 1)
		go func() {
			ended <- w.raw("POST "+s.endpoint+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{", time.Minute)
		}()
		synctest.Wait()
		if got := s.ask(ping("1")); got != pong("1") {
			t.Errorf("the session meanwhile: got %s", got)
		}
		if said := <-ended; !strings.HasPrefix(said, "HTTP/1.1 408 ") {
			t.Errorf("got %.300q, want 408", said)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("the stalled body was given up after %v, want 30s", took)
		}
	})
}

// TestHTTPSlowHead: half a head is given up after 10 seconds.
func TestHTTPSlowHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		w.raw("GET /health HTTP/1.1\r\nHost: loc", time.Minute)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("half a head was given up after %v, want 10s", took)
		}
	})
}

// TestHTTPMethods: what a path does not do is 405 with Allow, whatever the method is called.
func TestHTTPMethods(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"PUT", "PATCH", "TRACE", "BREW", "CONNECTED", strings.Repeat("X", 3000)} {
		for path, allowed := range map[string]string{"/mcp": "POST", "/sse": "GET", "/messages": "POST", "/health": "GET"} {
			got := w.do(method, path, "")
			if got.status != http.StatusMethodNotAllowed || !strings.Contains(got.header.Get("Allow"), allowed) {
				t.Errorf("%.20s %s: got %d with Allow %q, want 405 and %s in it", method, path, got.status, got.header.Get("Allow"), allowed)
			}
			if strings.Contains(got.body, method) {
				t.Errorf("%.20s %s: got %s, which repeats the method", method, path, got.body)
			}
		}
	}
}

// TestHTTPNoEcho: what a page could be made of is never one.
func TestHTTPNoEcho(t *testing.T) {
	const script = "<script>alert(1)</script>"
	w := newWorld(t)
	for _, got := range []*answer{
		w.get("/%3Cscript%3E"),
		w.get("/sessions/%3Cscript%3E"),
		w.post("/messages?session_id=%3Cscript%3E", ping("1")),
		w.post("/mcp", `{"jsonrpc":"2.0","id":"`+script+`","method":"`+script+`"}`),
		w.post("/mcp", ping("1"), "MCP-Protocol-Version: "+script),
		w.get("/health", "Host: "+script),
		w.get("/health", "Origin: http://"+script),
	} {
		media := got.header.Get("Content-Type")
		if !strings.HasPrefix(media, "application/json") {
			t.Errorf("got %d %s %q, want JSON", got.status, media, got.body)
		}
	}
}
