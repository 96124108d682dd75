package middleware

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"go.uber.org/zap"
)

const redisWarning = time.Minute // between two warnings while Redis is away

// outage tells the log that Redis went away and that it came back. Safe for concurrent use.
type outage struct {
	log      *zap.Logger
	password string // that no error may show

	lasts atomic.Bool // a command failed since one was answered

	mu     sync.Mutex
	told   bool      // the log knows of this outage
	warned time.Time // last, of this outage or one before
	cause  error     // the last failure that says more than that Redis is left alone
	missed uint64    // commands, in this outage
}

// failed notes that a command was not answered, and returns err without the password.
func (o *outage) failed(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lasts.Store(true)
	if leftAlone := errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests); !leftAlone {
		text := err.Error() // alone: the library's errors print a whole stack into the log
		if o.password != "" {
			text = strings.ReplaceAll(text, o.password, "[password]") // some proxies repeat the command they refuse
		}
		err = errors.New(text)
		o.cause = err
	}
	o.missed++
	if now := time.Now(); o.warned.IsZero() || now.Sub(o.warned) >= redisWarning {
		o.told, o.warned = true, now
		o.log.Warn("redis does not answer: until it does, each process counts rates for itself",
			zap.Error(o.cause), zap.Uint64("commands_missed", o.missed))
	}
	return fmt.Errorf("redis: %w", err)
}

// over notes that a command was answered.
func (o *outage) over() {
	if !o.lasts.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lasts.Store(false)
	if o.told {
		o.log.Info("redis answers again: rates are counted over all processes", zap.Uint64("commands_missed", o.missed))
	}
	o.told, o.cause, o.missed = false, nil, 0
}
