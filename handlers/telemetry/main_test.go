package telemetry

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"toolgate/config"
	"toolgate/handlers/telemetry/telemetrytest"
	"toolgate/mcp"
)

// TestMain fails where a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// world is a dispatcher whose requests are traced, and the collector that hears of them.
type world struct {
	t         testing.TB
	collector *telemetrytest.Collector
	telemetry *Telemetry
	server    *mcp.Server
	peer      *mcp.Peer
	log       *observer.ObservedLogs

	inTool func(ctx context.Context) // what the tool does
}

// newWorld opens telemetry as changed says, of traces to the collector's own path where it says nothing.
func newWorld(t testing.TB, change ...func(o *Options)) *world {
	t.Helper()
	w := &world{t: t, collector: telemetrytest.New(t), inTool: func(context.Context) {}}
	core, log := observer.New(zap.DebugLevel)
	w.log = log
	o := Options{Config: config.Default(), Version: "1.2.3", Metrics: prometheus.NewRegistry(), Log: zap.New(core)}
	o.Config.Tracing.OTLPEndpoint = w.collector.URL + "/v1/traces"
	for _, f := range change {
		f(&o)
	}
	var err error
	if w.telemetry, err = Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // of tests that closed it, nothing is left
		over, cancel := context.WithCancel(context.Background())
		cancel()
		_ = w.telemetry.Close(over)
	})
	if w.server, err = mcp.NewServer(w.features(), mcp.Options{
		Info: mcp.Implementation{Name: "test", Version: "1"}, Observer: w.telemetry.Observer(), CallTimeout: 200 * time.Millisecond,
	}); err != nil {
		t.Fatal(err)
	}
	revision, _ := mcp.HandshakeRevision("2025-06-18")
	w.peer = mcp.NewPeer(mcp.Anonymous(), "192.0.2.7", mcp.WireHTTP, revision)
	w.peer.Session = "abc123-0f0f0f0f"
	return w
}

func (w *world) features() mcp.Features {
	spec := mcp.ToolSpec{Name: "find_user", Toolset: "test", Description: "Finds.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}}
	type in struct {
		How string `json:"how,omitempty"`
	}
	return mcp.Features{Tools: []*mcp.Tool{mcp.NewTool(spec, func(ctx context.Context, _ *mcp.Call, a in) (mcp.Text, error) {
		w.inTool(ctx)
		switch how, _, _ := strings.Cut(a.How, " "); how {
		case "nobody":
			return "", mcp.ToolErrorf("there is no such user: %s", a.How)
		case "broken":
			return "", errors.New("the database said: " + a.How)
		case "slow":
			<-ctx.Done()
			return "", ctx.Err()
		}
		return mcp.Text("found " + a.How), nil
	})}, Prompts: []*mcp.Prompt{{
		Name: "greet", Description: "Greets.",
		Render: func(context.Context, *mcp.Call, map[string]string) (*mcp.GetPromptResult, error) {
			return &mcp.GetPromptResult{}, nil
		},
	}}}
}

// ask sends a message and returns its answer.
func (w *world) ask(message string, terms ...*mcp.Terms) string {
	w.t.Helper()
	m, fault := mcp.Decode([]byte(message))
	if fault != nil {
		w.t.Fatal(fault)
	}
	for _, t := range terms {
		m.On(t)
	}
	return string(w.server.Answer(w.t.Context(), w.peer, m))
}

func call(how string) string {
	return `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"find_user","arguments":{"how":"` + how + `"}}}`
}

// close sends what waits.
func (w *world) close() {
	w.t.Helper()
	if err := w.telemetry.Close(w.t.Context()); err != nil {
		w.t.Fatalf("Close: %v", err)
	}
}

// span is the one that came; w is closed by it.
func (w *world) span() telemetrytest.Span {
	w.t.Helper()
	w.close()
	spans := w.collector.Spans()
	if len(spans) != 1 {
		w.t.Fatalf("spans = %+v, want one", spans)
	}
	return spans[0]
}
