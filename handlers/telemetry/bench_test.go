package telemetry

import (
	"context"
	"testing"

	"toolgate/mcp"
)

// BenchmarkCall is a tools/call through the dispatcher, as it is without tracing, with every call traced, and with tracing
// on and the call not chosen.
func BenchmarkCall(b *testing.B) {
	for name, change := range map[string]func(o *Options){
		"off":      func(o *Options) { o.Config.Tracing.OTLPEndpoint = "" },
		"traced":   func(*Options) {},
		"unchosen": func(o *Options) { o.Config.Tracing.Sample = 0 },
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, change)
			m, fault := mcp.Decode([]byte(call("ann")))
			if fault != nil {
				b.Fatal(fault)
			}
			b.ReportAllocs()
			for b.Loop() {
				w.server.Answer(context.Background(), w.peer, m)
			}
		})
	}
}

// BenchmarkSpan is what tracing adds to a request by itself.
func BenchmarkSpan(b *testing.B) {
	w := newWorld(b)
	beginning := mcp.Beginning{Method: "tools/call", Wire: mcp.WireHTTP, Trace: mcp.Trace{Parent: parentA}}
	outcome := mcp.Outcome{Method: "tools/call", Tool: "find_user", Wire: mcp.WireHTTP, Revision: "2025-06-18"}
	b.ReportAllocs()
	for b.Loop() {
		_, done := w.telemetry.traces.begin(context.Background(), beginning)
		done(outcome)
	}
}
