package middleware

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
)

const testLimit = 1000 // bytes

func echo(c *gin.Context) {
	body, err := ReadBody(c)
	if err != nil {
		var r *Refusal
		if errors.As(err, &r) {
			Refuse(c, r)
			return
		}
		c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.Data(http.StatusOK, "application/json", body)
}

func bodyGate() gin.HandlerFunc { return must(BodyLimit(BodyOptions{Limit: testLimit})) }

func TestBodyLimitByHeaders(t *testing.T) {
	e := engine(echo, bodyGate())
	for _, tc := range []struct {
		name    string
		headers []string
		want    Reason
	}{
		{"json", []string{"Content-Type: application/json"}, ""},
		{"61 charset", []string{"Content-Type: application/json; charset=utf-8"}, ""},
		{"61 capitals", []string{"Content-Type: Application/JSON"}, ""},
		{"half a parameter", []string{"Content-Type: application/json; charset"}, ""},
		{"62 text", []string{"Content-Type: text/plain"}, UnsupportedMedia},
		{"62 form", []string{"Content-Type: application/x-www-form-urlencoded"}, UnsupportedMedia},
		{"62 multipart", []string{"Content-Type: multipart/form-data; boundary=x"}, UnsupportedMedia},
		{"62 text that mentions json", []string{"Content-Type: text/plain; application/json"}, UnsupportedMedia},
		{"62 longer name", []string{"Content-Type: application/jsonx"}, UnsupportedMedia},
		{"62 none", nil, UnsupportedMedia},
		{"62 two", []string{"Content-Type: application/json", "Content-Type: text/plain"}, UnsupportedMedia},
		{"62 garbage", []string{"Content-Type: ;;"}, UnsupportedMedia},
		{"identity", []string{"Content-Type: application/json", "Content-Encoding: Identity"}, ""},
		{"63 gzip", []string{"Content-Type: application/json", "Content-Encoding: gzip"}, UnsupportedMedia},
		{"63 br", []string{"Content-Type: application/json", "Content-Encoding: br"}, UnsupportedMedia},
		{"63 gzip three times", []string{"Content-Type: application/json", "Content-Encoding: identity, gzip, gzip, gzip"}, UnsupportedMedia},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/mcp", strings.NewReader(`{}`))
			setHeaders(r, tc.headers...)
			w := serve(e, r)
			if tc.want != "" {
				refused(t, w, tc.want)
			} else if w.Code != 200 || w.Body.String() != "{}" {
				t.Errorf("answer = %d %q, want 200 {}", w.Code, w.Body)
			}
		})
	}
}

func TestBodyLimitLetsOtherMethodsPass(t *testing.T) {
	e := engine(echo, bodyGate())
	for _, method := range []string{"GET", "DELETE"} {
		if w := serve(e, httptest.NewRequest(method, "/mcp", nil)); w.Code != 200 {
			t.Errorf("%s without a body: status = %d, want 200", method, w.Code)
		}
	}
}

func TestBodyLimitRefusesBeforeReading(t *testing.T) { // 64
	r := httptest.NewRequest("POST", "/mcp", unreadable{t})
	r.ContentLength = testLimit + 1
	setHeaders(r, "Content-Type: application/json")
	w := serve(engine(echo, bodyGate()), r)
	refused(t, w, TooLarge)
	if got := w.Header().Get("Connection"); got != "close" {
		t.Errorf("Connection = %q, want close", got)
	}
}

func TestReadBodyAllocatesOnce(t *testing.T) {
	text := bytes.Repeat([]byte("x"), testLimit)
	b := &boundedBody{control: http.NewResponseController(httptest.NewRecorder())}
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest("POST", "/mcp", nil)
	c.Request.Body, c.Request.ContentLength = b, testLimit
	reader := bytes.NewReader(text)
	b.ReadCloser = io.NopCloser(reader)
	var got []byte
	quiet := allocs(func() { b.lift() }) // what a writer without deadlines costs, not us
	n := allocs(func() {
		reader.Reset(text)
		got, _ = ReadBody(c)
	})
	if !bytes.Equal(got, text) || cap(got) != testLimit {
		t.Errorf("body of %d bytes, capacity %d, want %d and no more", len(got), cap(got), testLimit)
	}
	if n-quiet > 1 {
		t.Errorf("%v allocations, want 1", n-quiet)
	}
}

func TestReadBodyWithoutTheGate(t *testing.T) {
	r := httptest.NewRequest("POST", "/mcp", strings.NewReader("{}"))
	if w := serve(engine(echo), r); w.Code != 500 {
		t.Errorf("status = %d, want 500: an unbounded body must not be read", w.Code)
	}
}

func TestBodyLimitNeedsALimit(t *testing.T) {
	if _, err := BodyLimit(BodyOptions{}); err == nil || !strings.Contains(err.Error(), "limits.body") {
		t.Errorf("error = %v, want one that names limits.body", err)
	}
}

// pipeListener hands net/http one connection that lives in the test's bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// conversation runs a real http.Server on one connection and gives the client's end of it to talk.
func conversation(t *testing.T, handler http.Handler, talk func(t *testing.T, conn net.Conn, answers *bufio.Reader)) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{conns: make(chan net.Conn, 1), done: make(chan struct{})}
		client, server := net.Pipe()
		l.conns <- server
		s := &http.Server{Handler: handler}
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Serve(l) }) // ends by Close
		talk(t, client, bufio.NewReader(client))
		client.Close()
		s.Close()
		wg.Wait()
	})
}

func readAnswer(t *testing.T, answers *bufio.Reader) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("answer cut: %v", err)
	}
	return response, string(body)
}

// send writes from a goroutine: a pipe holds nothing, and the server may answer before it has read all.
func send(conn net.Conn, text string) { go io.WriteString(conn, text) }

const postHead = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func TestBodyOnTheWire(t *testing.T) {
	full, over := strings.Repeat("x", testLimit), strings.Repeat("x", testLimit+1)
	for _, tc := range []struct {
		name, sent string
		status     int
		closes     bool
	}{
		{"length at the limit", postHead + "Content-Length: 1000\r\n\r\n" + full, 200, false},
		{"64 length over the limit", postHead + "Content-Length: 1001\r\n\r\n" + over, 413, true},
		{"54 chunked at the limit", postHead + "Transfer-Encoding: chunked\r\n\r\n" + chunk(full) + "0\r\n\r\n", 200, true},
		{"54 chunked with a length", postHead + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("{}") + "0\r\n\r\n", 200, true},
		{"64 chunked over the limit", postHead + "Transfer-Encoding: chunked\r\n\r\n" + chunk(over) + "0\r\n\r\n", 413, true},
		{"chunked and refused for its type", "POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("{}") + "0\r\n\r\n", 415, true},
		{"55 bad chunk size", postHead + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conversation(t, engine(echo, bodyGate()), func(t *testing.T, conn net.Conn, answers *bufio.Reader) {
				send(conn, tc.sent)
				response, body := readAnswer(t, answers)
				if response.StatusCode != tc.status {
					t.Errorf("status = %d, want %d; %s", response.StatusCode, tc.status, body)
				}
				if response.Close != tc.closes {
					t.Errorf("closes = %v, want %v", response.Close, tc.closes)
				}
				if tc.closes {
					if _, err := answers.ReadByte(); err != io.EOF {
						t.Errorf("after the answer: %v, want EOF", err)
					}
				}
			})
		})
	}
}

func TestSlowBodyTimesOut(t *testing.T) {
	conversation(t, engine(echo, bodyGate()), func(t *testing.T, conn net.Conn, answers *bufio.Reader) {
		start := time.Now()
		send(conn, postHead+"Content-Length: 10\r\n\r\n{")
		response, body := readAnswer(t, answers)
		if response.StatusCode != http.StatusRequestTimeout || !response.Close {
			t.Errorf("answer = %d, closes %v, want 408 and close; %s", response.StatusCode, response.Close, body)
		}
		if got := time.Since(start); got != defaultBodyTimeout {
			t.Errorf("it took %s, want %s", got, defaultBodyTimeout)
		}
	})
}

func TestCutBodyIsNoBody(t *testing.T) {
	result := make(chan error, 1)
	handler := engine(func(c *gin.Context) {
		_, err := ReadBody(c)
		result <- err
	}, bodyGate())
	conversation(t, handler, func(t *testing.T, conn net.Conn, _ *bufio.Reader) {
		io.WriteString(conn, postHead+"Content-Length: 10\r\n\r\n{")
		conn.Close()
		synctest.Wait()
	})
	if err := <-result; !errors.Is(err, ErrBodyCut) {
		t.Errorf("error = %v, want ErrBodyCut", err)
	}
}

// A stream that answers a POST outlives the deadline of the body, and still notices when its client goes.
func TestStreamOutlivesTheBodyDeadline(t *testing.T) {
	for _, framing := range []string{"Content-Length: 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"} {
		gone := make(chan time.Duration, 1)
		handler := engine(func(c *gin.Context) {
			if _, err := ReadBody(c); err != nil {
				t.Errorf("body: %v", err)
			}
			start := time.Now()
			c.Writer.WriteHeaderNow()
			c.Writer.Flush()
			<-c.Request.Context().Done()
			gone <- time.Since(start)
		}, bodyGate())
		conversation(t, handler, func(t *testing.T, conn net.Conn, answers *bufio.Reader) {
			send(conn, postHead+framing)
			if _, err := http.ReadResponse(answers, nil); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			conn.Close()
			synctest.Wait()
		})
		if got := <-gone; got != time.Hour {
			t.Errorf("%q: the stream ended after %s, want when the client went, after 1h", framing, got)
		}
	}
}

func TestConnectionIsUsedAgainLongAfter(t *testing.T) {
	conversation(t, engine(echo, bodyGate()), func(t *testing.T, conn net.Conn, answers *bufio.Reader) {
		for range 3 {
			send(conn, postHead+"Content-Length: 2\r\n\r\n{}")
			if response, body := readAnswer(t, answers); response.StatusCode != 200 || body != "{}" {
				t.Fatalf("answer = %d %q, want 200 {}", response.StatusCode, body)
			}
			<-time.After(10 * defaultBodyTimeout)
		}
	})
}
