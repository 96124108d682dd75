package telemetry

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"toolgate/handlers"
	"toolgate/mcp"
)

// toMetrics has metrics sent to the collector too.
func toMetrics(from prometheus.Gatherer) func(*Options) {
	return func(o *Options) {
		o.Metrics = from
		o.Config.Metrics.OTLPEndpoint = strings.Replace(o.Config.Tracing.OTLPEndpoint, "/v1/traces", "/v1/metrics", 1)
		o.Config.Tracing.OTLPEndpoint = ""
	}
}

func TestMetricsHaveTheConventionsNames(t *testing.T) {
	m := handlers.NewMetrics("1.2.3")
	told := m.Observer(nil)
	told.Done(mcp.Outcome{Method: "tools/call", Tool: "find_user", Wire: mcp.WireHTTP, Revision: "2025-06-18", Took: time.Second})
	told.Done(mcp.Outcome{Method: "tools/call", Tool: "find_user", Wire: mcp.WireStdio, Revision: "2025-06-18", Error: "tool_error"})
	told.Done(mcp.Outcome{Method: "ping", Wire: mcp.WireSSE, Revision: "2024-11-05"})
	told.SessionClosed(mcp.WireSSE, mcp.ErrShuttingDown, time.Minute)
	m.Reloaded(true)
	m.Upstream("Jira", "503", time.Second)
	w := newWorld(t, toMetrics(m.Gatherer()))
	if w.telemetry.Observer().Begin != nil {
		t.Error("requests are traced, want metrics alone")
	}
	w.close() // sends them a last time
	operations := w.collector.Metric("mcp.server.operation.duration")
	if operations.Unit != "s" || operations.Kind != "histogram" || len(operations.Points) != 3 {
		t.Fatalf("mcp.server.operation.duration = %+v, want a histogram in s of three points", operations)
	}
	find := func(method, failed string) (found map[string]string) {
		for _, p := range operations.Points {
			if p.Attributes["mcp.method.name"] == method && p.Attributes["error.type"] == failed {
				found = maps.Clone(p.Attributes)
				if p.Value != 1 || len(p.Bounds) != 14 || p.Bounds[0] != 0.01 || p.Bounds[13] != 300 {
					t.Errorf("%s: %v in buckets %v, want 1 in the conventions'", method, p.Value, p.Bounds)
				}
			}
		}
		return found
	}
	tool := map[string]string{
		"mcp.method.name": "tools/call", "gen_ai.tool.name": "find_user", "gen_ai.operation.name": "execute_tool",
		"mcp.protocol.version": "2025-06-18", "network.transport": "tcp",
	}
	if diff := cmp.Diff(tool, find("tools/call", "")); diff != "" {
		t.Errorf("a call (-want +got):\n%s", diff)
	}
	tool["error.type"], tool["network.transport"] = "tool_error", "pipe"
	if diff := cmp.Diff(tool, find("tools/call", "tool_error")); diff != "" {
		t.Errorf("a tool's error (-want +got):\n%s", diff)
	}
	ping := map[string]string{"mcp.method.name": "ping", "mcp.protocol.version": "2024-11-05", "network.transport": "tcp"}
	if diff := cmp.Diff(ping, find("ping", "")); diff != "" {
		t.Errorf("a ping (-want +got):\n%s", diff)
	}
	if got := operations.Resource; got["service.name"] != "toolgate" || got["service.version"] != "1.2.3" || got["service.instance.id"] == "" {
		t.Errorf("resource = %v, want name, version and instance", got)
	}
	for name, kind := range map[string]string{
		"mcp.server.session.duration":        "histogram",
		"toolgate.upstream.request.duration": "histogram",
		"toolgate.config.reloads":            "sum",
		"toolgate.http.refused":              "sum",
		"toolgate.calls.stuck":               "gauge",
		"toolgate.build.info":                "gauge",
		"go_goroutines":                      "gauge",
		"process_cpu_seconds_total":          "sum",
	} {
		if got := w.collector.Metric(name); got.Kind != kind {
			t.Errorf("%s = %+v, want a %s", name, got, kind)
		}
	}
	for _, name := range []string{"mcp_server_operation_duration_seconds", "toolgate_config_reloads_total"} {
		if got := w.collector.Metric(name); got.Name != "" {
			t.Errorf("%s is sent, want OpenTelemetry's spelling alone", name)
		}
	}
}

func TestMetricsAreSentAgainAndAgain(t *testing.T) {
	m := handlers.NewMetrics("1")
	w := newWorld(t, toMetrics(m.Gatherer()), func(o *Options) { o.Config.Metrics.OTLPInterval = 20 * time.Millisecond })
	done := m.Observer(nil).Done
	requests := func() (n float64) {
		for _, p := range w.collector.Metric("mcp.server.operation.duration").Points {
			n += p.Value
		}
		return n
	}
	for n := range 3 {
		done(mcp.Outcome{Method: "ping"})
		w.collector.Wait(t, "the request just made", func() bool { return requests() == float64(n+1) })
	}
	w.close()
}

func TestMetricsThatCannotBeReadLeaveTheOthers(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "toolgate_sessions", Help: "Live sessions."}, func() float64 { return 3 }))
	registry.MustRegister(broken{prometheus.NewDesc("toolgate_streams", "Streams.", nil, nil)})
	w := newWorld(t, toMetrics(registry))
	w.close()
	if got := w.collector.Metric("toolgate.sessions"); len(got.Points) != 1 || got.Points[0].Value != 3 {
		t.Errorf("toolgate.sessions = %+v, want 3", got)
	}
	if n := w.log.FilterMessage("some metrics cannot be read, and are not sent").Len(); n != 1 {
		t.Errorf("%d lines in the log about it, want one", n)
	}
}

// broken is a metric that cannot be read.
type broken struct{ desc *prometheus.Desc }

func (b broken) Describe(c chan<- *prometheus.Desc) { c <- b.desc }
func (b broken) Collect(c chan<- prometheus.Metric) {
	c <- prometheus.NewInvalidMetric(b.desc, errors.New("it cannot be read"))
}
