package mcp

import (
	"slices"
	"time"
)

// Scopes a principal may hold. A broad scope satisfies the narrower ones below it: admin contains tools:write, which
// contains tools:read.
const (
	ScopeRead  = "tools:read"  // call tools that change nothing, read resources and prompts
	ScopeWrite = "tools:write" // call tools that change something
	ScopeAdmin = "admin"       // see and end other people's sessions, read metrics
)

// Principal is who asks: the verified owner of a credential, or the anonymous one where the server runs without auth.
// Two requests belong together only if their principals have the same ID; names and addresses are for display.
// A Principal is made once per request by the auth gate and never changed after.
type Principal struct {
	ID     string   // unique and stable, e.g. "key:7f3a"; empty for the anonymous principal
	Name   string   // what an operator called it, for logs and /sessions
	Scopes []string // granted scopes, as the credential lists them

	Expires     time.Time   // when its credential ends, and with it the streams opened by it; zero: never
	Credentials Credentials // of the principal's own, for what stands behind tools
}

// Anonymous is the principal of every request where auth is off. It may do everything: who turns auth off on a loopback
// bind is the only user there is.
func Anonymous() *Principal {
	return &Principal{Name: "anonymous", Scopes: []string{ScopeAdmin}}
}

// mayCall says whether the principal may see and call a tool. The server's own go on with what other tools began, and so are
// for whoever may call anything.
func (p *Principal) mayCall(t *Tool) bool {
	if t.own {
		return len(p.Scopes) > 0
	}
	return p.Can(t.Scope)
}

// Can says whether the principal holds scope, directly or through a broader one. The empty scope is held by everyone.
func (p *Principal) Can(scope string) bool {
	switch {
	case scope == "", slices.Contains(p.Scopes, scope), slices.Contains(p.Scopes, ScopeAdmin):
		return true
	case scope == ScopeRead:
		return slices.Contains(p.Scopes, ScopeWrite)
	}
	return false
}
