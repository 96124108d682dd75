package mcp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TestStress lets many clients do everything at once: call, cancel, lose their stream and come back, and be ended. Every
// request that was accepted gets exactly one answer, unless it was cancelled or its session has ended.
func TestStress(t *testing.T) {
	const clients = 40
	w := newWorld(t, settings{
		Options:         Options{CallTimeout: time.Minute},
		RegistryOptions: RegistryOptions{ResumeWindow: time.Hour, Inbox: 32, OutboxEvents: 2048, OutboxBytes: 4 << 20, Calls: 4},
	})
	stop := make(chan struct{})
	var gate, all sync.WaitGroup
	gate.Go(func() { // whoever waits is let go
		for {
			select {
			case w.gate <- struct{}{}:
			case <-stop:
				return
			}
		}
	})
	answered := make([]int, clients)
	for i := range clients {
		all.Go(func() {
			s := &stressed{t: t, w: w, random: rand.New(rand.NewPCG(1, uint64(i))), ends: i%4 == 3}
			answered[i] = s.live()
		})
	}
	all.Wait()
	close(stop)
	gate.Wait()
	if err := w.registry.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range answered {
		sum += n
	}
	if sum < clients {
		t.Errorf("only %d requests were answered", sum)
	}
	leavesNothing(t, w.registry)
	if w.heard.stuck != 0 || w.heard.failures != nil {
		t.Errorf("stuck %d, failures %q", w.heard.stuck, w.heard.failures)
	}
}

// stressed is one client of TestStress.
type stressed struct {
	t      *testing.T
	w      *world
	random *rand.Rand
	ends   bool // an operator ends it midway
	id     string

	mu        sync.Mutex
	accepted  map[int]bool // by id; true if it may be cancelled
	cancelled map[int]bool
}

const fence = 1 << 20 // the id of the request that comes after all others

func (s *stressed) live() (answers int) {
	c := s.w.hello(OpenOptions{Addr: "192.0.2.1"})
	s.id, s.accepted, s.cancelled = c.id(), map[int]bool{}, map[int]bool{}
	var senders sync.WaitGroup
	for n := range 3 {
		random := rand.New(rand.NewPCG(s.random.Uint64(), uint64(n)))
		senders.Go(func() { s.send(n*1000, random) })
	}
	sent := make(chan struct{})
	go func() { senders.Wait(); close(sent) }()
	return s.listen(c, sent)
}

// send posts sixty messages, in an order of its own.
func (s *stressed) send(first int, random *rand.Rand) {
	for id := first + 1; id <= first+60; id++ {
		text := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, id)
		cancels := 0
		switch random.IntN(5) {
		case 0:
			text = callOf(id, "echo", `,"arguments":{"text":"hi"}`)
		case 1:
			text = callOf(id, "wait", `,"_meta":{"progressToken":1}`)
		case 2:
			text = callOf(id, "add", `,"arguments":{"a":1}`)
		case 3:
			cancels = first + 1 + random.IntN(60)
			text = fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, cancels)
		}
		if s.ends && id == first+30 {
			s.w.registry.End(s.id)
		}
		s.deliver(text, id, cancels)
	}
}

func (s *stressed) deliver(text string, id, cancels int) {
	m, fault := Decode([]byte(text))
	if fault != nil {
		s.t.Error(fault)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.w.registry.Deliver(s.id, Anonymous(), m, nil)
	switch {
	case err == nil && cancels != 0:
		s.cancelled[cancels] = true
	case err == nil:
		s.accepted[id] = true
	case !errors.Is(err, ErrBusy) && !errors.Is(err, ErrStreamGone) && !errors.Is(err, ErrNoSession):
		s.t.Errorf("deliver: %v", err)
	}
}

// listen takes events, and now and then loses the stream and comes back, until everything is answered or the session has
// ended.
func (s *stressed) listen(c *client, sent <-chan struct{}) (answers int) {
	seen := map[int]int{}
	st, last, answered := c.stream, c.last, false
	for !answered {
		select {
		case <-st.Ready():
		case <-st.Done():
			if !s.ends {
				s.t.Errorf("the session ended: %v", st.Cause())
			}
			st.Close(st.Cause())
			return len(seen)
		case <-sent:
			sent = nil
			s.deliver(callOf(fence, "echo", `,"arguments":{"text":"done"}`), fence, 0)
		}
		for _, e := range st.Take(nil) {
			if e.Seq != last+1 {
				s.t.Errorf("event %d came after %d", e.Seq, last)
			}
			last = e.Seq
			if id := answerID(s.t, e.Data); id != 0 {
				seen[id]++
			}
		}
		if answered = sent == nil && s.complete(seen); !answered && s.random.IntN(4) == 0 {
			st = s.reopen(st, &last)
		}
	}
	st.Close(ClientGone())
	return len(seen)
}

func (s *stressed) reopen(st *Stream, last *uint64) *Stream {
	st.Close(ClientGone())
	again, err := s.w.registry.Open(OpenOptions{Principal: Anonymous(), LastEventID: EventID(s.id, *last)})
	if err != nil {
		s.t.Errorf("open: %v", err)
		return st
	}
	if again.SessionID() != s.id {
		if !s.ends {
			s.t.Error("a session was lost")
		}
		again.Close(ClientGone())
		return st
	}
	return again
}

// complete says whether everything is answered, and complains of what was answered twice.
func (s *stressed) complete(seen map[int]int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range seen {
		if n > 1 || !s.accepted[id] && id != fence {
			s.t.Errorf("request %d was answered %d times, accepted %v", id, n, s.accepted[id])
		}
	}
	for id := range s.accepted {
		if seen[id] == 0 && !s.cancelled[id] {
			return false
		}
	}
	return true
}

// answerID is the number of the request that an event answers; 0 for a notification.
func answerID(t *testing.T, event []byte) int {
	var m struct {
		ID jsontext.Value `json:"id"`
	}
	if err := json.Unmarshal(event, &m); err != nil {
		t.Errorf("%s: %v", event, err)
	}
	id, _ := strconv.Atoi(string(m.ID))
	return id
}

// Whoever reads while the features change sees the old ones or the new ones, whole.
func TestFeaturesMayChangeAtAnyTime(t *testing.T) {
	y := newYard()
	f := y.features()
	server := newServer(t, f, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var changes sync.WaitGroup
	changes.Go(func() {
		for ctx.Err() == nil {
			if err := server.SetFeatures(f); err != nil {
				t.Error(err)
			}
		}
	})
	peer := NewPeer(Anonymous(), "", WireLocal, Newest())
	want := `{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"orders://eu/A","text":"A in eu"}]}}`
	for range 300 {
		m, _ := Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"orders://eu/A"}}`))
		if got := string(server.Answer(ctx, peer, m)); got != want {
			t.Errorf("got %s", got)
		}
	}
	cancel()
	changes.Wait()
}
