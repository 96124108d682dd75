package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/ulule/limiter/v3"
	"go.uber.org/zap"
)

const (
	maxRateKey    = 128         // bytes of a key; longer ones are hashed, so that names cannot fill the store
	degradedEvery = time.Minute // between two warnings about a store that does not answer
)

// LimiterOptions describe one limit.
type LimiterOptions struct {
	Name  string        // what is limited, for clients and logs: "address", "principal", "tool"; also the keys' prefix
	Rate  string        // "600-M": so many a second (S), minute (M), hour (H) or day (D); "off" or "" for no limit
	Store limiter.Store // counts; may be shared by limiters of different names. It must bound its own waiting
	Log   *zap.Logger   // told when the store does not answer; nil for nobody
}

// Limiter counts what each key does in fixed windows that open with the key's first event. Fixed windows are cheap in
// every store and simple to tell a client, at a known price: a client that spends one window's end and the next one's
// beginning gets up to twice the rate for a moment. Retry-After is spread so that those refused together do not come
// back together.
//
// A store that fails refuses nobody: the event is allowed and counted by Degraded. Where that is no answer, as with
// failed logins, use a MemoryStore, which does not fail. A nil Limiter limits nothing.
type Limiter struct {
	name     string
	prefix   string // of its keys
	rate     limiter.Rate
	store    limiter.Store
	log      *zap.Logger
	degraded atomic.Uint64
	warned   atomic.Int64 // Unix seconds of the last warning
}

// NewLimiter returns an error for a rate that does not parse. Callers put the configuration key in front.
func NewLimiter(o LimiterOptions) (*Limiter, error) {
	l := &Limiter{name: o.Name, store: o.Store, log: o.Log}
	if l.log == nil {
		l.log = zap.NewNop()
	}
	if o.Rate == "" || o.Rate == "off" {
		return l, nil
	}
	rate, err := limiter.NewRateFromFormatted(o.Rate)
	if err != nil || rate.Limit < 1 {
		return nil, fmt.Errorf("rate %q is not understood: write it like 600-M (S, M, H or D), or off", o.Rate)
	}
	if o.Store == nil {
		return nil, fmt.Errorf("rate %q for %s: a store is needed to count in", o.Rate, o.Name)
	}
	l.rate = rate
	l.prefix = l.name + ":" + periodName(rate.Period) + ":" // a window of another length is another window
	return l, nil
}

// Decision is what a Limiter thinks of one event.
type Decision struct {
	OK         bool
	Limit      int64         // of the window; 0 where nothing is limited
	Remaining  int64         // events left in the window
	Reset      time.Time     // when the next window opens
	RetryAfter time.Duration // when to try again, at least a second; 0 when OK

	limiter *Limiter
}

// Allow counts n events of key, all or none of which are allowed: a batch of 50 calls is 50. Refused events count too,
// but no longer than the window lasts. An empty key or n < 1 is allowed and not counted. It blocks as long as the store.
func (l *Limiter) Allow(ctx context.Context, key string, n int) Decision {
	if l == nil || l.rate.Limit == 0 || key == "" || n < 1 {
		return Decision{OK: true, limiter: l}
	}
	if len(key) > maxRateKey {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	state, err := l.store.Increment(ctx, l.prefix+key, int64(n), l.rate)
	if err != nil {
		l.degrade(err)
		return Decision{OK: true, limiter: l}
	}
	d := Decision{
		OK:        !state.Reached,
		Limit:     state.Limit,
		Remaining: state.Remaining,
		Reset:     time.Unix(state.Reset+1, 0), // the store cuts off the fraction
		limiter:   l,
	}
	if !d.OK {
		seconds := max(retrySeconds(time.Until(d.Reset)), 1)
		d.RetryAfter = time.Duration(seconds+rand.Int64N(seconds/2+1)) * time.Second
	}
	return d
}

// Degraded is how many events were allowed because the store did not answer.
func (l *Limiter) Degraded() uint64 { return l.degraded.Load() }

func (l *Limiter) degrade(err error) {
	total := l.degraded.Add(1)
	now, last := time.Now().Unix(), l.warned.Load()
	if now-last >= int64(degradedEvery/time.Second) && l.warned.CompareAndSwap(last, now) {
		l.log.Warn("rate limit not enforced: its store does not answer",
			zap.String("limit", l.name), zap.Uint64("allowed_unlimited", total), zap.Error(err))
	}
}

// Refusal is the answer to an event that was not allowed, worded for a model that reads it.
func (d Decision) Refusal() *Refusal {
	r := refusef(RateLimited, "too many requests: the %s is %d per %s; wait %d seconds, then try again",
		limitName(d.limiter.name), d.Limit, periodName(d.limiter.rate.Period), retrySeconds(d.RetryAfter))
	r.RetryAfter = d.RetryAfter
	return r
}

// limitName is a limit as people say it.
func limitName(name string) string {
	switch name {
	case "all":
		return "limit of all callers together"
	case "auth_failures":
		return "limit of wrong credentials"
	}
	return name + " limit"
}

func periodName(d time.Duration) string {
	switch d {
	case time.Second:
		return "second"
	case time.Minute:
		return "minute"
	case time.Hour:
		return "hour"
	}
	return "day"
}

// RateLimit refuses with 429 what l does not allow, before a byte of the body is read. key says whose request it is; an
// empty key is not limited. X-RateLimit-Limit, -Remaining and -Reset (Unix seconds) are on every answer; where several
// limits apply, those of the last one. Open streams are not touched: a request is counted when it begins.
func RateLimit(l *Limiter, key func(*gin.Context) string) gin.HandlerFunc {
	return func(c *gin.Context) {
		d := l.Allow(c.Request.Context(), key(c), 1)
		if d.Limit > 0 {
			c.Header("X-RateLimit-Limit", strconv.FormatInt(d.Limit, 10))
			c.Header("X-RateLimit-Remaining", strconv.FormatInt(d.Remaining, 10))
			c.Header("X-RateLimit-Reset", strconv.FormatInt(d.Reset.Unix(), 10))
		}
		if !d.OK {
			Refuse(c, d.Refusal())
		}
	}
}

// ByAddress limits by the client's address, IPv6 by its /64: one customer has a whole /64 to rotate through.
func ByAddress(proxies Proxies) func(*gin.Context) string {
	return func(c *gin.Context) string { return AddressKey(proxies.ClientAddr(c.Request)) }
}

// AddressKey names the bucket an address belongs to. Connections without an IP address share one.
func AddressKey(addr netip.Addr) string {
	if !addr.Is6() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil { // 64 bits fit every IPv6 address
		return addr.String()
	}
	return prefix.String()
}

// ByPrincipal limits by who asks. The anonymous principal is everybody and is left to the limit by address.
func ByPrincipal(c *gin.Context) string {
	if p := PrincipalFrom(c.Request.Context()); p != nil {
		return p.ID
	}
	return ""
}

// ByNobody counts all requests together.
func ByNobody(*gin.Context) string { return "all" }
