package mcp

import (
	"context"
	"fmt"
	"time"
)

// add counts a new session in, if the limits allow. Sessions that wait for a client to come back make room, the longest
// waiting first.
func (r *Registry) add(s *Session) error {
	for {
		r.mu.Lock()
		victim, err := r.room(s)
		if err == nil && victim == nil {
			r.admit(s)
			r.mu.Unlock()
			return nil
		}
		r.mu.Unlock()
		if err != nil {
			return err
		}
		victim.end(errEvicted)
	}
}

// room says whether a session can be added: at once (nil, nil), after victim has ended, or not at all.
func (r *Registry) room(s *Session) (victim *Session, err error) {
	if r.closing {
		return nil, ErrShuttingDown
	}
	var full error
	var same func(*Session) bool
	switch o := &r.opts; {
	case s.principal.ID != "" && o.PerPrincipal > 0 && r.byPrincipal[s.principal.ID] >= o.PerPrincipal:
		full = fmt.Errorf("%w: you have %d open: close one", ErrTooMany, o.PerPrincipal)
		same = func(other *Session) bool { return other.principal.ID == s.principal.ID }
	case s.addr != "" && o.PerAddress > 0 && r.byAddress[s.addr] >= o.PerAddress:
		full = fmt.Errorf("%w: %d are open from your address: close one, or raise limits.sessions_per_address", ErrTooMany, o.PerAddress)
		same = func(other *Session) bool { return other.addr == s.addr }
	case o.Sessions > 0 && len(r.sessions) >= o.Sessions:
		full = fmt.Errorf("%w: %d sessions are open (limits.sessions)", ErrFull, o.Sessions)
		same = func(*Session) bool { return true }
	default:
		return nil, nil
	}
	for e := r.waiting.Front(); e != nil; e = e.Next() {
		if other := e.Value.(*Session); same(other) {
			return other, nil
		}
	}
	return nil, full
}

func (r *Registry) admit(s *Session) {
	s.ctx, s.cancel = context.WithCancelCause(r.ctx)
	r.sessions[s.id] = s
	if s.principal.ID != "" {
		r.byPrincipal[s.principal.ID]++
	}
	if s.addr != "" {
		r.byAddress[s.addr]++
	}
}

// forget takes an ended session out.
func (r *Registry) forget(s *Session, cause error) {
	r.mu.Lock()
	delete(r.sessions, s.id)
	r.waitsNoMore(s)
	countDown(r.byPrincipal, s.principal.ID)
	countDown(r.byAddress, s.addr)
	r.mu.Unlock()
	if f := r.opts.Observer.SessionClosed; f != nil {
		f(s.wire, cause, time.Since(s.opened))
	}
}

func countDown(counts map[string]int, key string) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}
