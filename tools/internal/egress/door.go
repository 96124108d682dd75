package egress

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// door is the transport that everybody's requests come through. It decides whether one may be sent, and with which
// credentials, whatever library made it and whatever redirect it follows.
type door struct{ c *Client }

// question is a request as it is sent.
type question struct {
	method string
	url    *url.URL
	header http.Header // credentials included
	body   []byte
	home   bool   // to BaseURL's host
	twice  bool   // may be sent twice
	caller string // credential of the caller's own, whether or not Authorize made a header of it
}

// answer is a response read to its end. It is shared, and never changed.
type answer struct {
	status int
	header http.Header
	body   []byte
	length int64 // what Content-Length said; -1 says nothing
}

// RoundTrip implements http.RoundTripper. The body of what it returns is in memory.
func (d door) RoundTrip(req *http.Request) (*http.Response, error) {
	c := d.c
	deadline := time.Now().Add(c.opts.Timeout)
	if req.Response != nil && req.Response.Request != nil { // it follows a redirect: the time is that of the first
		if first, ok := req.Response.Request.Context().Deadline(); ok && first.Before(deadline) {
			deadline = first
		}
	}
	ctx, cancel := c.until(req.Context(), deadline)
	defer cancel()
	if !c.enter() {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, c.fault(req.Context(), errClosed)
	}
	defer c.running.Done()
	q, err := c.question(ctx, req)
	if err != nil {
		return nil, c.fault(req.Context(), err)
	}
	a, err := c.ask(ctx, q)
	if err != nil {
		return nil, c.fault(req.Context(), err)
	}
	return a.response(req.WithContext(ctx)), nil
}

// question checks a request and makes of it what is sent. It closes the request's body.
func (c *Client) question(ctx context.Context, req *http.Request) (*question, error) {
	body, err := c.payload(req)
	if err != nil {
		return nil, err
	}
	home, err := c.check(req.URL)
	if err != nil {
		return nil, err
	}
	q := &question{
		method: req.Method, url: req.URL, body: body, home: home, header: http.Header{}, caller: Caller(req.Context()),
	}
	if q.method == "" {
		q.method = http.MethodGet
	}
	reads := q.method == http.MethodGet || q.method == http.MethodHead
	q.twice = reads || req.Context().Value(twiceKey{}) != nil
	if !home {
		if !reads || len(body) > 0 {
			return nil, ErrElsewhere
		}
		for _, name := range [...]string{"Accept", "Range", "User-Agent"} {
			if v := req.Header.Values(name); v != nil {
				q.header[name] = v
			}
		}
	} else {
		q.header = req.Header.Clone()
		if q.header == nil {
			q.header = http.Header{}
		}
		q.header.Del("Referer")         // net/http adds it to redirects, query and all
		q.header.Del("Accept-Encoding") // the transport decodes what it asked for itself, and only that
		if c.opts.Authorize != nil {
			if err := c.opts.Authorize(ctx, q.header); err != nil {
				return nil, ownError{err}
			}
		}
	}
	if q.header.Get("User-Agent") == "" {
		q.header.Set("User-Agent", userAgent)
	}
	return q, nil
}

// payload is the body of a request.
func (c *Client) payload(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := io.ReadAll(io.LimitReader(req.Body, c.opts.MaxBody+1))
	if err != nil {
		return nil, ownError{fmt.Errorf("read the body of a request to %s: %w", c.opts.Name, err)}
	}
	if int64(len(body)) > c.opts.MaxBody {
		return nil, ownError{fmt.Errorf("the body of a request to %s is larger than %d bytes", c.opts.Name, c.opts.MaxBody)}
	}
	return body, nil
}

// check says whether a URL is at BaseURL's host, and refuses one at any other host but those of Follow.
func (c *Client) check(u *url.URL) (home bool, err error) {
	switch {
	case u == nil || u.Scheme != "http" && u.Scheme != "https":
		return false, fmt.Errorf("%w: a URL that is neither http nor https", ErrRefused)
	case u.User != nil:
		return false, fmt.Errorf("%w: a URL with a user or password", ErrRefused)
	case c.atHome(u):
		return true, nil
	case c.base.Scheme == "https" && u.Scheme == "http":
		return false, ErrElsewhere
	case c.follow.match(u.Hostname(), portOf(u)):
		return false, nil
	}
	return false, ErrElsewhere
}

// atHome says whether a URL is at BaseURL's host and port, or at the same host with TLS where BaseURL has none.
func (c *Client) atHome(u *url.URL) bool {
	if canonical(u.Hostname()) != canonical(c.base.Hostname()) {
		return false
	}
	if u.Scheme == c.base.Scheme {
		return portOf(u) == portOf(c.base)
	}
	return c.base.Scheme == "http" && portOf(u) == "443"
}

// redirect decides whether a redirect is followed. The door checks where it leads.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1]
	if last.Method != http.MethodGet && last.Method != http.MethodHead && last.Method != "" {
		return c.fault(req.Context(), errMoved)
	}
	if len(via) > maxRedirects {
		return c.fault(req.Context(), errRedirects)
	}
	if strings.EqualFold(last.URL.Scheme, "https") && req.URL.Scheme == "http" {
		return c.fault(req.Context(), ErrElsewhere)
	}
	return nil
}

// ask gets the answer to a question, from what is kept or from the upstream.
func (c *Client) ask(ctx context.Context, q *question) (*answer, error) {
	if c.cache == nil {
		return c.persist(ctx, q, deadlineOf(ctx))
	}
	if c.cache.keeps(q) {
		return c.recall(ctx, q)
	}
	a, err := c.persist(ctx, q, deadlineOf(ctx))
	if q.changes() {
		c.cache.change() // whatever came of it: a request that failed may have done its work
	}
	return a, err
}

// changes says whether a request may change what others answer.
func (q *question) changes() bool {
	switch q.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	case http.MethodPost:
		return !q.twice
	}
	return true
}

// response is a as net/http has it.
func (a *answer) response(req *http.Request) *http.Response {
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header.Clone(),
		Body:          io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: a.length,
		Request:       req,
	}
}
