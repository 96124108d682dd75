package handlers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// world is a whole server, every gate and handler of it, with tools of the tests' own and connections in memory. Its
// client comes from 127.0.0.1; client.at makes others.
type world struct {
	*client
	tb       testing.TB
	cfg      config.Config
	api      *API
	server   *mcp.Server
	registry *mcp.Registry
	metrics  *Metrics
	web      *http.Server
	pack     *pack
	log      *logBuffer
	keys     map[string]string // API keys by their owner's name, in auth mode keys
	tokens   *middleware.Tokens

	network *network
	served  chan error // what Serve returned
	ended   bool
}

// newWorld starts a server with the default configuration as adjust changes it. It ends with the test.
func newWorld(tb testing.TB, adjust ...func(*config.Config)) *world {
	tb.Helper()
	w := &world{tb: tb, cfg: config.Default(), pack: newPack(), log: new(logBuffer), network: newNetwork(), served: make(chan error, 1)}
	for _, f := range adjust {
		f(&w.cfg)
	}
	w.client = &client{tb: tb, network: w.network, addr: "127.0.0.1:50000"}
	out, level := zapcore.WriteSyncer(w.log), zapcore.DebugLevel
	if _, ok := tb.(*testing.B); ok {
		out, level = zapcore.AddSync(io.Discard), zapcore.InfoLevel
	}
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), out, level))
	w.metrics = NewMetrics("test")
	limit, err := CallLimits(w.cfg, middleware.NewCounters(nil), nil, log)
	w.must(err)
	failed := func(o mcp.Outcome, id string, err error) {
		log.Error("call failed", zap.String("tool", o.Tool), zap.String("error_id", id), zap.Error(err))
	}
	server, err := mcp.NewServer(w.pack.features(), mcp.Options{
		Info:        mcp.Implementation{Name: "toolgate", Version: "test"},
		CallTimeout: w.cfg.MCP.CallTimeout, MaxResult: int(w.cfg.Limits.Result), Observer: w.metrics.Observer(failed), Limit: limit,
	})
	w.must(err)
	w.server = server
	l := w.cfg.Limits
	w.registry, err = mcp.NewRegistry(server, mcp.RegistryOptions{
		Sessions: l.Sessions, PerPrincipal: l.SessionsPerClient, PerAddress: l.SessionsPerAddress,
		Idle: l.SessionIdle, ResumeWindow: w.cfg.SSE.ResumeWindow,
		Inbox: l.Inbox, OutboxEvents: l.Outbox, OutboxBytes: int(l.OutboxBytes), Calls: l.CallsPerSession,
		Observer: w.metrics.Observer(nil), Dropped: w.metrics.Dropped,
	})
	w.must(err)
	w.metrics.Watch(w.registry)
	verifiers := w.verifiers()
	w.api, err = New(Options{
		Config: w.cfg, Version: "test", Server: server, Sessions: w.registry, Verifiers: verifiers, Tokens: w.tokens, Metrics: w.metrics.Handler(), Log: log,
	})
	w.must(err)
	w.web = NewHTTPServer(w.api, log)
	go func() { w.served <- w.web.Serve(w.network) }()
	tb.Cleanup(func() {
		if err := w.close(time.Second); err != nil {
			tb.Errorf("close the server: %v", err)
		}
	})
	return w
}

func (w *world) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
}

// verifiers makes a key for each of the people that tests speak of.
func (w *world) verifiers() []middleware.Verifier {
	if w.cfg.Auth.Open() {
		return nil
	}
	w.keys = map[string]string{}
	var list []middleware.Key
	for name, scope := range map[string]string{
		"reader": mcp.ScopeRead, "other": mcp.ScopeRead, "writer": mcp.ScopeWrite, "admin": mcp.ScopeAdmin,
	} {
		plain, key := middleware.NewKey(name, []string{scope})
		key.ID = name
		w.keys[name] = plain
		list = append(list, key)
	}
	text, err := yaml.Marshal(list)
	w.must(err)
	file := filepath.Join(w.tb.TempDir(), "keys.yaml")
	w.must(os.WriteFile(file, text, 0o600))
	store := new(middleware.KeyStore)
	w.must(store.Load(file))
	if w.cfg.Auth.UsesTokens() {
		return []middleware.Verifier{store, w.accepting()}
	}
	return []middleware.Verifier{store}
}

// bearer is the header that shows who asks.
func (w *world) bearer(name string) string { return "Authorization: Bearer " + w.keys[name] }

// close ends the server in the order in which the program does.
func (w *world) close(grace time.Duration) error {
	if w.ended {
		return nil
	}
	w.ended = true
	w.api.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	w.server.Close(ctx)
	err := errors.Join(w.registry.Close(ctx), Shutdown(ctx, w.web))
	if served := <-w.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// withKeys asks callers for an API key.
func withKeys(c *config.Config) { c.Auth.Mode = []string{config.AuthKeys} }

// unlimited takes the rate limits, and their headers, away.
func unlimited(c *config.Config) {
	c.Limits.Rates = config.Rates{
		Address: config.RateOff, Principal: config.RateOff, Tool: config.RateOff, Handshake: config.RateOff, AuthFailures: config.RateOff,
	}
}

// logBuffer holds all that was logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) Sync() error { return nil }

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
