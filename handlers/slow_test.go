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

// TestStalledClientIsRemoved: a client that stops reading costs itself its stream, by the write deadline, and others
// nothing.
func TestStalledClientIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stalled, other := w.open("/sse"), w.open("/sse")
		stalled.post(call("1", "repeat", `{"n":100000}`)) // more than its transport reads ahead
		began := time.Now()
		for i := range 5 {
			id := fmt.Sprint(i)
			if got := other.ask(ping(id)); got != pong(id) {
				t.Errorf("the other client: got %s", got)
			}
			stalled.post(ping(id))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the other client's calls took %v, want none of the stalled one's time", took)
		}
		if _, connected := w.registry.Count(); connected != 2 {
			t.Fatalf("got %d connected, want both until the deadline", connected)
		}
		pass(11 * time.Second)
		if _, connected := w.registry.Count(); connected != 1 {
			t.Errorf("after the write deadline: got %d connected, want the other one", connected)
		}
		if got := w.post(stalled.endpoint, ping("9")); got.status != http.StatusNotFound {
			t.Errorf("POST to the stalled client's session: got %d %s, want 404", got.status, got.body)
		}
		if got := other.ask(ping(`"end"`)); got != pong(`"end"`) {
			t.Errorf("the other client: got %s", got)
		}
		other.follow()
		pass(time.Minute)
		if sessions, _ := w.registry.Count(); sessions != 1 {
			t.Errorf("after the resume window: got %d sessions, want the other one", sessions)
		}
	})
}

// TestOutboxBounds: what waits for a client is bounded in events and in bytes; beyond, its session ends at once.
func TestOutboxBounds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		adjust  func(*config.Config)
		message string
		most    int // messages that may be accepted before the session is gone
	}{
		{"events", func(c *config.Config) { c.Limits.Outbox = 8 }, call("1", "repeat", `{"n":10000}`), 12},
		{"bytes", func(c *config.Config) { c.Limits.OutboxBytes = 64 * config.KiB }, call("1", "repeat", `{"n":30000}`), 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.adjust)
				s, other := w.open("/sse"), w.open("/sse")
				began := time.Now()
				accepted := 0
				for ; accepted <= tt.most; accepted++ {
					got := w.post(s.endpoint, tt.message)
					if got.status == http.StatusNotFound {
						break
					}
					if got.status != http.StatusAccepted {
						t.Fatalf("got %d %s, want 202, or 404 once the session is gone", got.status, got.body)
					}
					synctest.Wait()
				}
				if accepted > tt.most {
					t.Fatalf("%d messages were accepted for a client that does not read", accepted)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("the session ended after %v, want it at once", took)
				}
				if got := other.ask(ping("2")); got != pong("2") {
					t.Errorf("the other client: got %s", got)
				}
				if got := w.get("/metrics").body; !strings.Contains(got,
					`mcp_server_session_duration_seconds_count{error_type="slow_client",network_transport="tcp"} 1`) {
					t.Errorf("the metrics do not count the slow client:\n%s", got)
				}
			})
		})
	}
}

// TestProbeStreamsEnd: streams that were opened and never used end after the idle limit; used ones stay.
func TestProbeStreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		probe, used := w.open("/sse"), w.open("/sse")
		used.ask(ping("1"))
		used.follow()
		for _, frame := range probe.wantEnd() {
			if !strings.HasPrefix(frame, ": ping") {
				t.Errorf("on the unused stream: got %q", frame)
			}
		}
		if took := time.Since(began); took < 30*time.Minute || took > 32*time.Minute {
			t.Errorf("the unused stream ended after %v, want 30 minutes", took)
		}
		pass(time.Hour)
		if sessions, connected := w.registry.Count(); sessions != 1 || connected != 1 {
			t.Errorf("got %d sessions, %d connected, want the used one", sessions, connected)
		}
	})
}
