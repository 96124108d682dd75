package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	refusedLines   = 20  // lines a second about refused requests; the rest are counted
	maxLoggedPath  = 128 // bytes of a path that no route knows
	maxPathSegment = 24  // bytes of a path segment that is still a word; longer ones may be ids or keys
	maxMethod      = 16  // bytes of the HTTP method, which a stranger may make up
	maxField       = 128 // bytes of a name that the client chose
)

type lineKey struct{}

// Line is what one request's log line will say beyond HTTP. Handlers fill it in on their way, from the request's own
// goroutine. A nil *Line, which is what a request has that cannot be logged, takes everything and keeps nothing.
type Line struct {
	session  string
	method   string
	tool     string
	revision string
	trace    string
	refused  Reason
	err      error
	heard    func(Reason) // of refused; nil: nobody
}

// LineFrom is the log line of the request that ctx belongs to; nil, and safe to use, where it is not logged.
func LineFrom(ctx context.Context) *Line {
	line, _ := ctx.Value(lineKey{}).(*Line)
	return line
}

// SetSession notes the session; its id is a secret and reaches the log only as SessionHash.
func (l *Line) SetSession(id string) {
	if l != nil {
		l.session = SessionHash(id)
	}
}

// SetMethod notes the JSON-RPC method.
func (l *Line) SetMethod(method string) {
	if l != nil {
		l.method = method
	}
}

// SetTool notes the tool that is called.
func (l *Line) SetTool(name string) {
	if l != nil {
		l.tool = name
	}
}

// SetRevision notes the protocol revision that the peer speaks.
func (l *Line) SetRevision(revision string) {
	if l != nil {
		l.revision = revision
	}
}

// SetTrace notes the trace that the request belongs to, by its traceparent. What is none is left out.
func (l *Line) SetTrace(parent string) {
	if l != nil && len(parent) == traceparentLength {
		l.trace = parent[3:35]
	}
}

// traceparentLength is that of a traceparent of version 00: the trace's id stands at 3 to 35.
const traceparentLength = 55

// SetRefused notes why the request was turned away. Refuse does it.
func (l *Line) SetRefused(reason Reason) {
	if l != nil {
		l.refused = reason
		if l.heard != nil {
			l.heard(reason)
		}
	}
}

// SetError notes an error of ours that the client was not told, and makes the line one at error level. Its text must hold
// no secrets.
func (l *Line) SetError(err error) {
	if l != nil {
		l.err = err
	}
}

// SessionHash is what stands for a session id in logs: enough to tell sessions apart, not enough to use one.
func SessionHash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:6])
}

// RequestLog writes one line at info when a request is over; a stream's line comes at its end, its duration being the
// stream's. Paths in quiet, health probes mostly, are written at debug, and what SetError noted at error. It shows the
// route and never the query, and of refused requests at most 20 lines a second: the next line says how many were left
// out. Where the log's level drops errors too, nothing is allocated.
func RequestLog(log *zap.Logger, proxies Proxies, refused func(Reason), quiet ...string) gin.HandlerFunc {
	flood := &floodMeter{}
	return func(c *gin.Context) {
		level := zapcore.InfoLevel
		if slices.Contains(quiet, c.Request.URL.Path) {
			level = zapcore.DebugLevel
		}
		if !log.Core().Enabled(level) && !log.Core().Enabled(zapcore.ErrorLevel) {
			return
		}
		start := time.Now()
		line := &Line{heard: refused}
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), lineKey{}, line))
		aborted := true
		defer func() { // also when a panic is on its way to net/http to end the connection
			if line.err != nil {
				level = zapcore.ErrorLevel
			}
			entry := log.Check(level, "request")
			if entry == nil {
				return
			}
			dropped := 0
			if line.refused != "" && line.err == nil {
				var ok bool
				if dropped, ok = flood.admit(time.Now()); !ok {
					return
				}
			}
			fields := line.fields(c, proxies, start)
			if aborted {
				fields = append(fields, zap.Bool("aborted", true))
			}
			if dropped > 0 {
				fields = append(fields, zap.Int("refused_not_logged", dropped))
			}
			entry.Write(fields...)
		}()
		c.Next()
		aborted = false
	}
}

func (l *Line) fields(c *gin.Context, proxies Proxies, start time.Time) []zap.Field {
	r := c.Request
	fields := make([]zap.Field, 0, 19)
	fields = append(fields,
		zap.String("method", r.Method[:min(len(r.Method), maxMethod)]),
		zap.String("path", loggedPath(c)),
		zap.Int("status", c.Writer.Status()),
		zap.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000),
		zap.Int("bytes", max(c.Writer.Size(), 0)),
		zap.String("request_id", RequestIDFrom(r.Context())),
		zap.Stringer("client", proxies.ClientAddr(r)),
	)
	if p := PrincipalFrom(r.Context()); p != nil && p.ID != "" {
		fields = append(fields, zap.String("principal", p.ID))
	}
	if isStream(c.Writer.Header()) {
		fields = append(fields, zap.Bool("stream", true))
	}
	for _, f := range [...]struct{ key, value string }{
		{"session", l.session},
		{"rpc_method", l.method},
		{"tool", l.tool},
		{"revision", l.revision},
		{"trace_id", l.trace},
		{"refused", string(l.refused)},
	} {
		if f.value != "" {
			fields = append(fields, zap.String(f.key, printable(f.value)))
		}
	}
	if l.err != nil {
		fields = append(fields, zap.Error(l.err))
	}
	return fields
}

// printable is s, cut to maxField bytes, with everything escaped that a terminal might obey. The encoder escapes C0
// controls only; DEL, C1 and the bidirectional marks are left to us.
func printable(s string) string {
	if len(s) > maxField {
		s = strings.ToValidUTF8(s[:maxField], "") + "…"
	}
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	return strings.Trim(strconv.QuoteToASCII(s), `"`)
}

func isStream(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}

// loggedPath is the route's pattern, whose parameters stay out, or for unknown paths the escaped path with everything
// masked that is long enough to be an id or a key.
func loggedPath(c *gin.Context) string {
	if route := c.FullPath(); route != "" {
		return route
	}
	path := c.Request.URL.EscapedPath() // printable ASCII only
	path = path[:min(len(path), maxLoggedPath)]
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if len(segment) > maxPathSegment {
			segments[i] = "***"
		}
	}
	return strings.Join(segments, "/")
}

// floodMeter lets refusedLines through each second and counts the others.
type floodMeter struct {
	mu      sync.Mutex
	second  int64
	lines   int
	dropped int
}

// admit says whether to write a line now, and with it how many were dropped since the last one.
func (m *floodMeter) admit(now time.Time) (dropped int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if second := now.Unix(); second != m.second {
		m.second, m.lines = second, 0
	}
	if m.lines == refusedLines {
		m.dropped++
		return 0, false
	}
	m.lines++
	dropped, m.dropped = m.dropped, 0
	return dropped, true
}
