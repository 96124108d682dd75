package mcp

import (
	"strconv"
	"strings"
	"time"
)

// Bounds of what a session keeps of what its stream took, beside the resume window.
const (
	replayEvents = 256
	replayBytes  = 256 << 10
)

// EventID names an event of a session for Last-Event-ID: the session's id, a dot, the event's number.
func EventID(session string, seq uint64) string {
	return session + "." + strconv.FormatUint(seq, 10)
}

// parseEventID is EventID's inverse; ok is false for any other text.
func parseEventID(id string) (session string, seq uint64, ok bool) {
	session, number, found := strings.Cut(id, ".")
	if !found || len(id) > 64 {
		return "", 0, false
	}
	seq, err := strconv.ParseUint(number, 10, 64)
	return session, seq, err == nil
}

// forget drops taken events that no resume may ask for: taken before oldest, too many, or too large together. The last
// one stays whatever its size until it is old, so that one large answer can be resumed. The caller holds o.mu.
func (o *outbox) forget(oldest time.Time) {
	n := 0
	for n < o.taken && (o.events[n].at.Before(oldest) || n < o.taken-1 && (o.taken-n > replayEvents || o.kept > replayBytes)) {
		o.kept -= len(o.events[n].Data)
		n++
	}
	if n == len(o.events) {
		o.events, o.taken = nil, 0
		return
	}
	left := copy(o.events, o.events[n:])
	clear(o.events[left:])
	o.events, o.taken = o.events[:left], o.taken-n
}

// rewind makes everything after seq wait again, for a client that saw events up to seq. It is false where some of that is
// no longer there, or seq was never taken: then nothing changes, and the client must start anew. The caller holds o.mu.
func (o *outbox) rewind(seq uint64) bool {
	before := o.seq - uint64(len(o.events)) // number of the last event that is no longer here
	if seq < before || seq > before+uint64(o.taken) {
		return false
	}
	for _, e := range o.events[seq-before : o.taken] {
		o.kept -= len(e.Data)
		o.waiting += len(e.Data)
		o.again++
		o.againBytes += len(e.Data)
	}
	o.taken = int(seq - before)
	return true
}
