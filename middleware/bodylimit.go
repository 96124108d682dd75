package middleware

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

const defaultBodyTimeout = 30 * time.Second

// What ReadBody refuses, for errors.Is; the errors it returns are *Refusal with more to say.
var (
	ErrTooLarge    error = &Refusal{Reason: TooLarge, Message: "the body is too large"}
	ErrBodyTimeout error = &Refusal{Reason: BodyTimeout, Message: "the body did not arrive in time"}
	ErrBodyCut     error = &Refusal{Reason: BodyCut, Message: "the body ended early"}
)

// BodyOptions bound a request's body.
type BodyOptions struct {
	Limit   int64         // bytes, limits.body; must be positive
	Timeout time.Duration // from the gate to the last byte of the body; 0 is 30 s
}

// BodyLimit refuses, from the headers alone, bodies over the limit (413), compressed ones (415: what is small here may
// be huge unpacked) and POSTs that are not application/json (415: other types reach us from any web page without a
// preflight). The body that handlers see ends with an error at the limit or the deadline; they read it with ReadBody.
// The deadline is gone once the body has been read, so a stream that answers it may last.
func BodyLimit(o BodyOptions) (gin.HandlerFunc, error) {
	if o.Limit < 1 {
		return nil, errors.New("limits.body: a limit of at least 1 byte is needed")
	}
	if o.Timeout == 0 {
		o.Timeout = defaultBodyTimeout
	}
	return o.gate, nil
}

func (o BodyOptions) gate(c *gin.Context) {
	r := c.Request
	if refusal := o.check(r); refusal != nil {
		if refusal.Reason == UnsupportedMedia {
			c.Header("Accept", "application/json") // RFC 9110, 15.5.16 for POST, as Accept-Encoding below
			c.Header("Accept-Encoding", "identity")
		}
		Refuse(c, refusal)
		return
	}
	if chunked(r) {
		c.Header("Connection", "close")
	}
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	control := http.NewResponseController(c.Writer)
	// An in-memory writer has no deadlines, and then no peer that could be slow.
	_ = control.SetReadDeadline(time.Now().Add(o.Timeout))
	r.Body = &boundedBody{
		ReadCloser: http.MaxBytesReader(unwrap(c.Writer), r.Body, o.Limit),
		control:    control,
		bounds:     o,
	}
}

func (o BodyOptions) check(r *http.Request) *Refusal {
	if r.ContentLength > o.Limit {
		return o.tooLarge()
	}
	for _, line := range r.Header["Content-Encoding"] {
		for encoding := range strings.SplitSeq(line, ",") {
			if encoding = strings.Trim(encoding, " \t"); encoding != "" && !strings.EqualFold(encoding, "identity") {
				return refusef(UnsupportedMedia, "compressed bodies are not taken: send it without Content-Encoding")
			}
		}
	}
	if r.Method != http.MethodPost {
		return nil
	}
	types := r.Header["Content-Type"]
	if len(types) == 1 {
		media, _, err := mime.ParseMediaType(types[0])
		if media == "application/json" && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) {
			return nil
		}
	}
	return refusef(UnsupportedMedia, "the body must be JSON: send the header Content-Type: application/json")
}

func (o BodyOptions) tooLarge() *Refusal {
	return refusef(TooLarge, "the body is larger than %d bytes: send less at once", o.Limit)
}

// unwrap finds net/http's own writer, which MaxBytesReader tells to close the connection.
func unwrap(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

// boundedBody lifts the read deadline when the body has ended. Unread, the deadline stays: net/http drains what is left
// of a body after the handler, and sets its own deadline for the next request.
type boundedBody struct {
	io.ReadCloser
	control *http.ResponseController
	bounds  BodyOptions
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.lift()
	}
	return n, err
}

func (b *boundedBody) lift() {
	_ = b.control.SetReadDeadline(time.Time{}) // no deadlines: none was set either
}

// ReadBody reads the whole body behind a BodyLimit gate; without the gate a body is refused. It blocks for as long as
// the gate's timeout. With a Content-Length the body is allocated once, at that length. Errors are *Refusal, equal to
// ErrTooLarge, ErrBodyTimeout or ErrBodyCut, and ready for Refuse.
func ReadBody(c *gin.Context) ([]byte, error) {
	r := c.Request
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	b, ok := r.Body.(*boundedBody)
	if !ok {
		return nil, errors.New("read the body: no BodyLimit gate on this route")
	}
	if r.ContentLength < 0 {
		body, err := io.ReadAll(b)
		if err != nil {
			return nil, b.refusal(err)
		}
		return body, nil
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(b, body); err != nil {
		return nil, b.refusal(err)
	}
	b.lift() // all bytes are here, though EOF may not have been seen
	return body, nil
}

func (b *boundedBody) refusal(err error) *Refusal {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return b.bounds.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refusef(BodyTimeout, "the body did not arrive within %s: send it faster", b.bounds.Timeout)
	}
	return refusef(BodyCut, "the body ended before its announced length")
}
