package middleware

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/store/memory"
)

const (
	// RateKeys is the usual bound of a MemoryStore: about 40 MB when strangers have filled it.
	RateKeys = 100_000

	sweepStep = 2 // expired keys removed with each event, so that a flood's keys go faster than they came
)

// MemoryStore counts in this process. The library's own memory store keeps every key until a sweep some seconds later,
// so a million addresses in between are a million counters; here a key beyond the bound pushes out the one longest
// unused, and expired ones leave as others come. A pushed-out key starts a new window, so a flood of strangers can only
// make the limit milder. It has no goroutine and never fails. Safe for concurrent use.
type MemoryStore struct {
	mu       sync.Mutex
	counters limiter.Store
	expiries *simplelru.LRU[string, int64] // key → Unix second its window ends
}

// NewMemoryStore holds at most maxKeys keys. A limiter whose keys strangers choose should have a store of its own.
func NewMemoryStore(maxKeys int) (*MemoryStore, error) {
	if maxKeys < 1 {
		return nil, errors.New("a rate store needs room for at least one key")
	}
	s := &MemoryStore{counters: memory.NewStoreWithOptions(limiter.StoreOptions{})} // no interval: no sweeper goroutine
	keys, err := simplelru.NewLRU(maxKeys, s.forget)
	if err != nil {
		return nil, err
	}
	s.expiries = keys
	return s, nil
}

// forget is called with mu held, by whatever removes a key from expiries.
func (s *MemoryStore) forget(key string, _ int64) {
	// The memory store's Reset needs neither a context nor a rate to drop a key, and has no error to give.
	_, _ = s.counters.Reset(context.Background(), key, limiter.Rate{})
}

// Increment implements limiter.Store.
func (s *MemoryStore) Increment(ctx context.Context, key string, n int64, rate limiter.Rate) (limiter.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.counters.Increment(ctx, key, n, rate)
	s.expiries.Add(key, state.Reset)
	now := time.Now().Unix()
	for range sweepStep {
		if _, reset, ok := s.expiries.GetOldest(); !ok || reset >= now {
			break
		}
		s.expiries.RemoveOldest()
	}
	return state, err
}

// Get implements limiter.Store: it counts one event.
func (s *MemoryStore) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.Increment(ctx, key, 1, rate)
}

// Peek implements limiter.Store: it counts nothing.
func (s *MemoryStore) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.counters.Peek(ctx, key, rate)
}

// Reset implements limiter.Store: key begins again.
func (s *MemoryStore) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiries.Remove(key)
	return s.counters.Peek(ctx, key, rate)
}

// Len is how many keys are held.
func (s *MemoryStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expiries.Len()
}
