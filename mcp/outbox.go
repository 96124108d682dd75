package mcp

import (
	"sync"
	"time"
)

// Event is one message to a client. Seq counts a session's events from 1; Data is one line of JSON, shared and never
// changed.
type Event struct {
	Seq    uint64
	Data   []byte
	Answer bool      // it answers the stream's request
	Code   int       // of an answer that is an error; else 0
	Ending *Ending   // of an answer to a request without a session; else nil
	at     time.Time // when a stream took it
}

// outbox is what waits for a session's stream, and, behind it, what a stream took lately and may have lost. One stream
// takes at a time; anyone may put.
type outbox struct {
	maxEvents, maxBytes int // of what waits: beyond it the client is too slow

	mu         sync.Mutex
	events     []Event // taken ones first, then waiting ones
	taken      int     // how many of events were taken
	waiting    int     // bytes not taken
	again      int     // events that wait for the second time, after a rewind
	againBytes int
	kept       int // bytes taken
	seq        uint64
	final      bool          // nothing more comes
	owner      *Stream       // the one stream that may take
	wake       chan struct{} // the owner's; holds a token while something waits
}

// put adds an event, unless nothing more is to come. It never blocks; false means that the client has fallen too far
// behind, and the event is not in.
func (o *outbox) put(data []byte) bool { return o.offer(data) != tooFull }

// offered is what became of an event.
type offered int

const (
	taken   offered = iota
	tooFull         // the client has fallen too far behind
	tooLate         // it would come after the answer
)

// offer adds an event, or says why not. One is always let in, however large: a single answer may be greater than the bound.
func (o *outbox) offer(data []byte) offered {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.final {
		return tooLate
	}
	if n, bytes := o.behind(); n > 0 && (n >= o.maxEvents || bytes+len(data) > o.maxBytes) {
		return tooFull
	}
	o.add(Event{Data: data})
	return taken
}

// putAnswer adds the answer that a stream is for, whatever waits before it. Nothing comes after it.
func (o *outbox) putAnswer(data []byte, code int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.final {
		return
	}
	o.final = true
	o.add(Event{Data: data, Answer: true, Code: code})
}

func (o *outbox) add(e Event) {
	o.seq++
	e.Seq = o.seq
	o.events = append(o.events, e)
	o.waiting += len(e.Data)
	o.signal()
}

// attach makes st the one stream that may take, from the event after seen on. It is false, and changes nothing, where
// what came after seen is no longer all there.
func (o *outbox) attach(st *Stream, seen uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.rewind(seen) {
		return false
	}
	o.owner, o.wake = st, st.ready
	if o.taken < len(o.events) || o.final {
		o.signal()
	}
	return true
}

// finish says that nothing more comes.
func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.final = true
	o.signal()
}

// isFinished says that nothing more comes and nothing waits.
func (o *outbox) isFinished() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.final && o.taken == len(o.events)
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // one token is enough; and before the first stream there is no channel, nor anyone to wake
	}
}

// take appends all that waits to buf, if st is the stream that may take it. What is taken is kept for window, for a
// resume; for a window of 0 it is forgotten.
func (o *outbox) take(st *Stream, buf []Event, window time.Duration) []Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owner != st {
		return buf
	}
	buf = append(buf, o.events[o.taken:]...)
	if window == 0 {
		clear(o.events)
		o.events, o.waiting, o.again, o.againBytes = o.events[:0], 0, 0, 0
		return buf
	}
	now := time.Now()
	for i := o.taken; i < len(o.events); i++ {
		o.events[i].at = now
	}
	o.taken, o.kept, o.waiting = len(o.events), o.kept+o.waiting, 0
	o.again, o.againBytes = 0, 0
	if o.taken > 2*replayEvents || o.kept > 2*replayBytes {
		o.forget(now.Add(-window))
	}
	return buf
}

// tidy lets go of what was taken longer than window ago. Streams call it now and then.
func (o *outbox) tidy(window time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(time.Now().Add(-window))
}

// length is how many events wait for their first time, and their bytes.
func (o *outbox) length() (events, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.behind()
}

// behind is how many events the client has not been given once, and their bytes. What a resume makes wait again does not
// count: a client is not slow for having been away. The caller holds o.mu.
func (o *outbox) behind() (events, bytes int) {
	return len(o.events) - o.taken - o.again, o.waiting - o.againBytes
}

// last is the number of the last event that was taken: where a client begins that saw none.
func (o *outbox) last() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seq - uint64(len(o.events)-o.taken)
}

// size is the bytes it holds.
func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept + o.waiting
}

// discard lets go of everything.
func (o *outbox) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events, o.taken, o.waiting, o.kept, o.again, o.againBytes = nil, 0, 0, 0, 0, 0
}

// giveUp lets go of what waits for a client that does not read, and takes it from the stream that it had: whoever comes
// back finds that something is missing. An answer stays.
func (o *outbox) giveUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.final {
		return
	}
	o.events, o.taken, o.waiting, o.kept, o.again, o.againBytes = nil, 0, 0, 0, 0, 0
	o.owner, o.wake = nil, nil
}

// ownedBy says whether st was the last stream to attach.
func (o *outbox) ownedBy(st *Stream) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owner == st
}
