package mcp

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

type listToolsResult struct {
	Tools      []jsontext.Value `json:"tools"`
	NextCursor string           `json:"nextCursor,omitempty"`
}

// listTools shows the tools that the caller may call, in a stable order.
func (s *Server) listTools(_ context.Context, x *exchange, p listParams) (*listToolsResult, error) {
	c := s.catalog.Load()
	visible := make([]*Tool, 0, len(c.Tools))
	for _, t := range c.Tools {
		if x.peer.Principal.mayCall(t) && x.msg.terms.allow(t) {
			visible = append(visible, t)
		}
	}
	shown, next, err := page("tools", visible, func(t *Tool) string { return t.Name }, p.Cursor, s.opts.PageSize)
	if err != nil {
		return nil, err
	}
	r := &listToolsResult{Tools: make([]jsontext.Value, len(shown)), NextCursor: next}
	for i, t := range shown {
		r.Tools[i] = c.wire[t][x.peer.Revision.row]
	}
	return r, nil
}

// callTool calls a tool. What goes wrong inside it is a result with isError; an unknown tool is the peer's fault.
func (s *Server) callTool(ctx context.Context, x *exchange, p callToolParams) (any, error) {
	c := s.catalog.Load()
	t, ok := c.tools[p.Name]
	switch {
	case p.Name == "":
		return nil, Errorf(CodeInvalidParams, "params: \"name\" of the tool is required")
	case !ok:
		if err := s.tooOften(x); err != nil {
			return nil, err
		}
		return nil, Errorf(CodeInvalidParams, "unknown tool: %q%s", clip(p.Name, 64), near(clip(p.Name, 64), slices.Sorted(maps.Keys(c.tools))))
	case p.Arguments != nil && p.Arguments.Kind() != '{':
		return nil, Errorf(CodeInvalidParams, "params: \"arguments\" must be an object")
	}
	if !x.msg.terms.allow(t) {
		return nil, Errorf(CodeInvalidParams, "the tool %q is left out by what was asked for beside this request", t.Name)
	}
	x.arguments = p.Arguments
	x.tool.Store(t)
	if !x.peer.Principal.mayCall(t) {
		return nil, ToolErrorf("%s needs the scope %q, which your credential does not have", t.Name, t.Scope)
	}
	if wait := s.limited(x, t.Name); wait > 0 {
		return nil, &ToolError{fmt.Sprintf("%s is called too often: wait %d seconds before the next call", t.Name, wait), wait}
	}
	timeout := s.opts.CallTimeout
	if t.Timeout > 0 {
		timeout = t.Timeout
	}
	mayTask, ttl, err := x.asTask(t, p.Task)
	if err != nil {
		return nil, err
	}
	if mayTask {
		timeout = ttl
	}
	ctx, done, err := x.open(ctx, t.Name, p.Meta, p.retryParams, p.Arguments, timeout)
	if err != nil {
		return nil, err
	}
	defer done()
	if mayTask {
		return x.callAsTask(ctx, t, p.Arguments, ttl)
	}
	return t.run(ctx, &x.call, p.Arguments)
}

// open readies the exchange's Call for a function of a pack: its name in logs, its progress, its deadline.
func (x *exchange) open(ctx context.Context, name string, m meta, again retryParams, arguments jsontext.Value, timeout time.Duration) (context.Context, func(), error) {
	if m.ProgressToken != nil {
		if k := m.ProgressToken.Kind(); k != '"' && k != '0' {
			return nil, nil, Errorf(CodeInvalidParams, "params: progressToken must be a string or an integer")
		}
		x.call.token = m.ProgressToken
	}
	if x.peer.Revision.Stateless {
		if err := x.takeInputs(name, again, arguments); err != nil {
			return nil, nil, err
		}
	}
	x.call.logger = name
	ctx, unbound := x.bound(ctx, timeout)
	stop := x.call.heartbeat(x.server.opts.ProgressInterval)
	return ctx, func() { stop(); unbound() }, nil
}

// aliasResult is the answer to callTool: the result, and its text again as output.
func aliasResult(result any) any {
	r, ok := result.(*CallToolResult)
	if !ok {
		return result
	}
	aliased := struct {
		Output string `json:"output"`
		*CallToolResult
	}{CallToolResult: r}
	for _, b := range r.Content {
		if b.Text != nil {
			aliased.Output = *b.Text
			break
		}
	}
	return aliased
}
