package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow waits for a client's stream to be ended for its slowness, and gives what it could still read.
func (c *client) slow(t *testing.T) []string {
	t.Helper()
	<-c.stream.Done()
	if cause := c.stream.Cause(); !errors.Is(cause, errSlowClient) {
		t.Errorf("the stream ended with %v", cause)
	}
	left := c.settled()
	c.stream.Close(c.stream.Cause())
	if n, _ := c.w.registry.Count(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	return left
}

func TestTooManyEventsEndTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{OutboxEvents: 8}})
		c := w.hello(OpenOptions{})
		for i := range 8 {
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i))
		}
		synctest.Wait()
		if c.stream.Cause() != nil {
			t.Fatal("as many as are allowed ended the session")
		}
		c.send(`{"jsonrpc":"2.0","id":8,"method":"ping"}`)
		if left := c.slow(t); len(left) != 8 {
			t.Errorf("%d of 8 answers are left: none may be dropped from among them", len(left))
		}
	})
}

func TestTooManyBytesEndTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{OutboxBytes: 4096}})
		c := w.hello(OpenOptions{})
		text := `,"arguments":{"text":"` + strings.Repeat("a", 8000) + `"}`
		c.call(1, "echo", text)
		if got := c.settled(); len(got) != 1 || len(got[0]) < 8000 {
			t.Fatal("one answer is let in, however large")
		}
		c.call(2, "echo", text)
		synctest.Wait()
		c.call(3, "echo", text)
		if left := c.slow(t); len(left) != 1 {
			t.Errorf("%d answers are left, want 1", len(left))
		}
	})
}

// endless sends progress, or log messages, until its session ends.
func endless(send func(c *Call, i int)) func(*yard) Features {
	return func(y *yard) Features {
		return Features{Tools: []*Tool{NewTool(readOnly("endless", "Talks."), func(ctx context.Context, c *Call, _ none) (Text, error) {
			for i := 1; ctx.Err() == nil && i < 10_000; i++ {
				send(c, i)
			}
			<-ctx.Done()
			y.ended <- context.Cause(ctx)
			return "", ctx.Err()
		})}}
	}
}

func TestProgressToAStalledClientEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		both := make(chan struct{})
		w := newWorld(t, settings{
			RegistryOptions: RegistryOptions{OutboxEvents: 8},
			Features:        endless(func(c *Call, i int) { <-both; c.Progress(float64(i), 0, "") }),
		})
		c := w.hello(OpenOptions{})
		c.call(1, "endless", `,"_meta":{"progressToken":1}`)
		c.call(2, "endless", `,"_meta":{"progressToken":2}`)
		synctest.Wait()
		close(both)
		c.slow(t)
		for range 2 {
			if cause := <-w.ended; !errors.Is(cause, errSlowClient) {
				t.Errorf("a call ended with %v", cause)
			}
		}
	})
}

func TestALogMessageToAStalledClientIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{
			RegistryOptions: RegistryOptions{OutboxEvents: 8},
			Options:         Options{CallTimeout: time.Second},
			Features:        endless(func(c *Call, i int) { c.Log(LevelError, i) }),
		})
		c := w.hello(OpenOptions{})
		c.call(1, "endless", "")
		advance(time.Second)
		if got := c.settled(); len(got) != 5 {
			t.Errorf("got %d events, want half a queue and the answer", len(got))
		}
		if w.heard.dropped != 9995 {
			t.Errorf("%d were counted as dropped, want 9995", w.heard.dropped)
		}
	})
}

// One log message may be larger than what a queue may hold.
func TestALargeLogMessageToAStalledClientEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{
			RegistryOptions: RegistryOptions{OutboxBytes: 4096},
			Features:        endless(func(c *Call, _ int) { c.Log(LevelError, strings.Repeat("a", 1500)) }),
		})
		c := w.hello(OpenOptions{})
		c.send(`{"jsonrpc":"2.0","id":0,"method":"ping"}`)
		c.call(1, "endless", "")
		synctest.Wait()
		if got := c.settled(); len(got) != 3 {
			t.Errorf("got %d events: %.100q", len(got), got)
		}
	})
}

func TestWhatWasTakenIsKeptWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := resuming(t)
		c := w.hello(OpenOptions{})
		for i := range 50 {
			c.call(i, "echo", `,"arguments":{"text":"`+strings.Repeat("a", 50_000)+`"}`)
			c.settled()
		}
		out := c.stream.out
		if out.kept > 2*replayBytes {
			t.Errorf("%d bytes are kept", out.kept)
		}
		c.stream.Tidy()
		if out.kept > replayBytes || out.taken != len(out.events) {
			t.Errorf("after tidying %d bytes are kept", out.kept)
		}
		advance(2 * time.Minute)
		c.stream.Tidy()
		if out.events != nil || out.kept != 0 {
			t.Errorf("after the window %d events of %d bytes are kept", len(out.events), out.kept)
		}
	})
}
