package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"toolgate/config"
	"toolgate/mcp"
)

// pipes is a client at the other end of stdin and stdout.
type pipes struct {
	tb     testing.TB
	w      *world
	in     *io.PipeWriter // our end of its stdin
	out    *io.PipeReader // and of its stdout
	lines  *bufio.Reader
	served chan error // what Serve returned
	cancel context.CancelFunc
}

const testMaxLine = 100_000 // bytes

// newPipes starts Stdio over pipes in memory, which a bubble can see through. Both ends are closed with the test.
func newPipes(t *testing.T, adjust ...func(*config.Config)) *pipes {
	t.Helper()
	adjust = append(adjust, func(c *config.Config) { c.SSE.ResumeWindow = 0 })
	w := newWorld(t, adjust...)
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	p := &pipes{tb: t, w: w, in: in, out: out, lines: bufio.NewReader(out), served: make(chan error, 1), cancel: cancel}
	go func() {
		err := serveStdio(ctx, w, stdin, stdout)
		_ = stdout.Close() // as the program's end does
		p.served <- err
	}()
	t.Cleanup(func() { cancel(); _ = in.Close(); _ = out.Close() })
	return p
}

// serveStdio serves as the program does, with two seconds for calls under way at the end.
func serveStdio(ctx context.Context, w *world, in io.Reader, out io.Writer) error {
	drain := func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := w.registry.Close(grace); err != nil {
			w.tb.Errorf("drain: %v", err)
		}
	}
	return Stdio{Server: w.server, Sessions: w.registry, Principal: mcp.Anonymous(), MaxLine: testMaxLine}.Serve(ctx, in, out, drain)
}

func (p *pipes) send(lines ...string) {
	p.tb.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(p.in, line+"\n"); err != nil {
			p.tb.Fatal(err)
		}
	}
}

// next is the next line of stdout, which is one JSON-RPC message.
func (p *pipes) next() string {
	p.tb.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		p.tb.Fatalf("reading stdout: %v after %q", err, line)
	}
	var message struct{ JSONRPC string }
	if err := json.Unmarshal([]byte(line), &message); err != nil || message.JSONRPC != "2.0" {
		p.tb.Fatalf("on stdout: got %q (%v), want JSON-RPC messages and nothing else", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// wantEnd closes stdin, unless it is, and checks that Serve returns nil with nothing more on stdout.
func (p *pipes) wantEnd() {
	p.tb.Helper()
	_ = p.in.Close()
	rest, err := io.ReadAll(p.lines)
	if err != nil || len(rest) > 0 {
		p.tb.Errorf("on stdout at the end: got %q (%v), want nothing", rest, err)
	}
	if err := <-p.served; err != nil {
		p.tb.Errorf("Serve: got %v, want nil", err)
	}
}

func TestStdio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`)
		if got := p.next(); !strings.Contains(got, `"protocolVersion":"2025-11-25"`) {
			t.Errorf("initialize: got %s", got)
		}
		p.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`, "", "   ", "\t\r", ping("1")+"\r")
		if got := p.next(); got != pong("1") {
			t.Errorf("a ping after a notification and empty lines: got %s, want %s", got, pong("1"))
		}
		p.send(call("2", "uppercase_text", `{"text":"a\nb"}`))
		if got := p.next(); got != textResult("2", `A\nB`) {
			t.Errorf("a text with a line end: got %s, want it on one line", got)
		}
		p.wantEnd()
	})
}

// TestStdioRefusals: what cannot be served is told on stdout, and the next line is read.
func TestStdioRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		long := ping(`"` + strings.Repeat("x", testMaxLine) + `"`)
		for _, tt := range []struct{ name, line, id, code string }{
			{"no JSON", `{`, "null", "-32700"},
			{"a word", `hello`, "null", "-32700"},
			{"two messages on a line", ping("1") + ping("2"), "1", "-32700"},
			{"no message", `{"jsonrpc":"2.0","id":"a"}`, `"a"`, "-32600"},
			{"an unknown method", `{"jsonrpc":"2.0","id":3,"method":"no/such"}`, "3", "-32601"},
			{"a batch", `[` + ping("4") + `]`, "null", "-32600"},
			{"a line over the limit", long, "null", "-32600"},
			{"a line of many limits", strings.Repeat(long, 5), "null", "-32600"},
		} {
			p.send(tt.line)
			if got, want := p.next(), `{"jsonrpc":"2.0","id":`+tt.id+`,"error":{"code":`+tt.code+`,`; !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %s, want %s…", tt.name, got, want)
			}
		}
		padding := strings.Repeat(" ", testMaxLine-len(ping("5"))-1) // the line end counts
		p.send(padding + ping("5"))
		if got := p.next(); got != pong("5") {
			t.Errorf("a line at the limit: got %.200s, want %s", got, pong("5"))
		}
		p.wantEnd()
	})
}

// TestStdioMany: more requests than the inbox holds, sent without waiting, are all answered; the reader waits for room.
func TestStdioMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 300
		p := newPipes(t, func(c *config.Config) { c.Limits.Inbox, c.Limits.CallsPerSession = 3, 2 })
		go func() {
			for i := range n {
				_, _ = io.WriteString(p.in, call(fmt.Sprint(i), "uppercase_text", `{"text":"x"}`)+"\n")
			}
		}()
		got := map[string]bool{}
		for range n {
			got[p.next()] = true
		}
		for i := range n {
			if want := textResult(fmt.Sprint(i), "X"); !got[want] {
				t.Errorf("no answer to %d", i)
			}
		}
		p.wantEnd()
	})
}

// TestStdioEnd: at the end of stdin calls under way are answered, and then nothing is said.
func TestStdioEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.send(call("1", "wait", `{}`), call("2", "wait", `{}`))
		<-p.w.pack.began
		<-p.w.pack.began
		if err := p.in.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		go func() {
			for range 2 {
				pass(time.Second / 2)
				p.w.pack.gate <- struct{}{}
			}
		}()
		answers := map[string]bool{p.next(): true, p.next(): true}
		for _, id := range []string{"1", "2"} {
			if want := textResult(id, "let go"); !answers[want] {
				t.Errorf("got %v, want %s among them", answers, want)
			}
		}
		p.wantEnd()
	})
}

// TestStdioEndWithoutNewline: a last message without a line end counts.
func TestStdioEndWithoutNewline(t *testing.T) {
	w := newWorld(t)
	var out strings.Builder
	if err := serveStdio(t.Context(), w, strings.NewReader(ping("1")), &out); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if got, want := out.String(), pong("1")+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStdioEndBounded: a call that does not come to its end is cancelled after the grace, and answered so.
func TestStdioEndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.send(call("1", "wait", `{}`))
		<-p.w.pack.began
		began := time.Now()
		_ = p.in.Close()
		if got := p.next(); !strings.Contains(got, "wait was stopped: the server is shutting down") {
			t.Errorf("got %s, want the answer that the call was stopped", got)
		}
		p.wantEnd()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the end took %v, want the grace of 2s", took)
		}
	})
}

// TestStdioContext: when the program is told to stop, Serve ends as at the end of stdin.
func TestStdioContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t)
		p.send(ping("1"))
		if got := p.next(); got != pong("1") {
			t.Errorf("got %s", got)
		}
		p.cancel()
		if rest, err := io.ReadAll(p.lines); err != nil || len(rest) > 0 {
			t.Errorf("on stdout: got %q (%v), want nothing", rest, err)
		}
		if err := <-p.served; err != nil {
			t.Errorf("Serve: got %v, want nil", err)
		}
	})
}

// TestStdioBrokenPipe: a client that has closed its end has simply gone.
func TestStdioBrokenPipe(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPipes(t)
			if err := p.out.Close(); err != nil {
				t.Fatal(err)
			}
			p.send(ping("1"))
			if err := <-p.served; err != nil {
				t.Errorf("Serve: got %v, want nil", err)
			}
		})
	})
	t.Run("of the system", func(t *testing.T) {
		r, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := serveStdio(t.Context(), newWorld(t), strings.NewReader(ping("1")+"\n"), out); err != nil {
			t.Errorf("Serve: got %v, want nil", err)
		}
	})
}

func TestStdioErrors(t *testing.T) {
	fault := errors.New("the disk is on fire")
	t.Run("reading", func(t *testing.T) {
		var out strings.Builder
		in := io.MultiReader(strings.NewReader(ping("1")+"\n"), iotest.ErrReader(fault))
		if err := serveStdio(t.Context(), newWorld(t), in, &out); !errors.Is(err, fault) {
			t.Errorf("Serve: got %v, want %v", err, fault)
		}
		if got, want := out.String(), pong("1")+"\n"; got != want {
			t.Errorf("got %q, want what was asked before answered: %q", got, want)
		}
	})
	t.Run("writing", func(t *testing.T) {
		if err := serveStdio(t.Context(), newWorld(t), strings.NewReader(ping("1")+"\n"), failingWriter{fault}); !errors.Is(err, fault) {
			t.Errorf("Serve: got %v, want %v", err, fault)
		}
	})
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
