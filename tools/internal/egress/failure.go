package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"toolgate/mcp"
)

const maxErrorBody = 64 << 10 // bytes kept of an answer that says what is wrong

// Error is why there is no answer to use: a status of 400 or more, no connection, no answer in time, the breaker. Its text
// is for a model: it names the upstream and never a credential, an address or a URL.
type Error struct {
	Upstream   string
	Status     int    // 0 where there was none
	Body       []byte // of the answer, at most 64 KiB; nil where there was none
	RetryAfter int    // seconds; 0 says nothing about it
	Err        error  // why, where there was no status; its text is for logs

	own bool // the credential was the caller's, not ours
}

// Errors that Error wraps.
var (
	ErrRefused   = errors.New("the address is not a public one")    // and is not among Private
	ErrTooLarge  = errors.New("the answer is too large")            // beyond MaxBody
	ErrOpen      = errors.New("it failed too often and is left be") // the breaker; RetryAfter says for how long
	ErrElsewhere = errors.New("it redirects to another host")       // which is not followed
)

var (
	errClosed    = errors.New("the client is closed")
	errRedirects = errors.New("it redirects too often")
	errMoved     = errors.New("it redirects a request that changes something")
)

// lateError is the end of a wait.
type lateError struct{ within time.Duration }

func (e lateError) Error() string { return fmt.Sprintf("no answer within %s", e.within) }

// Timeout makes it a net.Error's.
func (e lateError) Timeout() bool { return true }

func (e *Error) Error() string {
	if e.Status != 0 {
		text := http.StatusText(e.Status)
		if text == "" {
			return fmt.Sprintf("%s answered %d", e.Upstream, e.Status)
		}
		return fmt.Sprintf("%s answered %d %s", e.Upstream, e.Status, text)
	}
	return e.Upstream + " " + happening(e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// happening says what went wrong, as a sentence that begins with the upstream's name. It is silent about addresses and
// URLs, which are in the text of most of what net/http returns.
func happening(err error) string {
	var late lateError
	var unknown *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &late):
		return fmt.Sprintf("did not answer within %s", late.within)
	case errors.Is(err, ErrRefused):
		return "is not asked: its address is not a public one, and is not among those that the server's operator allows"
	case errors.Is(err, ErrElsewhere):
		return "redirects to another host, which is not followed"
	case errors.Is(err, ErrTooLarge):
		return "gave an answer that is too large: ask for less"
	case errors.Is(err, ErrOpen):
		return "failed too often and is left be for a while"
	case errors.Is(err, errRedirects):
		return "redirects again and again"
	case errors.Is(err, errMoved):
		return "redirects a request that may change something, which is not followed"
	case errors.Is(err, errClosed):
		return "is not asked any more: the server is shutting down"
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return "could not be reached: its host name is not known"
	case errors.As(err, &unknown):
		return "could not be reached: its host name could not be looked up"
	case errors.As(err, &certificate):
		return "could not be reached: its certificate is not valid or not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "could not be reached: connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "broke off the connection"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "could not be reached: no way to its network"
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("could not be reached within %s", connectTimeout)
	default:
		return "could not be reached: the connection failed"
	}
}

// ToolError is e as a tool's answer: for a model, with what to do.
func (e *Error) ToolError() error {
	text := e.Error()
	switch {
	case e.Status == http.StatusTooManyRequests || e.Status == http.StatusForbidden && e.RetryAfter > 0:
		text = fmt.Sprintf("%s asks to wait (%d %s)", e.Upstream, e.Status, http.StatusText(e.Status))
	case e.Status == http.StatusUnauthorized && e.own:
		text += ": it does not accept the credential that came with this call; whoever sent it can renew it"
	case e.Status == http.StatusUnauthorized:
		text += ": it does not accept this server's credential; the server's operator can mend that"
	case e.Status == http.StatusForbidden && e.own:
		text += ": the credential that came with this call may not do this; its owner can ask for the right"
	case e.Status == http.StatusForbidden:
		text += ": this server's credential may not do this; the server's operator can mend that"
	}
	return &mcp.ToolError{Message: text, RetryAfter: e.RetryAfter}
}

// ToolError turns an error that wraps an *Error into what Error.ToolError makes of it, dropping the text of what is around
// it. Any other error, and one that wraps an *mcp.ToolError already, is returned as it is.
func ToolError(err error) error {
	var already *mcp.ToolError
	var failed *Error
	if errors.As(err, &already) || !errors.As(err, &failed) {
		return err
	}
	return failed.ToolError()
}

// StatusError makes an *Error of an answer that HTTP gave, whatever its status. It reads the body.
func (c *Client) StatusError(resp *http.Response) *Error {
	e := &Error{Upstream: c.opts.Name, Status: resp.StatusCode, RetryAfter: seconds(retryAfter(resp.StatusCode, resp.Header, time.Now()))}
	if resp.Request != nil {
		e.own = Caller(resp.Request.Context()) != ""
	}
	if resp.Body != nil {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		if err == nil {
			e.Body = body
		}
	}
	return e
}

// fault is what a request that brought no answer returns: the cause of ctx's end where it ended, else an *Error or an
// ownError.
func (c *Client) fault(ctx context.Context, err error) error {
	var failed *Error
	var own ownError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		return failed
	case errors.As(err, &own):
		return own
	}
	return &Error{Upstream: c.opts.Name, Err: err}
}

// ownError is handed on as it is: the upstream has no part in it.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }
