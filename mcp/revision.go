package mcp

import "slices"

// Revision is one published revision of the protocol: a row that says what it has. Code asks a row, never compares names.
type Revision struct {
	Name string // as it stands on the wire, e.g. "2025-11-25"
	row  int    // its place in revisions, oldest 0

	Batches     bool // JSON-RPC arrays (2025-03-26 alone)
	Annotations bool // tool annotations, audio content, progress messages, the completions capability
	Structured  bool // outputSchema and structuredContent, titles, resource links, elicitation by form, _meta on objects
	Icons       bool // icons, descriptions on implementations, elicitation by URL, tools in sampling
	CoreTasks   bool // the experimental tasks of the core (2025-11-25 alone)
	Stateless   bool // each request stands alone: no handshake, no session, no requests to the client (2026-07-28)
}

// revisions are all that are served, oldest first. initialize can negotiate those before the stateless ones.
var revisions = [...]Revision{
	{row: 0, Name: "2024-11-05"},
	{row: 1, Name: "2025-03-26", Batches: true, Annotations: true},
	{row: 2, Name: "2025-06-18", Annotations: true, Structured: true},
	{row: 3, Name: "2025-11-25", Annotations: true, Structured: true, Icons: true, CoreTasks: true},
	{row: 4, Name: "2026-07-28", Annotations: true, Structured: true, Icons: true, Stateless: true},
}

// Oldest is the revision of a client that never said which it speaks.
func Oldest() *Revision { return &revisions[0] }

// Newest is the newest revision that initialize can negotiate.
func Newest() *Revision { return &revisions[3] }

// Stateless is the newest revision whose requests stand alone.
func Stateless() *Revision { return &revisions[4] }

// RevisionNamed finds a revision by its name on the wire; ok is false for any other text.
func RevisionNamed(name string) (r *Revision, ok bool) {
	i := slices.IndexFunc(revisions[:], func(r Revision) bool { return r.Name == name })
	if i < 0 {
		return nil, false
	}
	return &revisions[i], true
}

// HandshakeRevision finds a revision that initialize can negotiate.
func HandshakeRevision(name string) (r *Revision, ok bool) {
	if r, ok = RevisionNamed(name); !ok || r.Stateless {
		return nil, false
	}
	return r, true
}

// RevisionNames lists every revision served, newest first.
func RevisionNames() []string {
	names := make([]string, 0, len(revisions))
	for _, r := range slices.Backward(revisions[:]) {
		names = append(names, r.Name)
	}
	return names
}

// negotiate answers the protocolVersion of an initialize: the same where it is served, the newest where it is not, and
// the oldest where the client named none (clients that predate negotiation).
func negotiate(asked string) *Revision {
	if asked == "" {
		return Oldest()
	}
	if r, ok := HandshakeRevision(asked); ok {
		return r
	}
	return Newest()
}
