// Package mcp is the Model Context Protocol as Toolgate speaks it: messages, revisions, sessions and the dispatcher. It
// knows no wire and no tool: ways in (package handlers) bring it messages and take away events, packs (package tools) give
// it Features.
//
// # The flow, on one page
//
//	way in                 Decode          one strict JSON-RPC message, or what to answer instead      message.go
//	  │
//	  ├─ with a session    Registry.Deliver  finds the session; another principal's does not exist     registry.go
//	  │                    Session.deliver   inbox <- m, or ErrBusy at once                            session.go
//	  │  ── the caller is done here; what follows is the session's ──
//	  │                    Session.run       notifications and quick requests in order; each other
//	  │                                      request takes a slot and a goroutine
//	  │
//	  └─ without           Server.Answer     waits for the one answer                                  server.go
//	                         │
//	exchange               one request, claimed once: by its handler's end, its deadline,             exchange.go
//	                       or whoever abandons it
//	Server.handle          the method's row, its params decoded once                                  dispatch.go
//	callTool, readResource, …                                         tools.go resources.go prompts.go completion.go
//	Tool.run               arguments against the schema, then the pack's function                     tool.go schema.go
//	exchange.encode        the three kinds of error part; structure, size and revision are settled    present.go project.go
//	outbox.put             the encoded answer waits for the stream                                    outbox.go
//	Stream.Take            the way in writes it, and whatever else waits, with one flush              stream.go
//
// Down once, across one channel, up once.
//
// # Whose goroutine is whose
//
// A session has a goroutine only while its inbox holds messages (Session.run), and one for each call in flight
// (Session.work). Registry.Close waits for all of them. Server.Answer runs its request on a goroutine that ends with the
// tool. A registry with an idle limit has one that sweeps. Timers (a heartbeat of progress, a resume window) hold none.
//
// # What may block
//
// A pack's functions, Call.Elicit and its siblings, and Server.Answer: each until its ctx ends, and each ctx has a
// deadline. Nothing else does. What is bounded, and what happens when it is full:
//
//	inbox    messages of one session       refused: ErrBusy, 429
//	outbox   events and bytes of a stream  the session ends: never one answer lost among others
//	slots    calls of a session            further ones wait, counted against the inbox
//	slots    calls of the process          wait 1 s, then an error that says when to try again
//	replay   what a stream took lately     the oldest goes; who missed more begins a new session
//	results  bytes of one tool result      cut between elements or lines; read_more has the rest
//
// Log messages to a client that is half a queue behind are the one thing dropped, and counted.
//
// # Locks
//
// Session.mu and outbox.mu may be taken in that order; Registry.mu is never held while either is taken. Nothing is called
// out to with a lock held.
package mcp
