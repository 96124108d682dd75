package middleware

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/cenkalti/backoff/v5"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"
)

const (
	keysEvery    = 5 * time.Minute  // between two looks at an issuer's keys: how long a withdrawn one may still count
	keysOnDemand = 30 * time.Second // between two looks because a token names an unknown key, whoever makes up names
	keysAge      = 24 * time.Hour   // for which keys count while their issuer cannot be reached
	retryFirst   = time.Second      // after the first failure; doubled from then on
	retryMost    = time.Minute
)

// Why an issuer has no key for a token.
var (
	errNoKeys     = errors.New("no keys")              // none were to be had: nothing can be said
	errUnknownKey = errors.New("there is no such key") // its issuer has said so
)

// issuer is one whose tokens are taken, and its keys. One goroutine asks it, keepKeys; everybody else reads what is there.
//
// It belongs to those who hold it, which is how one Tokens hands it on to the next: whoever begins it holds it, further ones do
// by hold, and each lets it go once. With the last of them the goroutine ends; what was fetched stays.
type issuer struct {
	name     string // as tokens name it
	keysURL  string // by configuration; empty where discovery says
	far      *issuerClient
	log      *zap.Logger
	metadata *issuerMetadata

	keys  atomic.Pointer[issuerKeys] // nil until they were there once
	poke  chan struct{}              // asks keepKeys to look now
	gone  <-chan struct{}            // closed when nobody looks any more
	stop  context.CancelFunc         // closes gone
	ended chan struct{}              // closed when keepKeys has returned

	mu       sync.Mutex
	holders  int
	failed   error         // of the last look; nil where it went well
	demanded time.Time     // when a token last made us look
	looked   chan struct{} // closed when the look that a token asked for is over; nil where there is none
}

// issuerKeys is an issuer's keys at one time. It does not change, and equal keys stay the same set.
type issuerKeys struct {
	find    keyfunc.Keyfunc
	digest  string       // of what it was made from
	fetched atomic.Int64 // Unix seconds of the last time that the issuer showed these keys
}

// beginIssuer begins to fetch an issuer's keys, and is its first holder. Where before is not nil, that knows what may be believed
// of the same issuer: its keys count from the first moment, for as long as they still may.
func beginIssuer(name, keysURL string, far *issuerClient, before *issuer, log *zap.Logger) *issuer {
	ctx, stop := context.WithCancel(context.Background())
	i := &issuer{
		name: name, keysURL: keysURL, far: far, log: log.With(zap.String("issuer", name)), metadata: &issuerMetadata{issuer: name},
		poke: make(chan struct{}, 1), gone: ctx.Done(), stop: stop, ended: make(chan struct{}), holders: 1,
		failed: errors.New("they were not fetched yet"),
	}
	if before != nil {
		i.keys.Store(before.keys.Load())
		i.metadata = before.metadata
	}
	go func() {
		defer close(i.ended)
		i.keepKeys(ctx)
	}()
	return i
}

// hold makes the caller one more holder. It is false, and nothing has happened, where the last one has let go.
func (i *issuer) hold() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.holders == 0 {
		return false
	}
	i.holders++
	return true
}

// letGo is for each holder to call once. The last one waits until nothing is fetched any more.
func (i *issuer) letGo() {
	i.mu.Lock()
	i.holders--
	last := i.holders == 0
	i.mu.Unlock()
	if last {
		i.stop()
		<-i.ended
		i.far.close()
	}
}

// ready is nil once the keys were there.
func (i *issuer) ready() error {
	if i.keys.Load() != nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return fmt.Errorf("the keys of %s are missing: %w", i.name, i.failed)
}

// current is the keys that count now; nil where there are none, or none that are young enough.
func (i *issuer) current() *issuerKeys {
	set := i.keys.Load()
	if set == nil || time.Since(time.Unix(set.fetched.Load(), 0)) > keysAge {
		return nil
	}
	return set
}

// keepKeys fetches the keys until ctx ends, again and again: soon after a failure, now and then otherwise.
func (i *issuer) keepKeys(ctx context.Context) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval, pause.Multiplier = retryFirst, retryMost, 2
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		demanded := false
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		case <-i.poke:
			demanded = true
		}
		next := keysEvery
		if err := i.look(ctx); err != nil {
			next = pause.NextBackOff()
			if ctx.Err() == nil {
				i.log.Warn("the issuer's keys are not to be had", zap.Error(err), zap.Bool("has_older", i.current() != nil), zap.Duration("again_in", next))
			}
		} else {
			pause.Reset()
		}
		if demanded {
			i.mu.Lock()
			close(i.looked)
			i.looked = nil
			i.mu.Unlock()
		}
		wait.Reset(next)
	}
}

// look fetches the keys once. What was there stays where that fails.
func (i *issuer) look(ctx context.Context) error {
	set, err := i.far.keys(ctx, i.name, i.keysURL)
	i.mu.Lock()
	i.failed = err
	i.mu.Unlock()
	if err != nil {
		return err
	}
	now := time.Now().Unix()
	if old := i.keys.Load(); old != nil && old.digest == set.digest {
		old.fetched.Store(now)
		return nil
	}
	set.fetched.Store(now)
	i.keys.Store(set)
	i.log.Info("the issuer's keys are there")
	return nil
}

// key is the key that a token names, and the set that it is of. A key that is not known makes us look once more, unless we
// did so a moment ago.
func (i *issuer) key(ctx context.Context, token *jwt.Token) (any, *issuerKeys, error) {
	set := i.current()
	if key, err := set.key(ctx, token); !errors.Is(err, errUnknownKey) {
		return key, set, err
	}
	failed := i.lookNow(ctx)
	set = i.current()
	key, err := set.key(ctx, token)
	if errors.Is(err, errUnknownKey) && (failed != nil || set == nil) {
		err = errNoKeys
	}
	return key, set, err
}

// key finds the key of a token; a set that is not there knows none.
func (s *issuerKeys) key(ctx context.Context, token *jwt.Token) (any, error) {
	if s == nil {
		return nil, errUnknownKey
	}
	key, err := s.find.KeyfuncCtx(ctx)(token)
	if errors.Is(err, jwkset.ErrKeyNotFound) {
		return nil, errUnknownKey
	}
	return key, err
}

// lookNow has keepKeys look at once, if no token made it do so for a while, and waits for that. It is what went wrong when
// keys were last looked for.
func (i *issuer) lookNow(ctx context.Context) error {
	i.mu.Lock()
	if i.looked == nil && time.Since(i.demanded) >= keysOnDemand {
		i.demanded, i.looked = time.Now(), make(chan struct{})
		i.poke <- struct{}{} // there is room: nobody else asks while looked is set
	}
	looked := i.looked
	i.mu.Unlock()
	if looked != nil {
		late := time.NewTimer(i.far.timeout)
		defer late.Stop()
		select {
		case <-looked:
		case <-i.gone:
			return errNoKeys
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return errNoKeys
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.failed
}
