package handlers

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"toolgate/mcp"
)

// pack is the tools of the tests, and what a test holds against them.
type pack struct {
	ran   atomic.Int64  // calls of uppercase_text
	began chan struct{} // gets a token when a call of wait has begun
	gate  chan struct{} // a token lets one call of wait go on
}

func newPack() *pack {
	return &pack{began: make(chan struct{}, 1024), gate: make(chan struct{})}
}

type nothing struct{}

type upperParams struct {
	Text string `json:"text" jsonschema:"the text" maxLength:"4194304"`
}

type repeatParams struct {
	N int `json:"n"`
}

type userParams struct {
	Identity string `json:"user_identity"`
}

type user struct {
	Login string `json:"login"`
	Mail  string `json:"mail"`
}

func (p *pack) features() mcp.Features {
	spec := func(name, description string) mcp.ToolSpec {
		return mcp.ToolSpec{Name: name, Description: description, Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}}
	}
	return mcp.Features{Tools: []*mcp.Tool{
		mcp.NewTool(spec("uppercase_text", "Writes a text in capitals."),
			func(_ context.Context, _ *mcp.Call, in upperParams) (mcp.Text, error) {
				p.ran.Add(1)
				return mcp.Text(strings.ToUpper(in.Text)), nil
			}),
		mcp.NewTool(spec("get_user", "Looks a person up."),
			func(_ context.Context, _ *mcp.Call, in userParams) (user, error) {
				if in.Identity != "alice" {
					return user{}, mcp.ToolErrorf("nobody is called %q; did you mean alice?", in.Identity)
				}
				return user{Login: "alice", Mail: "alice@example.com"}, nil
			}),
		mcp.NewTool(spec("wait", "Waits until it is let go."),
			func(ctx context.Context, _ *mcp.Call, _ nothing) (mcp.Text, error) {
				p.began <- struct{}{}
				select {
				case <-p.gate:
					return "let go", nil
				case <-ctx.Done():
					return "", context.Cause(ctx)
				}
			}),
		mcp.NewTool(spec("repeat", "Says x n times."),
			func(_ context.Context, _ *mcp.Call, in repeatParams) (mcp.Text, error) {
				return mcp.Text(strings.Repeat("x", in.N)), nil
			}),
		mcp.NewTool(spec("broken", "Fails for reasons of ours."),
			func(_ context.Context, _ *mcp.Call, in upperParams) (mcp.Text, error) {
				return "", errors.New("the upstream did not answer")
			}),
		mcp.NewTool(spec("panics", "Panics with what it was given."),
			func(_ context.Context, _ *mcp.Call, in upperParams) (mcp.Text, error) {
				panic(in.Text)
			}),
	}}
}
