// Package telemetrytest is a collector for tests: it takes OTLP over HTTP, and tells of what has come.
package telemetrytest

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	pbmetrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	pbtrace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// patience is how long a test waits for what should come within seconds; never part of a passing run.
const patience = 30 * time.Second

// Collector is a server that takes traces at /v1/traces and metrics at /v1/metrics.
type Collector struct {
	*httptest.Server

	mu      sync.Mutex
	spans   []Span
	metrics map[string]Metric // the last of each name
	batches []int             // spans of each request
	headers http.Header       // of the last request
	raw     strings.Builder   // all that came, as it came
	answer  func(w http.ResponseWriter, r *http.Request) (taken bool)
	more    chan struct{} // closed when there is more, and another made
}

// Span is a span as tests look at it: attributes as text, of the resource too, which are named resource.NAME.
type Span struct {
	Name, Kind, Trace, ID, Parent, State, Scope string
	Failed                                      bool
	Message                                     string // of its status
	Attributes                                  map[string]string
}

// Metric is a metric as tests look at it.
type Metric struct {
	Name, Unit, Kind string
	Resource         map[string]string
	Points           []Point
}

// Point is one of a metric's; of a histogram, Value is its count.
type Point struct {
	Attributes map[string]string
	Value      float64
	Bounds     []float64
}

// New starts a collector, which ends with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{metrics: map[string]Metric{}, more: make(chan struct{})}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// Answer has requests answered by f, which says whether what came is taken all the same; nil is the answer of a collector
// that is well.
func (c *Collector) Answer(f func(w http.ResponseWriter, r *http.Request) (taken bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender gave up
	}
	c.mu.Lock()
	answer := c.answer
	c.mu.Unlock()
	if answer != nil && !answer(w, r) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = r.Header.Clone()
	c.raw.WriteString(r.URL.String())
	c.raw.Write(body)
	switch r.URL.Path {
	case "/v1/traces":
		var request coltrace.ExportTraceServiceRequest
		if err = proto.Unmarshal(body, &request); err == nil {
			c.takeSpans(&request)
		}
	case "/v1/metrics":
		var request colmetrics.ExportMetricsServiceRequest
		if err = proto.Unmarshal(body, &request); err == nil {
			c.takeMetrics(&request)
		}
	default:
		err = fmt.Errorf("there is no path %s", r.URL.Path)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	close(c.more)
	c.more = make(chan struct{})
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *Collector) takeSpans(request *coltrace.ExportTraceServiceRequest) {
	n := 0
	for _, resource := range request.ResourceSpans {
		about := attributes(resource.Resource.GetAttributes())
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				n++
				span := Span{
					Name: s.Name, Kind: strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"), Trace: hex.EncodeToString(s.TraceId),
					ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId), State: s.TraceState,
					Scope: scope.Scope.GetName(), Failed: s.Status.GetCode() == pbtrace.Status_STATUS_CODE_ERROR,
					Message: s.Status.GetMessage(), Attributes: attributes(s.Attributes),
				}
				for name, value := range about {
					span.Attributes["resource."+name] = value
				}
				c.spans = append(c.spans, span)
			}
		}
	}
	c.batches = append(c.batches, n)
}

func (c *Collector) takeMetrics(request *colmetrics.ExportMetricsServiceRequest) {
	for _, resource := range request.ResourceMetrics {
		about := attributes(resource.Resource.GetAttributes())
		for _, scope := range resource.ScopeMetrics {
			for _, m := range scope.Metrics {
				metric := Metric{Name: m.Name, Unit: m.Unit, Resource: about}
				switch data := m.Data.(type) {
				case *pbmetrics.Metric_Histogram:
					metric.Kind = "histogram"
					for _, p := range data.Histogram.DataPoints {
						metric.Points = append(metric.Points, Point{attributes(p.Attributes), float64(p.Count), p.ExplicitBounds})
					}
				case *pbmetrics.Metric_Sum:
					metric.Kind = "sum"
					for _, p := range data.Sum.DataPoints {
						metric.Points = append(metric.Points, Point{attributes(p.Attributes), p.GetAsDouble(), nil})
					}
				case *pbmetrics.Metric_Gauge:
					metric.Kind = "gauge"
					for _, p := range data.Gauge.DataPoints {
						metric.Points = append(metric.Points, Point{attributes(p.Attributes), p.GetAsDouble(), nil})
					}
				}
				c.metrics[m.Name] = metric
			}
		}
	}
}

func attributes(all []*common.KeyValue) map[string]string {
	text := map[string]string{}
	for _, a := range all {
		switch v := a.Value.GetValue().(type) {
		case *common.AnyValue_StringValue:
			text[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			text[a.Key] = strconv.FormatInt(v.IntValue, 10)
		default:
			text[a.Key] = a.Value.String()
		}
	}
	return text
}

// Spans are those that came.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Batches is how many spans each request had.
func (c *Collector) Batches() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.batches...)
}

// Metric is the last of a name; zero where none came.
func (c *Collector) Metric(name string) Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.metrics[name]
}

// Headers are those of the last request.
func (c *Collector) Headers() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers
}

// Raw is all that came.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}

// Wait returns once enough says yes. It asks again whenever more has come, and fails the test where that takes too long.
func (c *Collector) Wait(t testing.TB, what string, enough func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		c.mu.Lock()
		more := c.more
		c.mu.Unlock()
		if enough() {
			return
		}
		select {
		case <-more:
		case <-late.C:
			t.Fatalf("the collector did not get %s in %v; spans: %+v", what, patience, c.Spans())
		}
	}
}
