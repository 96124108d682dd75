package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"toolgate/config"
	"toolgate/mcp"
)

func TestWithoutCollectorsThereIsNothing(t *testing.T) {
	tel, err := Open(Options{Config: config.Default(), Version: "1", Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if o := tel.Observer(); o.Begin != nil || o.Done != nil || o.SessionOpened != nil || o.SessionClosed != nil || o.Stuck != nil || o.Failed != nil {
		t.Errorf("the observer = %+v, want none", o)
	}
	if err := tel.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"Api-Key=x":             "x",
		"api-key = x , other=y": "x",
		"api-key=a%20b%2Cc%25":  "a b,c%",
		"api-key=x=y==":         "x=y==",
	} {
		got, err := parseHeaders(text)
		if err != nil || got["api-key"]+got["Api-Key"] != want {
			t.Errorf("%q = %v (%v), want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"secret", "=secret", "a b=secret", "k=secret%", "k=secret%0a", "k=x,secret"} {
		o := Options{Config: config.Default(), Log: zap.NewNop()}
		o.Config.Tracing.OTLPEndpoint, o.Config.Tracing.OTLPHeaders = "http://127.0.0.1:1/v1/traces", config.NewSecret(text)
		_, err := Open(o)
		if err == nil || !strings.HasPrefix(err.Error(), "tracing.otlp_headers: ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: error = %v, want one that names the key and not the value", text, err)
		}
	}
}

func TestHeadersAreSentToTheCollectorAlone(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Config.Tracing.OTLPHeaders = config.NewSecret("X-Api-Key=canary-key") })
	asked := make(chan string, 8)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get("X-Api-Key") }))
	defer elsewhere.Close()
	w.collector.Answer(func(rw http.ResponseWriter, r *http.Request) bool {
		if got := r.Header.Get("X-Api-Key"); got != "canary-key" {
			t.Errorf("X-Api-Key = %q, want it", got)
		}
		http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
		return false
	})
	w.ask(call("ann"))
	if err := w.telemetry.Close(t.Context()); err == nil {
		t.Error("Close says that all was sent, want an error")
	}
	select {
	case got := <-asked:
		t.Errorf("another host was asked, with the key %q; want redirects left alone", got)
	default:
	}
	wantLost(t, w.log, "it answers 307 Temporary Redirect", 1)
}

// wantLost checks the one line about what was lost, and that it shows no key.
func wantLost(t *testing.T, log *observer.ObservedLogs, cause string, lost uint64) {
	t.Helper()
	lines := log.FilterMessage("telemetry is lost: the collector does not take it").All()
	if len(lines) != 1 {
		t.Fatalf("%d lines say that something is lost, want one: %v", len(lines), lines)
	}
	fields := lines[0].ContextMap()
	if got, _ := fields["cause"].(string); !strings.Contains(got, cause) || fields["lost"] != lost {
		t.Errorf("the log says %v, want the cause %q and %d lost", fields, cause, lost)
	}
	for _, line := range log.All() {
		for name, value := range line.ContextMap() {
			if text, ok := value.(string); ok && strings.Contains(text, "canary") {
				t.Errorf("the log's %s = %q shows a secret", name, text)
			}
		}
	}
}

func TestACollectorThatRefuses(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Config.Tracing.OTLPHeaders = config.NewSecret("X-Api-Key=canary-key") })
	w.collector.Answer(func(rw http.ResponseWriter, r *http.Request) bool {
		http.Error(rw, "no such key: "+r.Header.Get("X-Api-Key"), http.StatusUnauthorized)
		return false
	})
	w.ask(call("ann"))
	w.ask(call("ann"))
	if err := w.telemetry.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "traces") || strings.Contains(err.Error(), "canary") {
		t.Errorf("Close: %v, want to hear that the last traces are lost", err)
	}
	wantLost(t, w.log, "it answers 401 Unauthorized", 2)
}

func TestACollectorThatIsNotThere(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	w := newWorld(t, func(o *Options) {
		o.Config.Tracing.OTLPEndpoint = strings.Replace(gone.URL, "//", "//user:canary@", 1) + "/v1/traces?key=canary"
	})
	for range 100 {
		if answer := w.ask(call("ann")); !strings.Contains(answer, "found ann") {
			t.Fatalf("a call while no collector is there: %s, want its answer", answer)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.telemetry.Close(ctx); err == nil {
		t.Error("Close says that all was sent, want an error")
	}
	wantLost(t, w.log, "", 100)
}

// TestACollectorThatDoesNotAnswer: spans wait in a bounded place, those that have no room are counted, and no call waits.
func TestACollectorThatDoesNotAnswer(t *testing.T) {
	const more = 100
	w := newWorld(t)
	held := make(chan struct{})
	asked := make(chan struct{}, 64)
	w.collector.Answer(func(_ http.ResponseWriter, r *http.Request) bool {
		asked <- struct{}{}
		select {
		case <-held:
		case <-r.Context().Done():
		}
		return true
	})
	tr := w.telemetry.traces
	for range maxWaiting + more {
		_, done := tr.begin(t.Context(), mcp.Beginning{Method: "ping"})
		done(mcp.Outcome{Method: "ping"})
	}
	<-asked
	if got := tr.waiting.Load(); got != maxWaiting {
		t.Errorf("%d spans wait, want %d", got, maxWaiting)
	}
	if got := tr.lost.Load(); got != more {
		t.Errorf("%d spans are lost, want %d", got, more)
	}
	close(held)
	w.collector.Wait(t, "every span that waited", func() bool { return len(w.collector.Spans()) == maxWaiting })
	if got := slices.Max(w.collector.Batches()); got > maxBatch {
		t.Errorf("%d spans in one request, want at most %d", got, maxBatch)
	}
	w.close()
	if got := tr.waiting.Load(); got != 0 {
		t.Errorf("%d spans wait at the end, want none", got)
	}
}

func TestCloseWaitsNoLongerThanItMay(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Config.Metrics.OTLPEndpoint = strings.Replace(o.Config.Tracing.OTLPEndpoint, "traces", "metrics", 1)
	})
	asked := make(chan struct{}, 8)
	w.collector.Answer(func(_ http.ResponseWriter, r *http.Request) bool {
		asked <- struct{}{}
		<-r.Context().Done()
		return false
	})
	w.ask(call("ann"))
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- w.telemetry.Close(ctx) }()
	<-asked
	<-asked // both signals are on their way
	cancel()
	if err := <-closed; err == nil || !strings.Contains(err.Error(), "traces") || !strings.Contains(err.Error(), "metrics") {
		t.Errorf("Close: %v, want to hear that traces and metrics are lost", err)
	}
}

func TestTheLogIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.InfoLevel)
		c := &courier{signal: "traces", endpoint: "http://collector.example/v1/traces?key=canary", sending: t.Context(), log: zap.New(core)}
		c.sent(nil, 1)
		c.blame("it answers 503 Service Unavailable")
		for range 10 {
			c.sent(errors.New("canary"), 5)
			<-time.After(complainEvery / 5)
		}
		c.sent(nil, 1)
		c.sent(nil, 1)
		var got []string
		for _, line := range log.All() {
			got = append(got, line.Message)
		}
		const lost = "telemetry is lost: the collector does not take it"
		if want := []string{lost, lost, "telemetry is taken again"}; !slices.Equal(got, want) {
			t.Errorf("log = %q, want %q: a line a minute at most", got, want)
		}
		if second := log.All()[1].ContextMap(); second["lost"] != uint64(25) || second["lost_in_all"] != uint64(30) || second["collector"] != "collector.example" {
			t.Errorf("the second line says %v, want 25 since the first, 30 in all, and the host alone", second)
		}
	})
}
