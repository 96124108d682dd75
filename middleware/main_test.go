package middleware

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	if err := goleak.Find(); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

// engine serves every method of /mcp, /livez and /things/:id by handler, behind gates.
func engine(handler gin.HandlerFunc, gates ...gin.HandlerFunc) *gin.Engine {
	e := gin.New()
	e.Use(gates...)
	for _, path := range []string{"/mcp", "/livez", "/things/:id"} {
		e.Any(path, handler)
	}
	return e
}

func served(c *gin.Context) { c.String(http.StatusOK, "served") }

// request is one whose path is /mcp, with headers given as "Name: value". "Host: x" sets the host.
func request(method string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "/mcp", nil)
	r.Host = "localhost:3002"
	setHeaders(r, headers...)
	return r
}

func setHeaders(r *http.Request, headers ...string) {
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
}

func serve(e http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// refused checks that w is a refusal for reason, in the one form that refusals have, and returns its message.
func refused(t *testing.T, w *httptest.ResponseRecorder, reason Reason) string {
	t.Helper()
	if w.Code != reason.Status() {
		t.Fatalf("status = %d, want %d; body %s", w.Code, reason.Status(), w.Body)
	}
	var body struct {
		JSONRPC string
		Error   struct {
			Code    int
			Message string
			Data    struct{ Reason Reason }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	if body.JSONRPC != "2.0" || body.Error.Data.Reason != reason || body.Error.Message == "" {
		t.Fatalf("body = %s, want a JSON-RPC error for %s", w.Body, reason)
	}
	if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("X-Content-Type-Options = %q, want nosniff", got)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q, want application/json", got)
	}
	return body.Error.Message
}

func wantServed(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusOK || w.Body.String() != "served" {
		t.Fatalf("answer = %d %q, want 200 served", w.Code, w.Body)
	}
}

func observed(level zapcore.Level) (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(level)
	return zap.New(core), logs
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// allocs is how often f allocates: the least of several counts, since the runtime's own allocations count too.
func allocs(f func()) float64 {
	least := testing.AllocsPerRun(50, f)
	for range 9 {
		least = min(least, testing.AllocsPerRun(50, f))
	}
	return least
}
