package mcp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStressLanes lets many clients of Streamable HTTP, and of the wire without sessions, do everything at once: call, lose
// their streams and come back, cancel, run tasks, subscribe, and leave. Each call gets exactly one answer on its own lane, or
// at most one where it was cancelled or its session has ended; and nothing is left of any of it.
func TestStressLanes(t *testing.T) {
	const clients = 24
	w := newWorld(t, settings{
		Options:         Options{CallTimeout: time.Minute, ProgressInterval: time.Millisecond},
		RegistryOptions: RegistryOptions{ResumeWindow: time.Hour, Inbox: 64, OutboxEvents: 4096, OutboxBytes: 4 << 20, Calls: 8},
		Features: func(y *yard) Features {
			f := y.features()
			f.Tools = append(f.Tools, workers(y).Tools[2], workers(y).Tools[7]) // optional, gives_up_asking
			return f
		},
	})
	listeners := len(w.server.listeners)
	stop := make(chan struct{})
	var helpers, all sync.WaitGroup
	helpers.Go(func() { // whoever waits is let go
		for {
			select {
			case w.gate <- struct{}{}:
			case cause := <-w.ended:
				if cause == nil {
					t.Error("a call ended without a cause")
				}
			case <-stop:
				return
			}
		}
	})
	helpers.Go(func() { // and there is always news
		for {
			select {
			case <-stop:
				return
			default:
				w.server.ResourceUpdated("notes://one")
			}
		}
	})
	for i := range clients {
		random := rand.New(rand.NewPCG(7, uint64(i)))
		if i%3 == 2 {
			all.Go(func() { stressVisitor(t, w, random) })
			continue
		}
		all.Go(func() { (&stressedPoster{t: t, random: random, leaves: i%6 == 0}).live(w) })
	}
	all.Wait()
	if err := w.registry.Close(t.Context()); err != nil {
		t.Error(err)
	}
	w.server.EndTasks(t.Context())
	close(stop)
	helpers.Wait()
	w.server.tasks.running.Wait()
	leavesNothing(t, w.registry)
	if n := len(w.server.listeners); n != listeners-1 { // without the registry's
		t.Errorf("%d listeners are left of %d", n, listeners)
	}
	if w.heard.stuck != 0 || w.heard.failures != nil {
		t.Errorf("stuck %d, failures %q", w.heard.stuck, w.heard.failures)
	}
}

// stressedPoster is one session of TestStressLanes.
type stressedPoster struct {
	*poster
	t      *testing.T
	random *rand.Rand
	leaves bool // midway
}

func (s *stressedPoster) live(w *world) {
	s.poster = w.begin(principals("reader"), `{}`)
	s.post(`{"jsonrpc":"2.0","id":"sub","method":"resources/subscribe","params":{"uri":"notes://one"}}`).answerNow()
	done := make(chan struct{})
	var parts sync.WaitGroup
	parts.Go(func() { s.stand(done) })
	var calls sync.WaitGroup
	for n := range 3 {
		random := rand.New(rand.NewPCG(s.random.Uint64(), uint64(n)))
		calls.Go(func() {
			for id := n * 100; id < n*100+30; id++ {
				s.one(id, random)
			}
		})
	}
	calls.Wait()
	close(done)
	parts.Wait()
	if session := w.registry.find(s.id, s.principal); session != nil {
		session.mu.Lock()
		defer session.mu.Unlock()
		if len(session.posts) > maxPosts {
			s.t.Errorf("%d lanes are kept", len(session.posts))
		}
		for number, l := range session.posts {
			if l.stream != nil {
				s.t.Errorf("lane %d has a stream", number)
			}
		}
	}
}

// stand opens the standing stream, now and then anew.
func (s *stressedPoster) stand(done <-chan struct{}) {
	for {
		st, err := s.w.registry.Listen(s.id, s.principal, "")
		if errors.Is(err, ErrNoSession) || errors.Is(err, ErrNoSuchEvent) {
			return // it was left, before or in between
		}
		if err != nil {
			s.t.Errorf("listen: %v", err)
			return
		}
		for range 20 {
			select {
			case <-done:
				st.Close(ClientGone())
				return
			case <-st.Done():
			case <-st.Ready():
				for _, e := range st.Take(nil) {
					if e.Answer || !strings.Contains(string(e.Data), "notifications/") && !strings.Contains(string(e.Data), "srv-") {
						s.t.Errorf("on the standing stream: %s", e.Data)
					}
				}
			}
		}
		st.Close(ClientGone())
	}
}

// one makes one call and sees it through.
func (s *stressedPoster) one(id int, random *rand.Rand) {
	text := callOf(id, "echo", `,"arguments":{"text":"hi"}`)
	switch random.IntN(6) {
	case 0:
		text = callOf(id, "steps", `,"_meta":{"progressToken":1}`)
	case 1:
		text = callOf(id, "wait", `,"_meta":{"progressToken":1}`)
	case 2:
		text = callOf(id, "optional", `,"task":{"ttl":1000000}`)
	case 3:
		text = `{"jsonrpc":"2.0","id":` + fmt.Sprint(id) + `,"method":"tasks/list"}`
	}
	if s.leaves && id == 215 {
		s.w.registry.Leave(s.id, s.principal)
	}
	c, err := s.try(text)
	if errors.Is(err, ErrBusy) || s.leaves && errors.Is(err, ErrNoSession) {
		return
	}
	if err != nil {
		s.t.Errorf("post: %v", err)
		return
	}
	c.stream.Keep()
	cancelled := random.IntN(8) == 0
	if cancelled {
		_, err := s.try(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, id))
		cancelled = err == nil
	}
	answers := s.see(c, random)
	if answers > 1 || answers == 0 && !cancelled && !s.leaves {
		s.t.Errorf("request %d got %d answers, cancelled %v", id, answers, cancelled)
	}
}

// see reads a lane to its end, and now and then comes back to it.
func (s *stressedPoster) see(c *client, random *rand.Rand) (answers int) {
	st, last := c.stream, uint64(0)
	for {
		select {
		case <-st.Done():
			if !s.leaves {
				s.t.Errorf("a stream ended with %v", st.Cause())
			}
			st.Close(st.Cause())
			return answers
		case <-st.Ready():
		}
		for _, e := range st.Take(nil) {
			if e.Seq != last+1 {
				s.t.Errorf("event %d came after %d", e.Seq, last)
			}
			if last = e.Seq; e.Answer {
				answers++
			}
		}
		if st.Finished() {
			st.Close(nil)
			return answers
		}
		if random.IntN(3) > 0 {
			continue
		}
		st.Close(ClientGone())
		again, err := s.w.registry.Listen(s.id, s.principal, LaneEventID(st.Lane(), last))
		if err != nil {
			if !s.leaves {
				s.t.Errorf("resume: %v", err)
			}
			return answers
		}
		st = again
	}
}

// answerNow waits for the answer and for the end of the stream; outside of bubbles too.
func (c *client) answerNow() string {
	c.w.tb.Helper()
	event := c.next()
	for !c.stream.Finished() {
		<-c.stream.Ready()
	}
	c.stream.Close(nil)
	return event
}

// stressVisitor makes requests that stand alone, some of which become tasks.
func stressVisitor(t *testing.T, w *world, random *rand.Rand) {
	v := w.visit(principals("reader2"), `{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`)
	sub, _, fault := v.open(listenToOne)
	if fault != nil {
		t.Error(fault)
		return
	}
	for id := range 60 {
		text := v.toolCall(id, "steps", "")
		task := ""
		switch random.IntN(4) {
		case 0:
			text = v.toolCall(id, "wait", "")
		case 1:
			text = v.toolCall(id, "optional", "")
			task = "tasks/cancel"
		case 2:
			text = v.toolCall(id, "gives_up_asking", "")
			task = "tasks/update"
		}
		st, _, _ := v.open(text)
		if random.IntN(5) == 0 {
			st.Close(ClientGone())
			continue
		}
		answer := readAnswer(t, st)
		if task == "" || strings.Contains(answer, "too many tasks") {
			continue
		}
		st, _, _ = v.open(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{"taskId":%q,"inputResponses":{"carrier":{"action":"decline"}},"_meta":{META}}}`, task, taskIn(t, answer)))
		if got := readAnswer(t, st); !strings.Contains(got, `"result":{"resultType":"complete"`) {
			t.Errorf("%s: %s", task, got)
		}
	}
	sub.Close(ClientGone())
}

// readAnswer reads a stream to its end and gives its one answer.
func readAnswer(t *testing.T, st *Stream) (answer string) {
	defer st.Close(nil)
	for !st.Finished() {
		<-st.Ready()
		for _, e := range st.Take(nil) {
			if answer != "" {
				t.Errorf("after the answer: %s", e.Data)
			}
			if e.Answer {
				answer = string(e.Data)
			}
		}
	}
	return answer
}
