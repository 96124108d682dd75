package handlers

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"toolgate/mcp"
)

// Metrics counts what happens, under the names of OpenTelemetry's conventions for MCP as Prometheus spells them. Nothing
// is labelled by session, principal or any other text of a stranger's choice.
type Metrics struct {
	registry   *prometheus.Registry
	operations *prometheus.HistogramVec
	lifetimes  *prometheus.HistogramVec
	stuck      prometheus.Gauge
	dropped    prometheus.Counter
	edge
}

// operationBuckets are the conventions', in seconds.
var operationBuckets = []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300}

// NewMetrics makes the metrics of one process. Sessions is asked at each scrape.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		operations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mcp_server_operation_duration_seconds", Help: "Time from a request's arrival at the dispatcher to its answer.",
			Buckets: operationBuckets,
		}, []string{"mcp_method_name", "gen_ai_tool_name", "mcp_protocol_version", "network_transport", "error_type"}),
		lifetimes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mcp_server_session_duration_seconds", Help: "Life of a session.",
			Buckets: operationBuckets,
		}, []string{"network_transport", "error_type"}),
		stuck: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "toolgate_calls_stuck", Help: "Calls that were answered at their deadline and whose tool still runs.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "toolgate_log_messages_dropped_total", Help: "Log messages not sent to clients that read too slowly.",
		}),
		edge: newEdge(),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "toolgate_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.operations, m.lifetimes, m.stuck, m.dropped, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.edge.register(m.registry)
	return m
}

// Watch adds the gauges of live sessions.
func (m *Metrics) Watch(s Sessions) {
	gauge := func(name, help string, value func() int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(value()) }))
	}
	gauge("toolgate_sessions", "Live sessions.", func() int { n, _ := s.Count(); return n })
	gauge("toolgate_streams", "Sessions whose stream is open.", func() int { _, n := s.Count(); return n })
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Gatherer is what the metrics are read from, by whatever sends them elsewhere.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Dropped counts a log message that was not sent.
func (m *Metrics) Dropped() { m.dropped.Inc() }

// Observer counts; failed, which may be nil, is handed on.
func (m *Metrics) Observer(failed func(o mcp.Outcome, errorID string, err error)) mcp.Observer {
	return mcp.Observer{
		Done: func(o mcp.Outcome) {
			m.operations.WithLabelValues(o.Method, o.Tool, o.Revision, transport(o.Wire), o.Error).Observe(o.Took.Seconds())
		},
		SessionClosed: func(w mcp.Wire, cause error, lasted time.Duration) {
			m.lifetimes.WithLabelValues(transport(w), mcp.EndReason(cause)).Observe(lasted.Seconds())
		},
		Stuck:  func(delta int) { m.stuck.Add(float64(delta)) },
		Failed: failed,
	}
}

// transport is network.transport of the conventions.
func transport(w mcp.Wire) string {
	if w == mcp.WireStdio {
		return "pipe"
	}
	return "tcp"
}
