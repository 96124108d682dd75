package middleware

import (
	"sync"

	"github.com/ulule/limiter/v3"
)

// Counters are the places that rates are counted in, one a limit: the keys of one are strangers' choice, and must not push
// out those of another. They outlive the limiters, so that a change of the configuration forgives nobody.
type Counters struct {
	shared limiter.Store // of several processes; nil: each counts for itself

	mu    sync.Mutex
	local map[string]limiter.Store
}

// NewCounters makes counters in memory, or in shared where it is not nil.
func NewCounters(shared limiter.Store) *Counters {
	return &Counters{shared: shared, local: map[string]limiter.Store{}}
}

// Store is the place for the limit of a name.
func (c *Counters) Store(name string) limiter.Store {
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
