// Package egress is the only way in which packs ask other programs over HTTP. Whoever uses it is kept from asking what an
// operator did not mean to be asked, from waiting without end, from asking again and again, and from reading without end.
package egress

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Options say how one upstream is asked. Name and BaseURL are required; a zero field gets the default named beside it.
type Options struct {
	Name    string // what errors call it: "Jira"
	BaseURL string // where every request goes: https://HOST[/PREFIX]; nothing a caller sends can lead elsewhere

	// Private names hosts whose addresses may be loopback, private or otherwise not of the public Internet. The host of
	// BaseURL is not among them unless it is named.
	Private []string

	// Authorize adds credentials to a request. They are not sent to another host, whatever a redirect says.
	Authorize func(ctx context.Context, h http.Header) error

	Timeout time.Duration // one request, body included; 30 s
	MaxBody int64         // bytes of a response after decoding; 10 MiB
	Retries int           // after the first attempt, of requests that may be sent twice; 2, negative: none
	MaxWait time.Duration // longest wait for a retry that is done here; longer ones are left to the caller; 5 s
	Cache   time.Duration // how long an answer to a GET serves again; after that it is asked whether it changed; 0: no cache
}

// Client asks one upstream. Make it with New. Safe for concurrent use.
type Client struct {
	opts Options
	http *http.Client
}

// New makes a client. It refuses options that could not work, naming the fault.
func New(opts Options) (*Client, error) {
	c := &Client{opts: opts}
	c.http = &http.Client{Transport: http.DefaultTransport, Timeout: opts.Timeout}
	return c, nil
}

// HTTP is the client for libraries that bring their own requests: everything that Options say holds for it too, but that
// BaseURL is not put before what they ask; a request to another host than BaseURL's is refused. A status of 400 or more is
// an answer here, not an *Error.
func (c *Client) HTTP() *http.Client { return c.http }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is one request. Path is below BaseURL and is escaped already.
type Request struct {
	Method string // GET
	Path   string
	Query  map[string][]string
	Header map[string]string
	Body   []byte // nil: none
	Twice  bool   // a request of another method than GET and HEAD may be sent twice
}

// Response is an answer with a status below 400, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and reads the answer. It blocks until there is one, or ctx ends. The error is an *Error, or the cause
// of ctx's end.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	return nil, errors.New("to come")
}

// As returns a context whose requests use a credential of a caller's own, in place of what Authorize of Options does with
// none: Authorize finds it by Caller. What is kept is kept for each credential apart.
func As(ctx context.Context, credential string) context.Context {
	return context.WithValue(ctx, callerKey{}, credential)
}

// Caller is the credential that As put into ctx; empty where there is none.
func Caller(ctx context.Context) string {
	credential, _ := ctx.Value(callerKey{}).(string)
	return credential
}

type callerKey struct{}

// Error is why there is no answer to use: a status of 400 or more, no connection, no answer in time, the breaker. Its text
// is for a model: it names the upstream and never a credential.
type Error struct {
	Upstream   string
	Status     int    // 0 where there was none
	Body       []byte // of the answer, at most 64 KiB; nil where there was none
	RetryAfter int    // seconds; 0 says nothing about it
	Err        error  // why, where there was no status
}

// Errors that Error wraps.
var (
	ErrRefused   = errors.New("the address is not a public one")    // and is not among Private
	ErrTooLarge  = errors.New("the answer is too large")            // beyond MaxBody
	ErrOpen      = errors.New("it failed too often and is left be") // the breaker; RetryAfter says for how long
	ErrElsewhere = errors.New("it redirects to another host")       // which is not followed
)

func (e *Error) Error() string { return e.Upstream }
func (e *Error) Unwrap() error { return e.Err }
