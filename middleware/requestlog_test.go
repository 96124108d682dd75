package middleware

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"toolgate/mcp"
)

func TestRequestLogLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, logs := observed(zapcore.InfoLevel)
		e := engine(func(c *gin.Context) {
			c.Request = c.Request.WithContext(WithPrincipal(c.Request.Context(), &mcp.Principal{ID: "key:7f3a"}))
			line := LineFrom(c.Request.Context())
			line.SetSession("secret-session")
			line.SetMethod("tools/call")
			line.SetTool("jira_search")
			line.SetRevision("2025-11-25")
			line.SetTrace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			line.SetTrace("what a stranger made up") // is none
			line.SetError(errors.New("upstream is down"))
			c.Header("Content-Type", "text/event-stream")
			c.Writer.WriteString("data: 1\n\n")
			<-time.After(90 * time.Second)
		}, RequestID(nil), RequestLog(log, nil, nil))
		r := httptest.NewRequest("POST", "/things/42?session_id=secret-session", nil)
		w := serve(e, r)

		if logs.Len() != 1 {
			t.Fatalf("%d lines, want 1", logs.Len())
		}
		got := logs.All()[0].ContextMap()
		for key, want := range map[string]any{
			"method": "POST", "path": "/things/:id", "status": int64(200), "duration_ms": 90000.0, "bytes": int64(9),
			"request_id": w.Header().Get("X-Request-Id"), "client": "192.0.2.1", "principal": "key:7f3a",
			"stream": true, "session": SessionHash("secret-session"), "rpc_method": "tools/call",
			"tool": "jira_search", "revision": "2025-11-25", "trace_id": "0af7651916cd43dd8448eb211c80319c", "error": "upstream is down",
		} {
			if got[key] != want {
				t.Errorf("%s = %v, want %v", key, got[key], want)
			}
			delete(got, key)
		}
		if len(got) > 0 {
			t.Errorf("more fields than promised: %v", got)
		}
	})
}

func TestRequestLogPaths(t *testing.T) {
	for target, want := range map[string]string{
		"/mcp?access_token=x":                   "/mcp",
		"/things/secret":                        "/things/:id",
		"/nowhere":                              "/nowhere",
		"/a%0d%0ab/%1b":                         "/a%0d%0ab/%1b", // 208
		"/x/0123456789abcdef0123456789abcdef/y": "/x/***/y",
		"/" + strings.Repeat("ab/", 100):        "/" + strings.Repeat("ab/", 42) + "a",
	} {
		log, logs := observed(zapcore.InfoLevel)
		serve(engine(served, RequestLog(log, nil, nil)), httptest.NewRequest("GET", target, nil))
		if got := logs.All()[0].ContextMap()["path"]; got != want {
			t.Errorf("%s: path = %q, want %q", target, got, want)
		}
	}
}

func TestRequestLogEscapesWhatClientsName(t *testing.T) {
	for name, want := range map[string]string{
		"two\nlines":             `two\nlines`,
		"\x1b[31mred":            `\x1b[31mred`,
		"\u009b31m":              `\u009b31m`,
		"\u202egpj.exe":          `\u202egpj.exe`,
		"suche_größe":            "suche_größe",
		strings.Repeat("x", 500): strings.Repeat("x", 128) + "…",
	} {
		log, logs := observed(zapcore.InfoLevel)
		e := engine(func(c *gin.Context) { LineFrom(c.Request.Context()).SetTool(name) }, RequestLog(log, nil, nil))
		serve(e, request("POST"))
		if got := logs.All()[0].ContextMap()["tool"]; got != want {
			t.Errorf("%q: tool = %q, want %q", name, got, want)
		}
	}
}

func TestRequestLogQuietPaths(t *testing.T) {
	for _, tc := range []struct {
		level zapcore.Level
		lines int
	}{{zapcore.InfoLevel, 0}, {zapcore.DebugLevel, 1}} {
		log, logs := observed(tc.level)
		e := engine(served, RequestLog(log, nil, nil, "/livez"))
		wantServed(t, serve(e, httptest.NewRequest("GET", "/livez", nil)))
		if logs.Len() != tc.lines {
			t.Errorf("at %s: %d lines about a probe, want %d", tc.level, logs.Len(), tc.lines)
		}
	}
}

func TestRequestLogOfOurErrorsIsNotQuiet(t *testing.T) {
	log, logs := observed(zapcore.WarnLevel)
	handler := func(c *gin.Context) { LineFrom(c.Request.Context()).SetError(errors.New("disk full")) }
	serve(engine(handler, RequestLog(log, nil, nil, "/mcp")), request("POST"))
	if logs.Len() != 1 || logs.All()[0].Level != zapcore.ErrorLevel || logs.All()[0].ContextMap()["error"] != "disk full" {
		t.Errorf("lines at warn = %v, want one error", logs.All())
	}
	serve(engine(served, RequestLog(log, nil, nil)), request("POST"))
	if logs.Len() != 1 {
		t.Errorf("%d lines at warn after a served request, want still 1", logs.Len())
	}
}

func TestRequestLogCostsNothingWhenOff(t *testing.T) {
	gate := RequestLog(zap.NewNop(), nil, nil)
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = request("GET")
	if n := allocs(func() {
		gate(c)
		line := LineFrom(c.Request.Context())
		line.SetMethod("tools/call")
		line.SetSession("id")
	}); n != 0 {
		t.Errorf("%v allocations for a line that is not written, want 0", n)
	}
}

func TestRequestLogOfACutConnection(t *testing.T) {
	log, logs := observed(zapcore.InfoLevel)
	e := engine(func(*gin.Context) { panic(http.ErrAbortHandler) }, RequestLog(log, nil, nil), Recover(log))
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("panic = %v, want http.ErrAbortHandler for net/http", v)
			}
		}()
		serve(e, request("GET"))
	}()
	if logs.Len() != 1 || logs.All()[0].ContextMap()["aborted"] != true {
		t.Errorf("lines = %v, want one that says aborted", logs.All())
	}
}

// Row 160.
func TestRequestLogOfAFloodIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, logs := observed(zapcore.InfoLevel)
		e := engine(func(c *gin.Context) { Refuse(c, refusef(RateLimited, "no")) }, RequestLog(log, nil, nil))
		for range 1000 {
			serve(e, request("POST"))
		}
		if got := logs.Len(); got != refusedLines {
			t.Errorf("%d lines in a second, want %d", got, refusedLines)
		}
		<-time.After(time.Second)
		serve(e, request("POST"))
		last := logs.All()[logs.Len()-1].ContextMap()
		if got := last["refused_not_logged"]; got != int64(1000-refusedLines) {
			t.Errorf("next line counts %v left out, want %d", got, 1000-refusedLines)
		}
		if got := last["refused"]; got != "rate_limited" {
			t.Errorf("refused = %v, want rate_limited", got)
		}
	})
}

func TestRequestLogKeepsServedRequestsInAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, logs := observed(zapcore.InfoLevel)
		e := engine(served, RequestLog(log, nil, nil))
		for range 100 {
			wantServed(t, serve(e, request("GET")))
		}
		if logs.Len() != 100 {
			t.Errorf("%d lines for 100 served requests", logs.Len())
		}
	})
}

func TestLineFromNowhereTakesEverything(t *testing.T) {
	line := LineFrom(context.Background())
	line.SetSession("s")
	line.SetMethod("m")
	line.SetTool("t")
	line.SetRevision("r")
	line.SetRefused(Panicked)
	line.SetError(errors.New("e"))
	if line != nil {
		t.Errorf("line = %+v, want nil", line)
	}
}

// Row 204: none of the places where secrets travel reaches the log.
func TestNoSecretReachesTheLog(t *testing.T) {
	const canary = "CANARY0123456789CANARY0123456789"
	var out bytes.Buffer
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.DebugLevel))
	hosts := must(NewHosts(HostOptions{Bind: "localhost"}))
	origins := must(NewOrigins(hosts, OriginOptions{}))
	auth := must(Auth(AuthOptions{Verifiers: []Verifier{&KeyStore{}}}))
	secretPanic := func(c *gin.Context) {
		LineFrom(c.Request.Context()).SetSession(canary)
		panic("cannot use " + canary)
	}
	open := engine(secretPanic, RequestID(nil), RequestLog(log, nil, nil), Recover(log), HostCheck(hosts, origins), CORS(origins))
	guarded := engine(secretPanic, RequestID(nil), RequestLog(log, nil, nil), Recover(log), HostCheck(hosts, origins), CORS(origins), auth)

	requests := 0
	for _, e := range []*gin.Engine{open, guarded} {
		for _, target := range []string{"/mcp?session_id=" + canary, "/mcp?access_token=" + canary, "/things/" + canary, "/nowhere/" + canary} {
			r := httptest.NewRequest("POST", target, strings.NewReader(canary))
			r.Host = "localhost"
			setHeaders(r, "Authorization: Bearer "+canary, "X-API-Key: "+canary, "Cookie: session="+canary,
				"Mcp-Session-Id: "+canary, "Last-Event-ID: "+canary)
			w := serve(e, r)
			if strings.Contains(w.Body.String(), canary) {
				t.Errorf("%s: the answer holds the secret: %s", target, w.Body)
			}
			requests++
		}
	}
	if strings.Contains(out.String(), canary) {
		t.Errorf("the log holds the secret:\n%s", out.String())
	}
	if got := strings.Count(out.String(), `"msg":"request"`); got != requests {
		t.Errorf("%d request lines for %d requests", got, requests)
	}
	if !strings.Contains(out.String(), `"panic":"string"`) {
		t.Errorf("the log does not tell of the panic:\n%s", out.String())
	}
}

// TestRefusalsAreHeard: whoever counts refusals hears of each, those too that the log leaves out.
func TestRefusalsAreHeard(t *testing.T) {
	log, _ := observed(zapcore.InfoLevel)
	heard := map[Reason]int{}
	e := engine(func(c *gin.Context) { Refuse(c, refusef(RateLimited, "no")) }, RequestLog(log, nil, func(r Reason) { heard[r]++ }))
	for range 2 * refusedLines {
		serve(e, request("POST"))
	}
	if len(heard) != 1 || heard[RateLimited] != 2*refusedLines {
		t.Errorf("heard %v, want every refusal", heard)
	}
}
