package doctor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCommandLine has every way of writing it wrong, and what is said of it.
func TestCommandLine(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, says := range map[string]string{
		"":                                    "name one URL",
		"https://a.example https://b.example": "name one URL",
		"a.example":                           "with its scheme",
		"ftp://a.example":                     "no http or https",
		"https://":                            "no http or https",
		"https://u:secret@a.example":          "--key-file",
		"https://a.example/?key=secret":       "leave it out",
		"https://a.example --nonsense":        "nonsense",
		"https://a.example --idle -1s":        "not between",
		"https://a.example --origin app.example.com":     "--origin",
		"https://a.example --origin https://a.example/x": "--origin",
		"https://a.example --resolve a.example:443":      "HOST:PORT:ADDR",
		"https://a.example --resolve a.example:443:b":    "ADDR is an address",
		"https://a.example --key secret --key-file f":    "one of them",
		"https://a.example --key-file no-such-file":      "no-such-file",
		"https://a.example --key-file " + empty:          "is empty",
		"https://a.example --ca " + empty:                "no certificate",
	} {
		err := Command(t.Context(), strings.Fields(line), io.Discard)
		if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want ErrUsage with %q and no secret", line, err, says)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	var out bytes.Buffer
	if err := Command(t.Context(), []string{"-h"}, &out); err != nil || !strings.Contains(out.String(), "usage: toolgate doctor") || !strings.Contains(out.String(), "-idle") {
		t.Errorf("got %v and %q, want the usage", err, out.String())
	}
}

// TestWhereTheKeyComesFrom tries the flag, the file and the variable.
func TestWhereTheKeyComesFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("of-the-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	variable := func(string) string { return "of-the-variable" }
	for line, want := range map[string]string{
		"":                     "of-the-variable",
		"--key of-the-flag":    "of-the-flag",
		"--key-file " + file:   "of-the-file",
		"--key-file=" + file:   "of-the-file",
		"--json --key=another": "another",
	} {
		o, err := parse(append([]string{"https://a.example"}, strings.Fields(line)...), variable, io.Discard)
		if err != nil || o.key != want {
			t.Errorf("%q: got %v, %v, want the key %s", line, o, err, want)
		}
	}
}

// TestTargets takes the URLs that people have.
func TestTargets(t *testing.T) {
	for text, want := range map[string]target{
		"https://A.example":            {base: "https://a.example", origin: "https://a.example", host: "a.example", port: "443", secure: true},
		"https://a.example/x/":         {base: "https://a.example/x", origin: "https://a.example", prefix: "/x", host: "a.example", port: "443", secure: true},
		"https://a.example/x/mcp":      {base: "https://a.example/x", origin: "https://a.example", prefix: "/x", host: "a.example", port: "443", secure: true},
		"http://localhost:3002/sse":    {base: "http://localhost:3002", origin: "http://localhost:3002", host: "localhost", port: "3002"},
		"http://[::1]:3002/mcp-server": {base: "http://[::1]:3002/mcp-server", origin: "http://[::1]:3002", prefix: "/mcp-server", host: "::1", port: "3002"},
	} {
		got, err := parseTarget(text)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// TestCommandSaysWhetherThereAreFaults tells a good deployment from a bad one by the error alone.
func TestCommandSaysWhetherThereAreFaults(t *testing.T) {
	good := httptest.NewServer(&fake{})
	t.Cleanup(good.Close)
	bad := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(bad.Close)
	t.Setenv(keyVariable, "")
	if err := Command(t.Context(), []string{good.URL + "/app"}, io.Discard); err != nil {
		t.Errorf("a good one: got %v, want nil", err)
	}
	if err := Command(t.Context(), []string{bad.URL}, io.Discard); !errors.Is(err, ErrFaults) {
		t.Errorf("a bad one: got %v, want ErrFaults", err)
	}
}

// TestCommandEndsWithItsContext ends a run in the middle of a long watch.
func TestCommandEndsWithItsContext(t *testing.T) {
	stopped := errors.New("the operator has seen enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	srv := httptest.NewServer(&fake{})
	t.Cleanup(srv.Close)
	out := writerFunc(func(b []byte) (int, error) {
		if strings.Contains(string(b), "watching") {
			cancel(stopped)
		}
		return len(b), nil
	})
	done := make(chan error, 1)
	go func() { done <- Command(ctx, []string{srv.URL + "/app", "--idle", "1h"}, out) }()
	select {
	case err := <-done:
		if !errors.Is(err, stopped) {
			t.Errorf("got %v, want %v", err, stopped)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestAReportThatCannotBeWritten is an error of its own.
func TestAReportThatCannotBeWritten(t *testing.T) {
	full := errors.New("the disk is full")
	out := writerFunc(func([]byte) (int, error) { return 0, full })
	for _, f := range []form{&textForm{out: out}, &jsonForm{out: out}} {
		f.begin("https://a.example")
		f.finding(Finding{ID: "dns", Check: "dns", Level: OK, Text: "found"})
		if err := f.end(server{}); !errors.Is(err, full) {
			t.Errorf("%T: got %v, want %v", f, err, full)
		}
	}
}

// TestAddresses says what a name's addresses mean.
func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		addrs []string
		err   error
		want  Finding
	}{
		{[]string{"203.0.113.7"}, nil, Finding{ID: "dns", Level: OK}},
		{[]string{"10.1.2.3"}, nil, Finding{ID: "dns", Level: Info}},
		{[]string{"127.0.1.1"}, nil, Finding{ID: "dns-loopback", Level: Warn}},
		{nil, &net.DNSError{IsNotFound: true}, Finding{ID: "dns-none", Level: Fault}},
	} {
		var addrs []netip.Addr
		for _, a := range c.addrs {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		s := &sheet{check: "dns"}
		probeOf(t).judgeAddrs(s, addrs, c.err)
		wantSheet(t, c.want.ID, s, c.want.Level)
	}
}

// TestClumped tells answers that were held back from ones that were not.
func TestClumped(t *testing.T) {
	start := time.Now()
	at := func(ms ...int) []time.Time {
		var list []time.Time
		for _, n := range ms {
			list = append(list, start.Add(time.Duration(n)*time.Millisecond))
		}
		return list
	}
	for name, c := range map[string]struct {
		sent, came []time.Time
		want       bool
	}{
		"one by one":     {at(0, 100, 200, 300), at(5, 105, 205, 305), false},
		"far away":       {at(0, 100, 200, 300), at(250, 350, 450, 550), false},
		"all at the end": {at(0, 100, 200, 300), at(310, 310, 311, 311), true},
		"all late":       {at(0, 100, 200, 300), at(2000, 2100, 2200, 2300), true},
		"none":           {nil, nil, false},
	} {
		if got := clumped(c.sent, c.came, time.Second) > 0; got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// FuzzEvents holds the reader of streams to this: what was written as events comes back as it was, whatever stands around.
func FuzzEvents(f *testing.F) {
	f.Add("event: endpoint\ndata: /a\n\n", "hello")
	f.Add(": ping\n", "{}")
	f.Add("data", "")
	f.Fuzz(func(t *testing.T, noise, data string) {
		if strings.ContainsAny(data, "\r\n") || data == "" {
			return
		}
		stream := noise + "\n\n" + "event: message\ndata: " + data + "\n\n"
		var last event
		err := readEvents(strings.NewReader(stream), func(e event) error {
			last = e
			return nil
		})
		if !errors.Is(err, io.EOF) {
			t.Fatalf("got %v, want io.EOF", err)
		}
		if last.name != "message" || last.data != data {
			t.Fatalf("got %+v, want the message %q", last, data)
		}
	})
}
