package telemetry

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.uber.org/zap"
)

// metrics sends what Prometheus would fetch, under the names of OpenTelemetry's conventions.
type metrics struct {
	*courier
	reader metric.Reader
}

func openMetrics(c *courier, from prometheus.Gatherer, every time.Duration, about *resource.Resource) (*metrics, error) {
	u, err := url.Parse(c.endpoint)
	if err != nil {
		return nil, errors.New("it cannot be read") // the cause quotes it
	}
	exporter, err := otlpmetrichttp.New(context.Background(),
		otlpmetrichttp.WithEndpointURL(c.endpoint), otlpmetrichttp.WithURLPath(pathOf(u)),
		otlpmetrichttp.WithHeaders(c.headers), otlpmetrichttp.WithTimeout(sendTimeout), otlpmetrichttp.WithHTTPClient(c.client()),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{
			Enabled: true, InitialInterval: retryInitial, MaxInterval: retryMax, MaxElapsedTime: retryElapsed,
		}))
	if err != nil {
		return nil, err
	}
	producer := renamed{bridge.NewMetricProducer(bridge.WithGatherer(patient{from, c.log}))}
	reader := metric.NewPeriodicReader(&metricExporter{exporter, c}, metric.WithInterval(every),
		metric.WithTimeout(retryElapsed+sendTimeout), metric.WithProducer(producer))
	metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(about)) // has no meters: it gives the reader its resource
	return &metrics{c, reader}, nil
}

// metricExporter keeps the exporter's errors from the SDK, which would tell them to the whole process.
type metricExporter struct {
	metric.Exporter
	c *courier
}

// Export implements metric.Exporter.
func (e *metricExporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	bound, cancel := e.c.within(ctx)
	defer cancel()
	err := e.Exporter.Export(bound, rm)
	if err != nil && ctx.Err() != nil && e.c.sending.Err() == nil { // the reader stops: its last export says all of this again
		e.c.undone.Store(true)
		return nil
	}
	e.c.sent(err, 1)
	return nil
}

// Shutdown implements metric.Exporter. It is called when the last export was sent, or given up.
func (e *metricExporter) Shutdown(ctx context.Context) error {
	defer e.c.over()
	return e.Exporter.Shutdown(ctx)
}

// patient gives what there is of the metrics where some cannot be had.
type patient struct {
	prometheus.Gatherer
	log *zap.Logger
}

// Gather implements prometheus.Gatherer.
func (p patient) Gather() ([]*dto.MetricFamily, error) {
	families, err := p.Gatherer.Gather()
	if err != nil {
		p.log.Warn("some metrics cannot be read, and are not sent", zap.Error(err))
	}
	return families, nil
}

// renamed gives metrics the names that OpenTelemetry's conventions have for them.
type renamed struct{ metric.Producer }

// Produce implements metric.Producer.
func (r renamed) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	scopes, err := r.Producer.Produce(ctx)
	for i := range scopes {
		scopes[i].Scope = instrumentation.Scope{Name: scope, SchemaURL: semconv.SchemaURL}
		for j := range scopes[i].Metrics {
			rename(&scopes[i].Metrics[j])
		}
	}
	return scopes, err
}

// rename spells a metric of ours as OpenTelemetry does, where Prometheus has its unit and kind in its name. Those of the
// Go runtime and of the process stay as they are: their names are Prometheus's own.
func rename(m *metricdata.Metrics) {
	if !strings.HasPrefix(m.Name, "mcp_") && !strings.HasPrefix(m.Name, "toolgate_") {
		return
	}
	name := strings.TrimSuffix(m.Name, "_total")
	for suffix, unit := range map[string]string{"_seconds": "s", "_bytes": "By"} {
		if short, ok := strings.CutSuffix(name, suffix); ok {
			name, m.Unit = short, unit
		}
	}
	m.Name = strings.ReplaceAll(name, "_", ".")
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for i := range data.DataPoints {
			data.DataPoints[i].Attributes = spelled(data.DataPoints[i].Attributes)
		}
	case metricdata.Sum[float64]:
		for i := range data.DataPoints {
			data.DataPoints[i].Attributes = spelled(data.DataPoints[i].Attributes)
		}
	case metricdata.Gauge[float64]:
		for i := range data.DataPoints {
			data.DataPoints[i].Attributes = spelled(data.DataPoints[i].Attributes)
		}
	}
}

// spelled is labels as the attributes that they stand for. An empty label is none, as in Prometheus.
func spelled(labels attribute.Set) attribute.Set {
	attributes := make([]attribute.KeyValue, 0, labels.Len()+1)
	for _, label := range labels.ToSlice() {
		if label.Value.AsString() == "" {
			continue
		}
		key := conventional(label.Key)
		attributes = append(attributes, attribute.KeyValue{Key: key, Value: label.Value})
		if key == semconv.GenAIToolNameKey {
			attributes = append(attributes, semconv.GenAIOperationNameExecuteTool)
		}
	}
	return attribute.NewSet(attributes...)
}

// conventional is the attribute that a label is spelled after; any other label is its own.
func conventional(label attribute.Key) attribute.Key {
	switch label {
	case "mcp_method_name":
		return semconv.McpMethodNameKey
	case "mcp_protocol_version":
		return semconv.McpProtocolVersionKey
	case "gen_ai_tool_name":
		return semconv.GenAIToolNameKey
	case "network_transport":
		return semconv.NetworkTransportKey
	case "error_type":
		return semconv.ErrorTypeKey
	}
	return label
}
