package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/http/httpguts"
)

// Bounds of the sending: a collector that is slow, gone or broken costs a connection or two and nothing else.
const (
	sendTimeout    = 10 * time.Second // one request to a collector
	retryInitial   = time.Second
	retryMax       = 5 * time.Second
	retryElapsed   = 20 * time.Second // all attempts of one batch; then it is lost
	connectTimeout = 3 * time.Second
	idleTimeout    = 90 * time.Second // over the 60 s between two exports of metrics
	maxConns       = 4
	maxHeader      = 64 << 10 // bytes of an answer's header

	complainEvery = time.Minute // between two lines about one signal
)

// courier carries one signal, traces or metrics, to its collector, and says in the log what could not be carried. What goes
// wrong is told in its own words: the text of an HTTP error has the whole URL, and that of a collector's answer may quote
// the key that it refuses.
type courier struct {
	signal   string // "traces" or "metrics", for the log
	endpoint string
	headers  map[string]string
	base     *http.Transport
	sending  context.Context // ends when what is being sent is to be given up
	log      *zap.Logger
	gone     chan struct{} // closed once nothing is sent any more
	shut     sync.Once

	fault  atomic.Pointer[string] // of the last request; nil: none
	lost   atomic.Uint64          // spans, or exports of metrics
	undone atomic.Bool            // the last of what was sent did not arrive

	mu       sync.Mutex
	told     uint64    // of lost, in the log
	silent   time.Time // until when nothing is logged
	complain bool      // some line was written, and none since that it works again
}

// newTransport is what reaches collectors. It goes by the proxy that the environment names, as collectors may be far.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  sendTimeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost:        maxConns,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
	}
}

// client is what the exporters of OpenTelemetry send by.
func (c *courier) client() *http.Client {
	return &http.Client{
		Transport: c,
		Timeout:   sendTimeout,
		// A redirect elsewhere would take the collector's key along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements http.RoundTripper: it remembers what went wrong.
func (c *courier) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	switch {
	case err != nil:
		c.blame(happening(err))
	case resp.StatusCode >= http.StatusMultipleChoices:
		c.blame(strings.TrimSpace(fmt.Sprintf("it answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))))
	default:
		c.fault.Store(nil)
	}
	return resp, err
}

func (c *courier) blame(what string) { c.fault.Store(&what) }

// happening says what an error of the transport is about.
func happening(err error) string {
	var timeout interface{ Timeout() bool }
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &timeout) && timeout.Timeout():
		return "it does not answer in time"
	case errors.As(err, &certificate):
		return "its certificate is not valid or not trusted"
	case errors.As(err, &op): // an address and the system's own words
		return op.Error()
	}
	return "the connection to it failed"
}

// within is ctx, ended with sending too.
func (c *courier) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.sending, cancel)
	return ctx, func() { stop(); cancel() }
}

// sent says in the log, once in a while, what was lost, and once when nothing is any more. n is how much was sent; where the
// collector refuses a part, all of it counts as lost.
func (c *courier) sent(err error, n int) {
	c.undone.Store(err != nil)
	if err == nil {
		c.recovered()
		return
	}
	c.lost.Add(uint64(n))
	cause := "it refuses some of it"
	if fault := c.fault.Load(); c.sending.Err() != nil {
		cause = "the server stopped before it was taken"
	} else if fault != nil {
		cause = *fault
	}
	c.tell(cause)
}

// drop counts what had no room to wait.
func (c *courier) drop() {
	c.lost.Add(1)
	c.tell("more of them are made than it takes")
}

func (c *courier) tell(cause string) {
	now := time.Now()
	c.mu.Lock()
	if now.Before(c.silent) {
		c.mu.Unlock()
		return
	}
	c.silent, c.complain = now.Add(complainEvery), true
	lost := c.lost.Load()
	since := lost - c.told
	c.told = lost
	c.mu.Unlock()
	c.log.Warn("telemetry is lost: the collector does not take it", zap.String("signal", c.signal), zap.String("collector", c.host()),
		zap.String("cause", cause), zap.Uint64("lost", since), zap.Uint64("lost_in_all", lost))
}

func (c *courier) recovered() {
	c.mu.Lock()
	was := c.complain
	c.complain = false
	c.mu.Unlock()
	if was {
		c.log.Info("telemetry is taken again", zap.String("signal", c.signal), zap.String("collector", c.host()),
			zap.Uint64("lost_in_all", c.lost.Load()))
	}
}

// host is the endpoint without what may hold a key.
func (c *courier) host() string {
	u, err := url.Parse(c.endpoint)
	if err != nil {
		return ""
	}
	return u.Host
}

// close ends the sending by shutdown, which sends what waits until ctx ends.
func (c *courier) close(ctx context.Context, shutdown func(context.Context) error) error {
	lost := c.lost.Load()
	err := shutdown(ctx)
	<-c.gone // what ctx's end left under way is given up, and ends at once
	if err != nil || c.undone.Load() || c.lost.Load() > lost {
		return fmt.Errorf("the last %s could not be sent to the collector", c.signal)
	}
	return nil
}

// over says that nothing is sent any more.
func (c *courier) over() { c.shut.Do(func() { close(c.gone) }) }

// parseHeaders reads NAME=VALUE separated by commas, values escaped as in URLs (OpenTelemetry, OTLP exporter). Its errors
// quote no value.
func parseHeaders(text string) (map[string]string, error) {
	headers := map[string]string{}
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		name, value, ok := strings.Cut(entry, "=")
		name = strings.TrimSpace(name)
		if !ok || !httpguts.ValidHeaderFieldName(name) {
			return nil, errors.New("write headers as NAME=VALUE, separated by commas; a comma within a value is %2C")
		}
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("the value of %s is not escaped as in a URL: a percent sign is %%25", name)
		}
		headers[name] = value
	}
	return headers, nil
}
