// Package telemetry sends traces and metrics to OpenTelemetry collectors, by OTLP over HTTP, in the words of OpenTelemetry's
// conventions for MCP. Nothing that a request holds is among them: no arguments, results, URIs, credentials or session ids.
//
// No call waits for it. Spans wait in a bounded queue, and are dropped and counted where the collector is too slow; what
// could not be sent is logged once a minute. Nothing of it is global to the process.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// scope is what signs all that is sent.
const scope = "toolgate"

// Options are what telemetry stands on; all are required.
type Options struct {
	Config  config.Config
	Version string
	Metrics prometheus.Gatherer // what is sent of metrics
	Log     *zap.Logger
}

// Telemetry is the exports that the configuration names; none, where it names none.
type Telemetry struct {
	traces  *traces  // nil: none
	metrics *metrics // nil: none

	base   *http.Transport    // to the collectors; nil where there is none
	cancel context.CancelFunc // ends what is being sent
}

// Open starts the exports; Close ends them. It asks no network: a collector that is not there is one that comes later, and
// the log says so. Its errors name the key at fault.
func Open(o Options) (*Telemetry, error) {
	t := &Telemetry{cancel: func() {}}
	tracing, metering := o.Config.Tracing.OTLPEndpoint, o.Config.Metrics.OTLPEndpoint
	if tracing == "" && metering == "" {
		return t, nil
	}
	headers, err := parseHeaders(o.Config.Tracing.OTLPHeaders.Reveal())
	if err != nil {
		return nil, fmt.Errorf("tracing.otlp_headers: %w", err)
	}
	about := describe(o)
	var sending context.Context
	sending, t.cancel = context.WithCancel(context.Background())
	t.base = newTransport()
	open := func(signal, endpoint string) *courier {
		return &courier{
			signal: signal, endpoint: endpoint, headers: headers, base: t.base, sending: sending, log: o.Log,
			gone: make(chan struct{}),
		}
	}
	if tracing != "" {
		if t.traces, err = openTraces(open("traces", tracing), o.Config.Tracing.Sample, about); err != nil {
			return nil, t.abort(fmt.Errorf("tracing.otlp_endpoint: %w", err))
		}
	}
	if metering != "" {
		if t.metrics, err = openMetrics(open("metrics", metering), o.Metrics, o.Config.Metrics.OTLPInterval, about); err != nil {
			return nil, t.abort(fmt.Errorf("metrics.otlp_endpoint: %w", err))
		}
	}
	return t, nil
}

// describe is what all that is sent says about who sends it. What OTEL_RESOURCE_ATTRIBUTES says is added by the SDK.
func describe(o Options) *resource.Resource {
	return resource.NewSchemaless(
		semconv.ServiceName(o.Config.Tracing.ServiceName),
		semconv.ServiceVersion(o.Version),
		semconv.ServiceInstanceID(uuid.NewString()), // of this process: a restart is another
		semconv.TelemetrySDKLanguageGo,
		semconv.TelemetrySDKName("opentelemetry"),
	)
}

// Observer traces requests; it is empty where no traces are exported.
func (t *Telemetry) Observer() mcp.Observer {
	if t.traces == nil {
		return mcp.Observer{}
	}
	return mcp.Observer{Begin: t.traces.begin}
}

// closeGrace is what Close takes where ctx sets no bound.
const closeGrace = 5 * time.Second

// Close sends what waits, until ctx ends; what it could not send by then is lost, which is its error. Nothing of telemetry
// runs when it has returned. It is called once, when nothing is traced any more.
func (t *Telemetry) Close(ctx context.Context) error {
	if t.base == nil {
		return nil
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, closeGrace)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, t.cancel)
	defer stop()
	var tracing, metering error
	var both sync.WaitGroup // of two collectors, one that does not answer must not use up the other's time
	if t.traces != nil {
		both.Go(func() { tracing = t.traces.close(ctx, t.traces.batches.Shutdown) })
	}
	if t.metrics != nil {
		both.Go(func() { metering = t.metrics.close(ctx, t.metrics.reader.Shutdown) })
	}
	both.Wait()
	t.cancel()
	t.base.CloseIdleConnections()
	return errors.Join(tracing, metering)
}

// abort closes what is open already, and returns why.
func (t *Telemetry) abort(why error) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = t.Close(ctx) // nothing waits to be sent
	return why
}
