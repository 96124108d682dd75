package mcp

import (
	"context"
	"time"
)

// Observers is all of these as one, each told in order.
func Observers(all ...Observer) Observer {
	joined := all[0]
	for _, next := range all[1:] {
		joined = joined.and(next)
	}
	return joined
}

func (o Observer) and(p Observer) Observer {
	return Observer{
		Begin:         bothBegin(o.Begin, p.Begin),
		Done:          both(o.Done, p.Done),
		SessionOpened: both(o.SessionOpened, p.SessionOpened),
		SessionClosed: func(w Wire, cause error, lasted time.Duration) {
			if o.SessionClosed != nil {
				o.SessionClosed(w, cause, lasted)
			}
			if p.SessionClosed != nil {
				p.SessionClosed(w, cause, lasted)
			}
		},
		Stuck: both(o.Stuck, p.Stuck),
		Failed: func(out Outcome, errorID string, err error) {
			if o.Failed != nil {
				o.Failed(out, errorID, err)
			}
			if p.Failed != nil {
				p.Failed(out, errorID, err)
			}
		},
	}
}

func both[T any](f, g func(T)) func(T) {
	if f == nil || g == nil {
		if f == nil {
			return g
		}
		return f
	}
	return func(v T) { f(v); g(v) }
}

type beginFunc = func(context.Context, Beginning) (context.Context, func(Outcome))

func bothBegin(f, g beginFunc) beginFunc {
	if f == nil || g == nil {
		if f == nil {
			return g
		}
		return f
	}
	return func(ctx context.Context, b Beginning) (context.Context, func(Outcome)) {
		ctx, first := f(ctx, b)
		ctx, second := g(ctx, b)
		return ctx, both(first, second)
	}
}
