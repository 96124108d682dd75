package egress

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// inTrace is a ctx in a span, whose trace came from a stranger with a state, and the spans that end.
func inTrace(t *testing.T, sampler sdktrace.Sampler) (context.Context, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithSampler(sampler))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	state, err := trace.ParseTraceState("vendor=canary")
	if err != nil {
		t.Fatal(err)
	}
	stranger := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceState: state, Remote: true})
	ctx, _ := provider.Tracer("test").Start(trace.ContextWithSpanContext(t.Context(), stranger), "tools/call")
	return ctx, spans
}

func TestUpstreamsAreToldTheTrace(t *testing.T) {
	var told http.Header
	c := local(t, func(_ http.ResponseWriter, r *http.Request) { told = r.Header.Clone() }, Options{Name: "Jira"})
	ctx, spans := inTrace(t, sdktrace.AlwaysSample())
	request := Request{Path: "/canary/path", Query: map[string][]string{"key": {"canary"}}, Header: map[string]string{"Authorization": "canary", "Tracestate": "own=1"}}
	if _, err := c.Do(ctx, request); err != nil {
		t.Fatal(err)
	}
	if got := spans.GetSpans(); len(got) != 1 {
		t.Fatalf("spans = %v, want one", got)
	}
	span := spans.GetSpans()[0]
	above := trace.SpanContextFromContext(ctx)
	if want := fmt.Sprintf("00-%s-%s-01", above.TraceID(), span.SpanContext.SpanID()); told.Get("Traceparent") != want {
		t.Errorf("traceparent = %q, want that of the span, %q", told.Get("Traceparent"), want)
	}
	if got := told.Get("Tracestate"); strings.Contains(got, "canary") {
		t.Errorf("tracestate = %q, want nothing of the stranger's", got)
	}
	if span.Name != "GET" || span.SpanKind != trace.SpanKindClient || span.Parent.SpanID() != above.SpanID() || span.Status.Code != codes.Unset {
		t.Errorf("span = %s of kind %s below %s with %v, want a client's GET below the call's", span.Name, span.SpanKind, span.Parent.SpanID(), span.Status)
	}
	var said []string
	for _, a := range span.Attributes {
		said = append(said, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(said)
	want := []string{"http.request.method=GET", "http.response.status_code=200", "server.address=127.0.0.1", "server.port=" + c.base.Port(), "service.peer.name=Jira"}
	if !slices.Equal(said, want) {
		t.Errorf("attributes = %q, want %q and nothing of the path, query or headers", said, want)
	}
}

func TestWhatIsNotTracedIsToldNothing(t *testing.T) {
	var told http.Header
	c := local(t, func(_ http.ResponseWriter, r *http.Request) { told = r.Header.Clone() }, Options{})
	get(t, c, "/")
	if got := told.Get("Traceparent"); got != "" {
		t.Errorf("traceparent = %q, want none", got)
	}
	ctx, spans := inTrace(t, sdktrace.NeverSample())
	if _, err := c.Do(ctx, Request{}); err != nil {
		t.Fatal(err)
	}
	if got := told.Get("Traceparent"); !strings.HasPrefix(got, "00-01") || !strings.HasSuffix(got, "-00") {
		t.Errorf("traceparent = %q, want the caller's trace, not sampled", got)
	}
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("spans = %v, want none", got)
	}
}

func TestHostsOfRedirectsAreNotToldTheTrace(t *testing.T) {
	ctx, spans := inTrace(t, sdktrace.AlwaysSample())
	told := map[string]string{}
	bubble(t, Options{Follow: []string{"blob.example"}}, func(w http.ResponseWriter, r *http.Request) {
		told[r.Host] = r.Header.Get("Traceparent")
		if r.Host == "jira.example" {
			http.Redirect(w, r, "http://blob.example/signed?key=canary", http.StatusFound)
		}
	}, func(t *testing.T, c *Client) {
		own, cancel := context.WithCancel(trace.ContextWithSpan(t.Context(), trace.SpanFromContext(ctx)))
		defer cancel()
		if _, err := c.Do(own, Request{}); err != nil {
			t.Fatal(err)
		}
	})
	if told["jira.example"] == "" || told["blob.example"] != "" {
		t.Errorf("told %q, want the upstream alone to know the trace", told)
	}
	if got := len(spans.GetSpans()); got != 2 {
		t.Errorf("%d spans, want one a request", got)
	}
}

func TestOutcomes(t *testing.T) {
	type seen struct{ upstream, outcome string }
	for name, test := range map[string]struct {
		opts    Options
		handler http.HandlerFunc
		calls   int
		want    []string
	}{
		"an answer":   {Options{}, func(http.ResponseWriter, *http.Request) {}, 1, []string{"200"}},
		"none such":   {Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 1, []string{"404"}},
		"retries":     {Options{Retries: 1}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, 1, []string{"503", "503"}},
		"too large":   {Options{MaxBody: 1}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("xx")) }, 1, []string{"too_large"}},
		"too late":    {Options{Retries: -1}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 1, []string{"timeout"}},
		"broken off":  {Options{Retries: -1}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 1, []string{"unreachable"}},
		"the breaker": {Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, 6, []string{"502", "502", "502", "502", "502", "open"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.opts, test.handler, func(t *testing.T, c *Client) {
				var mu sync.Mutex
				var got []seen
				ctx := Watch(t.Context(), func(upstream, outcome string, took time.Duration) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, seen{upstream, outcome})
					if took < 0 || outcome == "timeout" && took != firstByteTimeout {
						t.Errorf("%s took %s", outcome, took)
					}
				})
				for range test.calls {
					_, _ = c.Do(ctx, Request{}) // what it comes to is what is watched
				}
				var want []seen
				for _, outcome := range test.want {
					want = append(want, seen{"Jira", outcome})
				}
				if !slices.Equal(got, want) {
					t.Errorf("heard of %v, want %v", got, want)
				}
			})
		})
	}
}

func TestOutcomesWithoutAnAnswer(t *testing.T) {
	outcomes := make(chan string, 4)
	watched := func(ctx context.Context) context.Context {
		return Watch(ctx, func(_, outcome string, _ time.Duration) { outcomes <- outcome })
	}
	inside := made(t, Options{Name: "Jira", BaseURL: "http://127.0.0.1:1"}, wires{}) // not among Private
	_, err := inside.Do(watched(t.Context()), Request{})
	wantError(t, err, 0, ErrRefused)
	if got := <-outcomes; got != "refused" {
		t.Errorf("an address that is not asked: %q, want refused", got)
	}
	asked := make(chan struct{})
	c := local(t, func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() }, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := c.Do(watched(ctx), Request{}); err == nil {
		t.Fatal("no error, want one")
	}
	if got := <-outcomes; got != "cancelled" {
		t.Errorf("a caller that goes: %q, want cancelled", got)
	}
}

func TestSpansOfFailures(t *testing.T) {
	c := local(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, Options{})
	ctx, spans := inTrace(t, sdktrace.AlwaysSample())
	if _, err := c.Do(ctx, Request{}); err == nil {
		t.Fatal("no error, want one")
	}
	gone := made(t, Options{Name: "Jira", BaseURL: "http://127.0.0.1:1/canary", Private: []string{"127.0.0.1"}, Retries: -1}, wires{})
	if _, err := gone.Do(ctx, Request{}); err == nil {
		t.Fatal("no error, want one")
	}
	var got []string
	for _, span := range spans.GetSpans() {
		for _, a := range span.Attributes {
			if a.Key == "error.type" {
				got = append(got, span.Status.Code.String()+" "+a.Value.AsString()+span.Status.Description)
			}
		}
	}
	if want := []string{"Error 404", "Error unreachable"}; !slices.Equal(got, want) {
		t.Errorf("failures = %q, want %q", got, want)
	}
}
