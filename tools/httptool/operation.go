package httptool

import (
	"context"
	"fmt"
	"net/textproto"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/declare"
	"toolgate/tools/internal/egress"
)

// afterwards is what a call may take beyond its request: retries have ended, what is left is ours.
const afterwards = filterTime + time.Second

// operation is one tool, whether it was declared here or by an OpenAPI document.
type operation struct {
	tool     declare.Tool // its parameters are in input, where the document declares them
	input    jsontext.Value
	output   jsontext.Value
	upstream *upstream
	method   string
	path     pathTemplate
	query    []field
	headers  []field
	body     body // nil: none
	response response
	timeout  time.Duration // of the request; 0: the upstream's
}

// mcpTool is the operation as a tool.
func (o *operation) mcpTool() *mcp.Tool {
	hints := o.tool.Annotations()
	return mcp.NewTool(mcp.ToolSpec{
		Name:        o.tool.Name,
		Title:       o.tool.ShownTitle(),
		Description: o.tool.Description,
		Annotations: mcp.ToolAnnotations{ // written out: a test reads it here
			ReadOnlyHint: hints.ReadOnlyHint, DestructiveHint: hints.DestructiveHint,
			IdempotentHint: hints.IdempotentHint, OpenWorldHint: hints.OpenWorldHint,
		},
		InputSchema:  o.input,
		OutputSchema: o.output,
		Timeout:      o.within() + afterwards,
	}, o.run)
}

// within is how long the request may take.
func (o *operation) within() time.Duration {
	if o.timeout > 0 {
		return o.timeout
	}
	return o.upstream.timeout
}

// run asks the upstream. It blocks until there is an answer, or the time is over.
func (o *operation) run(ctx context.Context, c *mcp.Call, args declare.Arguments) (jsontext.Value, error) {
	ctx, headers, err := o.upstream.as(ctx, c)
	if err != nil {
		return nil, err
	}
	request, err := o.request(args, headers)
	if err != nil {
		return nil, err
	}
	secrets := o.upstream.secrets(ctx)
	limited, cancel := context.WithTimeoutCause(ctx, o.within(), mcp.ToolErrorf("%s did not answer within %s", o.upstream.name, o.within()))
	defer cancel()
	answer, err := o.upstream.client.Do(limited, request)
	if err != nil {
		return nil, refused(err, secrets)
	}
	return o.response.result(ctx, o.upstream.name, answer, secrets)
}

// request puts arguments where they belong. headers are the upstream's, which those of the tool add to.
func (o *operation) request(args declare.Arguments, headers map[string]string) (egress.Request, error) {
	r := egress.Request{Method: o.method, Query: map[string][]string{}, Header: map[string]string{}, Twice: o.twice()}
	var err error
	if r.Path, err = o.path.fill(args); err != nil {
		return r, err
	}
	for _, f := range o.query {
		texts, err := f.fill(args)
		if err != nil {
			return r, err
		}
		if texts != nil {
			r.Query[f.name] = texts
		}
	}
	for name, secret := range o.upstream.query {
		r.Query[name] = []string{secret.Reveal()}
	}
	r.Header["Accept"] = "application/json, */*;q=0.5"
	if o.response.text {
		r.Header["Accept"] = "text/*, */*;q=0.5"
	}
	if o.body != nil {
		content, kind, err := o.body.encode(args)
		if err != nil {
			return r, fmt.Errorf("make the body of %s: %w", o.tool.Name, err)
		}
		if r.Body = content; content != nil {
			r.Header["Content-Type"] = kind
		}
	}
	for name, value := range headers {
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = value
	}
	for _, f := range o.headers {
		text, given, err := f.header(args)
		if err != nil {
			return r, err
		}
		if given {
			r.Header[textproto.CanonicalMIMEHeaderKey(f.name)] = text
		}
	}
	return r, nil
}

// twice says whether the request may be sent again where it is not known what became of the first.
func (o *operation) twice() bool {
	if o.method == "POST" {
		return !o.tool.Write // of another, what is kept must be asked anew
	}
	return !o.tool.Write || o.tool.Idempotent
}

// arguments are the names of the parameters used, wherever they are.
func (o *operation) arguments() map[string]bool {
	used := map[string]bool{}
	add := func(names ...string) {
		for _, name := range names {
			used[name] = true
		}
	}
	add(o.path.parameters()...)
	for _, f := range append(append([]field{}, o.query...), o.headers...) {
		for name := range f.value.parameters() {
			add(name)
		}
	}
	if o.body != nil {
		add(o.body.parameters()...)
	}
	return used
}

// fault is what is wrong with the operation, at the place where it was declared.
func (o *operation) fault(format string, args ...any) error {
	return at(o.tool.At, o.tool.Name, format, args...)
}

func at(p config.Position, tool, format string, args ...any) error {
	return p.Errorf("tool %q: %s", tool, fmt.Sprintf(format, args...))
}
