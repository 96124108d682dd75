package telemetry

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"toolgate/mcp"
)

// Bounds of what waits to be sent. A span is about 2 KiB: 4 MiB at most are kept for a collector that is slow.
const (
	maxWaiting  = 2048 // spans
	maxBatch    = 512  // spans of one request to the collector
	batchEvery  = 2 * time.Second
	maxText     = 128 // bytes of an attribute that a stranger chose
	maxAttached = 32  // attributes, events or links of a span
)

// traces makes a span of each request.
type traces struct {
	*courier
	batches sdktrace.SpanProcessor
	tracer  trace.Tracer
	waiting atomic.Int64 // spans that are ended and not sent
}

func openTraces(c *courier, percent int, about *resource.Resource) (*traces, error) {
	u, err := url.Parse(c.endpoint)
	if err != nil {
		return nil, errors.New("it cannot be read") // the cause quotes it
	}
	exporter, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(c.endpoint), otlptracehttp.WithURLPath(pathOf(u)),
		otlptracehttp.WithHeaders(c.headers), otlptracehttp.WithTimeout(sendTimeout), otlptracehttp.WithHTTPClient(c.client()),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: retryInitial, MaxInterval: retryMax, MaxElapsedTime: retryElapsed,
		}))
	if err != nil {
		return nil, err
	}
	t := &traces{courier: c}
	limits := sdktrace.SpanLimits{
		AttributeValueLengthLimit: maxText, AttributeCountLimit: maxAttached, EventCountLimit: maxAttached, LinkCountLimit: maxAttached,
		AttributePerEventCountLimit: maxAttached, AttributePerLinkCountLimit: maxAttached,
	}
	t.batches = sdktrace.NewBatchSpanProcessor(&spanExporter{exporter, t}, sdktrace.WithMaxQueueSize(maxWaiting),
		sdktrace.WithMaxExportBatchSize(maxBatch), sdktrace.WithBatchTimeout(batchEvery), sdktrace.WithExportTimeout(retryElapsed+sendTimeout))
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(float64(percent)/100))),
		sdktrace.WithSpanProcessor(&queue{t.batches, t}))
	t.tracer = provider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	return t, nil
}

func pathOf(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.Path
}

// begin is mcp.Observer's: a span of the kind server, of the trace that the request says it belongs to.
func (t *traces) begin(ctx context.Context, b mcp.Beginning) (context.Context, func(mcp.Outcome)) {
	if b.Trace.Parent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, carrier(b.Trace))
	}
	ctx, span := t.tracer.Start(ctx, b.Method, trace.WithSpanKind(trace.SpanKindServer))
	if !span.IsRecording() {
		return ctx, nil
	}
	return ctx, func(o mcp.Outcome) { end(span, o) }
}

// end says what came of a request, in the conventions' words, and ends its span.
func end(span trace.Span, o mcp.Outcome) {
	attributes := make([]attribute.KeyValue, 0, 14)
	attributes = append(attributes, semconv.McpMethodNameKey.String(o.Method), semconv.JSONRPCRequestID(requestID(o.ID)))
	switch o.Wire {
	case mcp.WireStdio:
		attributes = append(attributes, semconv.NetworkTransportPipe)
	case mcp.WireLocal:
	default:
		attributes = append(attributes, semconv.NetworkTransportTCP, semconv.NetworkProtocolName("http"))
	}
	for _, known := range [...]struct {
		key  attribute.Key
		text string
	}{
		{semconv.McpProtocolVersionKey, o.Revision},
		{semconv.McpSessionIDKey, o.Session},
		{semconv.ClientAddressKey, o.Addr},
	} {
		if known.text != "" {
			attributes = append(attributes, known.key.String(known.text))
		}
	}
	if o.Tool != "" {
		span.SetName(o.Method + " " + o.Tool)
		attributes = append(attributes, semconv.GenAIToolName(o.Tool), semconv.GenAIOperationNameExecuteTool)
	}
	if o.Prompt != "" {
		span.SetName(o.Method + " " + o.Prompt)
		attributes = append(attributes, semconv.GenAIPromptName(o.Prompt))
	}
	if o.Error != "" {
		span.SetStatus(codes.Error, "")
		attributes = append(attributes, semconv.ErrorTypeKey.String(o.Error))
		if strings.HasPrefix(o.Error, "-") { // a code of JSON-RPC
			attributes = append(attributes, semconv.RPCResponseStatusCode(o.Error))
		}
	}
	span.SetAttributes(attributes...)
	span.End()
}

// requestID is an id as the conventions have it: a string without its quotes.
func requestID(id mcp.ID) string { return strings.Trim(id.String(), `"`) }

// maxState is the bytes of a tracestate that is taken: what the recommendation has everybody pass on. Spans keep it, and those
// below them.
const maxState = 512

// carrier is a request's trace context as propagators read it. Its baggage is not read: nothing here uses it, and what
// strangers put there must not travel on.
type carrier mcp.Trace

// Get implements propagation.TextMapCarrier.
func (c carrier) Get(key string) string {
	switch key {
	case "traceparent":
		return c.Parent
	case "tracestate":
		if len(c.State) > maxState {
			return ""
		}
		return c.State
	}
	return ""
}

// Set implements propagation.TextMapCarrier; nothing is written to requests that came.
func (carrier) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (carrier) Keys() []string { return []string{"traceparent", "tracestate"} }

// queue lets spans wait to be sent, and drops and counts those that have no room: the SDK's own counts of what it drops
// are not to be had.
type queue struct {
	sdktrace.SpanProcessor
	t *traces
}

// OnEnd implements sdktrace.SpanProcessor. It never blocks.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.t.waiting.Add(1) > maxWaiting {
		q.t.waiting.Add(-1)
		q.t.courier.drop()
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// spanExporter keeps the exporter's errors from the SDK, which would tell them to the whole process.
type spanExporter struct {
	sdktrace.SpanExporter
	t *traces
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := e.t.courier.within(ctx)
	defer cancel()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.t.courier.sent(err, len(spans))
	e.t.waiting.Add(-int64(len(spans)))
	return nil
}

// Shutdown implements sdktrace.SpanExporter. It is called when the last span was sent, or given up.
func (e *spanExporter) Shutdown(ctx context.Context) error {
	defer e.t.courier.over()
	return e.SpanExporter.Shutdown(ctx)
}
