package middleware

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/ulule/limiter/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"toolgate/config"
	"toolgate/middleware/redistest"
)

// How long tests wait for a Redis that answers, on however busy a machine, and for one that does not.
const (
	redisPatience   = 10 * time.Second
	redisImpatience = 200 * time.Millisecond
)

// hourly is a rate whose window outlasts every test.
var hourly = limiter.Rate{Limit: 3, Period: time.Hour}

// openRedis opens a store that ends with the test, and has done its first command.
func openRedis(t testing.TB, url string, log *zap.Logger) *RedisStore {
	t.Helper()
	if log == nil {
		log = zap.NewNop()
	}
	store, err := NewRedisStore(config.Redis{URL: config.NewSecret(url), Prefix: "t", Timeout: redisPatience}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // a test may have closed it
	store.first.Wait()
	return store
}

// impatient has the store try Redis again at once.
func impatient(store *RedisStore) *RedisStore {
	store.breaker = newRedisBreaker(time.Nanosecond)
	return store
}

// onlooker is a connection of the test's own.
func onlooker(t *testing.T, url string) *redis.Client {
	t.Helper()
	c := redis.NewClient(must(redis.ParseURL(url)))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func wantCounts(t *testing.T, store limiter.Store, left int64) {
	t.Helper()
	if state, err := store.Increment(t.Context(), "k", 1, hourly); err != nil || state.Remaining != left {
		t.Errorf("got %+v, %v, want %d left", state, err, left)
	}
}

func TestRedisStoreIsARateStore(t *testing.T) {
	open := func(url string) func(t *testing.T) limiter.Store {
		return func(t *testing.T) limiter.Store {
			onlooker(t, url).FlushAll(t.Context())
			return openRedis(t, url, nil)
		}
	}
	plain := redistest.Start(t, redistest.Options{})
	t.Run("redis", func(t *testing.T) { testRateStore(t, open(plain.URL)) })
	t.Run("another database", func(t *testing.T) { testRateStore(t, open(plain.URL+"/3")) })
	t.Run("unix", func(t *testing.T) { testRateStore(t, open(plain.Socket)) })
	t.Run("behind counters", func(t *testing.T) {
		testRateStore(t, func(t *testing.T) limiter.Store { return NewCounters(open(plain.URL)(t)).Store("x") })
	})
	locked := redistest.Start(t, redistest.Options{Password: "open-sesame"})
	t.Run("with a password", func(t *testing.T) { testRateStore(t, open(locked.URL)) })
	t.Run("unix with a password", func(t *testing.T) { testRateStore(t, open(locked.Socket)) })
}

// Row 174: other programs, and other deployments, may live in the same database.
func TestEveryKeyHasAPrefixAndAnEnd(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	counters := NewCounters(openRedis(t, server.URL, nil))
	for name, rate := range map[string]string{"address": "5-S", "principal": "5-M", "tool 600-M": "600-M", "handshake": "5-D", "all": "5-H"} {
		l := must(NewLimiter(LimiterOptions{Name: name, Rate: rate, Store: counters.Store(name)}))
		for range 7 {
			l.Allow(t.Context(), "who", 3)
		}
	}
	db := onlooker(t, server.URL)
	keys := must(db.Keys(t.Context(), "*").Result())
	if len(keys) < 4 { // that of a second may be over
		t.Errorf("keys = %v, want one a limit", keys)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "t:rate:") {
			t.Errorf("key %q, want the prefix t:rate:", key)
		}
		if ttl := must(db.PTTL(t.Context(), key).Result()); ttl == -1 || ttl > 24*time.Hour { // -2: it is over
			t.Errorf("key %q lives for %v, want no longer than its window", key, ttl)
		}
	}
}

func TestTwoProcessesShareALimit(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	first, second := openRedis(t, server.URL, nil), openRedis(t, server.Socket, nil)
	one, two := NewCounters(first), NewCounters(second)
	wantCounts(t, one.Store("tool"), 2)
	wantCounts(t, two.Store("tool"), 1)
	wantCounts(t, one.Store("tool"), 0)
	if state, err := two.Store("tool").Increment(t.Context(), "k", 1, hourly); err != nil || !state.Reached {
		t.Errorf("one too many: got %+v, %v, want the limit reached", state, err)
	}
	if a, b := first.Degraded(), second.Degraded(); a != 0 || b != 0 {
		t.Errorf("degraded = %d and %d, want none", a, b)
	}
}

// Rows 137 and 171: a Redis that hangs costs a few requests one time-out each, and every other nothing.
func TestARedisThatHangs(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	log, logs := observed(zapcore.InfoLevel)
	store := openRedis(t, server.URL, log)
	counters := NewCounters(store)
	limit := must(NewLimiter(LimiterOptions{Name: "address", Rate: "600-H", Store: counters.Store("address")}))
	if d := limit.Allow(t.Context(), "k", 1); d.Remaining != 599 {
		t.Errorf("before: %+v, want 599 left", d)
	}
	store.timeout = redisImpatience
	server.Pause()
	defer server.Resume()
	began := time.Now()
	refused := 0
	for range 1000 {
		if d := limit.Allow(t.Context(), "k", 1); !d.OK {
			refused++
		}
	}
	if took, most := time.Since(began), 5*redisFailures*redisImpatience; took > most {
		t.Errorf("1000 events took %v, want at most %v", took, most)
	}
	if refused != 1000-599 {
		t.Errorf("%d of 1000 refused, want %d: the one counted before counts on", refused, 1000-599)
	}
	if got := store.Degraded(); got != 1000 {
		t.Errorf("degraded = %d, want 1000", got)
	}
	if logs.Len() != 1 || logs.All()[0].Level != zapcore.WarnLevel {
		t.Errorf("logged %v, want one warning", logs.All())
	}
}

func TestRedisComesBack(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	log, logs := observed(zapcore.InfoLevel)
	store := impatient(openRedis(t, server.Socket, log))
	counters := NewCounters(store)
	wantCounts(t, counters.Store("tool"), 2)
	server.Kill()
	wantCounts(t, counters.Store("tool"), 1)
	wantCounts(t, counters.Store("tool"), 0)
	if got := store.Degraded(); got != 2 {
		t.Errorf("degraded = %d, want 2", got)
	}
	server.Restart()
	wantCounts(t, counters.Store("tool"), 2) // it has forgotten, and is believed
	wantCounts(t, NewCounters(openRedis(t, server.Socket, nil)).Store("tool"), 1)
	if got := store.Degraded(); got != 2 {
		t.Errorf("degraded afterwards = %d, want 2 still", got)
	}
	var said []string
	for _, line := range logs.All() {
		said = append(said, line.Level.String()+" "+line.Message)
	}
	if len(said) != 2 || !strings.HasPrefix(said[0], "warn redis does not answer") || !strings.HasPrefix(said[1], "info redis answers again") {
		t.Errorf("logged %q, want that it went and that it is back", said)
	}
}

func TestARedisThatIsAwayAtTheStart(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	server.Kill()
	log, logs := observed(zapcore.InfoLevel)
	store := impatient(openRedis(t, server.Socket, log))
	counters := NewCounters(store)
	if logs.Len() != 1 {
		t.Errorf("%d lines before anybody asked, want the warning", logs.Len())
	}
	wantCounts(t, counters.Store("tool"), 2)
	server.Restart()
	wantCounts(t, counters.Store("tool"), 2)
	if got := store.Degraded(); got != 1 {
		t.Errorf("degraded = %d, want 1", got)
	}
}

// Row 173.
func TestForgettingIsHarmless(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	store := openRedis(t, server.URL, nil)
	counters := NewCounters(store)
	db := onlooker(t, server.URL)
	for _, forget := range []string{"FLUSHALL", "SCRIPT FLUSH"} {
		limit := counters.Store(forget)
		for range 5 {
			if _, err := limit.Increment(t.Context(), forget, 1, hourly); err != nil {
				t.Errorf("before %s: %v", forget, err)
			}
		}
		if err := db.Do(t.Context(), fields(forget)...).Err(); err != nil {
			t.Fatalf("%s: %v", forget, err)
		}
		if _, err := limit.Increment(t.Context(), forget, 1, hourly); err != nil {
			t.Errorf("after %s: %v", forget, err)
		}
	}
	if got := store.Degraded(); got != 0 {
		t.Errorf("degraded = %d, want none", got)
	}
}

// fields is a command as the client takes it.
func fields(command string) (words []any) {
	for word := range strings.FieldsSeq(command) {
		words = append(words, word)
	}
	return words
}

// Row 175, and a Redis that has no room.
func TestARedisThatRefusesIsAway(t *testing.T) {
	for name, refuse := range map[string]string{
		"out of memory":  "CONFIG SET maxmemory 1",
		"a replica":      "REPLICAOF 127.0.0.1 1",
		"a foreign type": "LPUSH t:rate:k x",
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t, redistest.Options{})
			store := openRedis(t, server.URL, nil)
			counters := NewCounters(store)
			if err := onlooker(t, server.URL).Do(t.Context(), fields(refuse)...).Err(); err != nil {
				t.Fatal(err)
			}
			for _, left := range []int64{2, 1, 0} {
				wantCounts(t, counters.Store("tool"), left)
			}
			if got := store.Degraded(); got != 3 {
				t.Errorf("degraded = %d, want 3", got)
			}
		})
	}
}

func TestNoErrorShowsThePassword(t *testing.T) {
	const canary = "canary-password"
	server := redistest.Start(t, redistest.Options{Password: "another"})
	for _, url := range []string{
		strings.Replace(server.URL, "another", canary, 1), strings.Replace(server.Socket, "another", canary, 1),
		"redis://user:" + canary + "@127.0.0.1:1/0",
	} {
		log, logs := observed(zapcore.DebugLevel)
		store := openRedis(t, url, log)
		_, err := store.Increment(t.Context(), "k", 1, hourly)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("error %v, want one without the password", err)
		}
		if logs.Len() != 1 {
			t.Errorf("%d lines, want 1", logs.Len())
		}
		for _, line := range logs.All() {
			for _, field := range line.Context {
				if text, ok := field.Interface.(error); ok && strings.Contains(text.Error(), canary) {
					t.Errorf("the log shows the password: %v", text)
				}
			}
		}
	}
	for _, url := range []string{
		"", "http://:" + canary + "@h", "redis://:" + canary + "@h:port", "redis://:" + canary + "@h/db", "redis://:" + canary + "%zz@h",
		"redis://:" + canary + "@h?nonsense=1",
	} {
		_, err := NewRedisStore(config.Redis{URL: config.NewSecret(url), Prefix: "t", Timeout: time.Second}, zap.NewNop())
		if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "redis://") {
			t.Errorf("%s: error %v, want one that shows the form and not the password", url, err)
		}
	}
}

// A password that a proxy repeats is cut out.
func TestAnErrorThatRepeatsThePassword(t *testing.T) {
	log, logs := observed(zapcore.InfoLevel)
	o := &outage{log: log, password: "hunter2"}
	err := o.failed(&net.OpError{Op: "AUTH hunter2", Err: os.ErrDeadlineExceeded})
	if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "AUTH [password]") {
		t.Errorf("error %q, want the password cut out", err)
	}
	if text := logs.All()[0].ContextMap()["error"].(string); strings.Contains(text, "hunter2") {
		t.Errorf("logged %q, want the password cut out", text)
	}
}

// TestRedisOfAStrangerIsNotTrusted: the certificate of rediss:// has to be one of the system's authorities.
func TestRedisOfAStrangerIsNotTrusted(t *testing.T) {
	server := redistest.Start(t, redistest.Options{TLS: true})
	_, err := openRedis(t, server.URL, nil).Increment(t.Context(), "k", 1, hourly)
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v, want one about the certificate", err)
	}
}

func TestCloseOfARedisStore(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	store := openRedis(t, server.URL, nil)
	counters := NewCounters(store)
	wantCounts(t, counters.Store("tool"), 2)
	server.Pause()
	defer server.Resume()
	began := time.Now()
	if err := store.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took > redisPatience {
		t.Errorf("close took %v, want at most the time-out", took)
	}
	wantCounts(t, counters.Store("tool"), 1) // a request that is still on its way is counted here
}

func BenchmarkCounters(b *testing.B) {
	server := redistest.Start(b, redistest.Options{})
	away := openRedis(b, "redis://127.0.0.1:1", nil)
	for name, counters := range map[string]*Counters{
		"memory": NewCounters(nil), "redis": NewCounters(openRedis(b, server.URL, nil)), "redis away": NewCounters(away),
	} {
		limit := must(NewLimiter(LimiterOptions{Name: "address", Rate: "1000000000-H", Store: counters.Store("address")}))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				limit.Allow(context.Background(), "192.0.2.1", 1)
			}
		})
	}
}
