package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/files"
	"toolgate/tools/internal/egress"
)

// Toolbox is the toolsets that a configuration names, and what they offer: most of them the same until the configuration is
// another, some of them something else after a while. Its methods may be called from any goroutine.
type Toolbox struct {
	known  []pack
	log    *zap.Logger
	helper []string
	watch  egress.Watcher // nil: nobody

	policy atomic.Pointer[policy] // written under mu

	mu      sync.Mutex // held while a change is followed, so that of two the later one stays
	parts   []*part
	follow  func(mcp.Features) error
	updated func(uri string)
	started bool

	retiring sync.WaitGroup // parts whose last calls run
}

// Open makes the toolsets that cfg names. Of those in the default list of tools.toolsets, ones that are not configured are
// left out; a list that an operator wrote is taken at its word.
//
// Names of toolsets that do not exist, names in EnableWrites that are of no tool which needs enabling, rules for tools that
// do not exist: everything is refused at once, with the nearest name that would do. Open reads the files that cfg names;
// it asks no network but, where a pack says so, its own database.
func Open(cfg config.Tools, o Options) (*Toolbox, error) { return open(cfg, packs(), o) }

// Options are what toolsets stand on beside their configuration.
type Options struct {
	Log *zap.Logger // required

	// Watch hears of each attempt to ask an upstream over HTTP: its name, a status or why there was none, and how long it
	// took. It must not block. Nil: nobody does.
	Watch func(upstream, outcome string, took time.Duration)

	// Helper is the command that reads documents apart from this process: this program, started so that it calls
	// ReadDocument. Nil: documents that take it are not read.
	Helper []string
}

// ReadDocument is what a helper process does, all of it.
func ReadDocument(in io.Reader, out io.Writer) error { return files.Help(in, out) }

func open(cfg config.Tools, known []pack, o Options) (*Toolbox, error) {
	b := &Toolbox{known: known, log: o.Log, helper: o.Helper, watch: o.Watch}
	if err := b.Reload(cfg, config.Changes{}); err != nil {
		return nil, err
	}
	return b, nil
}

// Reload takes another configuration: toolsets that it changes are made anew, and those that changes names; the others stay
// as they are, and so does everything where there is any fault. Calls under way end in the toolset they began in, which is
// closed after them.
func (b *Toolbox) Reload(cfg config.Tools, changed config.Changes) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next, fresh, err := b.assemble(cfg, changed)
	if err != nil {
		return err
	}
	rules, err := newPolicy(cfg, next, b.policy.Load())
	if err == nil {
		err = b.apply(rules, next)
	}
	if err != nil {
		for _, p := range fresh {
			b.retire(p)
		}
		return err
	}
	if b.started {
		for _, p := range fresh {
			p.begin()
		}
	}
	return nil
}

// assemble makes the parts of a configuration; fresh are those that were not there before.
func (b *Toolbox) assemble(cfg config.Tools, changed config.Changes) (next, fresh []*part, err error) {
	faults := unknownToolsets(cfg.Toolsets, b.known)
	byDefault := slices.Equal(cfg.Toolsets, config.Default().Tools.Toolsets)
	for _, k := range b.known {
		if !slices.Contains(cfg.Toolsets, k.name) {
			continue
		}
		if fault := k.unconfigured(cfg); fault != nil {
			if !byDefault {
				faults = append(faults, fault)
			}
			continue
		}
		var section any
		if k.section != nil {
			section = k.section(cfg)
		}
		if i := slices.IndexFunc(b.parts, func(p *part) bool { return p.name == k.name && p.madeOf(section, changed) }); i >= 0 {
			next = append(next, b.parts[i])
			continue
		}
		p := newPart(k, section, cfg)
		p.watch = b.watch
		if p.offer, err = k.open(cfg, b.hooks(p)); err != nil {
			faults = append(faults, fmt.Errorf("build the toolset %s: %w", k.name, err))
			continue
		}
		p.offered = p.counted(p.features)
		next, fresh = append(next, p), append(fresh, p)
	}
	if len(faults) > 0 {
		for _, p := range fresh {
			b.retire(p)
		}
		return nil, nil, errors.Join(faults...)
	}
	return next, fresh, nil
}

// madeOf says whether the part is what it would be if it were made now.
func (p *part) madeOf(section any, changed config.Changes) bool {
	return same(p.section, section) && !(changed.Everything && section != nil) &&
		!slices.ContainsFunc(p.files, func(f string) bool { return slices.Contains(changed.Files, f) })
}

// same compares two sections. Trees compare by what they say.
func same(a, b any) bool {
	if t, ok := a.(config.Tree); ok {
		o, ok := b.(config.Tree)
		return ok && t.Equal(o)
	}
	return reflect.DeepEqual(a, b)
}

// apply puts parts and policy in force, once they can be served.
func (b *Toolbox) apply(rules *policy, next []*part) error {
	if b.follow != nil {
		if err := b.follow(joined(rules, next)); err != nil {
			return err
		}
	}
	for _, p := range b.parts {
		if !slices.Contains(next, p) {
			b.retire(p)
		}
	}
	b.policy.Store(rules)
	b.parts = next
	return nil
}

// retire closes a part once its calls have ended, without waiting for that.
func (b *Toolbox) retire(p *part) { b.retiring.Go(p.retire) }

// Features is what is offered now, in the order of Toolsets, under the policy.
func (b *Toolbox) Features() mcp.Features {
	b.mu.Lock()
	defer b.mu.Unlock()
	return joined(b.policy.Load(), b.parts)
}

func joined(rules *policy, parts []*part) mcp.Features {
	var all mcp.Features
	before := rules.begin()
	for _, p := range parts {
		f := p.offered
		all.Tools = append(all.Tools, rules.govern(p, f.Tools, before)...)
		all.Resources = append(all.Resources, rules.resources(p, f.Resources)...)
		all.Templates = append(all.Templates, rules.templates(p, f.Templates)...)
		all.Prompts = append(all.Prompts, f.Prompts...)
		all.Skills = append(all.Skills, f.Skills...)
	}
	rules.finish()
	return all
}

// Rate is the rate of a tool that has one of its own; empty for any other. name is as clients see it.
func (b *Toolbox) Rate(name string) config.Rate { return (*b.policy.Load().rates.Load())[name] }

// Files lists the files that the toolsets were made of, beside the configuration.
func (b *Toolbox) Files() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var files []string
	for _, p := range b.parts {
		files = append(files, p.files...)
	}
	return files
}

// Follow has apply called with everything that is offered, whenever that becomes something else, once at a time, on the
// goroutine that changes it, and updated with the URI of a resource that has new contents. What apply refuses does not
// change. Without Follow nobody is told, and toolsets that watch something do not begin to.
func (b *Toolbox) Follow(apply func(mcp.Features) error, updated func(uri string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow, b.updated = apply, updated
	if err := apply(joined(b.policy.Load(), b.parts)); err != nil { // what changed since the server was made
		b.log.Error("offer the tools", zap.Error(err))
	}
	if b.started {
		return
	}
	b.started = true
	for _, p := range b.parts {
		p.begin()
	}
}

func (p *part) begin() {
	if p.start != nil {
		p.start()
	}
}

// hooks are for the pack of p.
func (b *Toolbox) hooks(p *part) hooks {
	return hooks{
		changed: func(offered mcp.Features) error { return b.changed(p, offered) },
		updated: func(uri string) {
			b.mu.Lock()
			updated := b.updated
			b.mu.Unlock()
			if updated != nil {
				updated(uri)
			}
		},
		helper: b.helper,
		log:    b.log.With(zap.String("toolset", p.name)),
	}
}

// changed is for packs: p offers something else from now on. Of one that is on its way out nothing is heard.
func (b *Toolbox) changed(p *part, offered mcp.Features) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.parts, p) {
		return nil
	}
	before := p.offered
	p.offered = p.counted(offered)
	if b.follow != nil {
		if err := b.follow(joined(b.policy.Load(), b.parts)); err != nil {
			p.offered = before
			return err
		}
	}
	return nil
}

// Close ends every toolset, each when its calls have ended, and waits for that until ctx ends.
func (b *Toolbox) Close(ctx context.Context) {
	b.mu.Lock()
	parts := b.parts
	b.parts = nil
	b.mu.Unlock()
	for _, p := range parts {
		b.retire(p)
	}
	over := make(chan struct{})
	go func() { // ends with the last call, or with the process
		b.retiring.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-ctx.Done():
		b.log.Warn("a tool call goes on that nobody waits for")
	}
}
