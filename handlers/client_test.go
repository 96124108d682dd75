package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// client speaks HTTP to the server from one address, a connection a request. It follows no redirect.
type client struct {
	tb      testing.TB
	network *network
	addr    string
}

// at is a client at another address.
func (c *client) at(addr string) *client {
	return &client{tb: c.tb, network: c.network, addr: net.JoinHostPort(addr, "50000")}
}

// answer is one answer, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends one request. headers are "Name: value"; Host is one of them. A POST is application/json unless they say else.
func (c *client) do(method, target, body string, headers ...string) *answer {
	c.tb.Helper()
	r := c.roundTrip(method, target, body, headers)
	defer r.Body.Close()
	read, err := io.ReadAll(r.Body)
	if err != nil {
		c.tb.Fatalf("%s %s: reading the answer: %v", method, target, err)
	}
	return &answer{status: r.StatusCode, header: r.Header, body: string(read)}
}

func (c *client) get(target string, headers ...string) *answer {
	c.tb.Helper()
	return c.do(http.MethodGet, target, "", headers...)
}

func (c *client) post(target, body string, headers ...string) *answer {
	c.tb.Helper()
	return c.do(http.MethodPost, target, body, headers...)
}

func (c *client) roundTrip(method, target, body string, headers []string) *http.Response {
	c.tb.Helper()
	r, err := http.NewRequest(method, "http://localhost:3002"+target, strings.NewReader(body))
	if err != nil {
		c.tb.Fatal(err)
	}
	if body == "" {
		r.Body = http.NoBody
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	fresh := map[string]bool{}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch name = http.CanonicalHeaderKey(name); {
		case name == "Host":
			r.Host = value
		case fresh[name]:
			r.Header.Add(name, value)
		default:
			r.Header.Set(name, value)
			fresh[name] = true
		}
	}
	transport := http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return c.network.dial(c.addr) },
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		c.tb.Fatalf("%s %s: %v", method, target, err)
	}
	return response
}

// raw sends bytes over a connection of its own and returns what the server says until it closes the connection, or falls
// silent for patience.
func (c *client) raw(text string, patience time.Duration) string {
	c.tb.Helper()
	conn, err := c.network.dial(c.addr)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer conn.Close()
	sent := make(chan struct{})
	go func() { defer close(sent); _, _ = io.WriteString(conn, text) }() // the server may answer before it has read all
	var said strings.Builder
	buffer := make([]byte, 64<<10)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(buffer)
		said.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	_ = conn.Close()
	<-sent
	return said.String()
}

// stream is an event stream as its client sees it.
type stream struct {
	tb       testing.TB
	client   *client
	header   http.Header
	endpoint string // where to post to
	body     io.Closer
	lines    *bufio.Reader
	last     string // id of the last event
}

// open opens a stream and reads its endpoint event.
func (c *client) open(target string, headers ...string) *stream {
	c.tb.Helper()
	s := c.stream(http.MethodGet, target, "", headers...)
	name, data := s.event()
	if name != "endpoint" {
		c.tb.Fatalf("GET %s: the first event is %q, want endpoint", target, name)
	}
	s.endpoint = data
	return s
}

// stream sends a request whose answer must be a stream.
func (c *client) stream(method, target, body string, headers ...string) *stream {
	c.tb.Helper()
	r := c.roundTrip(method, target, body, headers)
	s := &stream{tb: c.tb, client: c, header: r.Header, body: r.Body, lines: bufio.NewReader(r.Body)}
	c.tb.Cleanup(s.close)
	if media := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || media != "text/event-stream" {
		body, _ := io.ReadAll(r.Body)
		c.tb.Fatalf("%s %s: got %d %s %.500s, want 200 and a stream", method, target, r.StatusCode, media, body)
	}
	return s
}

// close goes away, as a client does that closes its connection.
func (s *stream) close() { _ = s.body.Close() }

// id is the session's.
func (s *stream) id() string {
	s.tb.Helper()
	u, err := url.Parse(s.endpoint)
	if err != nil {
		s.tb.Fatal(err)
	}
	return u.Query().Get("session_id") + u.Query().Get("sessionId")
}

// frame reads an event as it stands on the wire, with the empty line after it, or a comment line.
func (s *stream) frame() (string, error) {
	var frame strings.Builder
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return frame.String() + line, err
		}
		frame.WriteString(line)
		if line == "\n" || frame.Len() == len(line) && strings.HasPrefix(line, ":") {
			return frame.String(), nil
		}
	}
}

// event reads the next event; a comment is one without a name whose data is the line.
func (s *stream) event() (name, data string) {
	s.tb.Helper()
	frame, err := s.frame()
	if err != nil {
		s.tb.Fatalf("reading the stream: %v after %q", err, frame)
	}
	for line := range strings.Lines(frame) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "event":
			name = value
		case "data":
			data = value
		case "id":
			s.last = value
		case "":
			data += value
		}
	}
	return name, data
}

// next is the data of the next event, which must be a message.
func (s *stream) next() string {
	s.tb.Helper()
	name, data := s.event()
	if name != "message" {
		s.tb.Fatalf("on the stream: got event %q with %q, want a message", name, data)
	}
	return data
}

// post sends a message to the stream's session; it must be accepted.
func (s *stream) post(message string, headers ...string) {
	s.tb.Helper()
	if a := s.client.post(s.endpoint, message, headers...); a.status != http.StatusAccepted {
		s.tb.Fatalf("POST %s %s: got %d %s, want 202", s.endpoint, message, a.status, a.body)
	}
}

// ask sends a request and returns the next message.
func (s *stream) ask(message string, headers ...string) string {
	s.tb.Helper()
	s.post(message, headers...)
	return s.next()
}

// wantEnd reads on until the server ends the stream, which it must do cleanly. What comes before the end is returned.
func (s *stream) wantEnd() (frames []string) {
	s.tb.Helper()
	for {
		frame, err := s.frame()
		if errors.Is(err, io.EOF) && frame == "" {
			return frames
		}
		if err != nil {
			s.tb.Fatalf("the stream ends with %v after %q, want a clean end", err, frame)
		}
		frames = append(frames, frame)
	}
}

// follow reads on and forgets what it reads, until the stream ends.
func (s *stream) follow() {
	go func() { _, _ = io.Copy(io.Discard, s.lines) }()
}

// wantError checks that a is a JSON-RPC error with that status, to that id as it stands on the wire.
func (a *answer) wantError(tb testing.TB, status, code int, id string) {
	tb.Helper()
	var body struct {
		JSONRPC string
		ID      json.RawMessage
		Error   struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		tb.Fatalf("body %q: %v", a.body, err)
	}
	if a.status != status || body.JSONRPC != "2.0" || body.Error.Code != code || string(body.ID) != id || body.Error.Message == "" {
		tb.Errorf("got %d %s, want %d and a JSON-RPC error %d to id %s", a.status, a.body, status, code, id)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		tb.Errorf("Content-Type: got %q, want application/json", got)
	}
}

// wantRefused checks that a is a gate's refusal for that reason.
func (a *answer) wantRefused(tb testing.TB, status int, reason string) {
	tb.Helper()
	var body struct {
		Error struct {
			Message string
			Data    struct{ Reason string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		tb.Fatalf("body %q: %v", a.body, err)
	}
	if a.status != status || body.Error.Data.Reason != reason || body.Error.Message == "" {
		tb.Errorf("got %d %s, want %d for %s", a.status, a.body, status, reason)
	}
	if got := a.header.Get("X-Content-Type-Options"); got != "nosniff" {
		tb.Errorf("X-Content-Type-Options: got %q, want nosniff", got)
	}
}

func (a *answer) wantHeader(tb testing.TB, name, want string) {
	tb.Helper()
	if got := strings.Join(a.header.Values(name), ", "); got != want {
		tb.Errorf("%s: got %q, want %q", name, got, want)
	}
}

func ping(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"method":"ping"}` }

func pong(id string) string { return `{"jsonrpc":"2.0","id":` + id + `,"result":{}}` }

func call(id, tool, arguments string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`
}

func textResult(id, text string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"result":{"content":[{"type":"text","text":"` + text + `"}]}}`
}
