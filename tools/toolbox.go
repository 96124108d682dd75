package tools

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"toolgate/config"
	"toolgate/mcp"
)

// Toolbox is the toolsets that a configuration names, and what they offer: most of them the same for ever, some of them
// something else after a while.
type Toolbox struct {
	cfg config.Tools

	mu     sync.Mutex // held while a change is followed, so that of two the later one stays
	parts  []part
	follow func(mcp.Features) error
}

// part is what one toolset offers.
type part struct {
	name     string
	features mcp.Features
}

// Open makes the toolsets that cfg names.
//
// Names of toolsets that do not exist, and names in EnableWrites that are of no tool which needs enabling, are refused,
// each with the nearest name that would do. Open reads the files that cfg names; it asks no network.
func Open(cfg config.Tools) (*Toolbox, error) {
	b := &Toolbox{cfg: cfg}
	if err := b.open(packs(b.changed)); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Toolbox) open(known []pack) error {
	faults := unknownToolsets(b.cfg.Toolsets, known)
	var tools []*mcp.Tool
	for _, p := range known {
		if !slices.Contains(b.cfg.Toolsets, p.name) {
			continue
		}
		offered, err := p.build(b.cfg)
		if err != nil {
			faults = append(faults, fmt.Errorf("build the toolset %s: %w", p.name, err))
			continue
		}
		b.parts = append(b.parts, part{p.name, offered})
		tools = append(tools, offered.Tools...)
	}
	// Only with every pack built is it known which names in enable_writes are of no tool.
	if len(faults) == 0 {
		faults = uselessWrites(b.cfg.EnableWrites, tools)
	}
	return errors.Join(faults...)
}

// Features is what is offered now, in the order of Toolsets. A tool that is not read-only is left out unless EnableWrites
// names it, and always where ReadOnly is set.
func (b *Toolbox) Features() mcp.Features {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.joined(b.parts)
}

func (b *Toolbox) joined(parts []part) mcp.Features {
	var all mcp.Features
	for _, p := range parts {
		all.Tools = append(all.Tools, p.features.Tools...)
		all.Resources = append(all.Resources, p.features.Resources...)
		all.Templates = append(all.Templates, p.features.Templates...)
		all.Prompts = append(all.Prompts, p.features.Prompts...)
		all.Skills = append(all.Skills, p.features.Skills...)
	}
	all.Tools = slices.DeleteFunc(all.Tools, func(t *mcp.Tool) bool { return !allowed(t, b.cfg) })
	return all
}

// Follow has apply called with everything that is offered, whenever that becomes something else: once at a time, on the
// goroutine that changes it. What apply refuses does not change. Without Follow nobody is told.
func (b *Toolbox) Follow(apply func(mcp.Features) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow = apply
}

// changed is for packs: the toolset of that name offers something else from now on.
func (b *Toolbox) changed(name string, offered mcp.Features) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := slices.Clone(b.parts)
	i := slices.IndexFunc(next, func(p part) bool { return p.name == name })
	next[i].features = offered
	if b.follow != nil {
		if err := b.follow(b.joined(next)); err != nil {
			return err
		}
	}
	b.parts = next
	return nil
}
