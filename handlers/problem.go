package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/middleware"
)

// problem is an RFC 9457 problem document: how everything under /api/ says no. Members after instance are there only where
// they mean something.
type problem struct {
	Type     string `json:"type"` // problemType and a name of problemKinds: what programs switch on
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`   // what is wrong this time, and what to change
	Instance string `json:"instance,omitempty"` // the request's id, as in X-Request-Id and in the log

	Arguments         []mcp.ArgumentFault `json:"arguments,omitempty"`         // of invalid-arguments, where they can be named
	RetryAfterSeconds int64               `json:"retryAfterSeconds,omitzero"`  // as Retry-After
	Scope             string              `json:"scope,omitempty"`             // those that the credential lacks, a space between them
	ErrorID           string              `json:"errorId,omitempty"`           // under which the log says more
	Content           []jsontext.Value    `json:"content,omitempty"`           // of tool-error, where it is more than texts
	Structured        jsontext.Value      `json:"structuredContent,omitempty"` // of tool-error
}

const (
	problemMedia = "application/problem+json"
	problemType  = "urn:problem-type:toolgate:"
)

// kind is one type of problem.
type kind struct {
	name   string
	title  string
	status int
}

// problemKinds is every type of problem, by status: this and middleware.Reason are all that decides a status under /api/.
// A gate's reason has its name here, with dashes.
var problemKinds = []kind{
	{"invalid-request", "The request is wrong", http.StatusBadRequest},
	{"invalid-body", "The body is not a JSON object", http.StatusBadRequest},
	{"invalid-arguments", "The arguments do not fit the tool", http.StatusBadRequest},
	{"bad-host", "The Host header is malformed", http.StatusBadRequest},
	{"bad-credentials", "The credentials contradict one another", http.StatusBadRequest},
	{"body-cut", "The body ended early", http.StatusBadRequest},
	{"unauthorized", "A valid credential is needed", http.StatusUnauthorized},
	{"insufficient-scope", "The credential does not allow this", http.StatusForbidden},
	{"host-not-allowed", "The host is not a name of this server", http.StatusForbidden},
	{"origin-not-allowed", "The web page may not use this server", http.StatusForbidden},
	{"no-such-tool", "There is no such tool", http.StatusNotFound},
	{"no-such-path", "There is nothing at this path", http.StatusNotFound},
	{"method-not-allowed", "The path does not take this method", http.StatusMethodNotAllowed},
	{"not-acceptable", "The answer has no form that is accepted", http.StatusNotAcceptable},
	{"body-timeout", "The body did not arrive in time", http.StatusRequestTimeout},
	{"body-too-large", "The body is too large", http.StatusRequestEntityTooLarge},
	{"unsupported-media-type", "The body must be plain JSON", http.StatusUnsupportedMediaType},
	{"tool-error", "The tool failed", http.StatusUnprocessableEntity},
	{"rate-limited", "Too many requests", http.StatusTooManyRequests},
	{"internal", "Internal error", http.StatusInternalServerError},
	{"task-only", "The tool runs only as a task", http.StatusNotImplemented},
	{"busy", "The server is busy", http.StatusServiceUnavailable},
	{"auth-unavailable", "The credential cannot be judged now", http.StatusServiceUnavailable},
	{"timeout", "The tool did not finish in time", http.StatusGatewayTimeout},
}

// newProblem is the problem of a kind. A name that is not among problemKinds is a programmer's mistake, and internal.
func newProblem(c *gin.Context, name, detail string) *problem {
	i := slices.IndexFunc(problemKinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		i = slices.IndexFunc(problemKinds, func(k kind) bool { return k.name == "internal" })
	}
	k := problemKinds[i]
	instance := url.URL{Path: middleware.RequestIDFrom(c.Request.Context())} // an id may hold what a URI escapes
	return &problem{Type: problemType + k.name, Title: k.title, Status: k.status, Detail: detail, Instance: instance.String()}
}

// failedCall is the problem of a call that has no result.
func failedCall(c *gin.Context, how *mcp.Ending, detail string) *problem {
	p := newProblem(c, failureKind(how.Failure), detail)
	p.Arguments, p.Scope, p.ErrorID = how.Arguments, how.Scope, how.ErrorID
	p.RetryAfterSeconds = int64(how.RetryAfter)
	return p
}

func failureKind(f mcp.Failure) string {
	switch f {
	case mcp.FailureNoTool:
		return "no-such-tool"
	case mcp.FailureArguments:
		return "invalid-arguments"
	case mcp.FailureScope:
		return "insufficient-scope"
	case mcp.FailureRate:
		return "rate-limited"
	case mcp.FailureBusy:
		return "busy"
	case mcp.FailureTimeout:
		return "timeout"
	case mcp.FailureTool:
		return "tool-error"
	case mcp.FailureTaskOnly:
		return "task-only"
	case mcp.FailureRefused:
		return "invalid-request"
	}
	return "internal"
}

// refusalProblem is a gate's no, for middleware.RefuseAs.
func refusalProblem(c *gin.Context, r *middleware.Refusal) {
	p := newProblem(c, strings.ReplaceAll(string(r.Reason), "_", "-"), r.Message)
	p.RetryAfterSeconds = r.RetrySeconds()
	p.answer(c)
}

// failProblem answers a request whose body could not be read.
func failProblem(c *gin.Context, err error) {
	var refusal *middleware.Refusal
	if errors.As(err, &refusal) {
		middleware.Refuse(c, refusal)
		return
	}
	middleware.LineFrom(c.Request.Context()).SetError(err)
	newProblem(c, "internal", "internal error; the server's log says more under X-Request-Id").answer(c)
}

// answer answers the request with the problem and stops the chain.
func (p *problem) answer(c *gin.Context) {
	if p.RetryAfterSeconds > 0 {
		c.Header("Retry-After", strconv.FormatInt(p.RetryAfterSeconds, 10))
	}
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-store")
	c.Data(p.Status, problemMedia, p.encode())
	c.Abort()
}

func (p *problem) encode() []byte {
	body, err := json.Marshal(p)
	if err != nil { // texts, numbers, and JSON that was decoded
		panic(err)
	}
	return body
}

// inProblems answers with a problem of that kind under /api/, and elsewhere as otherwise does.
func (a *API) inProblems(name string, otherwise gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !strings.HasPrefix(c.Request.URL.Path, a.cfg.Server.BasePath+restPrefix) {
			otherwise(c)
			return
		}
		detail := "see " + a.prefix + openAPIPath
		if allow := c.Writer.Header().Get("Allow"); allow != "" {
			detail = "it takes " + allow
		}
		newProblem(c, name, detail).answer(c)
	}
}
