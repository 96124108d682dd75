package handlers

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"toolgate/middleware"
)

// edge counts what happens around the protocol: requests that no way in sees, upstreams, the configuration.
type edge struct {
	refused   *prometheus.CounterVec
	upstreams *prometheus.HistogramVec
	reloads   *prometheus.CounterVec
	loaded    prometheus.Gauge
	degraded  prometheus.CounterFunc
	uncounted *atomic.Pointer[func() uint64] // of degraded; nil: nobody is asked
}

// upstreamBuckets are in seconds: finer below than those of operations, which wait for upstreams, and up to the longest
// that one is waited for.
var upstreamBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// The outcomes of a change of the configuration.
const (
	reloadApplied = "applied"
	reloadRefused = "refused"
)

func newEdge() edge {
	e := edge{
		uncounted: new(atomic.Pointer[func() uint64]),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "toolgate_http_refused_total", Help: "HTTP requests turned away before any way in saw them, by reason.",
		}, []string{"reason"}),
		upstreams: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "toolgate_upstream_request_duration_seconds", Help: "Time of each attempt to ask an upstream over HTTP.",
			Buckets: upstreamBuckets,
		}, []string{"upstream", "outcome"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "toolgate_config_reloads_total", Help: "Changes of the configuration that came into force or were refused.",
		}, []string{"outcome"}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "toolgate_config_loaded_timestamp_seconds", Help: "When the configuration in force was loaded, in seconds since 1970.",
		}),
	}
	e.degraded = prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "toolgate_ratelimit_degraded_total", Help: "Events that Redis did not count; this process counted them alone.",
	}, func() float64 {
		if f := e.uncounted.Load(); f != nil {
			return float64((*f)())
		}
		return 0
	})
	e.loaded.SetToCurrentTime()
	// Counters are there from the start: a rise from nothing is none to Prometheus.
	for _, reason := range refusals() {
		e.refused.WithLabelValues(string(reason))
	}
	e.reloads.WithLabelValues(reloadApplied)
	e.reloads.WithLabelValues(reloadRefused)
	return e
}

// refusals are the reasons of middleware.
func refusals() []middleware.Reason {
	return []middleware.Reason{
		middleware.BadHost, middleware.HostNotAllowed, middleware.OriginNotAllowed, middleware.BadCredentials, middleware.Unauthorized,
		middleware.MissingScope, middleware.RateLimited, middleware.TooLarge, middleware.UnsupportedMedia, middleware.BodyTimeout,
		middleware.BodyCut, middleware.AuthUnavailable, middleware.Panicked,
	}
}

func (e *edge) register(r prometheus.Registerer) {
	r.MustRegister(e.refused, e.upstreams, e.reloads, e.loaded, e.degraded)
}

// Refused counts a request that a gate turned away.
func (e *edge) Refused(reason middleware.Reason) { e.refused.WithLabelValues(string(reason)).Inc() }

// Upstream counts an attempt to ask an upstream. upstream is a name from the configuration and outcome one of few words: a
// status, or why there was none.
func (e *edge) Upstream(upstream, outcome string, took time.Duration) {
	e.upstreams.WithLabelValues(upstream, outcome).Observe(took.Seconds())
}

// Reloaded counts a change of the configuration that came into force, or was refused as it was faulty.
func (e *edge) Reloaded(ok bool) {
	if !ok {
		e.reloads.WithLabelValues(reloadRefused).Inc()
		return
	}
	e.reloads.WithLabelValues(reloadApplied).Inc()
	e.loaded.SetToCurrentTime()
}

// WatchLimits has degraded asked, at each scrape, how many events what all processes count in did not count, so that this
// process counted them alone. Without it there are none.
func (e *edge) WatchLimits(degraded func() uint64) { e.uncounted.Store(&degraded) }

// WatchCalls adds the gauge of calls that run, of every way in. It is called at most once.
func (m *Metrics) WatchCalls(running func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "toolgate_calls_running", Help: "Calls that run.",
	}, func() float64 { return float64(running()) }))
}
