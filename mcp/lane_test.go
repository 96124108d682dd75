package mcp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachMessageGoesOnExactlyOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{"roots":{}}`)
		standing := p.listen()
		steps := p.call(1, "steps", `,"_meta":{"progressToken":"s"}`)
		asks := p.call(2, "roots", "")
		chatty := p.call(3, "chatty", "")
		synctest.Wait()
		p.send(`{"jsonrpc":"2.0","id":"srv-1","result":{"roots":[]}}`)
		w.server.SetFeatures(Features{}) //nolint:errcheck // no features are never refused
		for _, c := range []struct {
			name string
			c    *client
			want []string // beginnings
		}{
			{"steps", steps, []string{
				`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"s","progress":1,`,
				`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"s","progress":2,`,
				`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"s","progress":3,`,
				`{"jsonrpc":"2.0","id":1,"result":`,
			}},
			{"roots", asks, []string{`{"jsonrpc":"2.0","id":"srv-1","method":"roots/list"}`, `{"jsonrpc":"2.0","id":2,"result":`}},
			{"chatty", chatty, []string{
				`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"`,
				`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error"`,
				`{"jsonrpc":"2.0","id":3,"result":`,
			}},
			{"the standing one", standing, []string{
				`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`,
				`{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}`,
				`{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}`,
			}},
		} {
			if got := c.c.settled(); !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
			}
		}
		for _, c := range []*client{steps, asks, chatty} {
			c.ends()
		}
		if standing.stream.Finished() {
			t.Error("the standing stream has finished")
		}
		if n := p.kept(); n != 0 {
			t.Errorf("%d lanes are kept", n)
		}
	})
}

func TestABatchIsAnsweredOnItsOwnStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		hello, _ := Decode([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}`))
		st, err := w.registry.Begin(OpenOptions{Principal: Anonymous(), Wire: WireHTTP}, hello)
		if err != nil {
			t.Fatal(err)
		}
		(&client{w: w, stream: st}).answer()
		p := &poster{w: w, principal: Anonymous(), id: st.SessionID()}
		if rev, ok := w.registry.Revision(p.id, p.principal); !ok || rev.Name != "2025-03-26" {
			t.Errorf("revision %v, %v", rev, ok)
		}
		c := p.post(`[` + callOf(1, "wait", "") + `,{"jsonrpc":"2.0","id":2,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"}]`)
		if got := c.settled(); got != nil {
			t.Errorf("before all are answered: %q", got)
		}
		w.gate <- struct{}{}
		if got, want := c.answer(), `[`+letGo(1)+`,{"jsonrpc":"2.0","id":2,"result":{}}]`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestAStreamIsResumedOnItsOwnLaneOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		one := p.streams(1, "steps", `,"_meta":{"progressToken":1}`)
		two := p.streams(2, "wait", "")
		if got := one.settled(); len(got) != 4 {
			t.Fatalf("got %q", got)
		}
		lane := one.stream.Lane()
		one.gone()
		two.gone()
		w.gate <- struct{}{} // the answer comes while nobody listens
		synctest.Wait()
		if n := p.kept(); n != 2 {
			t.Errorf("%d lanes are kept, want 2", n)
		}

		again := p.resume(lane, 1)
		if got := again.settled(); len(got) != 3 || !strings.Contains(got[0], `"progress":2`) || !strings.Contains(got[2], `"id":1`) {
			t.Errorf("after the first event: %q", got)
		}
		again.ends()
		other := p.resume(two.stream.Lane(), 0)
		if got := other.answer(); got != letGo(2) {
			t.Errorf("an answer that was never taken: %s", got)
		}
		// and again, as often as it is asked for
		last := p.resume(two.stream.Lane(), 1)
		if got := last.settled(); got != nil {
			t.Errorf("after the last event: %q", got)
		}
		last.ends()

		advance(time.Minute)
		if n := p.kept(); n != 0 {
			t.Errorf("after the window %d lanes are kept", n)
		}
		p.refusesToResume(LaneEventID(lane, 1))
	})
}

func TestAStreamIsResumedWhileItsCallRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		c := p.streams(1, "wait", "")
		c.gone()
		advance(time.Hour - time.Second) // the window of a lane begins with its answer
		again := p.resume(c.stream.Lane(), 0)
		w.gate <- struct{}{}
		if got := again.answer(); got != letGo(1) {
			t.Errorf("got %s", got)
		}
	})
}

func TestAClientThatComesBackEarlyTakesItsLaneOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		old := p.streams(1, "wait", "")
		again := p.resume(old.stream.Lane(), 0)
		<-old.stream.Done()
		if cause := old.stream.Cause(); !errors.Is(cause, errReplaced) {
			t.Errorf("the old stream ended with %v", cause)
		}
		w.gate <- struct{}{}
		if got := old.settled(); got != nil {
			t.Errorf("the old stream took %q", got)
		}
		old.gone()
		if got := again.answer(); got != letGo(1) {
			t.Errorf("got %s", got)
		}
	})
}

func TestWhatWasNeverGivenIsNotResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		mine, other := w.begin(principals("reader"), `{}`), w.begin(principals("reader"), `{}`)
		c := mine.streams(1, "echo", `,"arguments":{"text":"mine"}`)
		lane := c.stream.Lane()
		c.settled()
		c.gone()
		// the other session of the same principal has a lane of that number too, and gets its own
		theirs := other.streams(1, "echo", `,"arguments":{"text":"theirs"}`)
		theirs.settled()
		theirs.gone()
		if got := other.resume(lane, 0).answer(); !strings.Contains(got, "theirs") {
			t.Errorf("another session was given %s", got)
		}
		for _, id := range []string{
			LaneEventID(lane, 99), LaneEventID(lane+1, 0), LaneEventID(99, 0), LaneEventID(0, 7), "nonsense", "1", "_", "1_x",
			EventID(mine.id, 0), EventID(mine.id, 1), LaneEventID(lane, 0) + "_0", strings.Repeat("1", 70) + "_1",
		} {
			mine.refusesToResume(id)
		}
		for _, who := range []*Principal{principals("reader2"), Anonymous()} {
			if _, err := w.registry.Listen(mine.id, who, LaneEventID(lane, 0)); !errors.Is(err, ErrNoSession) {
				t.Errorf("%s resumed: %v", who.Name, err)
			}
			if _, err := w.registry.Listen(mine.id, who, ""); !errors.Is(err, ErrNoSession) {
				t.Errorf("%s listened: %v", who.Name, err)
			}
			if _, ok := w.registry.Revision(mine.id, who); ok || w.registry.Leave(mine.id, who) {
				t.Errorf("%s sees the session", who.Name)
			}
			ping, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
			if _, err := w.registry.Post(mine.id, who, ping, nil); !errors.Is(err, ErrNoSession) {
				t.Errorf("%s posted: %v", who.Name, err)
			}
		}
	})
}

func TestEventIDsAreUniqueOverAllLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		standing := p.listen()
		if err := w.server.SetFeatures(Features{}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		note := func(c *client) {
			synctest.Wait()
			for _, e := range c.stream.Take(nil) {
				id := LaneEventID(c.stream.Lane(), e.Seq)
				if seen[id] {
					t.Errorf("%s twice", id)
				}
				seen[id] = true
			}
		}
		note(standing)
		for i := range 20 {
			note(p.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i)))
		}
		if len(seen) != 23 {
			t.Errorf("%d events, want 23", len(seen))
		}
	})
}

func TestOneStandingStreamAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		first := p.listen()
		if _, err := w.registry.Listen(p.id, p.principal, ""); !errors.Is(err, ErrStreamOpen) {
			t.Errorf("a second one: %v, want ErrStreamOpen", err)
		}
		if err := w.server.SetFeatures(Features{}); err != nil {
			t.Fatal(err)
		}
		if got := first.settled(); len(got) != 3 {
			t.Fatalf("got %q", got)
		}
		second := p.resume(0, 2)
		<-first.stream.Done()
		if cause := first.stream.Cause(); !errors.Is(cause, errReplaced) {
			t.Errorf("the first one ended with %v", cause)
		}
		first.gone()
		if got := second.settled(); len(got) != 1 {
			t.Errorf("what it had missed: %q", got)
		}
		second.gone()
		if err := w.server.SetFeatures(skilled(nil)); err != nil {
			t.Fatal(err)
		}
		third := p.listen() // and anew: what nobody was given waits for it
		if got := third.settled(); len(got) != 1 || !strings.Contains(got[0], "resources/list_changed") {
			t.Errorf("got %q", got)
		}
		third.gone()
		if n, _ := w.registry.Count(); n != 1 {
			t.Error("the session went with its standing stream")
		}
	})
}

func TestAStreamThatHasToldEverythingIsForgottenUnlessItCanBeResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := lanes(t, nil)
		p := w.begin(Anonymous(), `{}`)
		for i := range 3 * maxPosts {
			p.call(i, "echo", `,"arguments":{"text":"in JSON"}`).answer()
		}
		if n := p.kept(); n != 0 {
			t.Errorf("%d lanes are kept of answers in JSON", n)
		}
		gone := p.call(1, "wait", "") // and its connection breaks before the answer
		gone.gone()
		if n := p.kept(); n != 1 {
			t.Errorf("%d lanes, want that of the call", n)
		}
		w.gate <- struct{}{}
		synctest.Wait()
		if n := p.kept(); n != 0 {
			t.Errorf("%d lanes are kept that nobody can ask for", n)
		}
	})
}
