package middleware

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"toolgate/mcp"
)

// Reason names why a request was turned away. Clients may switch on it (error.data.reason), the request log shows it,
// and there are few enough of them for a metric label.
type Reason string

// The reasons.
const (
	BadHost          Reason = "bad_host"               // the Host header is no host name with an optional port
	HostNotAllowed   Reason = "host_not_allowed"       // not a name of this server
	OriginNotAllowed Reason = "origin_not_allowed"     // a web page that may not use this server
	BadCredentials   Reason = "bad_credentials"        // several credentials that contradict one another
	Unauthorized     Reason = "unauthorized"           // no credential, or one that is not valid
	MissingScope     Reason = "insufficient_scope"     // a valid credential that may not do this
	AuthUnavailable  Reason = "auth_unavailable"       // a credential that cannot be judged now; Retry-After says when again
	RateLimited      Reason = "rate_limited"           // too often; Retry-After says when again
	TooLarge         Reason = "body_too_large"         // more bytes than limits.body
	UnsupportedMedia Reason = "unsupported_media_type" // not application/json, or compressed
	BodyTimeout      Reason = "body_timeout"           // the body did not arrive in time
	BodyCut          Reason = "body_cut"               // the body ended before its announced length
	Panicked         Reason = "internal"               // our fault
)

// Status is the HTTP status of a reason. This is the only place where a gate's status is chosen.
func (r Reason) Status() int {
	switch r {
	case BadHost, BadCredentials, BodyCut:
		return http.StatusBadRequest
	case Unauthorized:
		return http.StatusUnauthorized
	case HostNotAllowed, OriginNotAllowed, MissingScope:
		return http.StatusForbidden
	case BodyTimeout:
		return http.StatusRequestTimeout
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case RateLimited:
		return http.StatusTooManyRequests
	case AuthUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// code is the JSON-RPC code of a reason. Codes that a revision gives a meaning are avoided: a client must not take a
// gate's answer for the protocol's.
func (r Reason) code() int {
	if r.Status() >= http.StatusInternalServerError {
		return mcp.CodeInternal
	}
	return mcp.CodeInvalidRequest
}

// closes says whether the connection ends with the answer, because an unread rest of the body is still on it.
func (r Reason) closes() bool {
	return r == TooLarge || r == BodyTimeout || r == BodyCut
}

// Refusal is a gate's no. It is an error, so that a handler can pass it up; two refusals are the same to errors.Is when
// their reasons are.
type Refusal struct {
	Reason     Reason
	Message    string        // read by people and by models: what is wrong, what to change
	RetryAfter time.Duration // when asking again makes sense; zero where it never does
}

func (r *Refusal) Error() string { return r.Message }

// Is makes errors.Is compare reasons.
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t.Reason == r.Reason
}

// RetrySeconds is RetryAfter as the header of that name has it: whole seconds, rounded up.
func (r *Refusal) RetrySeconds() int64 { return retrySeconds(r.RetryAfter) }

func refusef(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

type formKey struct{}

// RefuseAs gives refusals of requests for paths under prefix the body that form writes, with the reason's status. All else
// about a refusal is as it ever is: Refuse sets its headers and notes it for the log. The gate stands before every gate
// that refuses.
func RefuseAs(prefix string, form func(c *gin.Context, r *Refusal)) gin.HandlerFunc {
	return func(c *gin.Context) {
		if strings.HasPrefix(c.Request.URL.Path, prefix) {
			c.Set(formKey{}, form)
		}
	}
}

// Refuse answers the request with r and stops the chain. The body is a JSON-RPC error without an id (no gate has read one),
// which MCP clients hand to their model and plain HTTP clients read as JSON, unless RefuseAs gave the path another form:
//
//	{"jsonrpc":"2.0","error":{"code":-32600,"message":"…","data":{"reason":"rate_limited","retryAfterSeconds":12}}}
//
// Headers that earlier gates set, CORS above all, stay. Once an answer has begun Refuse only stops the chain.
func Refuse(c *gin.Context, r *Refusal) {
	LineFrom(c.Request.Context()).SetRefused(r.Reason)
	c.Abort()
	if c.Writer.Written() {
		return
	}
	seconds := r.RetrySeconds()
	h := c.Writer.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if seconds > 0 {
		h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	if r.Reason.closes() || chunked(c.Request) {
		h.Set("Connection", "close")
	}
	if form, ok := c.Get(formKey{}); ok {
		form.(func(*gin.Context, *Refusal))(c, r)
		return
	}
	body, err := json.Marshal(refusalBody{
		JSONRPC: "2.0",
		Error: mcp.Error{
			Code:    r.Reason.code(),
			Message: r.Message,
			Data:    refusalData{Reason: r.Reason, RetryAfterSeconds: seconds},
		},
	})
	if err != nil { // strings and integers always encode
		panic(err)
	}
	c.Data(r.Reason.Status(), "application/json", body)
}

type refusalBody struct {
	JSONRPC string    `json:"jsonrpc"`
	Error   mcp.Error `json:"error"`
}

type refusalData struct {
	Reason            Reason `json:"reason"`
	RetryAfterSeconds int64  `json:"retryAfterSeconds,omitempty"`
}

// retrySeconds rounds up to whole seconds: Retry-After knows no fractions, and too early would be refused again.
func retrySeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}

// chunked says that the request's body was framed by Transfer-Encoding. Such a connection is not used again: when
// Content-Length was sent too, somebody on the way may see another end of the body than we do (RFC 9112, 6.1).
func chunked(r *http.Request) bool {
	return r.ProtoMajor == 1 && len(r.TransferEncoding) > 0
}
