// Package mcp is the Model Context Protocol as Toolgate speaks it: messages, revisions, sessions and the dispatcher. It
// knows no wire and no tool: ways in (package handlers) bring it messages and take away events, packs (package tools) give
// it Features.
//
// # The flow, on one page
//
//	way in                 Decode            one strict JSON-RPC message, or what to answer instead    message.go
//	  │
//	  ├─ with a session    Registry.Deliver  finds the session; another principal's does not exist     registry.go
//	  │                    Registry.Post     the same, and opens the stream of a lane for the answer
//	  │                    Session.deliver   inbox <- m, or ErrBusy at once                            session.go
//	  │  ── the caller is done here, or only reads its stream; what follows is the session's ──
//	  │                    Session.run       notifications and quick requests in order; each other
//	  │                                      request takes a slot and a goroutine
//	  │
//	  ├─ that stands alone Server.Stream     the stream of its messages, the answer last               single.go
//	  │                    Server.Listen     the stream of a subscription, which lasts                 subscriptions.go
//	  └─ in one piece      Server.Answer     waits for the one answer                                  server.go
//	                         │
//	exchange               one request, claimed once: by its handler's end, its deadline,             exchange.go
//	                       or whoever abandons it
//	Server.handle          the method's row, its params decoded once                                  dispatch.go
//	callTool, readResource, …                                         tools.go resources.go prompts.go completion.go
//	callAsTask             where the client takes tasks: the result, or the name of what goes on      taskcall.go tasks.go
//	Tool.run               arguments against the schema, then the pack's function                     tool.go schema.go flat.go
//	Call.Ask               requests on the lane; or an error that becomes the result, and a second run    ask.go questions.go
//	exchange.encode        the three kinds of error part; structure, size and revision are settled    present.go project.go
//	outbox.put             the encoded answer waits for the stream                                    outbox.go
//	Stream.Take            the way in writes it, and whatever else waits, with one flush              stream.go
//
// Down once, across one channel, up once.
//
// # Lanes and streams
//
// A lane is one ordered way of events to a client: an outbox, and at most one Stream that takes from it. A session has its
// standing lane, and, on Streamable HTTP, one for each POST until nobody can ask for its answer any more (lane.go). A request
// that stands alone has a lane of its own, and ends when its stream is closed (single.go). Each message is on one lane.
//
// # Whose goroutine is whose
//
// A session has a goroutine only while its inbox holds messages (Session.run), and one for each call in flight
// (Session.work). Registry.Close waits for all of them. Server.Answer and Server.Stream run their request on a goroutine that
// ends with the tool; a call that may become a task runs on one of the task's, which Server.EndTasks waits for. A registry
// with an idle limit has one that sweeps. Timers (a heartbeat of progress, a resume window, a task's time) hold none.
//
// # What may block
//
// A pack's functions, Call.Ask and its siblings, Call.Background, and Server.Answer: each until its ctx ends, and each ctx
// has a deadline, a task's being its time. Nothing else does. What is bounded, and what happens when it is full:
//
//	inbox    messages of one session       refused: ErrBusy, 429
//	lanes    POSTs of one session          refused: ErrBusy, 429
//	outbox   events and bytes of a lane    the standing lane of HTTP+SSE and stdio: the session ends, never one answer lost
//	                                       among others; any other: the stream ends, and an answer is let in
//	slots    calls of a session            further ones wait, counted against the inbox
//	slots    calls of the process          wait 1 s, then an error that says when to try again
//	replay   what a stream took lately     the oldest goes; who missed more begins a new session, or stream
//	results  bytes of one tool result      cut between elements or lines; read_more has the rest
//	tasks    of a principal, in all        refused; each is forgotten when its time is over
//
// Log messages to a client that is half a queue behind are dropped, and counted; so are, without a count, progress and log
// messages of a request alone that are more than its outbox holds. Nothing else is.
//
// # Locks
//
// Session.mu may be held while outbox.mu or Registry.mu is taken; nobody takes a session's lock while holding the registry's.
// Nothing is called out to with a lock held.
package mcp
