package middleware

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap/zapcore"
)

func TestRecover(t *testing.T) {
	log, logs := observed(zapcore.InfoLevel)
	e := engine(func(c *gin.Context) {
		c.Header("Content-Length", "999")
		var m map[string]int
		m["x"] = 1 //nolint:govet,staticcheck // the panic that is meant
	}, RequestID(nil), Recover(log))
	w := serve(e, request("POST"))
	message := refused(t, w, Panicked)
	if id := w.Header().Get("X-Request-Id"); !strings.Contains(message, id) {
		t.Errorf("message = %q, want the request id %s in it", message, id)
	}
	if w.Header().Get("Content-Length") == "999" {
		t.Error("the handler's Content-Length is still there")
	}
	if logs.Len() != 1 {
		t.Fatalf("%d lines, want 1", logs.Len())
	}
	got := logs.All()[0].ContextMap()
	if got["panic"] != "assignment to entry in nil map" {
		t.Errorf("panic = %q, want the runtime's text", got["panic"])
	}
	if stack := fmt.Sprint(got["stack"]); !strings.Contains(stack, "TestRecover") {
		t.Errorf("stack does not show where it happened:\n%s", stack)
	}
}

func TestRecoverCutsABegunAnswer(t *testing.T) {
	log, logs := observed(zapcore.InfoLevel)
	e := engine(func(c *gin.Context) {
		c.String(http.StatusOK, "half of")
		panic("no more")
	}, Recover(log))
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("panic = %v, want http.ErrAbortHandler, which closes the connection", v)
		}
		if logs.Len() != 1 {
			t.Errorf("%d lines, want 1", logs.Len())
		}
	}()
	serve(e, request("GET"))
	t.Error("the panic did not reach net/http")
}
