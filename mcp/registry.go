package mcp

import (
	"container/list"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// RegistryOptions bound the sessions of one process. Zero means no bound, but for the four marked ones.
type RegistryOptions struct {
	Sessions     int           // in all
	PerPrincipal int           // of one authenticated principal
	PerAddress   int           // from one address
	Idle         time.Duration // after which a session that says nothing ends
	ResumeWindow time.Duration // for which a session waits for its client to come back

	Inbox        int // messages that may wait in a session; required
	OutboxEvents int // events that may wait for a stream; required
	OutboxBytes  int // and their bytes; required
	Calls        int // calls of one session that run at once; required

	Observer Observer
	Dropped  func() // called for each log message that was dropped for a slow client; may be nil
}

// Registry holds the sessions of this process. All methods may be called from any goroutine.
type Registry struct {
	server *Server
	opts   RegistryOptions
	hears  *listener

	ctx    context.Context // of the process, for the sessions
	cancel context.CancelCauseFunc
	calls  sync.WaitGroup // what sessions run
	swept  sync.WaitGroup // the sweep

	mu          sync.Mutex
	closing     bool
	sessions    map[string]*Session
	byPrincipal map[string]int
	byAddress   map[string]int
	waiting     *list.List // detached sessions, longest first
	places      map[*Session]*list.Element
}

// NewRegistry makes a registry whose sessions talk to server. Close ends it.
func NewRegistry(server *Server, opts RegistryOptions) (*Registry, error) {
	if opts.Inbox <= 0 || opts.OutboxEvents <= 0 || opts.OutboxBytes <= 0 || opts.Calls <= 0 {
		return nil, fmt.Errorf("mcp: Inbox, OutboxEvents, OutboxBytes and Calls must be positive")
	}
	r := &Registry{
		server: server, opts: opts,
		sessions: map[string]*Session{}, byPrincipal: map[string]int{}, byAddress: map[string]int{},
		waiting: list.New(), places: map[*Session]*list.Element{},
	}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	r.hears = &listener{change: r.broadcast, end: func() {}}
	server.listen(r.hears)
	if opts.Idle > 0 {
		r.swept.Go(r.sweep)
	}
	return r, nil
}

// OpenOptions say who opens a stream.
type OpenOptions struct {
	Principal   *Principal
	Addr        string // for limits: an IPv4 address, or an IPv6 /64
	Wire        Wire
	Revision    *Revision // assumed until initialize; nil: the oldest
	LastEventID string    // of a client that comes back; else empty
}

// Open opens the standing stream of a session: of the one that LastEventID names, if it waits and is the same principal's,
// else of a new one. It fails with ErrTooMany, ErrFull or ErrShuttingDown. It does not block.
func (r *Registry) Open(o OpenOptions) (*Stream, error) {
	if st := r.resume(o); st != nil {
		return st, nil
	}
	s, err := r.newSession(o)
	if err != nil {
		return nil, err
	}
	if st := s.standing.attach(0, false); st != nil {
		return st, nil
	}
	return nil, ErrShuttingDown // ended between the two
}

func (r *Registry) newSession(o OpenOptions) (*Session, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	s := &Session{
		id: id, registry: r, principal: o.Principal, addr: o.Addr, wire: o.Wire, opened: now, touched: now,
		inbox: make(chan delivery, r.opts.Inbox),
	}
	s.standing = lane{session: s, outbox: r.newOutbox()}
	s.level.Store(int32(LevelInfo))
	rev := o.Revision
	if rev == nil {
		rev = Oldest()
	}
	s.peer.Store(&Peer{Principal: o.Principal, Addr: o.Addr, Wire: o.Wire, Revision: rev, Session: Handle(id)})
	if err := r.add(s); err != nil {
		return nil, err
	}
	if f := r.opts.Observer.SessionOpened; f != nil {
		f(s.wire)
	}
	return s, nil
}

func (r *Registry) newOutbox() outbox {
	return outbox{maxEvents: r.opts.OutboxEvents, maxBytes: r.opts.OutboxBytes}
}

func newID() (string, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", fmt.Errorf("make a session id: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}

// resume finds the session a client came back to, and opens a stream on it; nil where a new session must be opened. Who
// missed more than was kept starts anew: a gap would be a silent loss.
func (r *Registry) resume(o OpenOptions) *Stream {
	id, seen, ok := parseEventID(o.LastEventID)
	if !ok {
		return nil
	}
	s := r.find(id, o.Principal)
	if s == nil || !s.livesByStream() {
		return nil
	}
	st := s.standing.attach(seen, true)
	if st == nil {
		s.end(errNotResumed)
	}
	return st
}

// detached and attached keep the order in which sessions wait. They are called with s.mu held, so that they come in the
// order in which it happened; nobody takes a session's lock while holding r.mu.
func (r *Registry) detached(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waitsNoMore(s)
	if r.sessions[s.id] == s {
		r.places[s] = r.waiting.PushBack(s)
	}
}

func (r *Registry) attached(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waitsNoMore(s)
}

// waitsNoMore is called with r.mu held.
func (r *Registry) waitsNoMore(s *Session) {
	if e, ok := r.places[s]; ok {
		r.waiting.Remove(e)
		delete(r.places, s)
	}
}

// over finds a session of Streamable HTTP. What one wire issued is nothing on another.
func (r *Registry) over(id string, p *Principal) *Session {
	s := r.find(id, p)
	if s == nil || s.livesByStream() {
		return nil
	}
	return s
}

// find looks a session up; another principal's does not exist.
func (r *Registry) find(id string, p *Principal) *Session {
	r.mu.Lock()
	s := r.sessions[id]
	r.mu.Unlock()
	if s == nil || s.principal.ID != p.ID {
		return nil
	}
	return s
}

// Deliver gives a message to a session of p. It does not block: ErrBusy says that the session's inbox is full, ErrNoSession
// that there is no such session of p, ErrStreamGone that it waits for its client, an *Error that the message may not be
// sent there. On nil the message will get exactly one answer, if it wants one, on the session's stream.
// claims is the revision the client says it speaks beside the message, or nil.
func (r *Registry) Deliver(id string, p *Principal, m *Message, claims *Revision) error {
	s := r.find(id, p)
	if s == nil || !s.livesByStream() {
		return ErrNoSession
	}
	m.by(p)
	return s.deliver(m, &s.standing, claims)
}

// Begin opens a session with its first message, an initialize, and the stream that the answer comes on. Where the answer
// is an error the caller ends the session by Leave, so that nothing of it stays.
func (r *Registry) Begin(o OpenOptions, m *Message) (*Stream, error) {
	s, err := r.newSession(o)
	if err != nil {
		return nil, err
	}
	st, err := s.post(m, o.Revision)
	if err != nil {
		s.end(err)
		return nil, err
	}
	return st, nil
}

// Post gives a session of p the message of a POST, and opens the stream that its answers come on, and whatever belongs to
// them. The stream is nil where the message wants no answer. Errors are those of Deliver.
func (r *Registry) Post(id string, p *Principal, m *Message, claims *Revision) (*Stream, error) {
	s := r.over(id, p)
	if s == nil {
		return nil, ErrNoSession
	}
	m.by(p)
	return s.post(m, claims)
}

// Listen opens the standing stream of a session of p, or, with lastEventID, opens again the stream that this event was on,
// with what came after it. It fails with ErrNoSession, ErrStreamOpen, and ErrNoSuchEvent where what was missed is not
// there any more.
func (r *Registry) Listen(id string, p *Principal, lastEventID string) (*Stream, error) {
	s := r.over(id, p)
	if s == nil {
		return nil, ErrNoSession
	}
	return s.listen(lastEventID)
}

// Revision is what a session of p negotiated; ok is false where there is no such session.
func (r *Registry) Revision(id string, p *Principal) (rev *Revision, ok bool) {
	s := r.over(id, p)
	if s == nil {
		return nil, false
	}
	return s.peer.Load().Revision, true
}

// Leave ends a session of p, as its client asked; false where there is none.
func (r *Registry) Leave(id string, p *Principal) bool {
	s := r.over(id, p)
	if s == nil {
		return false
	}
	s.end(errClientGone)
	return true
}

// End ends a session by id, or by the handle that Sessions shows; false where there is none.
func (r *Registry) End(name string) bool {
	for _, s := range r.all() {
		if s.id == name || Handle(s.id) == name {
			s.end(errEnded)
			return true
		}
	}
	return false
}

// EndWhere ends the sessions whose principal is one that gone names, such as that of a key that was revoked. It says how many.
func (r *Registry) EndWhere(gone func(*Principal) bool) (ended int) {
	for _, s := range r.all() {
		if gone(s.principal) {
			s.end(errRevoked)
			ended++
		}
	}
	return ended
}

func (r *Registry) all() []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*Session, 0, len(r.sessions))
	for _, s := range r.sessions {
		all = append(all, s)
	}
	return all
}

// broadcast tells every session of a change, encoded once.
func (r *Registry) broadcast(c change) {
	if c.task != nil {
		return // only subscriptions hear of tasks
	}
	var params any
	if c.uri != "" {
		params = updatedParams{URI: c.uri}
	}
	event := encodeNotification(c.method, params)
	for _, s := range r.all() {
		s.changed(c, event)
	}
}

// sweep ends sessions that were idle for too long.
func (r *Registry) sweep() {
	tick := time.NewTicker(max(r.opts.Idle/30, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case now := <-tick.C:
			for _, s := range r.all() {
				if since := s.idleSince(); !since.IsZero() && now.Sub(since) >= r.opts.Idle {
					s.end(errIdle)
				}
			}
		}
	}
}

func (r *Registry) dropped() {
	if r.opts.Dropped != nil {
		r.opts.Dropped()
	}
}

// Close drains and ends every session, those without calls one after another. New sessions and messages are refused at
// once; calls under way may finish until ctx ends, then they are cancelled, and answered so. Streams get what is left to write before they end. It returns when every goroutine
// of the registry is back, or with the cause of stuck after ctx has ended and a tool still does not return.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closing = true
	r.mu.Unlock()
	all := r.all()
	for _, s := range all {
		s.drain()
	}
	idle := make(chan struct{}) // from here on nothing starts, but what a call under way starts
	go func() { r.calls.Wait(); close(idle) }()
	paced(ctx, len(all), func(i int) { all[i].endIdle(ErrShuttingDown) })
	select {
	case <-idle:
	case <-ctx.Done():
	}
	for _, s := range r.all() {
		s.giveUp() // every call has an answer, if only this
		s.end(ErrShuttingDown)
	}
	r.cancel(ErrShuttingDown)
	r.server.unlisten(r.hears)
	r.swept.Wait()
	grace := time.NewTimer(stuckGrace)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
		return fmt.Errorf("mcp: a tool did not return within %s of being cancelled", stuckGrace)
	}
}

// stuckGrace is how long Close waits for tools that were cancelled.
const stuckGrace = 5 * time.Second

// giveUp answers the calls that did not finish in time.
func (s *Session) giveUp() {
	s.mu.Lock()
	calls := slices.Collect(maps.Values(s.calls))
	s.mu.Unlock()
	for _, x := range calls {
		x.giveUp()
	}
}

// endIdle ends a session that drains and has nothing left to answer.
func (s *Session) endIdle(cause error) {
	s.mu.Lock()
	busy := s.running || len(s.calls) > 0 || len(s.inbox) > 0
	s.mu.Unlock()
	if !busy {
		s.end(cause)
	}
}

// drain lets nothing new in.
func (s *Session) drain() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
}
