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
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"toolgate/config"
	"toolgate/handlers"
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // the second signal ends the process at once, by the default action
		<-ctx.Done()
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
		{"serve", "", "serve HTTP until told to stop (the default)", serve},
		{"stdio", "", "serve one client over stdin and stdout", stdio},
		{"tools", "[--cost]", "list the tools as clients see them", listTools},
		{"call", "TOOL ['{\"json\":…}']", "call one tool here and print its result", callTool},
		{"check", "", "load and validate the configuration, and start nothing", check},
		{"keys", "new NAME [SCOPE…]", "make an API key and print it with its entry for auth.keys_file", keys},
		{helperCommand, "", "", readDocument},
		{"version", "", "print version, commit and protocol revisions", printVersion},
	}
}

type command struct {
	name, args, does string // without does it is none for people
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
	cfg      config.Config
	log      *zap.Logger
	metrics  *handlers.Metrics
	server   *mcp.Server
	tools    *tools.Toolbox
	counters *middleware.Counters
	close    func()
}

// open loads the configuration and makes the dispatcher of it.
func (p *program) open() (*app, error) {
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	log, done, err := cfg.Log.Open(p.stderr)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	box, err := tools.Open(cfg.Tools, tools.Options{Log: log, Helper: helper()})
	if err != nil {
		done()
		return nil, &exitError{exitUsage, err}
	}
	a := &app{cfg: cfg, log: log, metrics: handlers.NewMetrics(version), tools: box, counters: middleware.NewCounters(nil), close: func() { closeTools(box); done() }}
	if err := a.newServer(); err != nil {
		a.close()
		return nil, &exitError{exitUsage, err}
	}
	return a, nil
}

// closeGrace is how long toolsets may take to let go of what they hold, once everything else is over.
const closeGrace = 2 * time.Second

func closeTools(box *tools.Toolbox) {
	grace, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	box.Close(grace)
}

// serve is toolgate serve. Its shutdown goes from the outside in: not ready, nothing new, calls finish within the grace,
// streams end with what they still had to say, connections close.
func serve(ctx context.Context, p *program) error {
	a, err := p.open()
	if err != nil {
		return err
	}
	defer a.close()
	registry, err := a.newRegistry(a.cfg.SSE.ResumeWindow)
	if err != nil {
		return err
	}
	a.metrics.Watch(registry)
	live := new(handlers.Live)
	api, err := a.newAPI(registry, live)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	live.Use(api)
	listeners, err := handlers.Listen(ctx, a.cfg.Listen())
	if err != nil {
		return fmt.Errorf("%w; is another server running? --server.port takes another port", err)
	}
	defer a.keepTools(ctx, p)()
	web := handlers.NewHTTPServer(live, a.log)
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- web.Serve(l) }()
		a.log.Info("listening", zap.String("address", l.Addr().String()), zap.String("version", version))
	}
	select {
	case <-ctx.Done():
	case err = <-ended: // a listener broke: the rest is of no use alone
		a.log.Error("serve", zap.Error(err))
	}
	a.log.Info("shutting down", zap.Duration("grace", a.cfg.Server.ShutdownGrace))
	live.Drain()
	a.server.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Server.ShutdownGrace)
	defer cancel()
	err = errors.Join(err, registry.Close(grace))
	a.server.EndTasks(grace)
	err = errors.Join(err, handlers.Shutdown(grace, web))
	a.log.Info("stopped", zap.Error(err))
	return err
}

func (a *app) newAPI(sessions handlers.Sessions, live *handlers.Live) (*handlers.API, error) {
	o := handlers.Options{
		Config: a.cfg, Version: version, Server: a.server, Sessions: sessions, Counters: a.counters, Draining: live.Draining(), Log: a.log,
	}
	if a.cfg.Auth.UsesKeys() {
		keys := new(middleware.KeyStore)
		if err := keys.Load(a.cfg.Auth.KeysFile); err != nil {
			return nil, fmt.Errorf("auth.keys_file: %w", err)
		}
		o.Verifiers = append(o.Verifiers, keys)
	}
	if a.cfg.Metrics.Enabled {
		o.Metrics = a.metrics.Handler()
	}
	return handlers.New(o)
}

// stdioGrace is how long calls under way may take once the client has closed its end.
const stdioGrace = 2 * time.Second

// stdio is toolgate stdio. The protocol has stdout to itself; at the end of stdin nothing more is written anywhere, since
// clients close stderr first and would take a last line for a crash.
func stdio(ctx context.Context, p *program) error {
	signal.Ignore(syscall.SIGPIPE)
	defer func(out *os.File) { os.Stdout = out }(os.Stdout)
	os.Stdout = os.Stderr // whatever a tool prints must not get between the messages
	a, err := p.open()
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
	defer a.keepTools(ctx, p)()
	return handlers.Stdio{Server: a.server, Sessions: registry, Principal: mcp.Anonymous(), MaxLine: int(a.cfg.Limits.Body)}.
		Serve(ctx, p.stdin, p.stdout, drain)
}

// listTools is toolgate tools.
func listTools(_ context.Context, p *program) error {
	a, err := p.open()
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
	a, err := p.open()
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
	a, err := p.open()
	if err != nil {
		return err
	}
	defer a.close()
	if _, err := a.newAPI(nil, new(handlers.Live)); err != nil {
		return &exitError{exitUsage, err}
	}
	_, _ = fmt.Fprintf(p.stdout, "the configuration is valid; %d tools\n", a.server.ToolCount())
	return nil
}

// keys is toolgate keys new.
func keys(_ context.Context, p *program) error {
	if len(p.args) < 2 || p.args[0] != "new" {
		return &exitError{exitUsage, errors.New("usage: toolgate keys new NAME [SCOPE…]; scopes are tools:read, tools:write, admin")}
	}
	scopes := p.args[2:]
	if len(scopes) == 0 {
		scopes = []string{mcp.ScopeRead}
	}
	plain, key := middleware.NewKey(p.args[1], scopes)
	entry, err := yaml.Marshal([]middleware.Key{key})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.stderr, "The key, shown once:\n\n  %s\n\nIts entry for auth.keys_file follows on stdout.\n\n", plain)
	_, _ = fmt.Fprint(p.stdout, string(entry))
	return nil
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
		Observer:         a.logged(a.metrics.Observer(failed)),
		Limit:            limit,
	})
	return err
}

// logged is o, with every tool call in the log where that is written so finely. Arguments that a schema marks as sensitive
// are hidden.
func (a *app) logged(o mcp.Observer) mcp.Observer {
	if !a.log.Core().Enabled(zap.DebugLevel) {
		return o
	}
	done := o.Done
	o.Done = func(out mcp.Outcome) {
		done(out)
		if out.Tool != "" {
			a.log.Debug("tool called", zap.String("tool", out.Tool), zap.ByteString("arguments", out.Arguments()),
				zap.String("principal", out.Principal.Name), zap.String("error", out.Error), zap.Duration("took", out.Took))
		}
	}
	return o
}

// keepTools has the tools follow the configuration until the returned function is called, which waits.
func (a *app) keepTools(ctx context.Context, p *program) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	there := p.source.FileExists()
	load := func() (config.Tools, error) {
		if there && !p.source.FileExists() { // without it everything would be by default, what it forbids too
			return config.Tools{}, errors.New("the configuration file is gone: put it back, or start again without it")
		}
		cfg, err := p.load()
		return cfg.Tools, err
	}
	var keeping sync.WaitGroup
	keeping.Go(func() {
		a.tools.Keep(ctx, tools.Source{Files: p.source.Files, Hangup: hangup, Load: load}, a.server)
	})
	return func() {
		signal.Stop(hangup)
		cancel()
		keeping.Wait()
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
