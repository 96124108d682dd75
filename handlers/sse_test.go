package handlers

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
)

func TestSSEHeartbeat(t *testing.T) {
	comment := func(at time.Time) string { return ": ping - " + at.UTC().Format(time.RFC3339) + "\n" }
	event := func(time.Time) string { return "event: ping\ndata: Server is alive!\n\n" }
	style := func(s config.PingStyle) func(*config.Config) {
		return func(c *config.Config) { c.SSE.PingStyle = s }
	}
	for _, tt := range []struct {
		name   string
		adjust func(*config.Config)
		target string
		every  time.Duration
		beat   func(time.Time) string
	}{
		{"a comment every 15 s", style(config.PingComment), "/sse", 15 * time.Second, comment},
		{"an event every 5 s by query", style(config.PingComment), "/sse?ping=event", 5 * time.Second, event},
		{"an event every 15 s by configuration", style(config.PingEvent), "/sse", 15 * time.Second, event},
		{"any interval by configuration", func(c *config.Config) { c.SSE.PingInterval = 40 * time.Second }, "/sse", 40 * time.Second, comment},
		{"the shorter of two intervals", func(c *config.Config) { c.SSE.PingInterval = 2 * time.Second }, "/sse?ping=event", 2 * time.Second, event},
		{"an unknown style changes nothing", style(config.PingComment), "/sse?ping=loud", 15 * time.Second, comment},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.adjust)
				s := w.open(tt.target)
				intervals := map[time.Duration]bool{}
				for range 20 {
					before := time.Now()
					got, err := s.frame()
					if err != nil {
						t.Fatal(err)
					}
					if want := tt.beat(time.Now()); got != want {
						t.Fatalf("heartbeat: got %q, want %q", got, want)
					}
					took := time.Since(before)
					if least, most := tt.every*9/10, tt.every*11/10; took < least || took > most {
						t.Errorf("heartbeat after %v, want %v to %v", took, least, most)
					}
					intervals[took] = true
				}
				if len(intervals) < 10 {
					t.Errorf("20 heartbeats at %d different intervals: streams opened together would beat together", len(intervals))
				}
			})
		})
	}
}

// TestSSEFirstBytes reads the connection itself: over a pipe one read gets what was written with one flush.
func TestSSEFirstBytes(t *testing.T) {
	for _, tt := range []struct {
		target string
		after  []string // the flushes after the endpoint event's, before the first heartbeat
	}{
		{"/sse", nil},
		{"/sse?announce=session", []string{
			"event: message\ndata: " + `{"jsonrpc":"2.0","method":"notifications/initialized","params":{"sessionId":"ID"}}` + "\n\n",
		}},
	} {
		t.Run(tt.target, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				conn, err := w.network.dial(w.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, "GET "+tt.target+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				flush := func() []byte {
					buffer := make([]byte, 64<<10)
					n, err := conn.Read(buffer)
					if err != nil {
						t.Fatal(err)
					}
					return buffer[:n]
				}
				first := bytes.NewReader(flush())
				response, err := http.ReadResponse(bufio.NewReader(first), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				if err == nil {
					t.Error("the stream has ended with its first flush")
				}
				id, _, _ := strings.Cut(strings.TrimPrefix(string(body), "event: endpoint\ndata: /messages/?session_id="), "\n")
				if want := "event: endpoint\ndata: /messages/?session_id=" + id + "\nid: " + id + ".0\n\n"; string(body) != want || len(id) != 32 {
					t.Errorf("first flush: got %q, want %q with 32 hexadecimal digits", body, want)
				}
				for _, want := range tt.after {
					want = strings.ReplaceAll(want, "ID", id)
					if got, want := string(flush()), fmt.Sprintf("%x\r\n%s\r\n", len(want), want); got != want {
						t.Errorf("next flush: got %q, want %q", got, want)
					}
				}
				if waited := time.Since(began); waited != 0 {
					t.Errorf("the opening took %v, want it at once", waited)
				}
				flush()
				if waited := time.Since(began); waited < 13*time.Second {
					t.Errorf("something was written after %v, before the first heartbeat was due", waited)
				}
			})
		})
	}
}

func TestSSEHead(t *testing.T) {
	w := newWorld(t)
	got := w.do(http.MethodHead, "/sse", "")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD /sse: got %d %v, want 200 and the headers of a stream", got.status, got.header)
	}
	if sessions, _ := w.registry.Count(); sessions != 0 {
		t.Errorf("HEAD /sse left %d sessions, want none", sessions)
	}
}

// TestSSEEndpoint looks at where the endpoint event sends clients, behind proxies and without.
func TestSSEEndpoint(t *testing.T) {
	const prefixed = "X-Forwarded-Prefix: /gate"
	public := func(c *config.Config) { c.Server.PublicURL = "https://tools.example.com/mcp-server" }
	based := func(c *config.Config) { c.Server.BasePath = "/base" }
	trusting := func(c *config.Config) { c.Server.TrustedProxies = []string{"127.0.0.1"} }
	path := func(p string) func(*config.Config) { return func(c *config.Config) { c.SSE.MessagePath = p } }
	for _, tt := range []struct {
		name    string
		adjust  []func(*config.Config)
		target  string
		headers []string
		want    string // before the id
	}{
		{"by default", nil, "/sse", nil, "/messages/?session_id="},
		{"/messages", []func(*config.Config){path("/messages")}, "/sse", nil, "/messages?session_id="},
		{"/message takes the other spelling", []func(*config.Config){path("/message")}, "/sse", nil, "/message?sessionId="},
		{"/sse/messages", []func(*config.Config){path("/sse/messages")}, "/sse", nil, "/sse/messages?session_id="},
		{"the path of public_url", []func(*config.Config){public}, "/sse", nil, "/mcp-server/messages/?session_id="},
		{"base_path", []func(*config.Config){based}, "/base/sse", nil, "/base/messages/?session_id="},
		{"public_url before base_path", []func(*config.Config){public, based}, "/base/sse", nil, "/mcp-server/messages/?session_id="},
		{"a trusted proxy's prefix", []func(*config.Config){trusting}, "/sse", []string{prefixed}, "/gate/messages/?session_id="},
		{"a proxy's prefix before public_url", []func(*config.Config){public, trusting}, "/sse", []string{prefixed}, "/gate/messages/?session_id="},
		{"a stranger's prefix", nil, "/sse", []string{prefixed}, "/messages/?session_id="},
		{"a prefix that is another host", []func(*config.Config){trusting}, "/sse", []string{"X-Forwarded-Prefix: //evil.example"}, "/messages/?session_id="},
		{"a stranger's host", []func(*config.Config){trusting}, "/sse", []string{"X-Forwarded-Host: evil.example"}, "/messages/?session_id="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.adjust...)
			s := w.open(tt.target, tt.headers...)
			if got := strings.TrimSuffix(s.endpoint, s.id()); got != tt.want || len(s.id()) != 32 {
				t.Errorf("endpoint: got %q, want %s and 32 hexadecimal digits", s.endpoint, tt.want)
			}
		})
	}
}

func TestSSEOlderOpenings(t *testing.T) {
	asJSON := func(c *config.Config) { c.SSE.EndpointStyle = config.EndpointJSON }
	announced := func(c *config.Config) { c.SSE.AnnounceSession = true }
	none := func(*config.Config) {}
	t.Run("the endpoint as JSON", func(t *testing.T) {
		for target, adjust := range map[string]func(*config.Config){"/sse?endpoint=json": none, "/sse": asJSON} {
			s := newWorld(t, adjust).open(target)
			if id, _, _ := strings.Cut(s.last, "."); s.endpoint != `{"url":"/messages/?session_id=`+id+`"}` || len(id) != 32 {
				t.Errorf("endpoint: got %s, want an object with the url", s.endpoint)
			}
		}
	})
	t.Run("the session announced", func(t *testing.T) {
		for target, adjust := range map[string]func(*config.Config){"/sse?announce=session": none, "/sse": announced} {
			s := newWorld(t, adjust).open(target)
			want := `{"jsonrpc":"2.0","method":"notifications/initialized","params":{"sessionId":"` + s.id() + `"}}`
			if got := s.next(); got != want {
				t.Errorf("after the endpoint: got %s, want %s", got, want)
			}
		}
	})
}

// TestSSEOutlivesWriteTimeout sets what an operator of the library might set, and what would cut every stream.
func TestSSEOutlivesWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.web.WriteTimeout = 3 * time.Second
		s := w.open("/sse")
		for began := time.Now(); time.Since(began) < 10*time.Minute; {
			if frame, err := s.frame(); err != nil {
				t.Fatalf("the stream ended after %v: %v %q", time.Since(began), err, frame)
			}
		}
		if got := s.ask(ping("1")); got != pong("1") {
			t.Errorf("after ten minutes: got %s", got)
		}
	})
}

func TestSSEHostileTextStaysOneEvent(t *testing.T) {
	w := newWorld(t)
	s := w.open("/sse")
	s.post(call("1", "uppercase_text", `{"text":"a\n\nevent: message\ndata: x\r\rid: 9"}`))
	frame, err := s.frame()
	want := "event: message\nid: " + s.id() + ".1\ndata: " + textResult("1", `A\n\nEVENT: MESSAGE\nDATA: X\r\rID: 9`) + "\n\n"
	if err != nil || frame != want {
		t.Errorf("got %q (%v), want %q", frame, err, want)
	}
}

// TestSSEBeforeInitialize: whatever a client asks first is taken, and answered on the stream.
func TestSSEBeforeInitialize(t *testing.T) {
	w := newWorld(t)
	s := w.open("/sse")
	for method, want := range map[string]string{
		"server/discover": `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found: server/discover"}}`,
		"ping":            pong("1"),
	} {
		if got := s.ask(`{"jsonrpc":"2.0","id":1,"method":"` + method + `"}`); got != want {
			t.Errorf("%s: got %s, want %s", method, got, want)
		}
	}
}
