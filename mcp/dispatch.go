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
}

// methods is the dispatch table: every method, once, for every way in.
func methods() map[string]method {
	return map[string]method{
		"initialize":               quick((*Server).initialize),
		"ping":                     quick((*Server).ping),
		"logging/setLevel":         quick((*Server).setLevel),
		"tools/list":               quick((*Server).listTools),
		"tools/call":               tool((*Server).callTool),
		methodListToolsAlias:       quick((*Server).listTools),
		methodCallToolAlias:        tool((*Server).callTool),
		"resources/list":           quick((*Server).listResources),
		"resources/templates/list": quick((*Server).listTemplates),
		"resources/read":           on((*Server).readResource),
		"resources/subscribe":      quick((*Server).subscribe),
		"resources/unsubscribe":    quick((*Server).unsubscribe),
		"prompts/list":             quick((*Server).listPrompts),
		"prompts/get":              on((*Server).renderPrompt),
		"completion/complete":      on((*Server).complete),
	}
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
	if !ok {
		return nil, Errorf(CodeMethodNotFound, "method not found: %s", clip(x.msg.Method, 100))
	}
	if !m.callsTool { // callTool asks about the tool it finds
		if wait := s.limited(x, ""); wait > 0 {
			return nil, &Error{
				Code:    CodeInvalidRequest,
				Message: fmt.Sprintf("too many requests: try again in %d seconds", wait),
				Data:    map[string]int{"retryAfterSeconds": wait},
			}
		}
	}
	if m.quick {
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
	return s.opts.Limit(x.peer, x.msg.Method, tool)
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
