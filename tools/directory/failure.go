package directory

import (
	"context"
	"errors"

	"toolgate/mcp"
)

// Failure is why a directory did not answer, for models: they can try again, or tell their user.
type Failure struct {
	Message    string // a sentence without credentials, addresses and anything else that only operators may see
	RetryAfter int    // seconds to wait before asking again; 0 says nothing about it
	Down       bool   // the directory as a whole does not answer, so that a walk asks it nothing more
	Err        error  // what happened, for the log; may be nil
}

func (f *Failure) Error() string { return f.Message }

// Unwrap is what happened.
func (f *Failure) Unwrap() error { return f.Err }

// isDown says that the directory as a whole does not answer.
func isDown(err error) bool {
	f, isFailure := errors.AsType[*Failure](err)
	return isFailure && f.Down
}

// answering is a tool's function whose failures of the directory are told to the model. Other errors stay what they are.
func answering[In, Out any](run func(context.Context, *mcp.Call, In) (Out, error)) func(context.Context, *mcp.Call, In) (Out, error) {
	return func(ctx context.Context, c *mcp.Call, in In) (Out, error) {
		out, err := run(ctx, c, in)
		if f, isFailure := errors.AsType[*Failure](err); isFailure {
			err = &mcp.ToolError{Message: f.Message, RetryAfter: f.RetryAfter}
		}
		return out, err
	}
}
