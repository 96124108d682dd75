package handlers

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestShutdown: not ready at once, nothing new, calls finish, streams end after their last answers. That every goroutine
// is back the bubble sees to.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		idle, busy := w.open("/sse"), w.open("/sse")
		busy.post(call("1", "wait", `{}`))
		<-w.pack.began
		began := time.Now()

		w.api.draining.Store(true)
		if got := w.get("/readyz"); got.status != http.StatusServiceUnavailable || got.body != `{"status":"draining"}` {
			t.Errorf("GET /readyz: got %d %s, want 503", got.status, got.body)
		}
		if got := w.get("/livez"); got.status != http.StatusOK {
			t.Errorf("GET /livez: got %d, want 200", got.status)
		}

		closed := make(chan error, 1)
		go func() { closed <- w.close(30 * time.Second) }()
		synctest.Wait()
		refused := w.get("/sse")
		refused.wantError(t, http.StatusServiceUnavailable, -32603, "null")
		refused.wantHeader(t, "Retry-After", "5")
		w.post(busy.endpoint, ping("2")).wantError(t, http.StatusServiceUnavailable, -32603, "2")

		pass(5 * time.Second)
		w.pack.gate <- struct{}{}
		if got := busy.next(); got != textResult("1", "let go") {
			t.Errorf("the call under way: got %s, want its answer", got)
		}
		if frames := busy.wantEnd(); len(frames) > 0 {
			t.Errorf("after the last answer: got %q", frames)
		}
		idle.wantEnd()
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("the shutdown took %v, want it over soon after the call, which took 5s", took)
		}
	})
}

// TestShutdownGraceEnds: a call that does not come to its end within the grace is cancelled and answered so, and the
// streams still end cleanly.
func TestShutdownGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.open("/sse")
		s.post(call("1", "wait", `{}`))
		<-w.pack.began
		began := time.Now()
		closed := make(chan error, 1)
		go func() { closed <- w.close(10 * time.Second) }()
		frames := s.wantEnd()
		if len(frames) != 1 || !strings.Contains(frames[0], `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"wait was stopped: the server is shutting down`) {
			t.Errorf("on the stream: got %q, want the one answer, that the call was stopped", frames)
		}
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(began); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("the shutdown took %v, want the grace of 10s", took)
		}
	})
}
