package tools

import (
	"context"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

// part is one toolset in force. It lives until a reload puts another in its place, and after that until the calls that
// run in it have ended.
type part struct {
	name    string
	section any                     // the configuration it was made of
	outside bool                    // its text comes from elsewhere
	offer                           // as the pack was opened
	offered mcp.Features            // what it offers by now, its calls counted; guarded by the toolbox
	wrapped map[*mcp.Tool]*mcp.Tool // the tools of offered by those of the pack: a tool stays the same while others come and go

	watch egress.Watcher // of what its calls ask; nil: nobody

	mu      sync.Mutex
	running int
	retired bool
	idle    chan struct{} // closed once retired and nothing runs
}

func newPart(p pack, section any, cfg config.Tools) *part {
	outside := p.outside != nil && p.outside(cfg)
	return &part{name: p.name, section: section, outside: outside, idle: make(chan struct{})}
}

// enter says that a call begins; false where the part is on its way out.
func (p *part) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired {
		return false
	}
	p.running++
	return true
}

func (p *part) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	p.settle()
}

func (p *part) settle() {
	if p.retired && p.running == 0 {
		close(p.idle)
	}
}

// retire lets no further call in, waits for those that run, and closes what the pack holds.
func (p *part) retire() {
	p.mu.Lock()
	p.retired = true
	p.settle()
	p.mu.Unlock()
	<-p.idle
	if p.close != nil {
		p.close()
	}
}

var errReplaced = mcp.ToolErrorf("the tools were loaded anew just now: call again")

// counted is f with every call in it counted, so that what it uses is not closed under it. A pack that holds nothing needs
// no counting.
func (p *part) counted(f mcp.Features) mcp.Features {
	if p.close == nil {
		return f
	}
	counted := f
	counted.Tools, counted.Resources, counted.Templates = nil, nil, nil
	wrapped := map[*mcp.Tool]*mcp.Tool{}
	for _, t := range f.Tools {
		w, ok := p.wrapped[t]
		if !ok {
			w = t.Within(p.around)
		}
		wrapped[t] = w
		counted.Tools = append(counted.Tools, w)
	}
	p.wrapped = wrapped
	for _, r := range f.Resources {
		copied, read := *r, r.Read
		copied.Read = func(ctx context.Context, c *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
			if !p.enter() {
				return nil, errReplaced
			}
			defer p.leave()
			return read(p.watched(ctx), c, uri)
		}
		counted.Resources = append(counted.Resources, &copied)
	}
	for _, t := range f.Templates {
		copied, read := *t, t.Read
		copied.Read = func(ctx context.Context, c *mcp.Call, uri string, vars map[string]string) ([]mcp.ResourceContents, error) {
			if !p.enter() {
				return nil, errReplaced
			}
			defer p.leave()
			return read(p.watched(ctx), c, uri, vars)
		}
		counted.Templates = append(counted.Templates, &copied)
	}
	return counted
}

// watched is the ctx of a call that is counted.
func (p *part) watched(ctx context.Context) context.Context {
	if p.watch == nil {
		return ctx
	}
	return egress.Watch(ctx, p.watch)
}

func (p *part) around(ctx context.Context, _ *mcp.Call, _ jsontext.Value, next func(context.Context) (*mcp.CallToolResult, error)) (*mcp.CallToolResult, error) {
	if !p.enter() {
		return nil, errReplaced
	}
	defer p.leave()
	return next(p.watched(ctx))
}
