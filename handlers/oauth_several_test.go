package handlers

import (
	"net/http"
	"testing"
	"time"

	"toolgate/config"
)

// TestSeveralWaysAtOnce: with keys and tokens side by side each is taken for what it is, and they are two callers.
func TestSeveralWaysAtOnce(t *testing.T) {
	w := newWorld(t, withOAuth, func(c *config.Config) { c.Auth.Mode = []string{config.AuthKeys, config.AuthOAuth} })
	byToken, byKey := w.begin("2025-11-25", token(t, "reader", "tools:read", time.Hour)), w.begin("2025-11-25", w.bearer("reader"))
	byKey.send(ping("1"), token(t, "reader", "tools:read", time.Hour)).wantError(t, http.StatusNotFound, -32600, "1")
	byToken.send(ping("1"), w.bearer("reader")).wantError(t, http.StatusNotFound, -32600, "1")
	for _, headers := range [][]string{
		{token(t, "reader", "tools:read", time.Hour), "X-API-Key: " + w.keys["reader"]},
		{token(t, "reader", "tools:read", time.Hour), "X-API-Key: x"},
	} { // 106
		got := w.post("/mcp", ping("1"), headers...)
		got.wantRefused(t, http.StatusBadRequest, "bad_credentials")
		got.wantHeader(t, "WWW-Authenticate", `Bearer error="invalid_request"`)
	}
}
