package tools

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"toolgate/config"
	"toolgate/mcp"
)

// bytesPerToken is what English and JSON come to in today's tokenizers, roughly; toolgate tools --cost counts alike.
const bytesPerToken = 4

// policy is what an operator decides about tools, over what their authors wrote: which are offered, and what holds for
// each. It holds for every tool, wherever it comes from, and no pack knows of it.
type policy struct {
	cfg   config.Tools
	rules map[string]rule // by the name of a toolset or tool
	rates map[string]config.Rate

	governed map[*mcp.Tool]*mcp.Tool // a tool keeps its slots and its cache while others come and go
}

// rule is what tools.policy says of one tool, or of all tools of a toolset. A zero field says nothing.
type rule struct {
	At           config.Position
	Timeout      time.Duration      `yaml:"timeout"`       // of one call
	Concurrency  int                `yaml:"concurrency"`   // calls at once, whoever calls
	Rate         config.Rate        `yaml:"rate"`          // calls of one caller
	CacheTTL     time.Duration      `yaml:"cache_ttl"`     // how long a result serves again, to the same caller
	Scope        string             `yaml:"scope"`         // what a caller needs
	ResultTokens int                `yaml:"result_tokens"` // of one result
	Confirm      *bool              `yaml:"confirm"`       // a person says yes first
	ContentMode  config.ContentMode `yaml:"content_mode"`  // how a structured result is sent
}

// Bounds of a rule.
const (
	maxTimeout     = 15 * time.Minute
	maxConcurrency = 10_000
	maxCacheTTL    = 24 * time.Hour
	minTokens      = 256
)

// newPolicy reads the rules and holds them against the tools there are. Every fault is named, each with its line.
func newPolicy(cfg config.Tools, parts []*part) (*policy, error) {
	p := &policy{cfg: cfg, rates: map[string]config.Rate{}, governed: map[*mcp.Tool]*mcp.Tool{}}
	faults := []error{cfg.Policy.Decode(&p.rules)}
	var tools []*mcp.Tool
	names := Toolsets()
	for _, part := range parts {
		tools = append(tools, part.offered.Tools...)
		names = append(names, part.name)
	}
	for _, t := range tools {
		names = append(names, t.Name)
	}
	faults = append(faults, uselessWrites(cfg.EnableWrites, tools)...)
	for _, name := range slices.Sorted(maps.Keys(p.rules)) {
		r := p.rules[name]
		if !slices.Contains(names, name) {
			faults = append(faults, r.At.Errorf("tools.policy: there is no tool or toolset %q; %s", name, didYouMean(name, names)))
		}
		for _, fault := range r.faults() {
			faults = append(faults, r.At.Errorf("tools.policy: %s: %s", name, fault))
		}
	}
	for _, part := range parts {
		for _, t := range part.offered.Tools {
			r := p.ruleFor(part.name, t.Name)
			if r.CacheTTL > 0 && !t.Annotations.ReadOnlyHint && p.rules[t.Name].CacheTTL > 0 {
				faults = append(faults, p.rules[t.Name].At.Errorf("tools.policy: %s: cache_ttl is for tools that only read", t.Name))
			}
			if r.Rate != "" {
				p.rates[cfg.NamePrefix+t.Name] = r.Rate
			}
		}
	}
	return p, errors.Join(faults...)
}

func (r rule) faults() (faults []string) {
	within := func(ok bool, key string, low, high any) {
		if !ok {
			faults = append(faults, fmt.Sprintf("%s is not within %v and %v", key, low, high))
		}
	}
	within(r.Timeout == 0 || r.Timeout >= time.Second && r.Timeout <= maxTimeout, "timeout", time.Second, maxTimeout)
	within(r.Concurrency >= 0 && r.Concurrency <= maxConcurrency, "concurrency", 1, maxConcurrency)
	within(r.CacheTTL == 0 || r.CacheTTL >= time.Second && r.CacheTTL <= maxCacheTTL, "cache_ttl", time.Second, maxCacheTTL)
	within(r.ResultTokens == 0 || r.ResultTokens >= minTokens, "result_tokens", minTokens, "more")
	switch r.ContentMode {
	case "", config.ContentBoth, config.ContentText, config.ContentStructured:
	default:
		faults = append(faults, fmt.Sprintf("content_mode %q is not one of both, text, structured", r.ContentMode))
	}
	return faults
}

// ruleFor is what holds for a tool: its own rule, and where that says nothing its toolset's.
func (p *policy) ruleFor(toolset, tool string) rule {
	all, own := p.rules[toolset], p.rules[tool]
	return rule{
		At:           own.At,
		Timeout:      cmp.Or(own.Timeout, all.Timeout),
		Concurrency:  cmp.Or(own.Concurrency, all.Concurrency),
		Rate:         cmp.Or(own.Rate, all.Rate),
		CacheTTL:     cmp.Or(own.CacheTTL, all.CacheTTL),
		Scope:        cmp.Or(own.Scope, all.Scope),
		ResultTokens: cmp.Or(own.ResultTokens, all.ResultTokens),
		Confirm:      cmp.Or(own.Confirm, all.Confirm),
		ContentMode:  cmp.Or(own.ContentMode, all.ContentMode),
	}
}

// govern is the tools of a part that are offered, each under its rule.
func (p *policy) govern(from *part, tools []*mcp.Tool) []*mcp.Tool {
	var offered []*mcp.Tool
	for _, t := range tools {
		if !p.allows(t) {
			continue
		}
		g, ok := p.governed[t]
		if !ok {
			g = p.put(t, from, p.ruleFor(from.name, t.Name))
			p.governed[t] = g
		}
		offered = append(offered, g)
	}
	return offered
}

// allows says whether a tool may be offered at all; who may call it is another question.
func (p *policy) allows(t *mcp.Tool) bool {
	if t.Annotations.ReadOnlyHint {
		return true
	}
	return !p.cfg.ReadOnly && slices.Contains(p.cfg.EnableWrites, t.Name)
}

// put puts a tool under a rule. What happens around a call, from the outside in: a person says yes; a result that is kept
// answers; the result is cleaned; a slot is taken.
func (p *policy) put(t *mcp.Tool, from *part, r rule) *mcp.Tool {
	tokens := r.ResultTokens
	if tokens == 0 && from.outside {
		tokens = p.cfg.ResultTokens
	}
	t = t.Revise(func(s *mcp.ToolSpec) {
		s.Toolset = from.name
		s.Name = p.cfg.NamePrefix + s.Name
		s.Timeout = cmp.Or(r.Timeout, s.Timeout)
		s.Scope = cmp.Or(r.Scope, s.Scope)
		s.MaxResult = tokens * bytesPerToken
		s.ContentMode = mcp.ContentMode(r.ContentMode)
	})
	if r.Concurrency > 0 {
		t = t.Within(newSlots(t.Name, r.Concurrency).around)
	}
	if from.outside {
		t = t.Within(foreign(p.cfg.Untrusted))
	}
	if r.CacheTTL > 0 && t.Annotations.ReadOnlyHint {
		t = t.Within(newResults(r.CacheTTL).around)
	}
	if p.confirms(t, r) {
		t = confirmed(t)
	}
	return t
}

func (p *policy) confirms(t *mcp.Tool, r rule) bool {
	switch {
	case r.Confirm != nil:
		return *r.Confirm
	case t.Annotations.ReadOnlyHint:
		return false
	case p.cfg.Confirm == config.ConfirmWrites:
		return true
	}
	return p.cfg.Confirm == config.ConfirmDestructive && t.Annotations.DestructiveHint
}
