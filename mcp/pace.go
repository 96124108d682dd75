package mcp

import (
	"context"
	"time"
)

// Streams that a shutdown ends are ended one after another, so that their clients do not all come back in one moment to
// whoever is left: endsPerSecond, and faster where they would take more than a part of the grace, 1/paceShare, in all.
const (
	endsPerSecond = 250
	paceShare     = 3
)

// paced calls end for 0 to n-1, spread over time. Once ctx ends it waits no more.
func paced(ctx context.Context, n int, end func(i int)) {
	interval := time.Second / endsPerSecond
	if deadline, ok := ctx.Deadline(); ok && n > 0 {
		interval = min(interval, time.Until(deadline)/paceShare/time.Duration(n))
	}
	began := time.Now()
	for i := range n {
		// By the clock and not by ticks: many a tick is late, and the delays would add up.
		if ahead := interval*time.Duration(i) - time.Since(began); ahead > time.Millisecond {
			select {
			case <-time.After(ahead):
			case <-ctx.Done():
			}
		}
		end(i)
	}
}
