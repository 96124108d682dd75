package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"toolgate/handlers/telemetry/telemetrytest"
)

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
	callersWord  = "00-" + callersTrace + "-" + callersSpan + "-01"
)

// shop is an API that tells what it was asked with.
func shop(asked chan<- http.Header) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Clone()
		orders(w, r)
	})
}

// traced is a server that sends traces and metrics to a collector, and what its upstream was asked with.
func traced(t *testing.T) (*server, *telemetrytest.Collector, chan http.Header) {
	t.Helper()
	collector := telemetrytest.New(t)
	asked := make(chan http.Header, 16)
	s, _ := observed(t, shop(asked),
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+collector.URL+"/v1/traces", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="+collector.URL+"/v1/metrics",
		"TOOLGATE_TRACING_OTLP_HEADERS=X-Api-Key=canary-key", "OTEL_SERVICE_NAME=office", "TOOLGATE_METRICS_OTLP_INTERVAL=1s")
	return s, collector, asked
}

// getOrder is a call of the tool that asks the upstream.
func getOrder(meta string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_order","arguments":{"id":"200"}` + meta + `}}`
}

// TestTracesGoThroughToUpstreams: a caller's trace, told by header or by the message, has the call in it, what the tool
// asked of its upstream below that, and what the upstream is told leads on from there.
func TestTracesGoThroughToUpstreams(t *testing.T) {
	s, collector, asked := traced(t)
	fromHeader := []string{"Traceparent", callersWord, "Tracestate", "vendor=canary-state", "Baggage", "user=canary-baggage"}
	asJSON := append([]string{"Content-Type", "application/json", "Accept", "application/json"}, fromHeader...)
	on := s.open(t, "/sse")
	endpoint := on.endpoint(t)
	calls := []func() string{
		func() string { return s.do(t, http.MethodPost, "/mcp", getOrder(""), asJSON...).body },
		func() string {
			return s.do(t, http.MethodPost, "/api/tools/get_order", `{"id":"200"}`, append([]string{"Content-Type", "application/json"}, fromHeader...)...).body
		},
		func() string { return s.ask(t, on, endpoint, getOrder(`,"_meta":{"traceparent":"`+callersWord+`"}`)) },
	}
	for i, call := range calls {
		if answer := call(); !strings.Contains(answer, "packed") {
			t.Fatalf("call %d: %s, want the order", i, answer)
		}
		told := <-asked
		if told.Get("Tracestate") != "" || told.Get("Baggage") != "" {
			t.Errorf("call %d: the upstream is told %q and %q, want nothing of what strangers put there", i, told.Get("Tracestate"), told.Get("Baggage"))
		}
		parent := strings.Split(told.Get("Traceparent"), "-")
		if len(parent) != 4 || parent[1] != callersTrace || parent[2] == callersSpan || parent[3] != "01" {
			t.Fatalf("call %d: the upstream is told %q, want a span of our own in the trace %s", i, told.Get("Traceparent"), callersTrace)
		}
		find := func(match func(telemetrytest.Span) bool) (found telemetrytest.Span) {
			collector.Wait(t, fmt.Sprintf("the spans of call %d", i), func() bool {
				spans := collector.Spans()
				at := slices.IndexFunc(spans, match)
				if at >= 0 {
					found = spans[at]
				}
				return at >= 0
			})
			return found
		}
		outward := find(func(s telemetrytest.Span) bool { return s.ID == parent[2] })
		if outward.Name != "GET" || outward.Kind != "CLIENT" || outward.Trace != callersTrace || outward.Attributes["http.response.status_code"] != "200" ||
			outward.Attributes["server.address"] != "127.0.0.1" || outward.Attributes["url.full"] != "" {
			t.Errorf("call %d: what was asked = %+v, want a client's span with the host and the status", i, outward)
		}
		inward := find(func(s telemetrytest.Span) bool { return s.ID == outward.Parent })
		if inward.Name != "tools/call get_order" || inward.Kind != "SERVER" || inward.Parent != callersSpan || inward.Trace != callersTrace ||
			inward.Attributes["gen_ai.tool.name"] != "get_order" || inward.Attributes["resource.service.name"] != "office" {
			t.Errorf("call %d = %+v, want a server's span below the caller's", i, inward)
		}
	}
	if got := collector.Headers().Get("X-Api-Key"); got != "canary-key" {
		t.Errorf("the collector's key = %q, want it sent", got)
	}
	if session := sessionID(t, endpoint); strings.Contains(collector.Raw(), session) {
		t.Error("the id of a session was exported")
	}
	for _, secret := range []string{"canary-baggage", "canary-key", "packed", "/orders/"} {
		if strings.Contains(collector.Raw(), secret) || strings.Contains(s.logged(), secret) {
			t.Errorf("%q was exported or logged", secret)
		}
	}
}

func TestMetricsReachTheCollector(t *testing.T) {
	s, collector, _ := traced(t)
	s.post(t, "/mcp", getOrder(""))
	collector.Wait(t, "the call", func() bool {
		return slices.ContainsFunc(collector.Metric("mcp.server.operation.duration").Points, func(p telemetrytest.Point) bool {
			return p.Value == 1 && p.Attributes["gen_ai.tool.name"] == "get_order" && p.Attributes["mcp.method.name"] == "tools/call"
		})
	})
	if got := collector.Metric("mcp.server.operation.duration"); got.Unit != "s" || got.Resource["service.name"] != "office" {
		t.Errorf("the metric = %+v, want it in s, of the office", got)
	}
}

// TestTheLastTracesAreSent: what is traced right before the end is not lost.
func TestTheLastTracesAreSent(t *testing.T) {
	s, collector, _ := traced(t)
	s.post(t, "/mcp", getOrder(""))
	s.stop(t)
	<-s.exited
	if spans := collector.Spans(); len(spans) != 2 {
		t.Errorf("spans at the end = %+v, want the call's two", spans)
	}
}

// TestACollectorThatIsGoneHindersNobody: calls and the shutdown are as ever, and the log says what is lost.
func TestACollectorThatIsGoneHindersNobody(t *testing.T) {
	asked := make(chan http.Header, 16)
	s, _ := observed(t, shop(asked), "TOOLGATE_TRACING_OTLP_ENDPOINT=http://127.0.0.1:1/v1/traces")
	for range 10 {
		if got := s.post(t, "/mcp", getOrder("")); !strings.Contains(got.body, "packed") {
			t.Fatalf("a call: %d %s, want its answer", got.status, got.body)
		}
		<-asked
	}
	s.stop(t)
	<-s.exited
	if log := s.logged(); strings.Count(log, "telemetry is lost") != 1 || !strings.Contains(log, "connection refused") {
		t.Errorf("the log says %s, want once that the collector refuses connections", log)
	}
}
