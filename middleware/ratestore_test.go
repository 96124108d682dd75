package middleware

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ulule/limiter/v3"
)

func TestMemoryStoreIsARateStore(t *testing.T) {
	testRateStore(t, func(*testing.T) limiter.Store { return must(NewMemoryStore(1000)) })
}

// testRateStore is what every place to count in has to do. open makes an empty one, which ends with its test.
func testRateStore(t *testing.T, open func(t *testing.T) limiter.Store) {
	t.Helper()
	rate := limiter.Rate{Limit: 3, Period: time.Hour}
	wantLeft := func(t *testing.T, state limiter.Context, err error, left int64, reached bool) {
		t.Helper()
		if err != nil || state.Remaining != left || state.Reached != reached || state.Limit != rate.Limit {
			t.Errorf("got %+v, %v, want %d of %d left, reached %v", state, err, left, rate.Limit, reached)
		}
		if reset := time.Until(time.Unix(state.Reset, 0)); reset < rate.Period-time.Minute || reset > rate.Period+time.Second {
			t.Errorf("the window ends in %v, want %v", reset, rate.Period)
		}
	}
	t.Run("up to the limit and not beyond", func(t *testing.T) {
		store := open(t)
		for _, left := range []int64{2, 1, 0} {
			state, err := store.Increment(t.Context(), "k", 1, rate)
			wantLeft(t, state, err, left, false)
		}
		for range 2 {
			state, err := store.Increment(t.Context(), "k", 1, rate)
			wantLeft(t, state, err, 0, true)
		}
	})
	t.Run("several at once", func(t *testing.T) {
		store := open(t)
		state, err := store.Increment(t.Context(), "k", 2, rate)
		wantLeft(t, state, err, 1, false)
		state, err = store.Increment(t.Context(), "k", 2, rate)
		wantLeft(t, state, err, 0, true)
	})
	t.Run("each key by itself", func(t *testing.T) {
		store := open(t)
		for _, key := range []string{"a", "a:b", "a b", "a\r\nFLUSHALL", "ä", "*", "{a}", "a\x00", strings.Repeat("x", maxRateKey)} {
			state, err := store.Increment(t.Context(), key, 1, rate)
			wantLeft(t, state, err, 2, false)
		}
	})
	t.Run("get counts and peek does not", func(t *testing.T) {
		store := open(t)
		state, err := store.Peek(t.Context(), "k", rate)
		wantLeft(t, state, err, 3, false)
		state, err = store.Get(t.Context(), "k", rate)
		wantLeft(t, state, err, 2, false)
		state, err = store.Peek(t.Context(), "k", rate)
		wantLeft(t, state, err, 2, false)
	})
	t.Run("reset begins again", func(t *testing.T) {
		store := open(t)
		state, err := store.Increment(t.Context(), "k", 9, rate)
		wantLeft(t, state, err, 0, true)
		state, err = store.Reset(t.Context(), "k", rate)
		wantLeft(t, state, err, 3, false)
		state, err = store.Increment(t.Context(), "k", 1, rate)
		wantLeft(t, state, err, 2, false)
	})
	t.Run("who hangs up is counted", func(t *testing.T) {
		store := open(t)
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		state, err := store.Increment(gone, "k", 1, rate)
		wantLeft(t, state, err, 2, false)
	})
	t.Run("many at the same time", func(t *testing.T) {
		store := open(t)
		const clients, each = 8, 25
		plenty := limiter.Rate{Limit: 1000, Period: time.Hour}
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for range each {
					if _, err := store.Increment(t.Context(), "k", 1, plenty); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if state, err := store.Peek(t.Context(), "k", plenty); err != nil || state.Remaining != 1000-clients*each {
			t.Errorf("got %+v, %v, want %d left", state, err, 1000-clients*each)
		}
	})
}
