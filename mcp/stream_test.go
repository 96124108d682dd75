package mcp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// resuming is a world whose sessions wait for their clients for a minute.
func resuming(t *testing.T) *world {
	t.Helper()
	return newWorld(t, settings{Options: Options{CallTimeout: time.Hour}, RegistryOptions: RegistryOptions{ResumeWindow: time.Minute}})
}

// back opens a stream again, as a client does that saw everything up to the event numbered seen.
func (c *client) back(seen uint64) *client {
	return c.w.open(OpenOptions{Principal: c.principal, LastEventID: EventID(c.id(), seen)})
}

func TestResumeGivesExactlyWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := resuming(t)
		c := w.hello(OpenOptions{})
		for i := range 5 {
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i))
		}
		c.call(5, "wait", "")
		c.settled() // 1 is the answer to initialize, 2 to 6 those to the pings
		c.stream.Close(ClientGone())
		if err := c.try(`{"jsonrpc":"2.0","id":9,"method":"ping"}`); !errors.Is(err, ErrStreamGone) {
			t.Errorf("without a stream: %v, want ErrStreamGone", err)
		}
		w.gate <- struct{}{} // the call goes on while nobody listens
		advance(time.Minute - time.Nanosecond)

		again := c.back(4)
		if !again.stream.Resumed() || again.id() != c.id() || again.stream.Seen() != 4 {
			t.Fatalf("resumed %v, seen %d, the same session %v", again.stream.Resumed(), again.stream.Seen(), again.id() == c.id())
		}
		want := []string{
			`{"jsonrpc":"2.0","id":3,"result":{}}`,
			`{"jsonrpc":"2.0","id":4,"result":{}}`,
			`{"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"let go"}]}}`,
		}
		if got := again.settled(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		again.send(`{"jsonrpc":"2.0","id":10,"method":"ping"}`)
		if got := again.settled(); len(got) != 1 {
			t.Errorf("after the resume: %v", got)
		}
		advance(time.Hour)
		if _, connected := w.registry.Count(); connected != 1 {
			t.Error("the first window ended the resumed session")
		}
	})
}

func TestResumeOfWhatIsNotKeptBeginsAnew(t *testing.T) {
	for _, c := range []struct {
		name string
		seen func(*client) string
	}{
		{"an event that was never sent", func(c *client) string { return EventID(c.id(), 1000) }},
		{"an event long gone", func(c *client) string {
			for i := range 4 * replayEvents {
				c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i))
				c.settled()
			}
			return EventID(c.id(), 1)
		}},
		{"an event older than the window", func(c *client) string {
			advance(2 * time.Minute)
			c.stream.Tidy()
			return EventID(c.id(), 0)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := resuming(t)
				first := w.hello(OpenOptions{})
				first.settled()
				id := c.seen(first)
				first.stream.Close(ClientGone())
				second := w.open(OpenOptions{LastEventID: id})
				if second.stream.Resumed() || second.id() == first.id() {
					t.Error("a session with a gap was resumed")
				}
				if n, _ := w.registry.Count(); n != 1 {
					t.Errorf("%d sessions, want 1: the old one is of no use any more", n)
				}
			})
		})
	}
}

func TestAnotherPrincipalDoesNotResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := resuming(t)
		mine := w.hello(OpenOptions{Principal: principals("reader")})
		mine.settled()
		mine.stream.Close(ClientGone())
		theirs := w.open(OpenOptions{Principal: principals("reader2"), LastEventID: EventID(mine.id(), 0)})
		if theirs.stream.Resumed() || theirs.id() == mine.id() {
			t.Fatal("a stranger resumed the session")
		}
		if got := theirs.settled(); got != nil {
			t.Errorf("a stranger was given %v", got)
		}
		again := mine.back(0)
		if got := again.settled(); !again.stream.Resumed() || len(got) != 1 {
			t.Errorf("its owner: resumed %v, got %v", again.stream.Resumed(), got)
		}
	})
}

func TestSessionEndsWhenItsClientDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := resuming(t)
		c := w.hello(OpenOptions{})
		c.call(1, "wait", "")
		synctest.Wait()
		c.stream.Close(ClientGone())
		advance(time.Minute - time.Nanosecond)
		if n, connected := w.registry.Count(); n != 1 || connected != 0 {
			t.Errorf("within the window: %d sessions, %d connected", n, connected)
		}
		advance(time.Nanosecond)
		if cause := <-w.ended; !errors.Is(cause, errNotResumed) {
			t.Errorf("its call ended with %v", cause)
		}
		if n, _ := w.registry.Count(); n != 0 {
			t.Errorf("after the window: %d sessions", n)
		}
		if err := c.try(`{"jsonrpc":"2.0","id":1,"method":"ping"}`); !errors.Is(err, ErrNoSession) {
			t.Errorf("deliver: %v", err)
		}
	})
}

func TestAProbeEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := resuming(t)
		c := w.open(OpenOptions{})
		c.stream.Close(ClientGone())
		if n, _ := w.registry.Count(); n != 0 {
			t.Error("a stream that was opened and never used is kept")
		}
	})
}

func TestWithoutAWindowTheStreamIsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		c := w.hello(OpenOptions{})
		c.call(1, "wait", "")
		synctest.Wait()
		c.stream.Close(ClientGone())
		if cause := <-w.ended; !errors.Is(cause, errClientGone) {
			t.Errorf("its call ended with %v", cause)
		}
		if n, _ := w.registry.Count(); n != 0 {
			t.Error("the session is kept")
		}
	})
}

func TestAClientThatComesBackEarlyTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := resuming(t)
		old := w.hello(OpenOptions{})
		old.settled()
		again := old.back(1)
		if again.id() != old.id() {
			t.Fatal("another session")
		}
		<-old.stream.Done()
		if cause := old.stream.Cause(); !errors.Is(cause, errReplaced) {
			t.Errorf("the old stream ended with %v", cause)
		}
		again.send(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
		if got := old.settled(); got != nil {
			t.Errorf("the old stream took %v", got)
		}
		old.stream.Close(ClientGone()) // and its end is not the session's
		if got := again.settled(); len(got) != 1 {
			t.Errorf("the new stream took %v", got)
		}
		if _, connected := w.registry.Count(); connected != 1 {
			t.Error("the end of the old stream detached the session")
		}
	})
}

// What a client is given again does not count against it: it is not slow for having been away.
func TestResumeOfAFullReplayIsNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{ResumeWindow: time.Minute, OutboxEvents: 8, Inbox: 8}})
		c := w.hello(OpenOptions{})
		for i := range 20 {
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i))
			c.settled()
		}
		c.stream.Close(ClientGone())
		again := c.back(1)
		again.send(`{"jsonrpc":"2.0","id":100,"method":"ping"}`)
		if got := again.settled(); len(got) != 21 || again.stream.Cause() != nil {
			t.Errorf("%d events, the stream ended with %v", len(got), again.stream.Cause())
		}
	})
}

// However streams close and come back, what the registry says of a session is what the session says of itself.
func TestCountsAgreeAfterARaceOfCloseAndResume(t *testing.T) {
	w := newWorld(t, settings{RegistryOptions: RegistryOptions{ResumeWindow: time.Hour}})
	c := w.hello(OpenOptions{})
	for range 2000 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { c.back(1).stream.Close(ClientGone()) })
		}
		wg.Wait()
		if sessions, connected := w.registry.Count(); sessions != 1 || connected != 0 {
			t.Fatalf("every stream is closed: %d sessions, %d connected", sessions, connected)
		}
		last := c.back(1)
		if sessions, connected := w.registry.Count(); !last.stream.Resumed() || sessions != 1 || connected != 1 {
			t.Fatalf("one stream is open: %d sessions, %d connected", sessions, connected)
		}
	}
}

func TestEventIDs(t *testing.T) {
	session, seq, ok := parseEventID(EventID("ab12", 7))
	if session != "ab12" || seq != 7 || !ok {
		t.Errorf("got %q %d %v", session, seq, ok)
	}
	for _, id := range []string{"", ".", "ab12", "ab12.", "ab12.-1", "ab12.x", "ab12.1.2", "ab12.18446744073709551616", strings.Repeat("a", 64) + ".1"} {
		if _, _, ok := parseEventID(id); ok {
			t.Errorf("%q was taken", id)
		}
	}
}
