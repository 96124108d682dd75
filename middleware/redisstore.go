package middleware

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sony/gobreaker/v2"
	"github.com/ulule/limiter/v3"
	redisstore "github.com/ulule/limiter/v3/drivers/store/redis"
	"go.uber.org/zap"

	"toolgate/config"
)

const (
	redisFailures = 5                // in a row, until Redis is left alone
	redisPause    = 10 * time.Second // left alone; then one command finds out whether it is back
)

// RedisStore counts in a Redis that several processes share, under the keys PREFIX:rate:LIMIT:WHO. Every key carries the
// time its window ends.
//
// It never waits longer than redis.timeout. After five failures in a row Redis is left alone for ten seconds, during which
// every command fails at once, and then one command tries it: a dead or slow Redis costs a handful of requests one
// time-out each, and all others nothing. An error reply is a failure as silence is: a Redis that is read-only or out of
// memory counts nothing. What could not be counted is for the caller to count by other means, as Counters does; the log has
// a line when Redis goes away, one a minute while it is, and one when it is back.
//
// Safe for concurrent use. Its owner closes it.
type RedisStore struct {
	client  *redis.Client
	counts  limiter.Store
	breaker *gobreaker.CircuitBreaker[limiter.Context]
	timeout time.Duration
	outage  outage

	degraded atomic.Uint64
	first    sync.WaitGroup
}

// NewRedisStore waits for nothing: whether Redis is there, the log says within redis.timeout. The error, about a URL that is
// not understood, has nothing of the URL in it; callers put the configuration key in front.
func NewRedisStore(cfg config.Redis, log *zap.Logger) (*RedisStore, error) {
	options, err := redis.ParseURL(cfg.URL.Reveal())
	if err != nil { // its text may hold the password
		return nil, errors.New("it is not understood: write it as redis://[USER:PASSWORD@]HOST[:PORT][/DB], " +
			"rediss:// for TLS, or unix://[USER:PASSWORD@]/PATH?db=DB")
	}
	logging.Disable() // the library writes to standard error by itself; what it has to say is in the errors logged here
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = cfg.Timeout, cfg.Timeout, cfg.Timeout
	options.PoolTimeout = cfg.Timeout
	options.ContextTimeoutEnabled = true
	options.MaxRetries, options.DialerRetries = 1, 1 // once more, for a connection that Redis closed while it was idle
	options.MinRetryBackoff, options.MaxRetryBackoff = -1, -1
	options.Protocol = 2 // understood by whatever speaks for Redis
	options.DisableIdentity = true
	options.PipelinePoolSize = -1
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	s := &RedisStore{
		client:  redis.NewClient(options),
		breaker: newRedisBreaker(redisPause),
		timeout: cfg.Timeout,
		outage:  outage{log: log, password: options.Password},
	}
	scripts := &unasked{Client: s.client}
	s.counts, err = redisstore.NewStoreWithOptions(scripts, limiter.StoreOptions{Prefix: cfg.Prefix + ":rate"})
	if err != nil { // nobody was asked
		return nil, errors.Join(fmt.Errorf("redis: %w", err), s.client.Close())
	}
	scripts.made = true
	s.first.Go(func() { _, _ = s.ask(context.Background(), s.ping) }) // the log is told how it went
	return s, nil
}

// unasked lets the library's store be made without Redis, which loads its scripts as it is made and gives up where it
// cannot. Scripts go by their hash, which is known without asking; a Redis that does not know it says so, and then the store
// loads them.
type unasked struct {
	*redis.Client
	made bool // set before the store is used
}

// ScriptLoad implements the library's client.
func (u *unasked) ScriptLoad(ctx context.Context, script string) *redis.StringCmd {
	if u.made {
		return u.Client.ScriptLoad(ctx, script)
	}
	hash := redis.NewStringCmd(ctx)
	hash.SetVal(redis.NewScript(script).Hash())
	return hash
}

func newRedisBreaker(pause time.Duration) *gobreaker.CircuitBreaker[limiter.Context] {
	return gobreaker.NewCircuitBreaker[limiter.Context](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= redisFailures },
	})
}

// Increment implements limiter.Store.
func (s *RedisStore) Increment(ctx context.Context, key string, n int64, rate limiter.Rate) (limiter.Context, error) {
	state, err := s.ask(ctx, func(ctx context.Context) (limiter.Context, error) { return s.counts.Increment(ctx, key, n, rate) })
	if err != nil {
		s.degraded.Add(1)
	}
	return state, err
}

// Get implements limiter.Store: it counts one event.
func (s *RedisStore) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.Increment(ctx, key, 1, rate)
}

// Peek implements limiter.Store: it counts nothing.
func (s *RedisStore) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.ask(ctx, func(ctx context.Context) (limiter.Context, error) { return s.counts.Peek(ctx, key, rate) })
}

// Reset implements limiter.Store: key begins again, for every process.
func (s *RedisStore) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.ask(ctx, func(ctx context.Context) (limiter.Context, error) { return s.counts.Reset(ctx, key, rate) })
}

func (s *RedisStore) ping(ctx context.Context) (limiter.Context, error) {
	return limiter.Context{}, s.client.Ping(ctx).Err()
}

// ask does one command, unless Redis is left alone. A caller that gave up is counted all the same, or hanging up early
// would be a way round every limit.
func (s *RedisStore) ask(ctx context.Context, do func(context.Context) (limiter.Context, error)) (limiter.Context, error) {
	state, err := s.breaker.Execute(func() (limiter.Context, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		defer cancel()
		return do(ctx)
	})
	if err != nil {
		return limiter.Context{}, s.outage.failed(err)
	}
	s.outage.over()
	return state, nil
}

// Degraded is how many events Redis did not count. It only grows.
func (s *RedisStore) Degraded() uint64 { return s.degraded.Load() }

// Close ends the connections; commands after it fail. It waits no longer than redis.timeout.
func (s *RedisStore) Close() error {
	err := s.client.Close()
	s.first.Wait()
	return err
}
