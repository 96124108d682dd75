package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// Terms are what came beside a request about the tools it may reach: fewer of them than its caller may use, never more, and
// the caller's own credentials for what stands behind them. A way in that knows of such things sets them before it hands
// the message on; it never changes them after. Nil is no terms.
type Terms struct {
	Toolsets []string // tools of these alone; nil: of all
	Tools    []string // these tools, beside those of Toolsets where both are set; nil: all
	Exclude  []string // without these
	ReadOnly bool     // without those that change something

	Credentials Credentials
	Trace       Trace // of the way in, where tracing is on
}

// Trace is the context of a distributed trace, in the forms of W3C's traceparent, tracestate and baggage.
type Trace struct {
	Parent  string `json:"traceparent"`
	State   string `json:"tracestate"`
	Baggage string `json:"baggage"`
}

// Credentials are secrets by the name of the upstream they are for, such as "jira". They are never shown.
type Credentials map[string]string

// String shows none of them.
func (Credentials) String() string { return redacted }

// GoString shows none of them.
func (Credentials) GoString() string { return redacted }

// MarshalText shows none of them.
func (Credentials) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// allow says whether a request on these terms reaches a tool. Our own read_more is always there: it goes on with what
// another tool began.
func (t *Terms) allow(tool *Tool) bool {
	if t == nil || tool.own {
		return true
	}
	chosen := t.Toolsets == nil && t.Tools == nil ||
		slices.Contains(t.Toolsets, tool.Toolset) || slices.Contains(t.Tools, tool.Name)
	return chosen && !slices.Contains(t.Exclude, tool.Name) && (!t.ReadOnly || tool.Annotations.ReadOnlyHint)
}

// On sets the terms of a message, and of every one in a batch.
func (m *Message) On(t *Terms) {
	m.terms = t
	for _, one := range m.Batch {
		one.terms = t
	}
}

// by says whose credential the message, and every one in a batch, came with.
func (m *Message) by(p *Principal) {
	m.principal = p
	for _, one := range m.Batch {
		one.principal = p
	}
}

// Trace is the context that the message says it belongs to (2026-07-28, basic: _meta), else that of the way in.
func (m *Message) Trace() Trace {
	var p struct {
		Meta Trace `json:"_meta"`
	}
	if json.Unmarshal(m.Params, &p) == nil && p.Meta.Parent != "" {
		return p.Meta
	}
	if m.terms != nil {
		return m.terms.Trace
	}
	return Trace{}
}

// Credential is the caller's own for an upstream: what came with the request, else what belongs to the caller's key; empty
// where there is none. It must not be shown, logged or kept.
func (c *Call) Credential(upstream string) string {
	if c.terms != nil {
		if own := c.terms.Credentials[upstream]; own != "" {
			return own
		}
	}
	return c.peer.Principal.Credentials[upstream]
}

// Identity tells apart who may be shown the same: a text that is one for the same principal with the same credentials of
// its own, and never shows any of them.
func (c *Call) Identity() string {
	sum := sha256.New()
	add := func(own Credentials) {
		for _, upstream := range slices.Sorted(maps.Keys(own)) {
			fmt.Fprintf(sum, "%q %q ", upstream, own[upstream])
		}
	}
	fmt.Fprintf(sum, "%q ", c.peer.Principal.ID)
	add(c.peer.Principal.Credentials)
	if c.terms != nil && len(c.terms.Credentials) > 0 {
		fmt.Fprint(sum, "/ ")
		add(c.terms.Credentials)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
