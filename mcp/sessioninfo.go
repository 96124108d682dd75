package mcp

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// SessionInfo is what may be shown of a session. It holds no secret but ID, which is for its owner's eyes alone.
type SessionInfo struct {
	ID        string // who knows it and is the same principal can use the session
	Handle    string // names the session without being of use to anyone else
	Wire      Wire
	Principal string
	Addr      string
	Client    Implementation
	Revision  string
	Opened    time.Time
	Active    time.Time // when the client last sent something
	Connected bool      // a stream is open
	Inbox     int       // messages that wait
	Outbox    int       // events that wait
	Calls     int       // calls in flight
	Messages  uint64    // messages taken in since it was opened
}

// Handle names a session for display: six digits of its id, and eight of its hash.
func Handle(id string) string {
	sum := sha256.Sum256([]byte(id))
	return id[:min(6, len(id))] + "-" + hex.EncodeToString(sum[:4])
}

// Sessions lists the live sessions, oldest first.
func (r *Registry) Sessions() []SessionInfo {
	all := r.all()
	infos := make([]SessionInfo, len(all))
	for i, s := range all {
		infos[i] = s.info()
	}
	slices.SortFunc(infos, func(a, b SessionInfo) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	})
	return infos
}

// Count is how many sessions there are, and how many of them have their stream open.
func (r *Registry) Count() (sessions, connected int) {
	all := r.all()
	for _, s := range all {
		if s.connected() {
			connected++
		}
	}
	return len(all), connected
}

// connected says whether the session's standing stream is open.
func (s *Session) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.standing.stream != nil
}

func (s *Session) info() SessionInfo {
	events, _ := s.standing.length()
	peer := s.peer.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	return SessionInfo{
		ID: s.id, Handle: Handle(s.id), Wire: s.wire, Principal: s.principal.Name, Addr: s.addr,
		Client: peer.Client, Revision: peer.Revision.Name, Opened: s.opened, Active: s.touched,
		Connected: s.standing.stream != nil, Inbox: len(s.inbox) + len(s.queue), Outbox: events, Calls: s.inFlight, Messages: s.received,
	}
}
