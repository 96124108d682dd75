package mcp

import "errors"

// Failure is why a request has no result, for ways in with statuses of their own. On MCP's own wires most of these are
// results with isError, since models read them.
type Failure string

// The failures. The empty one is none.
const (
	FailureNoTool    Failure = "no_tool"   // there is no tool of that name
	FailureArguments Failure = "arguments" // they do not fit the tool's schema
	FailureScope     Failure = "scope"     // the caller may not
	FailureRate      Failure = "rate"      // the caller asks too often
	FailureBusy      Failure = "busy"      // too much is going on in the process
	FailureTimeout   Failure = "timeout"   // it did not finish in its time
	FailureTool      Failure = "tool"      // the tool said so
	FailureTaskOnly  Failure = "task_only" // the tool runs as a task alone, which this caller cannot take
	FailureRefused   Failure = "refused"   // the request was wrong in any other way
	FailureInternal  Failure = "internal"  // ours
)

// Ending is how a request ended, beside what its answer says of that to a model.
type Ending struct {
	Failure    Failure
	RetryAfter int             // seconds, of FailureRate and FailureBusy, and of FailureTool where the tool said so
	Scope      string          // of FailureScope: the one that is missing
	Arguments  []ArgumentFault // of FailureArguments: those that can be named
	ErrorID    string          // of FailureInternal: the log says more under it
}

// ending is good for the goroutine that sends the answer. The answer to a call that became a task is no failure.
func (x *exchange) ending() *Ending {
	var refused *Error
	tool := x.tool.Load()
	switch {
	case x.said == "timeout":
		return &Ending{Failure: FailureTimeout}
	case errors.As(x.err, &refused):
		return x.refusal(refused, tool)
	case x.said == "":
		return &Ending{}
	case x.call.task != nil: // its tool may be running, and finding out
		return &Ending{Failure: FailureTool}
	case x.errorID != "":
		return &Ending{Failure: FailureInternal, ErrorID: x.errorID}
	case tool == nil:
		return &Ending{Failure: FailureRefused}
	case !x.peer.Principal.mayCall(tool): // callTool looks at this first,
		return &Ending{Failure: FailureScope, Scope: tool.Scope}
	case x.wait > 0: // and then at this
		return &Ending{Failure: FailureRate, RetryAfter: x.wait}
	}
	var arguments *argumentError
	if errors.As(x.err, &arguments) {
		return &Ending{Failure: FailureArguments, Arguments: arguments.faults}
	}
	var said *ToolError
	if errors.As(x.err, &said) {
		return &Ending{Failure: FailureTool, RetryAfter: said.RetryAfter}
	}
	return &Ending{Failure: FailureTool}
}

// refusal is how a request ended that was answered with a JSON-RPC error.
func (x *exchange) refusal(e *Error, tool *Tool) *Ending {
	isCall := x.server.methods[x.msg.Method].callsTool
	switch data, _ := e.Data.(map[string]int); {
	case x.wait > 0:
		return &Ending{Failure: FailureRate, RetryAfter: x.wait}
	case data["retryAfterSeconds"] > 0:
		return &Ending{Failure: FailureBusy, RetryAfter: data["retryAfterSeconds"]}
	case isCall && tool == nil && e.Code == CodeInvalidParams:
		return &Ending{Failure: FailureNoTool}
	case isCall && e.Code == CodeMethodNotFound && tool != nil && tool.Task == TaskRequired:
		return &Ending{Failure: FailureTaskOnly}
	case e.Code == CodeInternal:
		return &Ending{Failure: FailureInternal, ErrorID: x.errorID}
	}
	return &Ending{Failure: FailureRefused}
}
