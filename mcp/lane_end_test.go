package mcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestABrokenConnectionCancelsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		c := p.streams(1, "wait", "")
		synctest.Wait()
		c.gone()
		synctest.Wait()
		w.gate <- struct{}{} // it still waits for that
		if got := p.resume(c.stream.Lane(), 0).answer(); got != letGo(1) {
			t.Errorf("got %s", got)
		}
	})
}

func TestACallIsCancelledByItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		c := p.streams(1, "wait", "")
		synctest.Wait()
		p.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		if cause := <-w.ended; !errors.Is(cause, errCancelled) {
			t.Errorf("the call ended with %v", cause)
		}
		if got := c.settled(); got != nil {
			t.Errorf("a cancelled call was answered: %q", got)
		}
		c.ends() // its stream is of no use any more
	})
}

func TestLeaveCancelsAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(principals("reader"), `{"roots":{}}`)
		standing, waits, asks := p.listen(), p.streams(1, "wait", ""), p.call(2, "roots", "")
		if got := asks.settled(); len(got) != 1 {
			t.Fatalf("got %q", got)
		}
		if !w.registry.Leave(p.id, p.principal) {
			t.Fatal("there was no session to leave")
		}
		if cause := <-w.ended; !errors.Is(cause, errClientGone) {
			t.Errorf("the call ended with %v", cause)
		}
		for _, c := range []*client{standing, waits, asks} {
			<-c.stream.Done()
			if got := c.settled(); got != nil {
				t.Errorf("after the end: %q", got)
			}
			c.stream.Close(c.stream.Cause())
		}
		if _, err := p.try(`{"jsonrpc":"2.0","id":1,"method":"ping"}`); !errors.Is(err, ErrNoSession) {
			t.Errorf("post: %v", err)
		}
		if w.registry.Leave(p.id, p.principal) {
			t.Error("the session was left twice")
		}
		leavesNothing(t, w.registry)
	})
}

func TestAFailedBeginningLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{PerPrincipal: 1}})
		bad, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":7}}`))
		st, err := w.registry.Begin(OpenOptions{Principal: principals("reader"), Wire: WireHTTP}, bad)
		if err != nil {
			t.Fatal(err)
		}
		<-st.Ready()
		events := st.Take(nil)
		if len(events) != 1 || !events[0].Answer || events[0].Code != CodeInvalidParams {
			t.Errorf("got %+v", events)
		}
		w.registry.Leave(st.SessionID(), principals("reader"))
		st.Close(nil)
		leavesNothing(t, w.registry)

		w.begin(principals("reader"), `{}`)
		hello, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize"}`))
		if _, err := w.registry.Begin(OpenOptions{Principal: principals("reader"), Wire: WireHTTP}, hello); !errors.Is(err, ErrTooMany) {
			t.Errorf("a second session: %v", err)
		}
	})
}

func TestHangup(t *testing.T) {
	hangs := func(y *yard) Features {
		return Features{Tools: []*Tool{NewTool(readOnly("hangs_up", "Works on without a connection."), func(ctx context.Context, c *Call, _ none) (Text, error) {
			c.Hangup()
			return y.work(ctx, c, workParams{})
		}), NewTool(readOnly("ready", "Waits, and hangs up then."), func(ctx context.Context, c *Call, _ none) (Text, error) {
			<-y.gate
			c.Hangup()
			return y.work(ctx, c, workParams{})
		})}}
	}
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, hangs)
		p := w.begin(Anonymous(), `{}`)
		c := p.streams(1, "ready", "")
		c.stream.Polls()
		w.gate <- struct{}{}
		<-c.stream.Done()
		if cause := c.stream.Cause(); !errors.Is(cause, ErrHungUp) {
			t.Errorf("the stream ended with %v", cause)
		}
		c.stream.Close(c.stream.Cause())
		again := p.resume(c.stream.Lane(), 0)
		w.gate <- struct{}{}
		if got := again.answer(); !strings.Contains(got, "worked") {
			t.Errorf("got %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // who does not know how to come back is not hung up on
		w := lanes(t, hangs)
		c := w.begin(Anonymous(), `{}`).streams(1, "hangs_up", "")
		w.gate <- struct{}{}
		if got := c.answer(); !strings.Contains(got, "worked") || errors.Is(c.stream.Cause(), ErrHungUp) {
			t.Errorf("got %s, the stream ended with %v", got, c.stream.Cause())
		}
		v := w.visit(Anonymous(), `{}`)
		v.send(v.toolCall(1, "hangs_up", ""))
		synctest.Wait()
		w.gate <- struct{}{}
		if got := v.settled(); len(got) != 1 || !strings.Contains(got[0], "worked") {
			t.Errorf("a stateless client got %q", got)
		}
	})
}

func TestSoManyCallsAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{
			Options:         Options{CallTimeout: time.Hour},
			RegistryOptions: RegistryOptions{ResumeWindow: time.Minute, Inbox: 2 * maxPosts, Calls: 2 * maxPosts},
		})
		p := w.begin(Anonymous(), `{}`)
		if n := p.kept(); n != 0 {
			t.Errorf("%d lanes are kept of the beginning", n)
		}
		for i := range maxPosts {
			p.streams(i, "wait", "")
		}
		if _, err := p.try(`{"jsonrpc":"2.0","id":"more","method":"ping"}`); !errors.Is(err, ErrBusy) {
			t.Errorf("one more: %v, want ErrBusy", err)
		}
		p.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}`) // what needs no lane goes on
		if cause := <-w.ended; !errors.Is(cause, errCancelled) {
			t.Errorf("the cancelled call ended with %v", cause)
		}
		w.registry.Leave(p.id, p.principal)
		for range maxPosts - 1 {
			if cause := <-w.ended; !errors.Is(cause, errClientGone) {
				t.Errorf("a call of the session that was left ended with %v", cause)
			}
		}
	})
}

// What can still be asked for makes room for what is asked now: the oldest goes first.
func TestAnsweredStreamsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		running := p.streams(1, "wait", "")
		for i := range 2 * maxPosts {
			p.streams(100+i, "echo", `,"arguments":{"text":"a"}`).answer()
		}
		if n := p.kept(); n > maxPosts {
			t.Errorf("%d lanes are kept", n)
		}
		first := running.stream.Lane() + 1
		p.refusesToResume(LaneEventID(first, 0))
		if got := p.resume(first+2*maxPosts-1, 0).answer(); !strings.Contains(got, fmt.Sprint(100+2*maxPosts-1)) {
			t.Errorf("the last one: %s", got)
		}
		w.gate <- struct{}{}
		if got := running.answer(); got != letGo(1) {
			t.Errorf("a call that runs made room: %s", got)
		}
	})
}

func TestAClientThatDoesNotReadLosesItsStreamAndNotItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{
			RegistryOptions: RegistryOptions{OutboxEvents: 8, ResumeWindow: time.Minute},
			Options:         Options{CallTimeout: time.Second},
			Features:        endless(func(c *Call, i int) { c.Progress(float64(i), 0, "") }),
		})
		p := w.begin(Anonymous(), `{}`)
		c := p.streams(1, "endless", `,"_meta":{"progressToken":1}`)
		<-c.stream.Done()
		if cause := c.stream.Cause(); !errors.Is(cause, errSlowClient) {
			t.Errorf("the stream ended with %v", cause)
		}
		c.stream.Close(c.stream.Cause())
		p.refusesToResume(LaneEventID(c.stream.Lane(), 0)) // what it missed is gone
		advance(time.Second)
		if cause := <-w.ended; !errors.Is(cause, errDeadline) {
			t.Errorf("its call ended with %v", cause)
		}
		if got := p.post(`{"jsonrpc":"2.0","id":2,"method":"ping"}`).answer(); got != `{"jsonrpc":"2.0","id":2,"result":{}}` {
			t.Errorf("the session: %s", got)
		}
		advance(time.Minute)
		if n := p.kept(); n != 0 {
			t.Errorf("%d lanes are kept", n)
		}
	})
}

func TestAStandingStreamThatIsNotReadIsEndedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{RegistryOptions: RegistryOptions{OutboxEvents: 8, ResumeWindow: time.Minute}})
		p := w.begin(Anonymous(), `{}`)
		standing := p.listen()
		p.post(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"notes://one"}}`).answer()
		for range 9 {
			w.server.ResourceUpdated("notes://one")
		}
		<-standing.stream.Done()
		if cause := standing.stream.Cause(); !errors.Is(cause, errSlowClient) {
			t.Errorf("the stream ended with %v", cause)
		}
		standing.stream.Close(standing.stream.Cause())
		again := p.listen()
		w.server.ResourceUpdated("notes://one")
		if got := again.settled(); len(got) != 1 {
			t.Errorf("a new stream: %q", got)
		}
	})
}

// A question whose call was answered at its deadline is taken back where that can still be told.
func TestAQuestionIsTakenBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{Options: Options{CallTimeout: time.Second}, RegistryOptions: RegistryOptions{ResumeWindow: time.Minute}})
		p := w.begin(Anonymous(), `{"roots":{}}`)
		standing, c := p.listen(), p.streams(1, "roots", "")
		advance(time.Second)
		got := c.settled()
		if last := got[len(got)-1]; !strings.Contains(got[0], "roots/list") || !strings.Contains(last, "did not finish within 1s") {
			t.Errorf("its own stream: %q", got)
		}
		c.ends()
		// the question may be taken back before the call is answered, or after
		want := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"srv-1","reason":"the call ran past its deadline"}}`
		if back := slices.Concat(got[1:len(got)-1], standing.settled()); len(back) != 1 || back[0] != want {
			t.Errorf("taken back: %q, want %s", back, want)
		}
	})
}

// What streams took is given back: with the answer in JSON, with the window of a stream, with the session.
func TestMemoryIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		large := `,"arguments":{"text":"` + strings.Repeat("a", 100_000) + `"}`
		for i := range 50 {
			p.call(i, "echo", large).answer()
		}
		c := p.streams(50, "echo", large)
		c.answer()
		if n := p.kept(); n != 1 || c.stream.out.kept < 100_000 {
			t.Errorf("%d lanes, the last of %d bytes; want that of the one stream", n, c.stream.out.kept)
		}
		advance(time.Minute)
		if n := p.kept(); n != 0 {
			t.Errorf("%d lanes are kept after the window", n)
		}
		last := p.streams(51, "echo", large)
		last.settled()
		last.gone()
		w.registry.Leave(p.id, p.principal)
		synctest.Wait()
		if out := last.stream.out; out.events != nil || out.kept != 0 {
			t.Errorf("%d events of %d bytes outlive their session", len(out.events), out.kept)
		}
	})
}
