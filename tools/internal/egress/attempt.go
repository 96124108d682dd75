package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	breakerFailures = 5 // in a row, after which an upstream is left be
	breakerPause    = 30 * time.Second
)

// errStatus tells the breaker of a status that says that nobody is answered.
var errStatus = errors.New("the upstream failed")

// unable says whether a status is about the upstream: it, or what it stands behind, cannot be reached. Any other, of 500
// and more too, may be about one request, and whoever makes that must not keep the upstream from everybody else.
func unable(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// goneError is the end of whoever asked: no fault of the upstream.
type goneError struct{ error }

func (e goneError) Unwrap() error { return e.error }

// breaker keeps an upstream that fails from being asked, until one request at a time finds that it answers again. It counts
// attempts, so that a call with retries counts for several. No answer in time, none at all and those that unable names are
// failures; any other answer ends their row.
type breaker struct {
	circuit *gobreaker.CircuitBreaker[*answer]
	until   atomic.Pointer[time.Time] // when it may be asked again, where it may not be
}

func newBreaker() *breaker {
	b := &breaker{}
	b.circuit = gobreaker.NewCircuitBreaker[*answer](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     breakerPause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= breakerFailures },
		IsSuccessful: func(err error) bool {
			return err == nil || errors.Is(err, ErrTooLarge)
		},
		IsExcluded: func(err error) bool {
			var gone goneError
			return errors.Is(err, ErrRefused) || errors.As(err, &gone)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				until := time.Now().Add(breakerPause)
				b.until.Store(&until)
			}
		},
	})
	return b
}

// attempt asks the upstream once. Where the breaker is open the error is an *Error with ErrOpen.
func (c *Client) attempt(ctx context.Context, q *question) (*answer, error) {
	watch := watcher(ctx)
	if watch == nil {
		return c.try(ctx, q)
	}
	began := time.Now()
	a, err := c.try(ctx, q)
	watch(c.opts.Name, outcome(ctx, a, err), time.Since(began))
	return a, err
}

// try is attempt, unwatched.
func (c *Client) try(ctx context.Context, q *question) (*answer, error) {
	b := c.away
	if q.home {
		b = c.home
	}
	a, err := b.circuit.Execute(func() (*answer, error) {
		a, err := c.send(ctx, q)
		if err == nil && unable(a.status) {
			err = errStatus
		}
		return a, err
	})
	var gone goneError
	switch {
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return nil, &Error{Upstream: c.opts.Name, Err: ErrOpen, RetryAfter: b.wait()}
	case errors.Is(err, errStatus):
		return a, nil
	case errors.As(err, &gone):
		return nil, gone.error
	}
	return a, err
}

// wait is how many seconds it is until an open breaker lets a request through; at least 1.
func (b *breaker) wait() int {
	until := b.until.Load()
	if until == nil {
		return 1
	}
	return max(1, int(time.Until(*until)/time.Second)+1) // it opens after that moment, not at it
}

// send asks the upstream and reads the answer.
func (c *Client) send(ctx context.Context, q *question) (a *answer, err error) {
	header := q.header.Clone() // the transport may still read it when it has returned
	ctx, span := c.traced(ctx, q, header)
	defer func() { finish(ctx, span, a, err) }()
	var body io.Reader
	if q.body != nil {
		body = bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, q.url.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	a = &answer{status: resp.StatusCode, header: resp.Header, length: resp.ContentLength}
	if a.body, err = c.read(resp); err != nil {
		if errors.Is(err, ErrTooLarge) {
			return nil, err
		}
		return nil, c.unanswered(ctx, err)
	}
	if q.method != http.MethodHead {
		a.length = int64(len(a.body))
	}
	return a, nil
}

// read reads a body: of an answer that says what is wrong its beginning, of any other all.
func (c *Client) read(resp *http.Response) ([]byte, error) {
	if resp.StatusCode >= http.StatusBadRequest {
		return io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.opts.MaxBody+1))
	if err == nil && int64(len(body)) > c.opts.MaxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, c.opts.MaxBody)
	}
	return body, err
}

// unanswered tells apart why an attempt brought nothing: whoever asked is gone, it took too long, or anything else.
func (c *Client) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		var late lateError
		if errors.As(cause, &late) {
			return cause
		}
		return goneError{cause}
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "timeout awaiting response headers"): // net/http has no name for either
		return lateError{c.opts.First}
	case strings.Contains(text, "response headers exceeded"), strings.Contains(text, "response header list larger"):
		return fmt.Errorf("%w: a header of more than %d bytes", ErrTooLarge, maxHeader)
	}
	return err
}
