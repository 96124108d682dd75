package mcp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// exchange is one request on its way to its one answer. The first to claim it answers: its handler's end, its deadline,
// or whoever abandons it (the client's cancellation, the session's end), which answers nothing.
type exchange struct {
	server  *Server
	peer    *Peer
	back    link // nil where nothing can be sent beside the answer
	msg     *Message
	call    Call
	prompt  atomic.Pointer[Prompt] // of prompts/get, once it is known
	tool    atomic.Pointer[Tool]   // of tools/call, once it is known; others report on it while it runs
	ctx     context.Context
	cancel  context.CancelCauseFunc
	started time.Time
	claimed atomic.Bool

	// reply takes the encoded answer, or nil where none is to be sent. It is called exactly once and must not block.
	// code is that of an answer that is an error, else 0.
	reply func(answer []byte, code int)

	// then is what begins when the answer has gone: the tool of a task, so that its client has heard of the task first.
	then func()

	arguments jsontext.Value // of tools/call, written before tool

	ended func(Outcome) // of the observer that saw it begin; nil: none

	// What Ending is made of. They are written by the goroutine that sends the answer, before it does.
	err     error  // why there is no result
	said    string // how the request ended, in a word
	errorID string // of an error of ours
	wait    int    // seconds, of a request that came too often
}

// begin makes an exchange of a request. The caller starts run on a goroutine of its own, or runs it where it is.
func (s *Server) begin(ctx context.Context, peer *Peer, back link, m *Message, reply func([]byte, int)) *exchange {
	x := &exchange{server: s, peer: peer, back: back, msg: m, started: time.Now(), reply: reply}
	if m.principal != nil && m.principal != peer.Principal { // the same one's, with other scopes perhaps
		again := *peer
		again.Principal = m.principal
		x.peer = &again
	}
	x.call.peer, x.call.back, x.call.terms = x.peer, back, m.terms
	if f := s.opts.Observer.Begin; f != nil {
		ctx, x.ended = f(ctx, x.beginning())
	}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	return x
}

// run answers the request. It returns when the handler does, which may be long after the answer.
func (x *exchange) run() {
	defer x.cancel(nil)
	defer func() {
		if p := recover(); p != nil {
			x.finish(nil, panicked(p))
		}
	}()
	result, err := x.server.handle(x.ctx, x)
	x.finish(result, err)
	if x.then != nil {
		x.then()
	}
}

// panicked is a panic as an error for our log: where it came from, and its text where the runtime wrote it. A tool's own
// text may quote a secret.
func panicked(p any) error {
	if fault, ok := p.(runtime.Error); ok {
		return fmt.Errorf("panic: %w\n%s", fault, debug.Stack())
	}
	return fmt.Errorf("panic with a %T\n%s", p, debug.Stack())
}

// bound gives the handler its deadline, at which the client gets its answer whether or not the handler stops. The handler
// calls done when it returns.
func (x *exchange) bound(ctx context.Context, d time.Duration) (_ context.Context, done func()) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errDeadline)
	var parted atomic.Bool // by the first of the deadline's answer and the handler's return
	expire := func() {
		if context.Cause(ctx) != errDeadline || !x.claim() { //nolint:errorlint // a cause is compared, not a chain
			return
		}
		if parted.CompareAndSwap(false, true) {
			x.server.stuck(+1)
		}
		x.send(nil, x.deadlineError(d), "timeout")
	}
	unhook := context.AfterFunc(ctx, expire)
	return ctx, func() {
		if !parted.CompareAndSwap(false, true) {
			x.server.stuck(-1)
		}
		expire() // a handler that stopped at its deadline, as it should, may be here before the hook
		unhook()
		cancel()
	}
}

func (x *exchange) deadlineError(d time.Duration) error {
	if t := x.tool.Load(); t != nil {
		return ToolErrorf("%s did not finish within %s and was stopped; ask for less, or try again later", t.Name, d)
	}
	return Errorf(CodeInternal, "%s did not finish within %s", x.msg.Method, d)
}

// abandon ends the exchange without an answer.
func (x *exchange) abandon(cause error) {
	if x.claim() {
		x.report("cancelled")
		x.reply(nil, 0)
	}
	x.cancel(cause)
}

// giveUp answers a call that the server can no longer wait for, and cancels it. It must not be called by the call itself.
func (x *exchange) giveUp() {
	if x.claim() {
		x.send(nil, shuttingDown(x.tool.Load()), "cancelled")
	}
	x.cancel(ErrShuttingDown)
}

func shuttingDown(t *Tool) error {
	if t != nil {
		return ToolErrorf("%s was stopped: the server is shutting down; try again in a moment", t.Name)
	}
	return Errorf(CodeInternal, "the server is shutting down; try again in a moment")
}

func (x *exchange) claim() bool {
	if !x.claimed.CompareAndSwap(false, true) {
		return false
	}
	x.call.answered()
	return true
}

// finish answers with what the handler gave, unless the exchange was claimed before.
func (x *exchange) finish(result any, err error) {
	if !x.claim() {
		return
	}
	if x.ctx.Err() != nil { // the client is gone, or its session: nobody is left to answer
		x.report("cancelled")
		x.reply(nil, 0)
		return
	}
	x.send(result, err, "")
}

// send encodes the answer and hands it on. outcome overrides what the error says of itself.
func (x *exchange) send(result any, err error, outcome string) {
	answer, code, said := x.encode(result, err)
	if outcome == "" {
		outcome = said
	}
	x.err, x.said = err, outcome
	x.report(outcome)
	x.reply(answer, code)
}

// encode makes the response, and says in a word how the request ended.
func (x *exchange) encode(result any, err error) (answer []byte, code int, outcome string) {
	resultType := "complete"
	switch {
	case err == nil:
	case errors.Is(err, errInputRequired):
		result, resultType = x.inputRequired(), "input_required"
	default:
		refused, failure := x.judge(err)
		if refused != nil {
			return AppendError(nil, x.msg.ID, refused), refused.Code, strconv.Itoa(refused.Code)
		}
		result = failure
	}
	if _, ok := result.(createdTask); ok {
		resultType = "task"
	}
	named := false
	if r, ok := result.(*CallToolResult); ok {
		r = x.server.present(x, r)
		if named = len(r.Meta) > 0 && x.peer.Revision.Stateless; named {
			r.Meta = maps.Clone(r.Meta)
			r.Meta[metaServerInfo] = x.server.opts.Info
		}
		if result = r; r.IsError {
			outcome = "tool_error"
		}
	}
	if x.msg.Method == methodCallToolAlias {
		result = aliasResult(result)
	}
	value, err := json.Marshal(result, json.Deterministic(true)) // what clients cache must not differ by chance
	if err != nil {
		return x.encode(nil, fmt.Errorf("encode the result: %w", err))
	}
	if x.peer.Revision.Stateless {
		value = x.server.decorate(x.msg.Method, resultType, named, value)
	}
	answer = make([]byte, 0, len(`{"jsonrpc":"2.0","id":,"result":}`)+len(x.msg.ID.raw)+len(value))
	answer = append(answer, `{"jsonrpc":"2.0","id":`...)
	answer = append(answer, x.msg.ID.raw...)
	answer = append(answer, `,"result":`...)
	answer = append(answer, value...)
	return append(answer, '}'), 0, outcome
}

// project gives an error the code that the peer's revision has for it.
func (x *exchange) project(e *Error) *Error {
	if e.Code == CodeResourceNotFound && x.peer.Revision.Stateless {
		return &Error{Code: CodeInvalidParams, Message: e.Message, Data: e.Data}
	}
	return e
}

// judge is where the kinds of error part: what the model can act on is a tool's result; what the peer did wrong is an
// error response; and what is ours is logged whole and sent as an id.
func (x *exchange) judge(err error) (refused *Error, failure *CallToolResult) {
	var forModel *ToolError
	var arguments *argumentError
	isTool := x.tool.Load() != nil
	switch {
	case errors.As(err, &refused):
	case errors.As(err, &forModel) && isTool:
		return nil, forModel.result()
	case errors.As(err, &arguments) && isTool:
		return nil, failed(fmt.Sprintf("invalid arguments for %s: %s", x.tool.Load().Name, arguments.Error()))
	case forModel != nil:
		refused = Errorf(CodeInvalidParams, "%s", forModel.Message)
	default:
		id := rand.Text()[:8]
		x.errorID = id
		if f := x.server.opts.Observer.Failed; f != nil {
			f(x.outcome(strconv.Itoa(CodeInternal)), id, err)
		}
		text := fmt.Sprintf("internal error %s; the server's log says more under that id", id)
		if isTool {
			return nil, failed(text)
		}
		refused = Errorf(CodeInternal, "%s", text)
	}
	return x.project(refused), nil
}

// failed is a tool's result that says what went wrong.
func failed(text string) *CallToolResult {
	return &CallToolResult{Content: []Content{TextContent(text)}, IsError: true}
}

func (x *exchange) outcome(said string) Outcome {
	o := Outcome{
		Wire: x.peer.Wire, Revision: x.peer.Revision.Name, Principal: x.peer.Principal,
		Error: said, Took: time.Since(x.started), Session: x.peer.Session, Addr: x.peer.Addr, ID: x.msg.ID, Client: x.peer.Client,
	}
	o.Method = x.method()
	if p := x.prompt.Load(); p != nil {
		o.Prompt = p.Name
	}
	if t := x.tool.Load(); t != nil {
		o.Tool, o.called, o.arguments = t.Name, t, x.arguments
	}
	return o
}

// method is that of the message, where it is one of ours.
func (x *exchange) method() string {
	if _, ok := x.server.methods[x.msg.Method]; ok {
		return x.msg.Method
	}
	return "unknown"
}

func (x *exchange) beginning() Beginning {
	return Beginning{Method: x.method(), ID: x.msg.ID, Wire: x.peer.Wire, Revision: x.peer.Revision.Name, Session: x.peer.Session, Trace: x.msg.Trace()}
}

func (x *exchange) report(said string) {
	done := x.server.opts.Observer.Done
	if done == nil && x.ended == nil {
		return
	}
	o := x.outcome(said)
	if x.ended != nil {
		x.ended(o)
	}
	if done != nil {
		done(o)
	}
}

func (s *Server) stuck(delta int) {
	if f := s.opts.Observer.Stuck; f != nil {
		f(delta)
	}
}
