package mcp

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxSubscriptions bounds the resources whose changes one session hears of.
const maxSubscriptions = 100

// Session is one client's connection over time: its inbox of messages, the calls it has running, what waits for its
// stream. Messages come by deliver, from any goroutine; events leave by its Stream. It costs no goroutine while idle.
type Session struct {
	id        string
	registry  *Registry
	principal *Principal // who opened it, and the only one it answers
	addr      string     // where from, for limits and display
	wire      Wire
	opened    time.Time

	ctx    context.Context // of the process: its end is always our decision and has a cause
	cancel context.CancelCauseFunc

	inbox    chan delivery
	standing lane
	peer     atomic.Pointer[Peer]
	level    atomic.Int32 // least Level of log messages

	mu       sync.Mutex
	running  bool // run is on a goroutine
	ended    bool
	draining bool                 // the server is shutting down: nothing new
	touched  time.Time            // when the client last sent something
	received uint64               // messages taken in
	calls    map[string]*exchange // by id key; those under way or waiting for a slot
	inFlight int                  // calls that hold a slot
	queue    []*exchange          // calls waiting for one
	subs     []string             // URIs
	asks     asks                 // our requests to the client
	posts    map[uint64]*lane     // of POSTs that are not answered, or may be resumed
	lastPost uint64               // number of the last of them
}

// delivery is a message in the inbox, and the lane its answers go to.
type delivery struct {
	*Message
	lane *lane
}

// maxPosts bounds the lanes that a session has: those of POSTs under way, and those kept for a resume.
const maxPosts = 128

// ID is the session's secret name: 32 hex digits, 128 random bits.
func (s *Session) ID() string { return s.id }

// deliver takes a message in. It never blocks: a full inbox is ErrBusy at once. claims is the revision that the client
// says it speaks, nil where it does not say: a client that opened a new stream goes on without a new initialize. Answers go
// to l.
func (s *Session) deliver(m *Message, l *lane, claims *Revision) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if peer := s.peer.Load(); claims != nil && !peer.Initialized && peer.Assumed != claims && m.Method != "initialize" {
		assumed := *peer
		assumed.Revision, assumed.Assumed = claims, claims
		s.peer.Store(&assumed)
	}
	switch {
	case s.ended:
		return ErrNoSession
	case s.livesByStream() && s.standing.stream == nil:
		return ErrStreamGone
	case s.draining && !m.isResponse():
		return ErrShuttingDown
	case len(m.Batch) > 0 && !s.peer.Load().Revision.Batches:
		return Errorf(CodeInvalidRequest, "batches are only in revision 2025-03-26: send one message a POST")
	case len(s.inbox)+len(s.queue) >= cap(s.inbox) && !m.isResponse():
		return ErrBusy
	}
	s.touched = time.Now()
	if m.isResponse() { // past the inbox: what waits for it must not hold it up; one that answers nothing is ignored
		s.asks.settle(m)
		s.received++
		return nil
	}
	select {
	case s.inbox <- delivery{m, l}:
	default:
		return ErrBusy
	}
	s.received++
	if !s.running {
		s.running = true
		s.registry.calls.Go(s.run)
	}
	return nil
}

// post takes in the message of a POST, on a lane of its own where it wants an answer.
func (s *Session) post(m *Message, claims *Revision) (*Stream, error) {
	if m.Requests() == 0 {
		return nil, s.deliver(m, &s.standing, claims)
	}
	s.mu.Lock()
	if s.trimPosts(maxPosts - 1); len(s.posts) >= maxPosts {
		s.mu.Unlock()
		return nil, ErrBusy
	}
	s.lastPost++
	l := &lane{session: s, number: s.lastPost, outbox: s.registry.newOutbox()}
	if s.posts == nil {
		s.posts = map[uint64]*lane{}
	}
	s.posts[l.number] = l
	s.mu.Unlock()

	st := l.attach(0, false)
	if st == nil {
		return nil, ErrNoSession
	}
	if err := s.deliver(m, l, claims); err != nil {
		st.cancel(err)
		s.mu.Lock()
		delete(s.posts, l.number)
		s.mu.Unlock()
		return nil, err
	}
	return st, nil
}

// listen opens the standing stream, or again the one that an event was on.
func (s *Session) listen(lastEventID string) (*Stream, error) {
	l := &s.standing
	var seen uint64
	s.mu.Lock()
	s.touched = time.Now()
	if lastEventID == "" {
		open := l.stream != nil
		s.mu.Unlock()
		if open {
			return nil, ErrStreamOpen
		}
		seen = l.last()
	} else {
		number, event, ok := parseLaneEventID(lastEventID)
		if number > 0 {
			l = s.posts[number]
		}
		s.mu.Unlock()
		if !ok || l == nil {
			return nil, ErrNoSuchEvent
		}
		seen = event
	}
	if st := l.attach(seen, lastEventID != ""); st != nil {
		return st, nil
	}
	return nil, ErrNoSuchEvent
}

// run consumes the inbox until it is empty: the session's goroutine. It handles notifications and quick requests in the
// order they came, and starts the others. It never waits.
func (s *Session) run() {
	for {
		select {
		case d := <-s.inbox:
			s.receive(d)
		default:
			s.mu.Lock()
			if len(s.inbox) == 0 {
				s.running = false
				s.mu.Unlock()
				return
			}
			s.mu.Unlock()
		}
	}
}

func (s *Session) receive(d delivery) {
	if d.Batch != nil {
		s.receiveBatch(d)
		return
	}
	s.handle(d.Message, d.lane, d.lane.answer)
}

// receiveBatch answers a batch with one array, once every request in it has its answer.
func (s *Session) receiveBatch(d delivery) {
	answers := make([][]byte, len(d.Batch))
	var left atomic.Int32
	left.Store(int32(d.Requests()))
	for i, one := range d.Batch {
		if one.Method == "initialize" {
			one.Method = "initialize in a batch" // refused like any unknown method (2025-03-26, lifecycle)
		}
		s.handle(one, d.lane, func(answer []byte, _ int) {
			answers[i] = answer
			if left.Add(-1) == 0 {
				d.lane.answer(joinBatch(answers), 0)
			}
		})
	}
}

// handle takes one message: reply gets the answer of a request, and is not called for anything else.
func (s *Session) handle(m *Message, l *lane, reply func([]byte, int)) {
	switch {
	case m.IsRequest():
		s.request(m, l, reply)
	case m.Method == "notifications/cancelled":
		if id, ok := m.Cancels(); ok {
			s.cancelCall(id)
		}
	case m.isResponse():
		s.mu.Lock()
		s.asks.settle(m) // in a batch; one that answers nothing of ours is ignored
		s.mu.Unlock()
	}
}

// request starts one request: a quick one here, any other on a goroutine of its own once it has a slot.
func (s *Session) request(m *Message, l *lane, reply func([]byte, int)) {
	server := s.registry.server
	peer := s.peer.Load()
	if server.isQuick(m) {
		server.begin(s.ctx, peer, l, m, reply).run()
		return
	}
	key := m.ID.key()
	s.mu.Lock()
	if _, twice := s.calls[key]; twice {
		s.mu.Unlock()
		reply(AppendError(nil, m.ID, Errorf(CodeInvalidRequest, "a request with this id is still being answered")), CodeInvalidRequest)
		return
	}
	if s.ended {
		s.mu.Unlock()
		reply(nil, 0)
		return
	}
	x := server.begin(s.ctx, peer, l, m, func(answer []byte, code int) {
		s.forgetCall(key)
		reply(answer, code)
	})
	if s.calls == nil {
		s.calls = map[string]*exchange{}
	}
	s.calls[key] = x
	if s.inFlight >= s.registry.opts.Calls {
		s.queue = append(s.queue, x)
		s.mu.Unlock()
		return
	}
	s.inFlight++
	s.mu.Unlock()
	s.registry.calls.Go(func() { s.work(x) })
}

// work runs a call, and then, in the slot it held, those that waited for one.
func (s *Session) work(x *exchange) {
	for x != nil {
		x.run()
		s.mu.Lock()
		if x = nil; len(s.queue) > 0 {
			x = s.queue[0]
			s.queue = slices.Delete(s.queue, 0, 1)
		} else {
			s.inFlight--
		}
		s.mu.Unlock()
	}
}

func (s *Session) forgetCall(key string) {
	s.mu.Lock()
	delete(s.calls, key)
	s.mu.Unlock()
}

// cancelCall ends one of the client's own calls; an unknown or finished one is ignored.
func (s *Session) cancelCall(id ID) {
	s.mu.Lock()
	x := s.calls[id.key()]
	if i := slices.Index(s.queue, x); x != nil && i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	s.mu.Unlock()
	if x != nil {
		x.abandon(errCancelled)
	}
}

// end closes the session for good: its calls are cancelled, its stream ends, its memory goes. Only the first cause
// counts. It does not wait for calls that are still returning, and may be called by one of them: it touches no running
// exchange but through its context.
func (s *Session) end(cause error) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	queue := s.queue
	s.calls, s.queue, s.subs = nil, nil, nil
	lanes := append(slices.Collect(maps.Values(s.posts)), &s.standing)
	streams := make([]*Stream, len(lanes))
	for i, l := range lanes {
		streams[i], l.stream = l.stream, nil
		if l.expiry != nil {
			l.expiry.Stop()
		}
	}
	s.posts = nil
	s.mu.Unlock()

	s.cancel(cause)
	for _, x := range queue {
		x.abandon(cause)
	}
	for i, l := range lanes {
		if streams[i] != nil {
			streams[i].cancel(cause) // it writes what is left
		} else {
			l.discard()
		}
	}
	s.registry.forget(s, cause)
}

// idleSince is when the client last sent something; the zero time while it is plainly there: a call of its runs, or it
// has used the session and keeps its stream open (heartbeats find out when it does not). What is left are streams that
// were opened and never used, as several clients do to probe.
func (s *Session) idleSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight > 0 || len(s.inbox) > 0 || s.standing.stream != nil && s.received > 0 {
		return time.Time{}
	}
	return s.touched
}

// livesByStream says whether the session ends with its standing stream, as those of HTTP+SSE and stdio do.
func (s *Session) livesByStream() bool { return s.wire != WireHTTP }

func (s *Session) initialize(p *Peer) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peer.Load().Initialized {
		return Errorf(CodeInvalidRequest, "this session is initialized already: open a new one to begin anew")
	}
	s.peer.Store(p)
	return nil
}

func (s *Session) subscribe(uri string, on bool) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.subs, uri)
	switch {
	case on && i < 0 && len(s.subs) >= maxSubscriptions:
		return Errorf(CodeInvalidRequest, "at most %d resources can be subscribed to at a time", maxSubscriptions)
	case on && i < 0:
		s.subs = append(s.subs, uri)
	case !on && i >= 0:
		s.subs = slices.Delete(s.subs, i, i+1)
	}
	return nil
}

// changed tells the client of a change, if it is one of those it hears of.
func (s *Session) changed(c change, event []byte) {
	s.mu.Lock()
	peer := s.peer.Load()
	hears := !s.ended && (c.uri == "" && (peer.Initialized || peer.Assumed != nil) || slices.Contains(s.subs, c.uri))
	s.mu.Unlock()
	if hears && !s.standing.put(event) {
		s.standing.overflow()
	}
}
