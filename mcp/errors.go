package mcp

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// JSON-RPC and MCP error codes (JSON-RPC 2.0, 5.1; MCP revisions where named).
const (
	CodeParse            = -32700 // the body is not JSON
	CodeInvalidRequest   = -32600 // JSON, but no JSON-RPC message that is allowed here
	CodeMethodNotFound   = -32601
	CodeInvalidParams    = -32602
	CodeInternal         = -32603
	CodeResourceNotFound = -32002 // up to 2025-11-25 only

	CodeHeaderMismatch     = -32020 // 2026-07-28: a header is missing, malformed or not as the body says
	CodeMissingCapability  = -32021 // 2026-07-28: data.requiredCapabilities names what the request did not declare
	CodeUnsupportedVersion = -32022 // 2026-07-28: data.supported, data.requested
)

// Error is a JSON-RPC error: the peer broke the protocol, or asked for something that is not there. It is sent as it is,
// so its text must not hold internals or secrets.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// Errorf makes an *Error.
func Errorf(code int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ToolError is a failure that the model can act on: it becomes a result with isError, its text read by the model.
type ToolError struct {
	Message    string
	RetryAfter int // seconds to wait before the same call may do; 0 says nothing about it
}

func (e *ToolError) Error() string { return e.Message }

// retryAfterKey is how a result names a wait, to models and to programs.
const retryAfterKey = "retryAfterSeconds"

// result is the error as a model reads it.
func (e *ToolError) result() *CallToolResult {
	if e.RetryAfter <= 0 {
		return failed(e.Message)
	}
	r := failed(fmt.Sprintf("%s (%s: %d)", e.Message, retryAfterKey, e.RetryAfter))
	r.Meta = map[string]any{retryAfterKey: e.RetryAfter}
	return r
}

// ToolErrorf makes a *ToolError. Say what to do instead: the reader is a model that will try again.
func ToolErrorf(format string, args ...any) error {
	return &ToolError{Message: fmt.Sprintf(format, args...)}
}

// argumentError says what is wrong with a call's arguments. It becomes a result with isError, as a ToolError does, with
// the tool's name before it.
type argumentError struct {
	faults []ArgumentFault
	text   string // where no argument can be named
}

// ArgumentFault is one argument that its tool cannot take.
type ArgumentFault struct {
	Name   string `json:"name"`   // as the caller wrote it, or should have; of what lies deeper the path, e.g. items/0
	Detail string `json:"detail"` // names the argument, and what was expected
}

func (e *argumentError) Error() string {
	if len(e.faults) == 0 {
		return e.text
	}
	details := make([]string, len(e.faults))
	for i, f := range e.faults {
		details[i] = f.Detail
	}
	return strings.Join(details, "; ")
}

// misfit is a value that its schema allows and its Go type does not.
func misfit(pointer string, t reflect.Type) *argumentError {
	detail := fmt.Sprintf("%s does not fit a %s", pointerName(pointer), t)
	return &argumentError{faults: []ArgumentFault{{Name: strings.TrimPrefix(pointer, "/"), Detail: detail}}}
}

// ErrResourceNotFound is wrapped by a Read for a URI that names nothing, or nothing that the caller may see.
var ErrResourceNotFound = errors.New("no such resource")

// What Deliver and Open refuse. Each is wrapped with what the client should do; the ways in give each its status.
var (
	ErrNoSession    = errors.New("no such session")                // unknown, ended, or another principal's
	ErrStreamGone   = errors.New("the session's stream is closed") // waiting to be resumed; nothing can be answered now
	ErrBusy         = errors.New("too many messages are waiting")
	ErrExpired      = errors.New("the credential has expired") // the cause with which a way in ends a stream at Principal.Expires
	ErrTooMany      = errors.New("too many sessions")          // of this principal or address
	ErrFull         = errors.New("the server is full")         // of sessions, whoever has them
	ErrStreamOpen   = errors.New("the session's stream is open already: close it, or come back with Last-Event-ID")
	ErrNoSuchEvent  = errors.New("no such event, or what came after it is no longer kept: open a stream without Last-Event-ID")
	ErrHungUp       = errors.New("the stream is closed before its answer: come back with Last-Event-ID")
	ErrShuttingDown = errors.New("the server is shutting down")
)

// Why a session or a call ended: causes of its context, and what logs and metrics say.
var (
	errClientGone = errors.New("the client closed its stream")
	errReplaced   = errors.New("the client opened the stream again")
	errNotResumed = errors.New("the client did not come back in time")
	errEvicted    = errors.New("a closed session made room for a new one")
	errSlowClient = errors.New("the client reads too slowly")
	errIdle       = errors.New("the session was idle")
	errEnded      = errors.New("the session was ended by an operator")
	errRevoked    = errors.New("the credential that opened the session is no longer good")
	errDeadline   = errors.New("the call ran past its deadline")
	errCancelled  = errors.New("the client cancelled the call")
	errCannotAsk  = errors.New("the client cannot be asked on this connection")
)

// EndReason is why a session ended, as a metric's label: empty where its client closed it, as clients do.
func EndReason(cause error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{errClientGone, ""},
		{errNotResumed, "not_resumed"},
		{errEvicted, "evicted"},
		{errSlowClient, "slow_client"},
		{errIdle, "idle"},
		{errEnded, "ended_by_operator"},
		{errRevoked, "credential_revoked"},
		{ErrExpired, "credential_expired"},
		{ErrShuttingDown, "shutdown"},
	} {
		if errors.Is(cause, known.err) {
			return known.name
		}
	}
	return "write_failed"
}
