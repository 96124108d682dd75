package tools

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
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

	// rates are those of tools that have one of their own, by the name that clients see. They are read by whoever calls.
	rates    atomic.Pointer[map[string]config.Rate]
	counting map[string]config.Rate // those to come

	// governed are the tools that are offered, each under its terms: a tool keeps its slots and its kept results while
	// others come and go, and through a reload that changes nothing for it.
	governed map[*mcp.Tool]governed
}

// governed is a tool under its terms.
type governed struct {
	tool  *mcp.Tool
	under terms
}

// terms are all that a policy says of one tool.
type terms struct {
	timeout     time.Duration
	concurrency int
	rate        config.Rate
	cache       time.Duration
	scope       string
	tokens      int
	mode        config.ContentMode
	confirmed   bool
	toolset     string
	prefix      string
	outside     bool
	untrusted   config.Cleaning
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
//
// What before, the policy until now, did for a tool goes on where nothing is different for it.
func newPolicy(cfg config.Tools, parts []*part, before *policy) (*policy, error) {
	p := &policy{cfg: cfg, governed: map[*mcp.Tool]governed{}}
	p.rates.Store(&map[string]config.Rate{})
	if before != nil {
		maps.Copy(p.governed, before.governed)
	}
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
			if own := p.rules[t.Name]; own.CacheTTL > 0 && !t.Annotations.ReadOnlyHint {
				faults = append(faults, own.At.Errorf("tools.policy: %s: cache_ttl is for tools that only read", t.Name))
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
	if r.Scope != "" && !config.IsScope(r.Scope) {
		faults = append(faults, fmt.Sprintf("no key can hold the scope %q: it is tools:read, tools:write, admin, or one of your own such as jira:use", r.Scope))
	}
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

// begin forgets which tools are offered, before they are governed anew, and returns them.
func (p *policy) begin() map[*mcp.Tool]governed {
	before := p.governed
	p.governed, p.counting = map[*mcp.Tool]governed{}, map[string]config.Rate{}
	return before
}

// finish puts the rates of the tools that were governed in force.
func (p *policy) finish() { p.rates.Store(&p.counting) }

// govern is the tools of a part that are offered, each under its terms; those that were so before stay what they are.
func (p *policy) govern(from *part, tools []*mcp.Tool, before map[*mcp.Tool]governed) []*mcp.Tool {
	var offered []*mcp.Tool
	for _, t := range tools {
		if !p.allows(t) {
			continue
		}
		g := governed{under: p.termsOf(t, from)}
		if was, ok := before[t]; ok && was.under == g.under {
			g = was
		} else {
			g.tool = put(t, g.under)
		}
		p.governed[t] = g
		offered = append(offered, g.tool)
		if g.under.rate != "" {
			p.counting[g.tool.Name] = g.under.rate
		}
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

func (p *policy) termsOf(t *mcp.Tool, from *part) terms {
	r := p.ruleFor(from.name, t.Name)
	tokens := r.ResultTokens
	if tokens == 0 && from.outside {
		tokens = p.cfg.ResultTokens
	}
	return terms{
		timeout: r.Timeout, concurrency: r.Concurrency, rate: r.Rate, cache: r.CacheTTL, scope: r.Scope, tokens: tokens,
		mode: r.ContentMode, confirmed: p.confirms(t, r), toolset: from.name, prefix: p.cfg.NamePrefix,
		outside: from.outside, untrusted: p.cfg.Untrusted,
	}
}

// put puts a tool under terms. What happens around a call, from the outside in: a person says yes; a result that is kept
// answers; the result is cleaned; a slot is taken.
func put(t *mcp.Tool, under terms) *mcp.Tool {
	t = t.Revise(func(s *mcp.ToolSpec) {
		s.Toolset = under.toolset
		s.Name = under.prefix + s.Name
		s.Timeout = cmp.Or(under.timeout, s.Timeout)
		s.Scope = cmp.Or(under.scope, s.Scope)
		s.MaxResult = under.tokens * bytesPerToken
		s.ContentMode = mcp.ContentMode(under.mode)
	})
	if under.concurrency > 0 {
		t = t.Within(newSlots(t.Name, under.concurrency).around)
	}
	if under.outside {
		t = t.Within(foreign(under.untrusted))
	}
	if under.cache > 0 && t.Annotations.ReadOnlyHint {
		t = t.Within(newResults(under.cache).around)
	}
	if under.confirmed {
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
