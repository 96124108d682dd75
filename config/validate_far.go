package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// shared checks where processes meet.
func (v *validator) shared() {
	r := v.cfg.Redis
	if r.URL.IsZero() {
		return
	}
	u, err := url.Parse(r.URL.Reveal())
	if err != nil || u.Host == "" && u.Path == "" || u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix" {
		v.check("redis.url", errors.New("it is no URL of Redis: write it as redis://HOST:6379/0, or rediss:// for TLS"))
	}
	if r.Prefix == "" || strings.ContainsFunc(r.Prefix, func(c rune) bool { return !isWord(c) && c != ':' && c != '.' }) {
		v.check("redis.prefix", fmt.Errorf("%q may hold only letters, digits and - _ : . and not be empty", r.Prefix))
	}
}

// telemetry checks where metrics and traces go.
func (v *validator) telemetry() {
	v.check("metrics.otlp_endpoint", checkCollector(v.cfg.Metrics.OTLPEndpoint))
	v.check("tracing.otlp_endpoint", checkCollector(v.cfg.Tracing.OTLPEndpoint))
	if v.cfg.Metrics.Listen == "" {
		return
	}
	host, port, err := net.SplitHostPort(v.cfg.Metrics.Listen)
	if err != nil || port != "0" && !isPort(port) {
		v.check("metrics.listen", fmt.Errorf("%q is no address and port: write it as 127.0.0.1:9464", v.cfg.Metrics.Listen))
	} else if !isLoopback(host) {
		v.warn("metrics.listen", "whoever reaches %s may read the metrics", v.cfg.Metrics.Listen)
	}
}

// checkCollector accepts nothing, and http and https URLs.
func checkCollector(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("it is no URL: write it as http://127.0.0.1:4318/v1/traces, with its path")
	}
	return nil
}
