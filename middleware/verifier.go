package middleware

import (
	"context"
	"errors"

	"toolgate/mcp"
)

// Verifier finds out whose a credential is. It is safe for concurrent use, and bounds its own waiting.
type Verifier interface {
	// Verify is the owner of a credential, whose Expires says until when. Its errors are those below, wrapped with what
	// may be told to a stranger.
	Verify(ctx context.Context, credential string) (*mcp.Principal, error)
}

// What Verify refuses.
var (
	ErrNotKnown  = errors.New("the credential is unknown")           // perhaps another verifier knows it
	ErrNotValid  = errors.New("the credential is not valid")         // it is of this verifier's kind, and no other needs to be asked
	ErrNoVerdict = errors.New("the credential cannot be judged now") // try again: the answer is 503, never a yes
)

// What else the gate wants to know of a credential that was refused.
var (
	ErrAged    = errors.New("its time is over")                                                 // beside ErrNotValid: nobody guessed it
	errForeign = errors.New("its issuer is none whose tokens are taken here, letter by letter") // beside ErrNotKnown: it is a token
)
