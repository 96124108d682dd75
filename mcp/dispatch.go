package mcp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Methods that older clients call by other names (the Tutorial document's servers).
const (
	methodListToolsAlias = "listTools"
	methodCallToolAlias  = "callTool"
)

// method is one row of the dispatch table.
type method struct {
	run func(s *Server, ctx context.Context, x *exchange) (any, error)

	// quick methods are answered where they arrive, in order, and never wait: the rest take a goroutine and a slot.
	quick bool

	// callsTool marks those whose limit is that of the tool they call.
	callsTool bool

	// waits marks those that do nothing but wait, for as long as it takes: they hold no slot.
	waits bool

	era   era
	cache *cache // of a stateless result; nil where none may be kept
}

// era says which revisions have a method.
type era int

const (
	everyEra     era = iota
	handshakeEra     // up to 2025-11-25
	statelessEra     // from 2026-07-28 on
)

func (m method) has(rev *Revision) bool {
	return m.era == everyEra || (m.era == statelessEra) == rev.Stateless
}

// in gives a row its era; cached how long its stateless result may be kept.
func (m method) in(e era) method       { m.era = e; return m }
func (m method) cached(c cache) method { m.cache = &c; return m }

func (m method) patient() method { m.waits = true; return m }

// cache is what a stateless result says of itself (2026-07-28, caching).
type cache struct {
	TTL   int // milliseconds
	Scope string
}

// What lists show depends on the caller's scopes, and what is read on anything.
var (
	listCache     = cache{60_000, "private"}
	readCache     = cache{0, "private"}
	discoverCache = cache{60_000, "public"}
)

// methods is the dispatch table: every method, once, for every way in.
func methods() map[string]method {
	return map[string]method{
		"initialize":               quick((*Server).initialize).in(handshakeEra),
		"ping":                     quick((*Server).ping).in(handshakeEra),
		"server/discover":          quick((*Server).discover).in(statelessEra).cached(discoverCache),
		"logging/setLevel":         quick((*Server).setLevel).in(handshakeEra),
		"tools/list":               quick((*Server).listTools).cached(listCache),
		"tools/call":               tool((*Server).callTool),
		methodListToolsAlias:       quick((*Server).listTools).in(handshakeEra),
		methodCallToolAlias:        tool((*Server).callTool).in(handshakeEra),
		"resources/list":           quick((*Server).listResources).cached(listCache),
		"resources/templates/list": quick((*Server).listTemplates).cached(listCache),
		"resources/read":           on((*Server).readResource).cached(readCache),
		"resources/subscribe":      quick((*Server).subscribe).in(handshakeEra),
		"resources/unsubscribe":    quick((*Server).unsubscribe).in(handshakeEra),
		"prompts/list":             quick((*Server).listPrompts).cached(listCache),
		"prompts/get":              on((*Server).renderPrompt),
		"completion/complete":      on((*Server).complete),
		"skills/list":              quick((*Server).listSkills).in(statelessEra).cached(listCache),
		"skills/get":               quick((*Server).skill).in(statelessEra).cached(listCache),
		"resources/directory/read": quick((*Server).readDirectory).in(statelessEra),
		"tasks/get":                quick((*Server).getTask),
		"tasks/cancel":             quick((*Server).cancelTask),
		"tasks/update":             quick((*Server).updateTask).in(statelessEra),
		"tasks/list":               quick((*Server).listTasks).in(handshakeEra),
		"tasks/result":             on((*Server).taskResult).in(handshakeEra).patient(),
	}
}

// Serves says whether stateless requests may call a method.
func (s *Server) Serves(name string) bool {
	m, ok := s.methods[name]
	return ok && m.has(Stateless()) || name == methodListen
}

// on makes a row of a typed handler. It is the one place where params are decoded.
func on[P, R any](h func(s *Server, ctx context.Context, x *exchange, p P) (R, error)) method {
	return method{run: func(s *Server, ctx context.Context, x *exchange) (any, error) {
		var p P
		if err := decodeParams(x.msg.Params, &p); err != nil {
			return nil, err
		}
		return h(s, ctx, x, p)
	}}
}

func quick[P, R any](h func(s *Server, ctx context.Context, x *exchange, p P) (R, error)) method {
	m := on(h)
	m.quick = true
	return m
}

func tool[P, R any](h func(s *Server, ctx context.Context, x *exchange, p P) (R, error)) method {
	m := on(h)
	m.callsTool = true
	return m
}

// decodeParams fills p with exact keys; unknown ones are ignored (all revisions), wrong types are refused.
func decodeParams(raw jsontext.Value, p any) error {
	if raw == nil {
		return nil
	}
	err := json.Unmarshal(raw, p)
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic):
		return Errorf(CodeInvalidParams, "params: %s must not be of JSON type %s", pointerName(string(semantic.JSONPointer)), semantic.JSONKind)
	}
	return Errorf(CodeInvalidParams, "params could not be read")
}

// busyWait is how long a call waits for a slot before it is told that the server is busy.
const busyWait = time.Second

// handle answers one request with its row.
func (s *Server) handle(ctx context.Context, x *exchange) (any, error) {
	m, ok := s.methods[x.msg.Method]
	there := ok && m.has(x.peer.Revision)
	if !there || !m.callsTool { // callTool asks about the tool it finds
		if err := s.tooOften(x); err != nil {
			return nil, err
		}
	}
	if !there {
		return nil, Errorf(CodeMethodNotFound, "method not found: %s", clip(x.msg.Method, 100))
	}
	if m.quick || m.waits {
		return m.run(s, ctx, x)
	}
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.slots }()
	return m.run(s, ctx, x)
}

func (s *Server) acquire(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(busyWait)
	defer wait.Stop()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-wait.C:
		return &Error{Code: CodeInternal, Message: "the server is busy: try again in 1 second", Data: map[string]int{"retryAfterSeconds": 1}}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// limited asks the operator's limits about a request.
func (s *Server) limited(x *exchange, tool string) (retryAfter int) {
	if s.opts.Limit == nil {
		return 0
	}
	x.wait = s.opts.Limit(x.peer, x.msg.Method, tool)
	return x.wait
}

// tooOften is the error of a request that is limited without a tool; nil where it may go on. What names no method or tool of
// ours counts too: a model that makes names up asks for them again and again.
func (s *Server) tooOften(x *exchange) error {
	wait := s.limited(x, "")
	if wait == 0 {
		return nil
	}
	return &Error{
		Code:    CodeInvalidRequest,
		Message: fmt.Sprintf("too many requests: try again in %d seconds", wait),
		Data:    map[string]int{"retryAfterSeconds": wait},
	}
}

// isQuick says whether a request is answered where it arrives.
func (s *Server) isQuick(m *Message) bool {
	row, ok := s.methods[m.Method]
	return !ok || row.quick
}

// clip shortens a stranger's text for an error, at a rune's end.
func clip(text string, most int) string {
	for i := range text {
		if i > most {
			return text[:i] + "…"
		}
	}
	return text
}
