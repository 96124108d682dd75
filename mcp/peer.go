package mcp

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
)

// Wire names the way a message came in, as metrics and logs say it.
type Wire string

// The ways in.
const (
	WireSSE   Wire = "sse"
	WireHTTP  Wire = "http"
	WireStdio Wire = "stdio"
	WireREST  Wire = "rest"
	WireLocal Wire = "local" // toolgate call, and tests
)

// Peer is the client behind a message, as the dispatcher sees it: who asks, which revision it speaks, what it can do, and
// where notifications and requests to it go. It never changes; an initialize makes a new one.
type Peer struct {
	Principal    *Principal
	Addr         string // where from, for limits; empty where that says nothing
	Session      string // the Handle of its session; empty without one
	Wire         Wire
	Revision     *Revision
	Client       Implementation // zero before initialize
	Capabilities ClientCapabilities
	Initialized  bool      // initialize was answered
	Assumed      *Revision // without initialize, what the client said beside a message
	LogLevel     string    // of a stateless request: the least level it wants; empty: none
}

// link leads back to a client while it waits for an answer.
type link interface {
	// notify sends a notification. It never blocks; what cannot be sent ends the session, or is dropped and counted.
	notify(method string, params any)

	// ask sends a request and waits for the client's answer, until ctx ends.
	ask(ctx context.Context, method string, params any) (jsontext.Value, error)

	// after is the link of a call whose request was answered with a task.
	after() link

	// logLevel is the least level of log messages that the client wants.
	logLevel() Level

	// initialize settles what the client said of itself.
	initialize(p *Peer) *Error

	// setLogLevel changes logLevel.
	setLogLevel(l Level)

	// subscribe adds a resource to, or takes it from, those whose changes the client hears of.
	subscribe(uri string, on bool) *Error
}

// NewPeer is a client that gets its answer and nothing else: no session, no notifications, no requests back.
func NewPeer(p *Principal, addr string, wire Wire, rev *Revision) *Peer {
	return &Peer{Principal: p, Addr: addr, Wire: wire, Revision: rev}
}
