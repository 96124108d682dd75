// Toolgate puts an organisation's own data in front of AI clients as MCP tools. This file composes the program: it holds
// the only os.Exit, the signals and the root context.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"toolgate/config"
	"toolgate/deploy"
	"toolgate/deploy/clientconfig"
	"toolgate/deploy/doctor"
	"toolgate/handlers"
	"toolgate/handlers/audit"
	"toolgate/handlers/telemetry"
	"toolgate/mcp"
	"toolgate/middleware"
	"toolgate/tools"
)

// What the linker sets.
var (
	version = "dev"
	commit  = "unknown"
)

// Exit codes.
const (
	exitFailed = 1 // it ran and failed; a tool said error
	exitUsage  = 2 // the command line or the configuration is wrong
)

// exitError carries an exit code; a nil error says that all was said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return fmt.Sprint(e.err) }
func (e *exitError) Unwrap() error { return e.err }

func main() {
	ctx, stop := context.WithCancel(context.Background())
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go func() { // the second signal ends the process at once, by the default action, from before the first one shows
		<-told
		signal.Stop(told)
		stop()
	}()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	os.Exit(report(err, os.Stderr))
}

func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	code := exitFailed
	if exit, ok := errors.AsType[*exitError](err); ok {
		code = exit.code
		if err = exit.err; err == nil {
			return code
		}
	}
	_, _ = fmt.Fprintf(stderr, "toolgate: %v\n", err)
	return code
}

// commands is every command and what does it, in the order of the help.
func commands() []command {
	return []command{
		{name: "serve", does: "serve HTTP until told to stop (the default)", run: serve},
		{name: "stdio", does: "serve one client over stdin and stdout", run: stdio},
		{name: "tools", args: "[--cost]", does: "list the tools as clients see them", run: listTools},
		{name: "call", args: "TOOL ['{\"json\":…}']", does: "call one tool here and print its result", run: callTool},
		{name: "check", does: "load and validate the configuration, and start nothing", run: check},
		{name: "health", does: "ask the server of this machine whether it is ready", run: health},
		{name: "doctor", args: "URL", does: "probe a running deployment from outside, and say what is wrong", foreign: true, run: probe},
		{name: "init", args: "nginx|systemd|compose|k8s", does: "print a deploy file made of the configuration", foreign: true, run: initDeploy},
		{name: "client-config", args: "[CLIENT]", does: "print a client's own configuration for this server", foreign: true, run: clientConfig},
		{name: "keys", args: "new|list|revoke", does: "make, list and revoke API keys", foreign: true, run: keys},
		{name: "audit", args: "verify|tail", does: "prove the record of calls, or read it", foreign: true, run: auditLog},
		{name: helperCommand, run: readDocument},
		{name: "version", does: "print version, commit and protocol revisions", run: printVersion},
	}
}

type command struct {
	name, args, does string // without does it is none for people
	foreign          bool   // flags that are no configuration keys are its own, and among its arguments
	run              func(ctx context.Context, p *program) error
}

// program is one run: its command's flags are parsed, its configuration is not loaded yet.
type program struct {
	args           []string // what stands after the flags
	source         config.Source
	cost           bool // --cost of tools
	stdin          io.Reader
	stdout, stderr io.Writer
}

// run is the whole program, for main and for tests. It returns when ctx has ended and everything is back.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	gin.SetMode(gin.ReleaseMode)
	name := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		name, args = args[0], args[1:]
	}
	for _, c := range commands() {
		if c.name == name {
			p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
			if err := p.parse(c, args); err != nil {
				if errors.Is(err, flag.ErrHelp) {
					return nil
				}
				return &exitError{exitUsage, err}
			}
			return c.run(ctx, p)
		}
	}
	if name == "help" {
		usage(stdout)
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("there is no command %q; see toolgate help", name)}
}

// parse reads the command's flags: --config, --cost where it applies, and every configuration key. Flags may stand before
// and after the arguments.
func (p *program) parse(c command, args []string) error {
	flags := flag.NewFlagSet("toolgate "+c.name, flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	flags.StringVar(&p.source.File, "config", "", "the configuration `file`; without it toolgate.yaml in the working folder, if there is one")
	if c.name == "tools" {
		flags.BoolVar(&p.cost, "cost", false, "add what each tool costs a model in tokens, roughly")
	}
	set := config.RegisterFlags(flags)
	flags.Usage = func() {
		_, _ = fmt.Fprintf(p.stderr, "usage: toolgate %s [flags] %s\n\n%s\n\nflags:\n", c.name, c.args, c.does)
		flags.PrintDefaults()
	}
	if c.foreign {
		args, p.args = config.SplitFlags(args)
	}
	for {
		if err := flags.Parse(args); err != nil {
			return err
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		p.args, args = append(p.args, args[0]), args[1:]
	}
	p.source.Flags, p.source.Env, p.source.Dir = set(), os.Environ(), "."
	return nil
}

// load reads the configuration; warnings go to stderr.
func (p *program) load() (config.Config, error) {
	cfg, warnings, err := config.Load(p.source)
	for _, w := range warnings {
		_, _ = fmt.Fprintf(p.stderr, "toolgate: warning: %s\n", w)
	}
	if err != nil {
		return cfg, &exitError{exitUsage, err}
	}
	return cfg, nil
}

func usage(w io.Writer) {
	_, _ = fmt.Fprint(w, "Toolgate serves an organisation's own data to AI clients as MCP tools.\n\nusage: toolgate [command] [flags]\n\n")
	for _, c := range commands() {
		if c.does == "" {
			continue
		}
		_, _ = fmt.Fprintf(w, "  %-32s %s\n", c.name+" "+c.args, c.does)
	}
	_, _ = fmt.Fprint(w, "\nEvery configuration key is a flag, e.g. --server.port 8080; toolgate COMMAND -h lists them.\n")
}

// app is what every way of serving stands on.
type app struct {
	cfg      config.Config // what it was started with
	log      *zap.Logger
	level    zap.AtomicLevel
	metrics  *handlers.Metrics
	traces   *telemetry.Telemetry
	record   *audit.Log // nil: none is kept
	server   *mcp.Server
	tools    *tools.Toolbox
	counters *middleware.Counters
	limit    atomic.Pointer[handlers.CallLimit]

	closers []func() // of what was opened, in that order
}

// open loads the configuration and makes the dispatcher of it. What serves nobody keeps no record and sends no traces.
func (p *program) open(serves bool) (*app, error) {
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	a := &app{cfg: cfg}
	if err := a.build(p, serves); err != nil {
		a.close()
		return nil, &exitError{exitUsage, err}
	}
	return a, nil
}

// closeGrace is how long each thing may take to let go of what it holds, once everything else is over.
const closeGrace = 2 * time.Second

// closing has f called at the end, with a bound.
func (a *app) closing(f func(ctx context.Context) error) {
	a.closers = append(a.closers, func() {
		grace, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if err := f(grace); err != nil {
			a.log.Warn("close", zap.Error(err))
		}
	})
}

func (a *app) close() {
	for _, f := range slices.Backward(a.closers) {
		f()
	}
}

// build makes what does not serve anybody yet.
func (a *app) build(p *program, serves bool) error {
	log, level, done, err := a.cfg.Log.Open(p.stderr)
	if err != nil {
		return err
	}
	a.log, a.level, a.closers = log, level, append(a.closers, done)
	a.metrics = handlers.NewMetrics(version)
	if serves {
		if err := a.watchCalls(); err != nil {
			return err
		}
	}
	if err := a.share(); err != nil {
		return err
	}
	if a.tools, err = tools.Open(a.cfg.Tools, tools.Options{Log: log, Helper: helper(), Watch: a.metrics.Upstream}); err != nil {
		return err
	}
	a.closing(func(ctx context.Context) error { a.tools.Close(ctx); return nil })
	return a.newServer()
}

// share opens the place where rates are counted.
func (a *app) share() error {
	if a.cfg.Redis.URL.IsZero() {
		a.counters = middleware.NewCounters(nil)
		return nil
	}
	store, err := middleware.NewRedisStore(a.cfg.Redis, a.log)
	if err != nil {
		return fmt.Errorf("redis.url: %w", err)
	}
	a.closing(func(context.Context) error { return store.Close() })
	a.counters = middleware.NewCounters(store)
	a.metrics.WatchLimits(store.Degraded)
	return nil
}

// watchCalls opens what hears of every call: the record, and telemetry.
func (a *app) watchCalls() (err error) {
	a.traces, err = telemetry.Open(telemetry.Options{Config: a.cfg, Version: version, Metrics: a.metrics.Gatherer(), Log: a.log})
	if err != nil {
		return err
	}
	a.closing(a.traces.Close)
	if a.cfg.Audit.File == "" {
		return nil
	}
	if a.record, err = audit.Open(a.cfg.Audit, a.log); err != nil {
		return fmt.Errorf("audit.file: %w", err)
	}
	a.closing(func(context.Context) error { return a.record.Close() })
	return nil
}

// observer is everybody who hears of calls.
func (a *app) observer(failed func(o mcp.Outcome, errorID string, err error)) mcp.Observer {
	all := []mcp.Observer{a.metrics.Observer(failed)}
	if a.traces != nil {
		all = append(all, a.traces.Observer())
	}
	if a.record != nil {
		all = append(all, a.record.Observer())
	}
	return a.logged(mcp.Observers(all...))
}

// serve is toolgate serve. Its shutdown goes from the outside in: not ready, and for a while served as ever; nothing new,
// calls finish within the grace, streams end one after another with what they still had to say, connections close.
func serve(ctx context.Context, p *program) error {
	a, err := p.open(true)
	if err != nil {
		return err
	}
	defer a.close()
	registry, err := a.newRegistry(a.cfg.SSE.ResumeWindow)
	if err != nil {
		return err
	}
	a.metrics.Watch(registry)
	a.metrics.WatchCalls(a.server.Running)
	faces := a.newFaces(registry)
	face, err := faces.Make(a.cfg)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	faces.Use(face)
	listeners, err := handlers.Listen(ctx, a.cfg.Listen())
	if err != nil {
		return fmt.Errorf("%w; is another server running? --server.port takes another port", err)
	}
	web := handlers.NewHTTPServer(faces, a.log)
	ended := make(chan error, len(listeners)+1)
	closeMetrics, err := a.serveMetrics(ctx, ended)
	if err != nil {
		return err
	}
	defer closeMetrics()
	a.tools.Serve(a.server)
	defer a.keep(p, faces.Config, faces.Files, func(c config.Changes, load loadFunc) error { return a.follow(c, load, registry, faces) })()
	defer a.noteUse(faces)()
	for _, l := range listeners {
		go func() { ended <- web.Serve(l) }()
		a.log.Info("listening", zap.String("address", l.Addr().String()), zap.String("version", version))
	}
	select {
	case <-ctx.Done():
	case err = <-ended: // a listener broke: the rest is of no use alone
		a.log.Error("serve", zap.Error(err))
	}
	faces.Drain()
	cfg := faces.Config()
	if cfg.Balanced() && err == nil && cfg.Server.LameDuck > 0 {
		a.log.Info("not ready any more, and serving those who have not noticed", zap.Duration("lame_duck", cfg.Server.LameDuck))
		select {
		case <-time.After(cfg.Server.LameDuck):
		case err = <-ended:
		}
	}
	a.log.Info("shutting down", zap.Duration("grace", cfg.Server.ShutdownGrace))
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Server.ShutdownGrace)
	defer cancel()
	a.server.Close(grace)
	err = errors.Join(err, registry.Close(grace))
	a.server.EndTasks(grace)
	err = errors.Join(err, handlers.Shutdown(grace, web))
	a.log.Info("stopped", zap.Error(err))
	return err
}

// serveMetrics serves /metrics by a listener of its own, where one is configured. What ends it early goes to ended.
func (a *app) serveMetrics(ctx context.Context, ended chan<- error) (stop func(), err error) {
	if a.cfg.Metrics.Listen == "" || !a.cfg.Metrics.Enabled {
		return func() {}, nil
	}
	listeners, err := handlers.Listen(ctx, []string{a.cfg.Metrics.Listen})
	if err != nil {
		return nil, fmt.Errorf("metrics.listen: %w", err)
	}
	web := handlers.NewHTTPServer(handlers.MetricsOnly(a.metrics), a.log)
	go func() { ended <- web.Serve(listeners[0]) }()
	a.log.Info("serving metrics", zap.String("metrics_address", listeners[0].Addr().String()))
	return func() { _ = web.Close() }, nil
}

// newFaces makes what serves HTTP for those sessions; nil sessions serve nobody.
func (a *app) newFaces(sessions handlers.Sessions) *handlers.Faces {
	faces := handlers.NewFaces(handlers.FacesOptions{
		Version: version, Server: a.server, Sessions: sessions, Counters: a.counters, Metrics: a.metrics, Log: a.log,
	})
	a.closing(func(context.Context) error { faces.Close(); return nil })
	return faces
}

// stdioGrace is how long calls under way may take once the client has closed its end.
const stdioGrace = 2 * time.Second

// stdio is toolgate stdio. The protocol has stdout to itself; at the end of stdin nothing more is written anywhere, since
// clients close stderr first and would take a last line for a crash.
func stdio(ctx context.Context, p *program) error {
	signal.Ignore(syscall.SIGPIPE)
	defer func(out *os.File) { os.Stdout = out }(os.Stdout)
	os.Stdout = os.Stderr // whatever a tool prints must not get between the messages
	a, err := p.open(true)
	if err != nil {
		return err
	}
	defer a.close()
	registry, err := a.newRegistry(0)
	if err != nil {
		return err
	}
	drain := func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stdioGrace)
		defer cancel()
		_ = registry.Close(grace) // a tool that does not return ends with the process
		a.server.EndTasks(grace)
	}
	a.tools.Serve(a.server)
	running := func() *config.Config { return &a.cfg }
	defer a.keep(p, running, func() []string { return nil }, func(c config.Changes, load loadFunc) error {
		cfg, err := load()
		if err != nil {
			return err
		}
		return a.tools.Reload(cfg.Tools, c)
	})()
	return handlers.Stdio{Server: a.server, Sessions: registry, Principal: mcp.Anonymous(), MaxLine: int(a.cfg.Limits.Body)}.
		Serve(ctx, p.stdin, p.stdout, drain)
}

// listTools is toolgate tools.
func listTools(_ context.Context, p *program) error {
	a, err := p.open(false)
	if err != nil {
		return err
	}
	defer a.close()
	return handlers.Local{Server: a.server, Out: p.stdout}.List(p.cost)
}

// callTool is toolgate call.
func callTool(ctx context.Context, p *program) error {
	if len(p.args) < 1 || len(p.args) > 2 {
		return &exitError{exitUsage, errors.New("usage: toolgate call TOOL '{\"json\":…}'; toolgate tools lists them")}
	}
	arguments := "{}"
	if len(p.args) == 2 {
		arguments = p.args[1]
	}
	if !jsontext.Value(arguments).IsValid() {
		return &exitError{exitUsage, fmt.Errorf("the arguments are not JSON: %s", arguments)}
	}
	a, err := p.open(false)
	if err != nil {
		return err
	}
	defer a.close()
	err = handlers.Local{Server: a.server, Out: p.stdout}.Call(ctx, p.args[0], arguments)
	if errors.Is(err, handlers.ErrToolFailed) {
		return &exitError{exitFailed, nil} // the tool has said why
	}
	return err
}

// check is toolgate check. It makes what serve makes, and starts nothing.
func check(_ context.Context, p *program) error {
	a, err := p.open(false)
	if err != nil {
		return err
	}
	defer a.close()
	faces := a.newFaces(nil)
	face, err := faces.Make(a.cfg)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	faces.Discard(face)
	_, _ = fmt.Fprintf(p.stdout, "the configuration is valid; %d tools\n", a.server.ToolCount())
	return nil
}

// keys is toolgate keys. A file that the command line names needs no configuration: it may be the first thing there is.
func keys(_ context.Context, p *program) error {
	file, named := p.source.Flags["auth.keys_file"]
	if !named {
		cfg, err := p.load()
		if err != nil {
			return err
		}
		file = cfg.Auth.KeysFile
	}
	return usageError(middleware.KeysCommand(p.args, middleware.KeyFile(file), p.stdout, p.stderr))
}

// auditLog is toolgate audit.
func auditLog(ctx context.Context, p *program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	err = audit.Command(ctx, p.args, cfg.Audit, p.stdout)
	if errors.Is(err, audit.ErrUsage) {
		return usageError(err)
	}
	return err
}

// health is toolgate health.
func health(ctx context.Context, p *program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	return deploy.Health(ctx, cfg)
}

// probe is toolgate doctor. It knows nothing of a configuration here.
func probe(ctx context.Context, p *program) error {
	err := doctor.Command(ctx, p.args, p.stdout)
	if errors.Is(err, doctor.ErrFaults) {
		return &exitError{exitFailed, nil} // it has said which
	}
	return usageError(err)
}

// initDeploy is toolgate init.
func initDeploy(_ context.Context, p *program) error {
	if len(p.args) == 0 || !slices.Contains(deploy.Kinds(), p.args[0]) {
		return usageError(fmt.Errorf("usage: toolgate init %s [flags]", strings.Join(deploy.Kinds(), "|")))
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	o := deploy.Options{Config: cfg, Version: version}
	if p.source.FileExists() {
		o.ConfigFile = p.source.Files()[0]
	}
	return usageError(deploy.Render(p.stdout, p.args[0], p.args[1:], o))
}

// clientConfig is toolgate client-config.
func clientConfig(_ context.Context, p *program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	client, args := "", p.args
	if len(args) > 0 {
		client, args = args[0], args[1:]
		if p.source.FileExists() {
			args = append(args, "--config-file", p.source.Files()[0])
		}
	}
	return usageError(clientconfig.Print(p.stdout, client, args, cfg))
}

// usageError is err as one of the command line.
func usageError(err error) error {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return &exitError{exitUsage, err}
}

// helperCommand is what a helper process of ours is started with.
const helperCommand = "read-document"

// helper is the command that starts one; nil where nobody knows where this program is.
func helper() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, helperCommand}
}

// readDocument is what a helper does.
func readDocument(_ context.Context, p *program) error { return tools.ReadDocument(p.stdin, p.stdout) }

// printVersion is toolgate version.
func printVersion(_ context.Context, p *program) error {
	_, _ = fmt.Fprintf(p.stdout, "toolgate %s (%s)\nprotocol revisions: %s\n", version, commit, strings.Join(mcp.RevisionNames(), ", "))
	return nil
}

// newServer makes the dispatcher with the configured packs.
func (a *app) newServer() error {
	cfg, log := a.cfg, a.log
	limit, err := handlers.CallLimits(cfg, a.counters, a.tools.Rate, log)
	if err != nil {
		return err
	}
	a.limit.Store(&limit)
	stateKey, err := cfg.MCP.StateKey()
	if err != nil {
		return err
	}
	failed := func(o mcp.Outcome, errorID string, err error) {
		log.Error("call failed", zap.String("method", o.Method), zap.String("tool", o.Tool), zap.String("error_id", errorID), zap.Error(err))
	}
	a.server, err = mcp.NewServer(a.tools.Features(), mcp.Options{
		Info: mcp.Implementation{
			Name: "toolgate", Title: "Toolgate", Version: version,
			Description: "An organisation's own data as MCP tools.",
		},
		Instructions:     cfg.MCP.Instructions,
		PageSize:         cfg.MCP.PageSize,
		CallTimeout:      cfg.MCP.CallTimeout,
		ProgressInterval: cfg.MCP.ProgressInterval,
		ContentMode:      mcp.ContentMode(cfg.MCP.ContentMode),
		MaxResult:        int(cfg.Limits.Result),
		MaxCalls:         cfg.Limits.Calls,
		ToolPrefix:       cfg.Tools.NamePrefix,
		StateKey:         stateKey,
		Observer:         a.observer(failed),
		Limit: func(p *mcp.Peer, method, tool string) int {
			if limit := *a.limit.Load(); limit != nil {
				return limit(p, method, tool)
			}
			return 0
		},
	})
	return err
}

// logged is o, with every tool call in the log where that is written so finely. Arguments that a schema marks as sensitive
// are hidden.
func (a *app) logged(o mcp.Observer) mcp.Observer {
	done := o.Done
	o.Done = func(out mcp.Outcome) {
		done(out)
		if out.Tool != "" && a.log.Core().Enabled(zap.DebugLevel) { // the level may change
			a.log.Debug("tool called", zap.String("tool", out.Tool), zap.ByteString("arguments", out.Arguments()),
				zap.String("principal", out.Principal.Name), zap.String("error", out.Error), zap.Duration("took", out.Took))
		}
	}
	return o
}

// loadFunc reads the configuration as it stands now, for a program that runs.
type loadFunc = func() (config.Config, error)

// keep has the program follow its configuration, which running tells, and the files that were made something of, until the
// returned function is called, which waits. follow is called with what changed.
func (a *app) keep(p *program, running func() *config.Config, files func() []string, follow func(config.Changes, loadFunc) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	there := p.source.FileExists()
	load := func() (config.Config, error) {
		if there && !p.source.FileExists() { // without it everything would be by default, what it forbids too
			return config.Config{}, errors.New("the configuration file is gone: put it back, or start again without it")
		}
		source := p.source
		source.Running = running()
		cfg, warnings, err := config.Load(source)
		for _, w := range warnings {
			a.log.Warn("the configuration", zap.String("warning", w))
		}
		return cfg, err
	}
	keep := config.Keep{
		Files:  func() []string { return slices.Concat(p.source.Files(), a.tools.Files(), files()) },
		Hangup: hangup,
		Apply:  func(c config.Changes) error { return follow(c, load) },
		Done:   a.metrics.Reloaded,
		Log:    a.log,
	}
	var keeping sync.WaitGroup
	keeping.Go(func() { keep.Run(ctx) })
	return func() {
		signal.Stop(hangup)
		cancel()
		keeping.Wait()
	}
}

// noteUse keeps the last use of keys until the returned function is called, which waits.
func (a *app) noteUse(faces *handlers.Faces) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var noting sync.WaitGroup
	noting.Go(func() { faces.NoteUse(ctx) })
	return func() { cancel(); noting.Wait() }
}

// follow puts another configuration in force, or leaves everything as it was. Keys are looked at before: a fault elsewhere
// must not keep a revoked one alive. No stream is dropped, but those of callers whose key is no longer good.
func (a *app) follow(c config.Changes, load loadFunc, registry *mcp.Registry, faces *handlers.Faces) error {
	if err := faces.RereadKeys(); err != nil {
		a.log.Error("the keys stay as they were", zap.Error(err))
	}
	a.endRevoked(registry, faces)
	cfg, err := load()
	if err != nil {
		return err
	}
	limit, err := handlers.CallLimits(cfg, a.counters, a.tools.Rate, a.log)
	if err != nil {
		return err
	}
	level, err := zapcore.ParseLevel(cfg.Log.Level)
	if err != nil {
		return fmt.Errorf("log.level: %w", err)
	}
	face, err := faces.Make(cfg)
	if err != nil {
		return err
	}
	if err := a.tools.Reload(cfg.Tools, c); err != nil {
		faces.Discard(face)
		return err
	}
	changed := config.Changed(*faces.Config(), cfg)
	faces.Use(face)
	a.limit.Store(&limit)
	a.level.SetLevel(level)
	a.endRevoked(registry, faces)
	if len(changed) > 0 {
		a.log.Info("in force now", zap.Strings("keys", changed))
	}
	return nil
}

func (a *app) endRevoked(registry *mcp.Registry, faces *handlers.Faces) {
	if ended := registry.EndWhere(faces.Gone) + a.server.EndWhere(faces.Gone); ended > 0 {
		a.log.Info("what keys that are no longer good had opened was ended", zap.Int("ended", ended))
	}
}

// newRegistry makes the place where sessions live.
func (a *app) newRegistry(resume time.Duration) (*mcp.Registry, error) {
	l := a.cfg.Limits
	return mcp.NewRegistry(a.server, mcp.RegistryOptions{
		Sessions: l.Sessions, PerPrincipal: l.SessionsPerClient, PerAddress: l.SessionsPerAddress,
		Idle: l.SessionIdle, ResumeWindow: resume,
		Inbox: l.Inbox, OutboxEvents: l.Outbox, OutboxBytes: int(l.OutboxBytes), Calls: l.CallsPerSession,
		Observer: a.metrics.Observer(nil), Dropped: a.metrics.Dropped,
	})
}
