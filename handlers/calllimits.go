package handlers

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/middleware"
)

// CallLimit is mcp.Options.Limit: how many seconds a caller has to wait, 0 for none.
type CallLimit = func(p *mcp.Peer, method, tool string) int

// CallLimits is mcp.Options.Limit by the configured rates: one bucket a session, one a caller and tool, and another for the
// handshake and the lists, so that a loop of calls cannot keep its client from connecting again. Each message of a batch
// counts for itself. It waits for the counters alone, which bound that. toolRate is the rate of one tool where it has one
// of its own, empty where it has none; it may change. Nil toolRate: no tool has. Nil where nothing is limited.
func CallLimits(cfg config.Config, counters *middleware.Counters, toolRate func(tool string) config.Rate, log *zap.Logger) (CallLimit, error) {
	rates := cfg.EffectiveRates()
	if rates.Tool.Off() && rates.Handshake.Off() && rates.Session.Off() && toolRate == nil {
		return nil, nil
	}
	own := ownLimits{rate: toolRate, counters: counters, log: log}
	tools, err1 := newLimiter(counters, "tool", rates.Tool, log)
	handshakes, err2 := newLimiter(counters, "handshake", rates.Handshake, log)
	sessions, err3 := newLimiter(counters, "session", rates.Session, log)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return func(p *mcp.Peer, method, tool string) int {
		who := p.Principal.ID
		if who == "" {
			who = p.Addr
		}
		if who == "" || method == "ping" {
			return 0 // stdio, and what clients send by themselves to stay alive
		}
		d := sessions.Allow(context.Background(), p.Session, 1)
		switch {
		case !d.OK: // and not counted again
		case tool != "":
			limit := tools
			if l := own.of(tool); l != nil {
				limit = l
			}
			d = limit.Allow(context.Background(), who+" "+tool, 1)
		default:
			d = handshakes.Allow(context.Background(), who, 1)
		}
		if d.OK {
			return 0
		}
		return int((d.RetryAfter + time.Second - 1) / time.Second)
	}, nil
}

// ownLimits is a limiter for each rate that some tool has of its own. Tools of one rate share it, each with buckets of its
// own.
type ownLimits struct {
	rate     func(tool string) config.Rate
	counters *middleware.Counters
	log      *zap.Logger

	mu     sync.Mutex
	byRate map[config.Rate]*middleware.Limiter
}

// of is the limiter of a tool; nil where the tool has no rate of its own, or one that does not parse, which its reader has
// refused.
func (o *ownLimits) of(tool string) *middleware.Limiter {
	if o.rate == nil {
		return nil
	}
	rate := o.rate(tool)
	if rate == "" {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if l, ok := o.byRate[rate]; ok {
		return l
	}
	l, err := newLimiter(o.counters, "tool "+string(rate), rate, o.log)
	if err != nil {
		o.log.Error("limit a tool", zap.String("tool", tool), zap.Error(err))
		return nil
	}
	if o.byRate == nil {
		o.byRate = map[config.Rate]*middleware.Limiter{}
	}
	o.byRate[rate] = l
	return l
}
