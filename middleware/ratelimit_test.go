package middleware

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/ulule/limiter/v3"
	"go.uber.org/zap/zapcore"

	"toolgate/mcp"
)

func newLimiter(name, rate string) *Limiter {
	return must(NewLimiter(LimiterOptions{Name: name, Rate: rate, Store: must(NewMemoryStore(100))}))
}

func TestRateLimitRefusesTheOneTooMany(t *testing.T) { // 128
	synctest.Test(t, func(t *testing.T) {
		e := engine(served, RateLimit(newLimiter("address", "3-M"), ByAddress(nil)))
		for want := 2; want >= 0; want-- {
			w := serve(e, request("POST"))
			wantServed(t, w)
			if got := w.Header().Get("X-RateLimit-Remaining"); got != strconv.Itoa(want) {
				t.Errorf("remaining = %s, want %d", got, want)
			}
			if got := w.Header().Get("X-RateLimit-Limit"); got != "3" {
				t.Errorf("limit = %s, want 3", got)
			}
		}
		<-time.After(20 * time.Second)
		w := serve(e, request("POST"))
		message := refused(t, w, RateLimited)
		if !strings.Contains(message, "the address limit is 3 per minute") {
			t.Errorf("message = %q, want the limit in it", message)
		}
		retry := must(strconv.Atoi(w.Header().Get("Retry-After")))
		if retry < 40 || retry > 61+61/2 {
			t.Errorf("Retry-After = %d, want the 40 s that are left, and at most half as much again", retry)
		}
		if !strings.Contains(w.Body.String(), `"retryAfterSeconds":`+strconv.Itoa(retry)) {
			t.Errorf("body = %s, want the same number as Retry-After, %d", w.Body, retry)
		}
		if got := w.Header().Get("X-RateLimit-Reset"); got == "" {
			t.Error("a refusal has no X-RateLimit-Reset")
		}
		<-time.After(time.Duration(retry) * time.Second)
		wantServed(t, serve(e, request("POST")))
	})
}

func TestRetryAfterIsNeverTooEarlyAndSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(900 * time.Millisecond) // stores cut fractions of seconds off
		l := newLimiter("address", "1-M")
		l.Allow(t.Context(), "k", 1)
		seen := map[time.Duration]bool{}
		for range 200 {
			d := l.Allow(t.Context(), "k", 1)
			if d.OK || d.RetryAfter < time.Minute {
				t.Fatalf("decision = %+v, want a refusal for at least the rest of the window", d)
			}
			seen[d.RetryAfter] = true
		}
		if len(seen) < 5 {
			t.Errorf("200 refusals come back at %d moments, want them spread", len(seen))
		}
	})
}

func TestRateLimitRefusesBeforeTheBody(t *testing.T) { // 138
	e := engine(served, RateLimit(newLimiter("address", "1-H"), ByAddress(nil)))
	wantServed(t, serve(e, request("POST")))
	r := httptest.NewRequest("POST", "/mcp", unreadable{t})
	refused(t, serve(e, r), RateLimited)
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("no")
}

// Row 138: a storm of refused requests costs what refusing them costs: no body read, nothing started, little made.
func TestARefusalIsCheap(t *testing.T) {
	e := engine(served, RateLimit(newLimiter("address", "1-H"), ByAddress(nil)))
	r := request("POST")
	wantServed(t, serve(e, r))
	if n, most := allocs(func() { serve(e, r) }), 45.0; n > most {
		t.Errorf("a refusal allocates %.0f times, its recorder's included, want at most %.0f", n, most)
	}
	storm := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			serve(e, r)
		}
	})
	if per := storm.NsPerOp(); per > int64(time.Millisecond) {
		t.Errorf("a refusal takes %v, want less than a millisecond", time.Duration(per))
	}
	refused(t, serve(e, r), RateLimited)
}

func TestRateLimitByAddress(t *testing.T) {
	for _, tc := range []struct {
		name, first, second     string
		firstFwd, secondForward string
		same                    bool
	}{
		{"two clients", "192.0.2.1:1", "192.0.2.2:1", "", "", false},
		{"two connections", "192.0.2.1:1", "192.0.2.1:2", "", "", true},
		{"129 a new X-Forwarded-For each time", "192.0.2.1:1", "192.0.2.1:1", "198.51.100.1", "198.51.100.2", true},
		{"130 clients of one proxy", "10.0.0.1:1", "10.0.0.1:1", "198.51.100.1", "198.51.100.2", false},
		{"130 a made-up chain", "10.0.0.1:1", "10.0.0.1:1", "1.1.1.1, 198.51.100.1", "2.2.2.2, 198.51.100.1", true},
		{"131 one /64", "[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1", "", "", true},
		{"131 another /64", "[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", "", "", false},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", "", "", false},
		{"131 one /64 behind a proxy", "10.0.0.1:1", "10.0.0.1:1", "2001:db8:0:1::1", "2001:db8:0:1::2", true},
		{"132 a proxy that says nothing", "10.0.0.1:1", "10.0.0.1:1", "", "", true},
		{"no addresses", "@", "pipe", "", "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			proxies := must(ParseProxies([]string{"10.0.0.1"}))
			e := engine(served, RateLimit(newLimiter("address", "1-H"), ByAddress(proxies)))
			claims := 0
			send := func(peer, forwarded string) *httptest.ResponseRecorder {
				claims++ // 132: none of these is read, whoever sends it
				claim := "203.0.113." + strconv.Itoa(claims)
				r := request("POST", "X-Forwarded-For: "+forwarded, "X-Real-IP: "+claim, "CF-Connecting-IP: "+claim,
					"True-Client-IP: "+claim, "X-Client-IP: "+claim, "Forwarded: for="+claim)
				r.RemoteAddr = peer
				return serve(e, r)
			}
			wantServed(t, send(tc.first, tc.firstFwd))
			w := send(tc.second, tc.secondForward)
			if tc.same {
				refused(t, w, RateLimited)
			} else {
				wantServed(t, w)
			}
		})
	}
}

func TestRateLimitByPrincipal(t *testing.T) { // 134
	as := func(p *mcp.Principal) http.Handler {
		return engine(served, func(c *gin.Context) {
			if p != nil {
				setPrincipal(c, p)
			}
		}, RateLimit(newLimiter("principal", "1-H"), ByPrincipal))
	}
	known := as(&mcp.Principal{ID: "key:a"})
	wantServed(t, serve(known, request("POST")))
	refused(t, serve(known, request("POST")), RateLimited)
	for _, e := range []http.Handler{as(mcp.Anonymous()), as(nil)} {
		for range 3 {
			wantServed(t, serve(e, request("POST")))
		}
	}
}

func TestRateLimitOff(t *testing.T) {
	for _, l := range []*Limiter{nil, newLimiter("address", "off"), newLimiter("address", "")} {
		e := engine(served, RateLimit(l, ByAddress(nil)))
		for range 50 {
			w := serve(e, request("POST"))
			wantServed(t, w)
			if got := w.Header().Get("X-RateLimit-Limit"); got != "" {
				t.Errorf("X-RateLimit-Limit = %q without a limit, want none", got)
			}
		}
	}
}

func TestAllowCountsBatches(t *testing.T) { // 136
	l := newLimiter("tool", "60-M")
	if d := l.Allow(t.Context(), "k", 50); !d.OK || d.Remaining != 10 {
		t.Errorf("50 of 60: %+v, want OK and 10 left", d)
	}
	if d := l.Allow(t.Context(), "k", 50); d.OK {
		t.Errorf("100 of 60: %+v, want a refusal", d)
	}
	if d := l.Allow(t.Context(), "other", 60); !d.OK {
		t.Errorf("another key: %+v, want OK", d)
	}
	if d := l.Allow(t.Context(), "k", 0); !d.OK {
		t.Errorf("nothing at all: %+v, want OK", d)
	}
}

func TestLimitersShareAStoreAndNotTheirCounts(t *testing.T) {
	store := must(NewMemoryStore(10))
	one := must(NewLimiter(LimiterOptions{Name: "tool", Rate: "1-H", Store: store}))
	two := must(NewLimiter(LimiterOptions{Name: "handshake", Rate: "1-H", Store: store}))
	for _, l := range []*Limiter{one, two} {
		if d := l.Allow(t.Context(), "k", 1); !d.OK {
			t.Errorf("first event: %+v, want OK", d)
		}
	}
}

func TestLongKeysAreHashed(t *testing.T) {
	spy := &spyStore{}
	l := must(NewLimiter(LimiterOptions{Name: "tool", Rate: "1-H", Store: spy}))
	l.Allow(t.Context(), strings.Repeat("x", 1<<20), 1)
	if len(spy.key) > maxRateKey {
		t.Errorf("the store holds a key of %d bytes, want at most %d", len(spy.key), maxRateKey)
	}
}

func TestNewLimiterRefuses(t *testing.T) {
	for _, rate := range []string{"600", "600/min", "M-600", "600-W", "0-M", "-5-M", "1.5-S", "on"} {
		if _, err := NewLimiter(LimiterOptions{Name: "x", Rate: rate, Store: &spyStore{}}); err == nil || !strings.Contains(err.Error(), "600-M") {
			t.Errorf("rate %q: error = %v, want one that shows the form", rate, err)
		}
	}
	if _, err := NewLimiter(LimiterOptions{Name: "x", Rate: "1-M"}); err == nil {
		t.Error("a limiter without a store was made")
	}
}

func TestRefusalsNameTheirLimit(t *testing.T) {
	for name, want := range map[string]string{
		"address": "the address limit is 1 per minute", "all": "the limit of all callers together is 1 per minute",
		"auth_failures": "the limit of wrong credentials is 1 per minute",
	} {
		l := newLimiter(name, "1-M")
		l.Allow(t.Context(), "k", 1)
		if got := l.Allow(t.Context(), "k", 1).Refusal().Message; !strings.Contains(got, want) {
			t.Errorf("%s: message = %q, want %q in it", name, got, want)
		}
	}
}

func TestPeriodNames(t *testing.T) {
	for rate, want := range map[string]string{"1-S": "1 per second", "1-M": "1 per minute", "1-h": "1 per hour", "1-D": "1 per day"} {
		l := newLimiter("tool", rate)
		l.Allow(t.Context(), "k", 1)
		if got := l.Allow(t.Context(), "k", 1).Refusal().Message; !strings.Contains(got, want) {
			t.Errorf("%s: message = %q, want %q in it", rate, got, want)
		}
	}
}

// Row 137.
func TestAStoreThatFailsRefusesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, logs := observed(zapcore.WarnLevel)
		l := must(NewLimiter(LimiterOptions{Name: "address", Rate: "1-M", Store: &spyStore{err: errors.New("redis is gone")}, Log: log}))
		e := engine(served, RateLimit(l, ByAddress(nil)))
		for range 100 {
			wantServed(t, serve(e, request("POST")))
		}
		if logs.Len() != 1 {
			t.Errorf("%d warnings in one minute, want 1", logs.Len())
		}
		<-time.After(time.Minute)
		wantServed(t, serve(e, request("POST")))
		if logs.Len() != 2 {
			t.Errorf("%d warnings after a minute, want 2", logs.Len())
		}
		if got := l.Degraded(); got != 101 {
			t.Errorf("degraded = %d, want 101", got)
		}
	})
}

// spyStore fails with err, or allows everything and remembers the last key.
type spyStore struct {
	limiter.Store
	key string
	err error
}

func (s *spyStore) Increment(_ context.Context, key string, _ int64, _ limiter.Rate) (limiter.Context, error) {
	s.key = strings.TrimPrefix(key, "tool:")
	return limiter.Context{}, s.err
}

func TestAddressKey(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::/64"} {
		if got := AddressKey(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: key = %s, want %s", addr, got, want)
		}
	}
}

func TestMemoryStoreIsBounded(t *testing.T) { // 133
	synctest.Test(t, func(t *testing.T) {
		store := must(NewMemoryStore(1000))
		l := must(NewLimiter(LimiterOptions{Name: "address", Rate: "1-M", Store: store}))
		for i := range 100_000 {
			l.Allow(t.Context(), strconv.Itoa(i), 1)
		}
		if got := store.Len(); got != 1000 {
			t.Errorf("%d keys held after 100 000, want 1000", got)
		}
		if got := counters(store, 100_000); got != 1000 {
			t.Errorf("%d counters held after 100 000, want 1000", got)
		}
		<-time.After(2 * time.Minute)
		for range 1000 {
			l.Allow(t.Context(), "one", 1)
		}
		if got := store.Len(); got != 1 {
			t.Errorf("%d keys held when all but one expired, want 1", got)
		}
	})
}

// counters is how many of the keys address:minute:0 to address:minute:n-1 still count something.
func counters(s *MemoryStore, n int) (held int) {
	rate := limiter.Rate{Limit: 10, Period: time.Minute}
	for i := range n {
		if state, _ := s.Peek(context.Background(), "address:minute:"+strconv.Itoa(i), rate); state.Remaining < 10 {
			held++
		}
	}
	return held
}

func TestMemoryStoreKeepsBusyKeys(t *testing.T) {
	l := must(NewLimiter(LimiterOptions{Name: "address", Rate: "100-H", Store: must(NewMemoryStore(10))}))
	for i := range 50 {
		l.Allow(t.Context(), "busy", 1)
		l.Allow(t.Context(), strconv.Itoa(i), 1)
	}
	if d := l.Allow(t.Context(), "busy", 1); d.Remaining != 49 {
		t.Errorf("remaining = %d, want 49: strangers pushed the busy key out", d.Remaining)
	}
}

func TestMemoryStoreAsALimiterStore(t *testing.T) {
	ctx, rate := t.Context(), limiter.Rate{Limit: 3, Period: time.Hour}
	store := must(NewMemoryStore(10))
	for _, step := range []struct {
		name string
		do   func() (limiter.Context, error)
		left int64
	}{
		{"peek", func() (limiter.Context, error) { return store.Peek(ctx, "k", rate) }, 3},
		{"get", func() (limiter.Context, error) { return store.Get(ctx, "k", rate) }, 2},
		{"increment", func() (limiter.Context, error) { return store.Increment(ctx, "k", 2, rate) }, 0},
		{"reset", func() (limiter.Context, error) { return store.Reset(ctx, "k", rate) }, 3},
		{"peek again", func() (limiter.Context, error) { return store.Peek(ctx, "k", rate) }, 3},
	} {
		state, err := step.do()
		if err != nil || state.Remaining != step.left {
			t.Errorf("%s: remaining = %d, %v, want %d", step.name, state.Remaining, err, step.left)
		}
	}
	if _, err := NewMemoryStore(0); err == nil {
		t.Error("a store without room was made")
	}
}

// TestAnotherPeriodIsAnotherWindow: who was held back for a day is not when the limit is one of minutes.
func TestAnotherPeriodIsAnotherWindow(t *testing.T) {
	store := must(NewMemoryStore(10))
	daily := must(NewLimiter(LimiterOptions{Name: "address", Rate: "1-D", Store: store}))
	daily.Allow(t.Context(), "a", 1)
	if d := daily.Allow(t.Context(), "a", 1); d.OK {
		t.Error("the second of a day was allowed")
	}
	if d := must(NewLimiter(LimiterOptions{Name: "address", Rate: "5-M", Store: store})).Allow(t.Context(), "a", 1); !d.OK {
		t.Errorf("the first of a minute was refused, for %v", d.RetryAfter)
	}
	if d := must(NewLimiter(LimiterOptions{Name: "address", Rate: "1-D", Store: store})).Allow(t.Context(), "a", 1); d.OK {
		t.Error("the same limit made anew forgave")
	}
}
