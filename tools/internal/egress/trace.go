package egress

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// tracerName is what signs the spans of this package.
const tracerName = "toolgate/egress"

// traced begins the span of one attempt, below the span that ctx carries, and tells the upstream of it. A ctx that carries
// none, as when nothing is traced, costs looking for it.
//
// The upstream is told the trace alone (W3C, Trace Context): a tracestate or baggage that came from a stranger goes no
// further, and hosts that requests are redirected to are told nothing. The span names the upstream's host, and nothing of
// the path or query, in which there are names and keys.
func (c *Client) traced(ctx context.Context, q *question, h http.Header) (context.Context, trace.Span) {
	above := trace.SpanFromContext(ctx)
	if !above.SpanContext().IsValid() {
		return ctx, nil
	}
	ctx, span := above.TracerProvider().Tracer(tracerName, trace.WithSchemaURL(semconv.SchemaURL)).
		Start(ctx, q.method, trace.WithSpanKind(trace.SpanKindClient))
	if span.IsRecording() {
		span.SetAttributes(semconv.HTTPRequestMethodKey.String(q.method), semconv.ServerAddress(q.url.Hostname()),
			semconv.ServerPort(portNumber(q.url)), semconv.ServicePeerName(c.opts.Name))
	}
	if q.home {
		told := trace.ContextWithSpanContext(ctx, span.SpanContext().WithTraceState(trace.TraceState{}))
		propagation.TraceContext{}.Inject(told, propagation.HeaderCarrier(h))
	}
	return ctx, span
}

// finish ends the span of an attempt; span may be nil.
func finish(ctx context.Context, span trace.Span, a *answer, err error) {
	if span == nil {
		return
	}
	defer span.End()
	if !span.IsRecording() {
		return
	}
	if a != nil {
		span.SetAttributes(semconv.HTTPResponseStatusCode(a.status))
	}
	if err != nil || a != nil && a.status >= http.StatusBadRequest {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(outcome(ctx, a, err)))
	}
}

func portNumber(u *url.URL) int {
	n, _ := strconv.Atoi(portOf(u)) // of a URL that was checked
	return n
}

// Watcher hears what came of each attempt to ask an upstream: its Name, an outcome, and how long it took. The outcome is a
// status as text, or one of timeout, cancelled, unreachable, refused (an address that is not asked), too_large and open
// (the breaker: it was not asked). It is called from many goroutines and must not block.
type Watcher func(upstream, outcome string, took time.Duration)

type watchKey struct{}

// Watch returns a ctx whose requests w hears of.
func Watch(ctx context.Context, w Watcher) context.Context {
	return context.WithValue(ctx, watchKey{}, w)
}

func watcher(ctx context.Context) Watcher {
	w, _ := ctx.Value(watchKey{}).(Watcher)
	return w
}

// outcome is one word about an attempt.
func outcome(ctx context.Context, a *answer, err error) string {
	var late interface{ Timeout() bool }
	switch {
	case err == nil:
		return strconv.Itoa(a.status)
	case errors.Is(err, ErrOpen):
		return "open"
	case errors.Is(err, ErrTooLarge):
		return "too_large"
	case errors.Is(err, ErrRefused):
		return "refused"
	case errors.As(err, &late) && late.Timeout():
		return "timeout"
	case ctx.Err() != nil:
		return "cancelled"
	}
	return "unreachable"
}
