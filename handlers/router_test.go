package handlers

import (
	"strings"
	"testing"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/middleware"
)

// TestNewRefuses: options that do not parse are refused by their key's name.
func TestNewRefuses(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		key    string
		adjust func(*config.Config)
	}{
		{"server.public_url", func(c *config.Config) { c.Server.PublicURL = "tools.example.com" }},
		{"server.allowed_hosts", func(c *config.Config) { c.Server.AllowedHosts = []string{"http://a"} }},
		{"server.allowed_origins", func(c *config.Config) { c.Server.AllowedOrigins = []string{"*"} }},
		{"server.trusted_proxies", func(c *config.Config) { c.Server.TrustedProxies = []string{"proxy"} }},
		{"limits.rates.address", func(c *config.Config) { c.Limits.Rates.Address = "fast" }},
		{"limits.rates.principal", func(c *config.Config) { c.Limits.Rates.Principal = "fast" }},
		{"limits.rates.auth_failures", func(c *config.Config) { c.Limits.Rates.AuthFailures = "fast" }},
		{"limits.body", func(c *config.Config) { c.Limits.Body = 0 }},
		{"auth.mode", func(c *config.Config) { c.Auth.Mode = []string{"magic"} }},
		{"auth.mode", withKeys},
	} {
		cfg := config.Default()
		tt.adjust(&cfg)
		_, err := New(Options{Config: cfg, Version: "test", Server: w.api.server, Sessions: w.registry, Log: zap.NewNop()})
		if err == nil || !strings.Contains(err.Error(), tt.key) {
			t.Errorf("%s: got %v, want an error that names the key", tt.key, err)
		}
	}
}

func TestCallLimits(t *testing.T) {
	if limit, err := CallLimits(config.Default(), middleware.NewCounters(nil), nil, zap.NewNop()); limit != nil || err != nil {
		t.Errorf("on loopback without auth: got a limit (%v), want none", err)
	}
	for _, key := range []string{"tool", "handshake"} {
		cfg := config.Default()
		cfg.Limits.Rates = config.Rates{Tool: "1-S", Handshake: "1-S"}
		if key == "tool" {
			cfg.Limits.Rates.Tool = "fast"
		} else {
			cfg.Limits.Rates.Handshake = "fast"
		}
		if _, err := CallLimits(cfg, middleware.NewCounters(nil), nil, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "limits.rates."+key) {
			t.Errorf("limits.rates.%s: got %v, want an error that names the key", key, err)
		}
	}
}

// TestNoMetrics: what is switched off is not there.
func TestNoMetrics(t *testing.T) {
	w := newWorld(t)
	api, err := New(Options{Config: config.Default(), Version: "test", Server: w.api.server, Sessions: w.registry, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	w.web.Handler = api // before the first request
	if got := w.get("/metrics"); got.status != 404 || got.body != `{"error":"not_found"}` {
		t.Errorf("got %d %s, want 404", got.status, got.body)
	}
}
