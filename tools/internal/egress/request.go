package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Request is one request. Path is below BaseURL and is escaped already.
type Request struct {
	Method string // GET
	Path   string
	Query  map[string][]string
	Header map[string]string
	Body   []byte // nil: none

	// Twice says that a request of another method than GET and HEAD may be sent twice. A POST of which this is said counts as
	// one that only reads: any other request but GET and HEAD has everything that is kept asked again.
	Twice bool
}

// Response is an answer with a status below 400, read to its end.
type Response struct {
	Status int
	Header http.Header // Warning begins with 110 where the upstream fails and the answer is an older one
	Body   []byte
}

// Do sends a request and reads the answer. It blocks until there is one, or ctx ends. The error is an *Error, the cause of
// ctx's end, what Authorize of Options returned, or says that r cannot be sent.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.opts.Name, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var wrapped *url.Error // its text has the whole URL
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		err = c.fault(ctx, err)
		var own ownError
		if errors.As(err, &own) {
			err = own.error
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, c.StatusError(resp)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.fault(ctx, err)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// request is r as net/http has it.
func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	u, err := c.below(r.Path)
	if err != nil {
		return nil, err
	}
	u.RawQuery = url.Values(r.Query).Encode()
	if r.Twice {
		ctx = context.WithValue(ctx, twiceKey{}, true)
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), body)
	if err != nil {
		return nil, err
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	return req, nil
}

type twiceKey struct{}

// below puts an escaped path after BaseURL. It refuses those that servers may read as leading out of it.
func (c *Client) below(path string) (*url.URL, error) {
	if path != "" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if strings.ContainsAny(path, "?#\\") {
		return nil, errors.New("the path has a query, a fragment or a backslash: escape it")
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, errors.New("the path is not escaped as it should be")
	}
	for segment := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return nil, errors.New("the path has a segment that leads up or nowhere")
		}
	}
	u := *c.base
	if path == "" {
		return &u, nil
	}
	escaped := strings.TrimSuffix(u.EscapedPath(), "/") + path
	u.Path = strings.TrimSuffix(u.Path, "/") + plain
	u.RawPath = escaped
	return &u, nil
}
