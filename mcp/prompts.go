package mcp

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
)

type wirePrompt struct {
	Name        string               `json:"name"`
	Title       string               `json:"title,omitempty"`
	Description string               `json:"description"`
	Arguments   []wirePromptArgument `json:"arguments,omitempty"`
	Icons       []Icon               `json:"icons,omitempty"`
}

type wirePromptArgument struct {
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required,omitzero"`
}

type listPromptsResult struct {
	Prompts    []wirePrompt `json:"prompts"`
	NextCursor string       `json:"nextCursor,omitempty"`
}

func (s *Server) listPrompts(_ context.Context, x *exchange, p listParams) (*listPromptsResult, error) {
	shown, next, err := page("prompts", s.shown(x.peer.Principal).Prompts, func(p *Prompt) string { return p.Name }, p.Cursor, s.opts.PageSize)
	if err != nil {
		return nil, err
	}
	result := &listPromptsResult{NextCursor: next}
	rev := x.peer.Revision
	for _, p := range shown {
		w := wirePrompt{Name: p.Name, Description: p.Description}
		for _, a := range p.Arguments {
			arg := wirePromptArgument{Name: a.Name, Description: a.Description, Required: a.Required}
			if rev.Structured {
				arg.Title = a.Title
			}
			w.Arguments = append(w.Arguments, arg)
		}
		if rev.Structured {
			w.Title = p.Title
		}
		if rev.Icons {
			w.Icons = p.Icons
		}
		result.Prompts = append(result.Prompts, w)
	}
	return result, nil
}

// prompt finds a prompt by name; nil where there is none.
func (c *catalog) prompt(name string) *Prompt {
	if i := slices.IndexFunc(c.Prompts, func(p *Prompt) bool { return p.Name == name }); i >= 0 {
		return c.Prompts[i]
	}
	return nil
}

func (s *Server) renderPrompt(ctx context.Context, x *exchange, p getPromptParams) (*GetPromptResult, error) {
	prompt := s.shown(x.peer.Principal).prompt(p.Name)
	if prompt == nil {
		return nil, Errorf(CodeInvalidParams, "unknown prompt: %q", clip(p.Name, 64))
	}
	x.prompt.Store(prompt)
	for _, a := range prompt.Arguments {
		if _, ok := p.Arguments[a.Name]; a.Required && !ok {
			return nil, Errorf(CodeInvalidParams, "prompt %q needs the argument %q", p.Name, a.Name)
		}
	}
	arguments, err := json.Marshal(p.Arguments, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	ctx, done, err := x.open(ctx, prompt.Name, p.Meta, p.retryParams, arguments, s.opts.CallTimeout)
	if err != nil {
		return nil, err
	}
	defer done()
	result, err := prompt.Render(ctx, &x.call, p.Arguments)
	if err != nil {
		return nil, err
	}
	own := *result // the prompt may give others the same messages, of other revisions
	own.Messages = slices.Clone(result.Messages)
	for i := range own.Messages {
		projectContent(&own.Messages[i].Content, x.peer.Revision)
	}
	return &own, nil
}
