package mcp

import "context"

// maxCompletions is how many values reach a client (all revisions, completion).
const maxCompletions = 100

// complete proposes values for an argument of a prompt or a variable of a template. An argument that has no proposals
// gets an empty list; an unknown prompt, template or argument is refused.
func (s *Server) complete(ctx context.Context, x *exchange, p completeParams) (*completeResult, error) {
	propose, err := s.shown(x.peer.Principal).completer(&p)
	if err != nil {
		return nil, err
	}
	result := &completeResult{}
	if propose == nil {
		return result, nil
	}
	ctx, done, err := x.open(ctx, p.Ref.Type, meta{}, retryParams{}, nil, s.opts.CallTimeout)
	if err != nil {
		return nil, err
	}
	defer done()
	x.call.inputs.given = nil // a completion may not be answered with a question (2026-07-28)
	values, err := propose(ctx, &x.call, p.Argument.Value, p.Context.Arguments)
	if err != nil {
		return nil, err
	}
	result.Completion.Total = len(values)
	result.Completion.HasMore = len(values) > maxCompletions
	result.Completion.Values = values[:min(len(values), maxCompletions)]
	return result, nil
}

func (c *catalog) completer(p *completeParams) (CompleteFunc, error) {
	switch p.Ref.Type {
	case "ref/prompt":
		prompt := c.prompt(p.Ref.Name)
		if prompt == nil {
			return nil, Errorf(CodeInvalidParams, "unknown prompt: %q", clip(p.Ref.Name, 64))
		}
		for _, a := range prompt.Arguments {
			if a.Name == p.Argument.Name {
				return a.Complete, nil
			}
		}
		return nil, Errorf(CodeInvalidParams, "prompt %q has no argument %q", prompt.Name, clip(p.Argument.Name, 64))
	case "ref/resource":
		for _, t := range c.Templates {
			if t.URITemplate == p.Ref.URI {
				return t.Complete[p.Argument.Name], nil
			}
		}
		return nil, Errorf(CodeInvalidParams, "unknown resource template: %q", clip(p.Ref.URI, 200))
	}
	return nil, Errorf(CodeInvalidParams, "ref.type must be ref/prompt or ref/resource")
}
