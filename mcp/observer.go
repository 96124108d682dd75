package mcp

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Observer hears what happens, for metrics, audit and logs. Its methods are called on hot paths, from many goroutines at
// once: they must not block. A nil field is not called.
type Observer struct {
	// Begin is called with each request before anything of it runs. The context that it returns is that of the request's
	// tool; the function, which may be nil, is called as Done is.
	Begin func(ctx context.Context, b Beginning) (context.Context, func(Outcome))

	// Done is called once for each request, when its answer was made or it was cancelled.
	Done func(Outcome)

	// SessionOpened and SessionClosed frame a session's life.
	SessionOpened func(Wire)
	SessionClosed func(w Wire, cause error, lasted time.Duration)

	// Stuck is called with +1 when a call was answered at its deadline while its tool went on, and -1 when that tool
	// returned at last.
	Stuck func(delta int)

	// Failed is called with an error of ours: what went wrong, whole, and the id that the client was given for it.
	Failed func(o Outcome, errorID string, err error)
}

// Beginning is one request, before anything is known of it but what it says.
type Beginning struct {
	Method   string // as in Outcome
	ID       ID
	Wire     Wire
	Revision string
	Session  string
	Trace    Trace // that the request says it belongs to; zero: none
}

// Outcome is one request's end.
type Outcome struct {
	Method    string // "unknown" for a method that is not ours: a stranger's text never becomes a label
	Tool      string // of tools/call, where there is such a tool
	Prompt    string // of prompts/get, likewise
	Wire      Wire
	Revision  string
	Principal *Principal
	Error     string // "" | "tool_error" | a JSON-RPC code as text | "cancelled" | "timeout"
	Took      time.Duration
	Session   string         // the Handle of its session; empty without one
	Addr      string         // as in Peer
	ID        ID             // of the request
	Client    Implementation // what the client says it is: a stranger's text

	called    *Tool
	arguments jsontext.Value
}

// Arguments are those of a tools/call, for logs and audit: what its schema marks as sensitive is hidden. It costs reading
// them, where anything is marked. Nil for other methods. They are good while Done runs.
func (o Outcome) Arguments() jsontext.Value {
	if o.called == nil {
		return nil
	}
	return o.called.input.redact(o.arguments)
}
