package handlers

import (
	"bufio"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"toolgate/config"
)

// wire is one connection, kept open, that a benchmark writes and reads with as little of its own as can be.
type wire struct {
	tb   testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func (c *client) wire(readAhead int) *wire {
	c.tb.Helper()
	conn, err := c.network.dial(c.addr)
	if err != nil {
		c.tb.Fatal(err)
	}
	return &wire{tb: c.tb, conn: conn, in: bufio.NewReaderSize(conn, readAhead)}
}

func (w *wire) write(request []byte) {
	if _, err := w.conn.Write(request); err != nil {
		w.tb.Fatal(err)
	}
}

// until reads lines to the first that is last, and returns the one before it.
func (w *wire) until(last string) (before string) {
	for {
		line, err := w.in.ReadSlice('\n')
		if err != nil {
			w.tb.Fatal(err)
		}
		if string(line) == last {
			return before
		}
		if len(line) > 6 && string(line[:6]) == "data: " {
			before = string(line[6 : len(line)-1])
		}
	}
}

// openStream opens a stream and returns its endpoint.
func (w *wire) openStream() string {
	w.write([]byte("GET /sse HTTP/1.1\r\nHost: localhost:3002\r\nAccept: text/event-stream\r\n\r\n"))
	w.until("\r\n") // the end of the head
	return w.until("\r\n")
}

// exchange is a session with its two connections, and the bytes of one request.
type exchange struct {
	stream, posts *wire
	request       []byte
}

func (w *world) exchange(message string) *exchange {
	x := &exchange{stream: w.wire(4096), posts: w.wire(4096)}
	endpoint := x.stream.openStream()
	x.request = []byte("POST " + endpoint + " HTTP/1.1\r\nHost: localhost:3002\r\nContent-Type: application/json\r\n" +
		"Accept: application/json, text/event-stream\r\nContent-Length: " + strconv.Itoa(len(message)) + "\r\n\r\n" + message)
	return x
}

func (x *exchange) close() {
	_ = x.stream.conn.Close()
	_ = x.posts.conn.Close()
}

// ask posts and waits for the answer's event and the POST's own end.
func (x *exchange) ask() {
	x.posts.write(x.request)
	x.posts.until("\r\n")
	if _, err := x.posts.in.Discard(len(accepted)); err != nil {
		x.posts.tb.Fatal(err)
	}
	x.stream.until("\r\n")
}

// wide has room for benchmarks: limits are looked at and never reached.
func wide(c *config.Config) {
	c.Limits.Rates.Address = "1000000000-S"
	c.Limits.Sessions, c.Limits.SessionsPerAddress = 1_000_000, 1_000_000
}

var benchCall = call("1", "uppercase_text", `{"text":"hello world"}`)

// BenchmarkPost is a tools/call through every gate to its event on the stream, a client waiting for each.
func BenchmarkPost(b *testing.B) {
	w := newWorld(b, wide)
	x := w.exchange(benchCall)
	defer x.close()
	b.ReportAllocs()
	for b.Loop() {
		x.ask()
	}
}

// BenchmarkPostParallel is BenchmarkPost by many clients, each with a session of its own.
func BenchmarkPostParallel(b *testing.B) {
	w := newWorld(b, wide)
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		x := w.exchange(benchCall)
		defer x.close()
		for pb.Next() {
			x.ask()
		}
	})
}

// BenchmarkAnswer is the same call over POST /mcp by a client that has neither a session nor headers.
func BenchmarkAnswer(b *testing.B) {
	w := newWorld(b, wide)
	w.benchMCP(b, benchCall, textResult("1", "HELLO WORLD"), nil)
}

// BenchmarkStreamable is the same call over POST /mcp in a session.
func BenchmarkStreamable(b *testing.B) {
	w := newWorld(b, wide)
	w.benchMCP(b, benchCall, textResult("1", "HELLO WORLD"), w.begin("2025-11-25").head)
}

// BenchmarkStreamableFlow is BenchmarkStreamable for a client that takes a stream alone.
func BenchmarkStreamableFlow(b *testing.B) {
	w := newWorld(b, wide)
	c := w.wire(4096)
	defer c.conn.Close()
	request := mcpRequest(benchCall, override(w.begin("2025-06-18").head, "Accept: text/event-stream"))
	b.ReportAllocs()
	for b.Loop() {
		c.write(request)
		c.until("0\r\n") // the last chunk
		c.until("\r\n")
	}
}

// BenchmarkStateless is the same call over POST /mcp that stands alone.
func BenchmarkStateless(b *testing.B) {
	w := newWorld(b, wide)
	w.benchMCP(b, callAlone("1", "uppercase_text", `{"text":"hello world"}`), aloneResult("1", "HELLO WORLD"), aloneHead("tools/call", "uppercase_text"))
}

// mcpRequest is a POST to /mcp as it stands on the wire.
func mcpRequest(message string, headers []string) []byte {
	head := strings.Join(append([]string{"Host: localhost:3002", "Content-Type: application/json"}, headers...), "\r\n")
	return []byte("POST /mcp HTTP/1.1\r\n" + head + "\r\nContent-Length: " + strconv.Itoa(len(message)) + "\r\n\r\n" + message)
}

// benchMCP posts a message over and over on one connection; want is the answer's whole body.
func (w *world) benchMCP(b *testing.B, message, want string, headers []string) {
	c := w.wire(4096)
	defer c.conn.Close()
	request := mcpRequest(message, headers)
	b.ReportAllocs()
	for b.Loop() {
		c.write(request)
		c.until("\r\n")
		if _, err := c.in.Discard(len(want)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a stream, to its endpoint event, and closes it.
func BenchmarkOpen(b *testing.B) {
	w := newWorld(b, wide)
	b.ReportAllocs()
	for b.Loop() {
		s := w.wire(1024)
		s.openStream()
		_ = s.conn.Close()
	}
}

// BenchmarkIdleStreams reports what an open stream on which nothing happens holds: heap and stacks of the server and of
// the pipe, with net/http's own buffers.
func BenchmarkIdleStreams(b *testing.B) {
	const n = 1000
	perStream := 0.0
	for b.Loop() {
		w := newWorld(b, wide)
		x := w.exchange(benchCall)
		x.ask() // what is made once is made
		x.close()
		before := inUse()
		conns := make([]net.Conn, n)
		for i := range conns {
			s := w.wire(1024)
			s.openStream()
			conns[i] = s.conn
		}
		perStream = (inUse() - before) / n
		for _, c := range conns {
			_ = c.Close()
		}
		if err := w.close(lastWrites); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(perStream, "B/stream")
}

func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
