package handlers

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolgate/config"
)

const acceptStream = "Accept: text/event-stream"

// callStream opens the stream of a call.
func (c *client) callStream(tool, arguments string) *stream {
	c.tb.Helper()
	return c.stream(http.MethodPost, "/api/tools/"+tool, arguments, acceptStream)
}

func TestRestStream(t *testing.T) {
	for _, tt := range []struct {
		name, tool, arguments string
		want                  []string
	}{
		{"progress, logs, and a result", "count", `{"n":2}`, []string{
			": ok\n\n",
			"event: log\ndata: {\"data\":{\"n\":2},\"level\":\"warning\",\"logger\":\"count\"}\n\n",
			"event: progress\ndata: {\"message\":\"at 1\",\"progress\":1,\"total\":2}\n\n",
			"event: progress\ndata: {\"message\":\"at 2\",\"progress\":2,\"total\":2}\n\n",
			"event: result\ndata: {\"sum\":2}\n\n",
		}},
		{"a result alone", "text", ``, []string{": ok\n\n", "event: result\ndata: {\"text\":\"a \\\"text\\\"\\n\"}\n\n"}},
		{"JSON of several lines is one", "loose", ``, []string{": ok\n\n", "event: result\ndata: {\"b\":1.0,\"a\":12345678901234567890}\n\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _ := restWorld(t)
				got := w.callStream(tt.tool, tt.arguments).wantEnd()
				if diff := cmp.Diff(strings.Join(tt.want, ""), strings.Join(got, "")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestRestStreamProblems: how a call ends is in its last event; what keeps it from being made has its status.
func TestRestStreamProblems(t *testing.T) {
	w, _ := restWorld(t)
	for tool, kind := range map[string]string{"refuse": "tool-error", "ad": "no-such-tool", "add": "invalid-arguments", "break": "internal"} {
		frames := w.callStream(tool, `{}`).wantEnd()
		last, found := strings.CutPrefix(frames[len(frames)-1], "event: problem\ndata: ")
		var p problem
		if err := json.Unmarshal([]byte(strings.TrimSpace(last)), &p); !found || err != nil || p.Type != problemType+kind || p.Status == 0 {
			t.Errorf("%s: got %q, want the problem %s (%v)", tool, frames, kind, err)
		}
	}
	w.post("/api/tools/add", `[`, acceptStream).wantProblem(t, 400, "invalid-body")
	w.post("/api/tools/add", `{}`, acceptStream, "Content-Type: text/plain").wantProblem(t, 415, "unsupported-media-type")
	if got := w.post("/api/tools/text", ``, "Accept: application/json, text/event-stream"); got.body != `{"text":"a \"text\"\n"}` {
		t.Errorf("with JSON named first: got %d %s, want JSON", got.status, got.body)
	}
	if got := w.post("/api/tools/text", ``, "Accept: text/event-stream, application/json"); !strings.Contains(got.body, "event: result\n") {
		t.Errorf("with the stream named first: got %d %s, want the stream", got.status, got.body)
	}
}

func TestRestStreamContinues(t *testing.T) {
	w, _ := restWorld(t, func(c *config.Config) { c.Limits.Result = 2 * config.KiB })
	frames := w.callStream("long", `{"n":400}`).wantEnd()
	if n := len(frames); n < 2 || !strings.HasPrefix(frames[n-2], "event: continuation\ndata: {\"continuation\":\"") ||
		!strings.HasPrefix(frames[n-1], "event: result\n") {
		t.Fatalf("got %q, want a continuation and then the result", frames)
	}
	next := strings.TrimSpace(strings.TrimPrefix(frames[len(frames)-2], "event: continuation\ndata: "))
	w.post("/api/tools/read_more", next).wantOK(t)
}

// TestRestStreamStaysAlive: a quiet call is heard of, by comments for proxies and by progress for programs.
func TestRestStreamStaysAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := restWorld(t)
		began := time.Now()
		frames := w.callStream("forever", ``).wantEnd()
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("the stream took %v, want the tool's own time", took)
		}
		beats, progress := 0, 0
		for _, frame := range frames {
			switch {
			case strings.HasPrefix(frame, ": ping"):
				beats++
			case strings.HasPrefix(frame, "event: progress\ndata: {\"message\":\"still working after "):
				progress++
			}
		}
		if beats < 5 || progress < 5 {
			t.Errorf("got %d comments and %d events in two minutes, want one of each every 15 s or so: %q", beats, progress, frames)
		}
		if last := frames[len(frames)-1]; !strings.Contains(last, problemType+"timeout") {
			t.Errorf("the last event: got %q, want the timeout", last)
		}
		if why := <-p.ended; why == nil {
			t.Error("the tool was not stopped")
		}
	})
}

// TestRestStreamStalled: a client that stops reading is not waited for, and its call is cancelled.
func TestRestStreamStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := restWorld(t)
		conn, err := w.network.dial(w.addr)
		w.must(err)
		defer conn.Close()
		_, err = conn.Write([]byte("POST /api/tools/forever HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n\r\n"))
		w.must(err)
		<-p.began
		began := time.Now()
		if why := <-p.ended; why == nil {
			t.Error("the tool was not stopped")
		}
		if took := time.Since(began); took > w.cfg.SSE.WriteTimeout+time.Second {
			t.Errorf("the call went on for %v, want at most the write time-out", took)
		}
	})
}
