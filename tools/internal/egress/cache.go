package egress

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of what one client keeps.
const (
	maxEntries  = 1024
	maxKept     = 32 << 20        // bytes of bodies and headers
	maxEntry    = 2 << 20         // bytes; a larger answer would push out all others
	staleFor    = 5 * time.Minute // after it was fresh, an answer serves while the upstream fails
	revalidated = time.Hour       // after it was fresh, an answer is worth asking whether it changed
)

// cacheKey is what two requests have in common that get the same answer: URL, caller, and every header sent, credentials
// and Accept among them.
type cacheKey [sha256.Size]byte

// entry is an answer that is kept. It is never changed.
type entry struct {
	answer     *answer
	asked      time.Time     // when its request began
	generation uint64        // of the cache at that moment
	fresh      time.Duration // since asked
	strict     bool          // it must not serve unless the upstream says that it is good still
}

// cache holds answers to GET, the least recently used ones first to go.
type cache struct {
	ttl    time.Duration
	always bool

	mu         sync.Mutex
	entries    *simplelru.LRU[cacheKey, *entry]
	bytes      int
	generation uint64 // grows with each change made through the client: what was asked for before may be old
	flights    map[flightKey]*flight
}

func newCache(ttl time.Duration, always bool) *cache {
	c := &cache{ttl: ttl, always: always, flights: map[flightKey]*flight{}}
	c.entries, _ = simplelru.NewLRU(maxEntries, func(_ cacheKey, e *entry) { c.bytes -= e.size() }) // fails for sizes below 1 only
	return c
}

// keeps says whether answers to a request may be kept at all.
func (c *cache) keeps(q *question) bool {
	if q.method != http.MethodGet || !q.home || len(q.body) > 0 {
		return false
	}
	for name := range q.header {
		if name == "Range" || strings.HasPrefix(name, "If-") {
			return false // it is not the whole answer that is asked for
		}
	}
	return true
}

// change says that something may be other than it was: what is kept is asked again before it serves.
func (c *cache) change() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
}

// find returns what is kept; nil where nothing is. c.mu is held.
func (c *cache) find(k cacheKey, now time.Time) *entry {
	e, ok := c.entries.Get(k)
	if !ok {
		return nil
	}
	if now.Sub(e.asked) > e.fresh+revalidated {
		c.entries.Remove(k)
		return nil
	}
	return e
}

// put keeps an answer if it may be kept, and drops what was kept before.
func (c *cache) put(k cacheKey, a *answer, asked time.Time, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if newer, ok := c.entries.Peek(k); ok && newer.generation > generation {
		return
	}
	c.entries.Remove(k)
	e := &entry{answer: a, asked: asked, generation: generation, fresh: c.ttl}
	if a.status != http.StatusOK || e.size() > maxEntry || a.header.Get("Vary") == "*" {
		return
	}
	if !c.always && !e.obey(a.header) {
		return
	}
	c.entries.Add(k, e)
	for c.bytes += e.size(); c.bytes > maxKept; {
		c.entries.RemoveOldest()
	}
}

// drop forgets an answer that is good no more.
func (c *cache) drop(k cacheKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Remove(k)
}

// obey takes over what Cache-Control says (RFC 9111, 5.2.2). It answers false where nothing may be kept.
func (e *entry) obey(h http.Header) bool {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store":
			return false
		case "no-cache":
			e.fresh = 0
		case "must-revalidate":
			e.strict = true
		case "max-age":
			if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				e.fresh = min(e.fresh, time.Duration(n)*time.Second)
			}
		}
	}
	return true
}

// serves says whether an entry is an answer without asking.
func (e *entry) serves(generation uint64, now time.Time) bool {
	return e.generation == generation && now.Sub(e.asked) < e.fresh
}

// stale is an entry as an answer while the upstream fails; nil where it may not be one.
func (e *entry) stale(now time.Time) *answer {
	if e == nil || e.strict || now.Sub(e.asked) > e.fresh+staleFor {
		return nil
	}
	a := *e.answer
	a.header = a.header.Clone()
	a.header.Set("Warning", `110 - "Response is Stale"`)
	a.header.Set("Age", strconv.Itoa(int(now.Sub(e.asked)/time.Second)))
	return &a
}

// conditions adds to a request what makes the upstream say only whether the answer changed.
func (e *entry) conditions(q *question) *question {
	if e == nil {
		return q
	}
	asked := *q
	asked.header = q.header.Clone()
	if etag := e.answer.header.Get("ETag"); etag != "" {
		asked.header.Set("If-None-Match", etag)
	}
	if modified := e.answer.header.Get("Last-Modified"); modified != "" {
		asked.header.Set("If-Modified-Since", modified)
	}
	return &asked
}

// renewed is the answer of an entry after the upstream said that it is good still (RFC 9111, 4.3.4).
func (e *entry) renewed(notModified http.Header) *answer {
	a := *e.answer
	a.header = a.header.Clone()
	for name, values := range notModified {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Type", "Transfer-Encoding":
		default:
			a.header[name] = values
		}
	}
	return &a
}

func (e *entry) size() int {
	n := len(e.answer.body)
	for name, values := range e.answer.header {
		n += len(name)
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// key is the request's place in the cache.
func (q *question) key() cacheKey {
	sum := sha256.New()
	part := func(text string) {
		_ = binary.Write(sum, binary.BigEndian, uint64(len(text)))
		sum.Write([]byte(text))
	}
	part(q.url.String())
	part(q.caller)
	for _, name := range slices.Sorted(maps.Keys(q.header)) {
		part(name)
		for _, v := range q.header[name] {
			part(v)
		}
		part("") // no value of the next name is one of this
	}
	return cacheKey(sum.Sum(nil))
}
