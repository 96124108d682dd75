package mcp

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// lane is one ordered way of events to the client of a session: the standing one, or that of one POST, which carries the
// POST's answer and what belongs to it. Every message goes on exactly one lane (2025-03-26 and later, transports). It is
// the link of the calls that came with its POST.
type lane struct {
	outbox
	session *Session
	number  uint64 // 0 is the standing one

	// The session's lock guards these.
	stream    *Stream     // nil while there is none
	finished  bool        // the answer of the POST is in; never of the standing lane
	resumable bool        // the client was told event ids, so it may come back for what it missed
	polls     bool        // and knows how to, when its stream is closed before the answer
	since     time.Time   // when its stream was closed
	expiry    *time.Timer // of the resume window
}

// attach opens a stream on the lane, from the event after seen on; nil where that cannot be had any more, or the session
// has ended. A stream that was open is ended: its client has come back before we knew it was gone.
func (l *lane) attach(seen uint64, resumed bool) *Stream {
	s := l.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	st := &Stream{
		out: &l.outbox, window: s.registry.opts.ResumeWindow, ready: make(chan struct{}, 1),
		session: s.id, lane: l.number, resumed: resumed, seen: seen,
		closed: l.detach, keep: l.keep, poll: l.poll,
	}
	st.ctx, st.cancel = context.WithCancelCause(s.ctx)
	if !l.outbox.attach(st, seen) {
		st.cancel(nil)
		return nil
	}
	if l.stream != nil {
		l.stream.cancel(errReplaced)
	}
	if l.stream = st; l.expiry != nil {
		l.expiry.Stop()
	}
	if resumed && l.number == 0 {
		s.registry.attached(s)
	}
	return st
}

// keep notes that the client was told event ids.
func (l *lane) keep() {
	l.session.mu.Lock()
	l.resumable = true
	l.session.mu.Unlock()
}

// poll notes that the client can be hung up on.
func (l *lane) poll() {
	l.session.mu.Lock()
	l.polls = true
	l.session.mu.Unlock()
}

// hangup closes the stream of a client that will come back.
func (l *lane) hangup() {
	l.session.mu.Lock()
	stream := l.stream
	if !l.polls {
		stream = nil
	}
	l.session.mu.Unlock()
	if stream != nil {
		stream.cancel(ErrHungUp)
	}
}

// detach takes the closed stream off its lane. The standing lane of a session that lives by it takes the session along,
// unless the client may come back; any other lane is dropped when nobody can ask for it any more.
func (l *lane) detach(st *Stream, cause error) {
	s := l.session
	window := s.registry.opts.ResumeWindow
	s.mu.Lock()
	switch {
	case s.ended: // the stream has written what was left
		s.mu.Unlock()
		l.discard()
		return
	case l.stream != st: // replaced
		s.mu.Unlock()
		return
	}
	l.stream = nil
	if l.number > 0 || !s.livesByStream() {
		l.retire()
		s.mu.Unlock()
		return
	}
	if window == 0 || s.received == 0 || s.draining {
		s.mu.Unlock()
		s.end(cause)
		return
	}
	l.since = time.Now()
	l.expiry = time.AfterFunc(window, func() { l.expire(st) })
	s.registry.detached(s)
	s.mu.Unlock()
}

// retire drops the lane of a POST that is answered and has no stream, at once or after the resume window. The caller holds
// the session's lock.
func (l *lane) retire() {
	if l.number == 0 || !l.finished || l.stream != nil {
		return
	}
	if window := l.session.registry.opts.ResumeWindow; l.resumable && window > 0 {
		l.expiry = time.AfterFunc(window, l.drop)
		l.session.trimPosts(maxPosts)
		return
	}
	delete(l.session.posts, l.number)
}

// trimPosts drops lanes that are only kept for a resume, the oldest first, until no more than most are left in all and those
// kept hold no more than replayBytes; the newest of them stays. The caller holds the lock.
func (s *Session) trimPosts(most int) {
	var kept []*lane
	bytes := 0
	for _, l := range s.posts {
		if l.finished && l.stream == nil {
			kept = append(kept, l)
			bytes += l.size()
		}
	}
	slices.SortFunc(kept, func(a, b *lane) int { return cmp.Compare(a.number, b.number) })
	for len(kept) > 0 && (len(s.posts) > most || bytes > replayBytes && len(kept) > 1) {
		l := kept[0]
		kept, bytes = kept[1:], bytes-l.size()
		delete(s.posts, l.number)
		if l.expiry != nil {
			l.expiry.Stop()
		}
	}
}

// drop forgets the lane, if its client has not come back.
func (l *lane) drop() {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	if l.stream == nil {
		delete(l.session.posts, l.number)
	}
}

// expire ends a session whose client did not come back after last was closed.
func (l *lane) expire(last *Stream) {
	l.session.mu.Lock()
	waits := l.stream == nil && l.ownedBy(last)
	l.session.mu.Unlock()
	if waits {
		l.session.end(errNotResumed)
	}
}

// answer puts a response on its way; nil, where none is to be sent, ends the lane of a POST all the same. A client too far
// behind loses its stream, never one answer among others.
func (l *lane) answer(answer []byte, code int) {
	switch {
	case l.number > 0 && answer != nil:
		l.putAnswer(answer, code)
	case answer != nil && !l.put(answer):
		l.overflow()
	}
	if l.number == 0 {
		return
	}
	l.finish()
	s := l.session
	s.mu.Lock()
	l.finished = true
	l.retire()
	s.mu.Unlock()
}

// overflow gets rid of a client that does not read: the session goes with the stream it lives by; of any other lane only
// the stream goes.
func (l *lane) overflow() {
	s := l.session
	if l.number == 0 && s.livesByStream() {
		s.end(errSlowClient)
		return
	}
	l.giveUp()
	s.mu.Lock()
	stream := l.stream
	s.mu.Unlock()
	if stream != nil {
		stream.cancel(errSlowClient)
	}
}

// notify implements link. A log message that finds the client half a queue behind is dropped: it is the one kind of
// message that may be. So is what has no stream to go on and was never promised one.
func (l *lane) notify(method string, params any) {
	if method == "notifications/message" {
		if n, bytes := l.length(); n >= l.maxEvents/2 || bytes >= l.maxBytes/2 {
			l.session.registry.dropped()
			return
		}
	}
	if !l.put(encodeNotification(method, params)) {
		l.overflow()
	}
}

func (l *lane) ask(ctx context.Context, method string, params any) (jsontext.Value, error) {
	return l.session.ask(ctx, l, method, params)
}

func (l *lane) after() link                          { return &l.session.standing }
func (l *lane) logLevel() Level                      { return Level(l.session.level.Load()) }
func (l *lane) setLogLevel(level Level)              { l.session.level.Store(int32(level)) }
func (l *lane) initialize(p *Peer) *Error            { return l.session.initialize(p) }
func (l *lane) subscribe(uri string, on bool) *Error { return l.session.subscribe(uri, on) }
