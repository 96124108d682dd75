package middleware

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ulule/limiter/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// brittle is a shared store that fails while it is told to.
type brittle struct {
	limiter.Store
	err   error
	asked int
	hold  chan struct{} // where not nil: an answer waits for it
	held  chan struct{} // closed when an answer waits
}

func (b *brittle) Increment(ctx context.Context, key string, n int64, rate limiter.Rate) (limiter.Context, error) {
	b.asked++
	if b.hold != nil {
		close(b.held)
		<-b.hold
	}
	if b.err != nil {
		return limiter.Context{}, b.err
	}
	return b.Store.Increment(ctx, key, n, rate)
}

func (b *brittle) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	if b.err != nil {
		return limiter.Context{}, b.err
	}
	return b.Store.Peek(ctx, key, rate)
}

func (b *brittle) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	if b.err != nil {
		return limiter.Context{}, b.err
	}
	return b.Store.Reset(ctx, key, rate)
}

func redisOver(counts limiter.Store, log *zap.Logger) *RedisStore {
	return &RedisStore{counts: counts, breaker: newRedisBreaker(redisPause), timeout: time.Minute, outage: outage{log: log}}
}

func TestCountersAreRateStores(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		testRateStore(t, func(*testing.T) limiter.Store { return NewCounters(nil).Store("x") })
	})
	t.Run("without the shared store", func(t *testing.T) {
		testRateStore(t, func(*testing.T) limiter.Store { return NewCounters(&lost{}).Store("x") })
	})
}

// lost is a shared store that never answers anything else.
type lost struct{}

var errLost = errors.New("lost")

func (*lost) Increment(context.Context, string, int64, limiter.Rate) (limiter.Context, error) {
	return limiter.Context{}, errLost
}

func (*lost) Get(context.Context, string, limiter.Rate) (limiter.Context, error) {
	return limiter.Context{}, errLost
}

func (*lost) Peek(context.Context, string, limiter.Rate) (limiter.Context, error) {
	return limiter.Context{}, errLost
}

func (*lost) Reset(context.Context, string, limiter.Rate) (limiter.Context, error) {
	return limiter.Context{}, errLost
}

// Row 137: whoever tries keys while Redis goes away has not one try more than before.
func TestAnOutageIsNoFreshStart(t *testing.T) {
	shared := &brittle{Store: must(NewMemoryStore(10))}
	counters := NewCounters(shared)
	failures := must(NewLimiter(LimiterOptions{Name: "auth_failures", Rate: "10-H", Store: counters.Store("auth_failures")}))
	for range 6 {
		failures.Allow(t.Context(), "192.0.2.1", 1)
	}
	shared.err = errLost
	for range 4 {
		if d := failures.Allow(t.Context(), "192.0.2.1", 1); !d.OK {
			t.Errorf("within the limit: %+v, want OK", d)
		}
	}
	if d := failures.Allow(t.Context(), "192.0.2.1", 1); d.OK {
		t.Errorf("the eleventh: %+v, want a refusal", d)
	}
}

func TestCountersKeepLimitsApart(t *testing.T) {
	counters := NewCounters(nil)
	if counters.Store("a") == counters.Store("b") {
		t.Error("two limits count in one place, where the keys of one could push out those of the other")
	}
	if counters.Store("a") != counters.Store("a") {
		t.Error("a limit that is made anew has forgotten everybody")
	}
}

// Row 171: five failures in a row, ten seconds of peace, one that tries.
func TestRedisIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := &brittle{Store: must(NewMemoryStore(10))}
		store := redisOver(counts, zap.NewNop())
		count := func() error { _, err := store.Increment(t.Context(), "k", 1, hourly); return err }
		wantAsked := func(what string, want int) {
			t.Helper()
			if counts.asked != want {
				t.Errorf("%s: asked %d times, want %d", what, counts.asked, want)
			}
			counts.asked = 0
		}
		counts.err = errLost
		for range redisFailures - 1 {
			_ = count()
		}
		counts.err = nil
		if err := count(); err != nil {
			t.Errorf("an answer between failures: %v", err)
		}
		wantAsked("four failures and an answer", redisFailures)
		counts.err = errLost
		for range 100 {
			if err := count(); err == nil {
				t.Error("a failure was no error")
			}
		}
		wantAsked("a hundred failures", redisFailures)
		<-time.After(redisPause + 1)
		for range 100 {
			_ = count()
		}
		wantAsked("after the pause", 1)
		<-time.After(redisPause + 1)
		counts.err = nil
		for range 100 {
			if err := count(); err != nil {
				t.Errorf("once it is back: %v", err)
			}
		}
		wantAsked("once it is back", 100)
	})
}

func TestOneCommandAtATimeTriesRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := &brittle{Store: must(NewMemoryStore(10)), err: errLost}
		store := redisOver(counts, zap.NewNop())
		for range redisFailures {
			_, _ = store.Increment(t.Context(), "k", 1, hourly)
		}
		<-time.After(redisPause + 1)
		counts.hold, counts.held, counts.err = make(chan struct{}), make(chan struct{}), nil
		var trial sync.WaitGroup
		trial.Go(func() {
			if _, err := store.Increment(t.Context(), "k", 1, hourly); err != nil {
				t.Errorf("the trial: %v", err)
			}
		})
		<-counts.held
		for range 10 {
			if _, err := store.Increment(t.Context(), "k", 1, hourly); err == nil {
				t.Error("a second command went along with the trial")
			}
		}
		close(counts.hold)
		trial.Wait()
		if want := redisFailures + 1; counts.asked != want {
			t.Errorf("asked %d times, want %d", counts.asked, want)
		}
	})
}

func TestTheLogOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, logs := observed(zapcore.InfoLevel)
		counts := &brittle{Store: must(NewMemoryStore(10)), err: errLost}
		store := redisOver(counts, log)
		said := func() (lines []string) {
			for _, line := range logs.TakeAll() {
				lines = append(lines, line.Level.String())
				if text, _ := line.ContextMap()["error"].(string); line.Level == zapcore.WarnLevel && text != "lost" {
					t.Errorf("the cause is %q, want the failure itself", text)
				}
			}
			return lines
		}
		for range 9*60 + 30 { // a request a second
			_, _ = store.Increment(t.Context(), "k", 1, hourly)
			<-time.After(time.Second)
		}
		if got := said(); len(got) != 10 || got[0] != "warn" || got[9] != "warn" {
			t.Errorf("logged %v in nine and a half minutes, want ten warnings", got)
		}
		counts.err = nil
		for range 60 {
			_, _ = store.Increment(t.Context(), "k", 1, hourly)
			<-time.After(time.Second)
		}
		if got := said(); len(got) != 1 || got[0] != "info" {
			t.Errorf("logged %v when it was back, want one line", got)
		}
		counts.err = errLost
		_, _ = store.Increment(t.Context(), "k", 1, hourly)
		counts.err = nil
		_, _ = store.Increment(t.Context(), "k", 1, hourly)
		if got := said(); len(got) != 2 {
			t.Errorf("logged %v for the next outage, want that it went and that it is back", got)
		}
	})
}
