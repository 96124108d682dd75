// Package egress is the only way in which packs ask other programs over HTTP. Whoever uses it is kept from asking what an
// operator did not mean to be asked, from waiting without end, from asking again and again, and from reading without end.
//
// A request passes, from its caller to the wire: the door (door.go: which host, whose credentials, how long), what is kept
// (cache.go, flight.go), the retries (retry.go), the breaker (attempt.go) and the guarded dialer (dial.go, address.go).
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Limits that hold where Options name no other, or for every client.
const (
	defaultTimeout = 30 * time.Second
	defaultMaxBody = 10 << 20 // bytes
	defaultRetries = 2
	defaultMaxWait = 5 * time.Second

	connectTimeout   = 3 * time.Second // an upstream that does not take connections is down
	handshakeTimeout = 3 * time.Second
	firstByteTimeout = 10 * time.Second // a stuck upstream does not hold a call for all of its time

	maxHeader    = 64 << 10 // bytes of a response's header
	maxRedirects = 5
	maxConns     = 64 // to one host: what calls at once may take of an upstream
	maxIdleConns = 16
	idleTimeout  = 60 * time.Second

	userAgent = "toolgate"
)

// Options say how one upstream is asked. Name and BaseURL are required; a zero field gets the default named beside it.
type Options struct {
	Name    string // what errors call it: "Jira"
	BaseURL string // where every request goes: https://HOST[/PREFIX]; nothing a caller sends can lead elsewhere

	// Private names hosts whose addresses may be loopback, private or otherwise not of the public Internet: HOST for every
	// port, HOST:PORT for one, each as it is written in URLs. The host of BaseURL is not among them unless it is named.
	// Link-local addresses, where clouds keep credentials, must be named and asked by the address itself.
	Private []string

	// Follow names other hosts to which a redirect is followed, and which HTTP may be asked for: HOST, or *.DOMAIN for every
	// host below a domain, with or without :PORT. They get no credentials and no header but Accept, Range and User-Agent, and
	// only GET and HEAD.
	Follow []string

	// Authorize adds credentials to a request. They are not sent to another host, whatever a redirect says. Its error is
	// what the request returns. It is called from many goroutines.
	Authorize func(ctx context.Context, h http.Header) error

	Timeout time.Duration // one request, its redirects, retries and body included; 30 s
	First   time.Duration // the beginning of an answer; 10 s, and never more than Timeout
	MaxBody int64         // bytes of a response after decoding, and of a request; 10 MiB
	Retries int           // after the first attempt, of requests that may be sent twice; 2, negative: none
	MaxWait time.Duration // longest wait for a retry that is done here; longer ones are left to the caller; 5 s
	Cache   time.Duration // how long an answer to a GET serves again; after that it is asked whether it changed; 0: no cache

	// CacheAlways keeps answers for Cache whatever their Cache-Control says. There are upstreams that say no-store of all
	// that they answer.
	CacheAlways bool
}

// Client asks one upstream. Make it with New. Safe for concurrent use.
type Client struct {
	opts      Options
	base      *url.URL
	private   hosts
	follow    hosts
	http      *http.Client
	transport *http.Transport
	home      *breaker // of BaseURL's host
	away      *breaker // of those among Follow
	cache     *cache   // nil: none

	closing context.Context // ends when Close begins
	close   context.CancelCauseFunc
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // requests, flights and dials; added to under mu while not closed
}

// wires are what a test puts in place of the network.
type wires struct {
	resolver *net.Resolver                                               // nil: the system's
	connect  func(ctx context.Context, address string) (net.Conn, error) // nil: TCP; address is HOST:PORT of the URL, unguarded
	reached  func(address string) error                                  // nil: nothing; called with each address let through
	tls      *tls.Config                                                 // nil: the system's authorities
}

// New makes a client. It refuses options that could not work, naming the fault.
func New(opts Options) (*Client, error) { return newClient(opts, wires{}) }

func newClient(opts Options, w wires) (*Client, error) {
	base, err := parseBase(opts)
	if err != nil {
		return nil, err
	}
	if opts.Timeout < 0 || opts.First < 0 || opts.MaxBody < 0 || opts.MaxWait < 0 || opts.Cache < 0 {
		return nil, errors.New("a time or size among the options is negative")
	}
	setDefault(&opts.Timeout, defaultTimeout)
	setDefault(&opts.First, firstByteTimeout)
	opts.First = min(opts.First, opts.Timeout)
	setDefault(&opts.MaxBody, defaultMaxBody)
	setDefault(&opts.MaxWait, defaultMaxWait)
	setDefault(&opts.Retries, defaultRetries)
	c := &Client{opts: opts, base: base}
	if c.private, err = parseHosts(opts.Private, false); err != nil {
		return nil, fmt.Errorf("the hosts of Private: %w", err)
	}
	if c.follow, err = parseHosts(opts.Follow, true); err != nil {
		return nil, fmt.Errorf("the hosts of Follow: %w", err)
	}
	c.closing, c.close = context.WithCancelCause(context.Background())
	c.home, c.away = newBreaker(), newBreaker()
	if opts.Cache > 0 {
		c.cache = newCache(opts.Cache, opts.CacheAlways)
	}
	d := &dialer{private: c.private, wires: w}
	c.transport = &http.Transport{
		Proxy:                  nil, // one named in the environment would be asked for addresses that the guard cannot see
		DialContext:            func(ctx context.Context, _, address string) (net.Conn, error) { return c.dial(ctx, d, address) },
		TLSClientConfig:        w.tls,
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  opts.First,
		MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxIdleConns,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
	}
	c.http = &http.Client{Transport: door{c}, CheckRedirect: c.redirect}
	return c, nil
}

func setDefault[T time.Duration | int64 | int](option *T, value T) {
	if *option == 0 {
		*option = value
	}
}

func parseBase(opts Options) (*url.URL, error) {
	if opts.Name == "" {
		return nil, errors.New("an upstream needs a Name")
	}
	base, err := url.Parse(opts.BaseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the BaseURL of %s cannot be parsed", opts.Name) // the cause holds all of it, passwords too
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("the BaseURL of %s must begin with https:// or http://", opts.Name)
	case base.Hostname() == "":
		return nil, fmt.Errorf("the BaseURL of %s names no host", opts.Name)
	case base.User != nil:
		return nil, fmt.Errorf("the BaseURL of %s holds a user or password: give credentials apart from it", opts.Name)
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, fmt.Errorf("the BaseURL of %s has a query or fragment", opts.Name)
	}
	if base.Path == "" {
		base.Path = "/" // the same to a server, and one name for what is kept
	}
	return base, nil
}

// HTTP is the client for libraries that bring their own requests: everything that Options say holds for it too, but that
// BaseURL is not put before what they ask; a request to another host than BaseURL's and those of Follow is refused. A
// status of 400 or more is an answer here, not an *Error; StatusError makes one of it. Bodies are read to their end before
// they are handed on: they need no closing, and cost memory up to MaxBody.
func (c *Client) HTTP() *http.Client {
	own := *c.http // libraries change the clients that they are given
	return &own
}

// Close ends what is still asked, waits for it, and drops the connections. Requests after it fail.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.close(errClosed)
	c.running.Wait()
	c.transport.CloseIdleConnections()
}

// enter says whether something may begin. Whoever was let in calls running.Done at its end.
func (c *Client) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.running.Add(1)
	return true
}

// until returns a context that ends as ctx does, at deadline with the cause late, or when the client closes.
func (c *Client) until(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	ctx, cancelCause := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.closing, func() { cancelCause(errClosed) })
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, lateError{c.opts.Timeout})
	return ctx, func() {
		stop()
		cancel()
		cancelCause(nil)
	}
}
