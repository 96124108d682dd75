package middleware

import (
	"context"
	"sync"

	"github.com/ulule/limiter/v3"
)

// Counters are the places that rates are counted in, one a limit: the keys of one are strangers' choice, and must not push
// out those of another. They outlive the limiters, so that a change of the configuration forgives nobody.
type Counters struct {
	shared limiter.Store // of several processes; nil: each counts for itself

	mu    sync.Mutex
	local map[string]*MemoryStore
}

// NewCounters makes counters in memory, or in shared where it is not nil. shared bounds its own waiting, as RedisStore does;
// it stays its owner's to close, once nothing is counted any more.
func NewCounters(shared limiter.Store) *Counters {
	return &Counters{shared: shared, local: map[string]*MemoryStore{}}
}

// Store is the place for the limit of a name. It never fails: what the shared store cannot count is counted in memory.
func (c *Counters) Store(name string) limiter.Store {
	local := c.memory(name)
	if c.shared == nil {
		return local
	}
	return &sharedStore{shared: c.shared, local: local}
}

func (c *Counters) memory(name string) *MemoryStore {
	c.mu.Lock()
	defer c.mu.Unlock()
	if store, ok := c.local[name]; ok {
		return store
	}
	store, err := NewMemoryStore(RateKeys)
	if err != nil { // the size is a constant
		panic(err)
	}
	c.local[name] = store
	return store
}

// sharedStore counts in both places and goes by the shared one. When that stops answering, this process already knows who
// used up how much of what it served: an outage is no fresh start for whoever tries keys.
type sharedStore struct {
	shared limiter.Store
	local  *MemoryStore
}

// Increment implements limiter.Store.
func (s *sharedStore) Increment(ctx context.Context, key string, n int64, rate limiter.Rate) (limiter.Context, error) {
	here, err := s.local.Increment(ctx, key, n, rate)
	if all, sharedErr := s.shared.Increment(ctx, key, n, rate); sharedErr == nil {
		return all, nil
	}
	return here, err
}

// Get implements limiter.Store: it counts one event.
func (s *sharedStore) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.Increment(ctx, key, 1, rate)
}

// Peek implements limiter.Store: it counts nothing.
func (s *sharedStore) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	if all, err := s.shared.Peek(ctx, key, rate); err == nil {
		return all, nil
	}
	return s.local.Peek(ctx, key, rate)
}

// Reset implements limiter.Store: key begins again, here whatever becomes of it there.
func (s *sharedStore) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	here, err := s.local.Reset(ctx, key, rate)
	if all, sharedErr := s.shared.Reset(ctx, key, rate); sharedErr == nil {
		return all, nil
	}
	return here, err
}
