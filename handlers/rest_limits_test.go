package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"toolgate/config"
	"toolgate/mcp"
)

// TestRestLimits: the limits of calls are those of every way in, and say when to come back.
func TestRestLimits(t *testing.T) {
	w, _ := restWorld(t, unlimited, func(c *config.Config) { c.Limits.Rates.Tool = "1-M" })
	if got := w.post("/api/tools/text", ``); got.status != 200 {
		t.Fatalf("the first call: got %d %s", got.status, got.body)
	}
	if p := w.post("/api/tools/text", ``).wantProblem(t, 429, "rate-limited"); p.RetryAfterSeconds < 1 {
		t.Errorf("got %+v, want when to come back", p)
	}
	w.post("/api/tools/nothing", ``).wantOK(t)

	w, _ = restWorld(t, unlimited, func(c *config.Config) { c.Limits.Rates.Address = "1-M" })
	w.post("/api/tools/text", ``).wantOK(t)
	if p := w.post("/api/tools/text", ``).wantProblem(t, 429, "rate-limited"); p.RetryAfterSeconds < 1 {
		t.Errorf("at the gate: got %+v, want when to come back", p)
	}
}

func (a *answer) wantOK(tb testing.TB) {
	tb.Helper()
	if a.status != http.StatusOK {
		tb.Errorf("got %d %s, want 200", a.status, a.body)
	}
}

func TestRestBusyAndTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := restWorld(t)
		var err error
		w.api.server, err = mcp.NewServer(p.features(), mcp.Options{
			Info: mcp.Implementation{Name: "toolgate", Version: "test"}, MaxCalls: 1, Observer: w.metrics.Observer(nil),
		})
		w.must(err)
		first := make(chan *answer, 1)
		go func() {
			defer close(first) // a client that cannot read an answer ends here
			first <- w.post("/api/tools/forever", ``)
		}()
		<-p.began
		if p := w.post("/api/tools/text", ``).wantProblem(t, 503, "busy"); p.RetryAfterSeconds != 1 {
			t.Errorf("got %+v, want a second to wait", p)
		}
		began := time.Now()
		got, ok := <-first
		if !ok {
			t.Fatal("the call got no answer")
		}
		got.wantProblem(t, 504, "timeout")
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v, want the tool's own time", took)
		}
		if why := <-p.ended; why == nil {
			t.Error("the tool was not stopped")
		}
	})
}

// TestRestClientGone: a client that closes its connection cancels its call.
func TestRestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := restWorld(t)
		for _, accept := range []string{"application/json", "text/event-stream"} {
			conn, err := w.network.dial(w.addr)
			w.must(err)
			go func() {
				fmt.Fprintf(conn, "POST /api/tools/forever HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: %s\r\n\r\n", accept)
			}()
			<-p.began
			began := time.Now()
			w.must(conn.Close())
			if why := <-p.ended; why == nil || time.Since(began) > time.Second {
				t.Errorf("%s: the call ended after %v for %v, want at once", accept, time.Since(began), why)
			}
			synctest.Wait()
		}
		if got := operations(w.get("/metrics").body); strings.Count(got, `error_type="cancelled"`) == 0 {
			t.Errorf("metrics: got %s, want cancelled calls", got)
		}
	})
}
