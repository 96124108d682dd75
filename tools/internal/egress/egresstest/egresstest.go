// Package egresstest gives the tests of packs a client for a server of their own.
package egresstest

import (
	"net/url"
	"testing"
	"time"

	"toolgate/tools/internal/egress"
)

// patience is how long a test's server may take, so that one that hangs ends the test and not the run.
const patience = 10 * time.Second

// Options are opts for a server at address, such as the URL of an httptest.Server, which is allowed to be on this machine.
// What opts set stays.
func Options(t testing.TB, address string, opts egress.Options) egress.Options {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("the address of the test's server: %v", err)
	}
	if opts.Name == "" {
		opts.Name = "the test's server"
	}
	if opts.BaseURL == "" {
		opts.BaseURL = address
	}
	if opts.Timeout == 0 {
		opts.Timeout = patience
	}
	opts.Private = append(opts.Private, u.Host)
	return opts
}

// New makes a client of Options, which is closed at the test's end.
func New(t testing.TB, address string, opts egress.Options) *egress.Client {
	t.Helper()
	c, err := egress.New(Options(t, address, opts))
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}
