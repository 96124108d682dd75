package telemetry

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"toolgate/mcp"
)

// what every span of these tests has.
func common() map[string]string {
	return map[string]string{
		"mcp.method.name": "tools/call", "mcp.protocol.version": "2025-06-18", "mcp.session.id": "abc123-0f0f0f0f",
		"jsonrpc.request.id": "7", "network.transport": "tcp", "network.protocol.name": "http", "client.address": "192.0.2.7",
	}
}

func TestASpanSaysWhatTheConventionsSay(t *testing.T) {
	tool := map[string]string{"gen_ai.tool.name": "find_user", "gen_ai.operation.name": "execute_tool"}
	for name, test := range map[string]struct {
		message, span string
		more          []map[string]string
		failed        bool
	}{
		"a call":            {call("ann"), "tools/call find_user", []map[string]string{tool}, false},
		"a tool's error":    {call("nobody"), "tools/call find_user", []map[string]string{tool, {"error.type": "tool_error"}}, true},
		"an error of ours":  {call("broken"), "tools/call find_user", []map[string]string{tool, {"error.type": "tool_error"}}, true},
		"a call that hangs": {call("slow"), "tools/call find_user", []map[string]string{tool, {"error.type": "timeout"}}, true},
		"no such tool": {
			`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"made_up"}}`, "tools/call",
			[]map[string]string{{"error.type": "-32602", "rpc.response.status_code": "-32602"}},
			true,
		},
		"a list": {`{"jsonrpc":"2.0","id":"7","method":"tools/list"}`, "tools/list", []map[string]string{{"mcp.method.name": "tools/list"}}, false},
		"a method of nobody's": {
			`{"jsonrpc":"2.0","id":7,"method":"made/up"}`, "unknown",
			[]map[string]string{{"mcp.method.name": "unknown", "error.type": "-32601", "rpc.response.status_code": "-32601"}},
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ask(test.message)
			got := w.span()
			want := common()
			for _, more := range test.more {
				maps.Copy(want, more)
			}
			maps.DeleteFunc(got.Attributes, func(name, _ string) bool { return strings.HasPrefix(name, "resource.") })
			if diff := cmp.Diff(want, got.Attributes); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if got.Name != test.span || got.Kind != "SERVER" || got.Failed != test.failed || got.Message != "" || got.Parent != "" || got.Scope != "toolgate" {
				t.Errorf("span = %+v, want one named %q of the kind SERVER, failed %t without a message, with no parent", got, test.span, test.failed)
			}
		})
	}
}

// TestASpanOfAPromptNamesIt: one that there is, and no other: strangers choose no names.
func TestASpanOfAPromptNamesIt(t *testing.T) {
	for name, want := range map[string]string{"greet": "prompts/get greet", "made up": "prompts/get"} {
		w := newWorld(t)
		w.ask(`{"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":"` + name + `"}}`)
		got := w.span()
		if got.Name != want || (got.Attributes["gen_ai.prompt.name"] == "greet") != (name == "greet") {
			t.Errorf("the span is named %q with %v, want %q", got.Name, got.Attributes, want)
		}
	}
}

func TestASpanOfStdioIsOneOfAPipe(t *testing.T) {
	w := newWorld(t)
	revision, _ := mcp.HandshakeRevision("2025-06-18")
	w.peer = mcp.NewPeer(mcp.Anonymous(), "", mcp.WireStdio, revision)
	w.ask(call("ann"))
	got := w.span().Attributes
	for name, want := range map[string]string{"network.transport": "pipe", "network.protocol.name": "", "client.address": "", "mcp.session.id": ""} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}

func TestSpansSayWhoSendsThem(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=office,service.version=another")
	w := newWorld(t, func(o *Options) { o.Config.Tracing.ServiceName = "tools of the office" })
	w.ask(call("ann"))
	got := w.span().Attributes
	if got["resource.deployment.environment.name"] != "office" {
		t.Errorf("resource = %v, want what the environment says too", got)
	}
	if got["resource.service.name"] != "tools of the office" || got["resource.service.version"] != "1.2.3" || len(got["resource.service.instance.id"]) != 36 {
		t.Errorf("resource = %v, want its name, version and an id of the process", got)
	}
}

const (
	traceA  = "0af7651916cd43dd8448eb211c80319c"
	traceB  = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanA   = "b7ad6b7169203331"
	spanB   = "00f067aa0ba902b7"
	parentA = "00-" + traceA + "-" + spanA + "-01"
	parentB = "00-" + traceB + "-" + spanB + "-01"
)

// inMeta is a call whose _meta says which trace it belongs to.
func inMeta(parent string) string {
	return `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"find_user","arguments":{"how":"ann"},"_meta":{"traceparent":"` +
		parent + `","tracestate":"vendor=1","baggage":"user=canary"}}}`
}

func TestSpansBelongToTheTraceOfTheRequest(t *testing.T) {
	header := &mcp.Terms{Trace: mcp.Trace{Parent: parentB, State: "other=2", Baggage: "user=canary"}}
	for name, test := range map[string]struct {
		message             string
		terms               []*mcp.Terms
		trace, parent, stat string
	}{
		"of the message":           {inMeta(parentA), nil, traceA, spanA, "vendor=1"},
		"of the way in":            {call("ann"), []*mcp.Terms{header}, traceB, spanB, "other=2"},
		"the message's goes first": {inMeta(parentA), []*mcp.Terms{header}, traceA, spanA, "vendor=1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ask(test.message, test.terms...)
			got := w.span()
			if got.Trace != test.trace || got.Parent != test.parent || got.State != test.stat {
				t.Errorf("span of trace %s below %s with %q, want %s, %s and %q", got.Trace, got.Parent, got.State, test.trace, test.parent, test.stat)
			}
			if strings.Contains(w.collector.Raw(), "canary") {
				t.Error("the baggage was exported, want it left alone")
			}
		})
	}
}

func TestATraceThatCannotBeReadIsNone(t *testing.T) {
	for _, parent := range []string{"made up", "00-" + strings.Repeat("0", 32) + "-" + spanA + "-01", "00-" + traceA + "-" + spanA, strings.Repeat("x", 1<<16)} {
		w := newWorld(t)
		w.ask(inMeta(parent))
		if got := w.span(); got.Parent != "" || got.Trace == traceA {
			t.Errorf("of %.60q: trace %s below %q, want one of its own", parent, got.Trace, got.Parent)
		}
	}
}

func TestWhoDecidesWhatIsTraced(t *testing.T) {
	for name, test := range map[string]struct {
		sample  int
		message string
		spans   int
	}{
		"all":                              {100, call("ann"), 1},
		"none":                             {0, call("ann"), 0},
		"none but what the caller does":    {0, inMeta(parentA), 1},
		"all but what the caller does not": {100, inMeta("00-" + traceA + "-" + spanA + "-00"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.Config.Tracing.Sample = test.sample })
			var seen trace.SpanContext
			w.inTool = func(ctx context.Context) { seen = trace.SpanContextFromContext(ctx) }
			w.ask(test.message)
			w.close()
			if got := len(w.collector.Spans()); got != test.spans {
				t.Errorf("%d spans, want %d", got, test.spans)
			}
			if strings.Contains(test.message, traceA) && seen.TraceID().String() != traceA {
				t.Errorf("the tool runs in trace %s, want the caller's: what it asks upstreams must say so", seen.TraceID())
			}
			if seen.IsSampled() != (test.spans > 0) {
				t.Errorf("what the tool asks is sampled: %t, want %t", seen.IsSampled(), test.spans > 0)
			}
		})
	}
}

// TestNothingSecretIsExported: what requests hold stays here, whatever becomes of them.
func TestNothingSecretIsExported(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Config.Metrics.OTLPEndpoint = strings.Replace(o.Config.Tracing.OTLPEndpoint, "traces", "metrics", 1)
	})
	terms := &mcp.Terms{Credentials: mcp.Credentials{"jira": "canary-token"}, Trace: mcp.Trace{Parent: parentA, Baggage: "who=canary-baggage"}}
	for _, how := range []string{"ann canary-argument", "nobody canary-argument", "broken canary-argument", "slow canary-argument"} {
		w.ask(call(how), terms)
	}
	w.ask(`{"jsonrpc":"2.0","id":1,"method":"canary/method"}`)
	w.ask(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"canary-tool","arguments":{"x":"canary"}}}`)
	w.ask(`{"jsonrpc":"2.0","id":3,"method":"resources/read","params":{"uri":"file:///canary-uri"}}`)
	w.close()
	if got := len(w.collector.Spans()); got != 7 {
		t.Errorf("%d spans, want 7", got)
	}
	raw := w.collector.Raw()
	if at := strings.Index(raw, "canary"); at >= 0 {
		t.Errorf("exported %q", raw[max(0, at-40):min(len(raw), at+40)])
	}
}

// FuzzTraces: whatever a stranger says, its span has either no parent or the very one that was named.
func FuzzTraces(f *testing.F) {
	f.Add(parentA, "vendor=1", "a=b")
	f.Add("00-"+traceA+"-"+spanA+"-ff", strings.Repeat("a=b,", 40), "")
	f.Add("ff-"+traceA+"-"+spanA+"-01", "\x00", "\r\n")
	f.Add("", "a=1", "")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, parent, state, baggage string) {
		b := mcp.Beginning{Method: "ping", Trace: mcp.Trace{Parent: parent, State: state, Baggage: baggage}}
		ctx, done := w.telemetry.traces.begin(t.Context(), b)
		if done != nil {
			done(mcp.Outcome{Method: "ping"})
		}
		own := trace.SpanContextFromContext(ctx)
		if !own.IsValid() {
			t.Fatalf("the span of %q is not valid", parent)
		}
		if below := strings.Contains(parent, own.TraceID().String()); !below && own.TraceState().Len() > 0 {
			t.Errorf("a trace of our own has the stranger's state %q", own.TraceState())
		}
	})
}
