package mcp

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestEndsAreSpread(t *testing.T) {
	for _, c := range []struct {
		name        string
		n           int
		grace       time.Duration // 0: no deadline
		least, most time.Duration
	}{
		{"none", 0, 30 * time.Second, 0, 0},
		{"a few end in a moment", 3, 30 * time.Second, 0, 10 * time.Millisecond},
		{"many at their pace", 1000, 30 * time.Second, 3900 * time.Millisecond, 4 * time.Second},
		{"too many within their share of the grace", 5000, 30 * time.Second, 9900 * time.Millisecond, 10 * time.Second},
		{"without a deadline at their pace", 500, 0, 1900 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.grace > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.grace)
					defer cancel()
				}
				began := time.Now()
				var ended []int
				paced(ctx, c.n, func(i int) { ended = append(ended, i) })
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("took %v, want %v to %v", took, c.least, c.most)
				}
				if len(ended) != c.n || !slices.IsSorted(ended) {
					t.Errorf("ended %d, want each of %d once, in order", len(ended), c.n)
				}
			})
		})
	}
}

func TestWhoHasNoTimeLeftEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		began, ended := time.Now(), 0
		paced(over, 1000, func(int) { ended++ })
		if took := time.Since(began); took > 0 || ended != 1000 {
			t.Errorf("ended %d in %v, want all 1000 at once", ended, took)
		}
	})
}

// TestStreamsOfAShutdownEndOneAfterAnother: a call under way does not hold up those that have nothing to wait for.
func TestStreamsOfAShutdownEndOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{})
		busy := w.hello(OpenOptions{})
		busy.call(1, "wait", "")
		var idle []*client
		for range 500 {
			idle = append(idle, w.hello(OpenOptions{}))
		}
		synctest.Wait()
		closed := make(chan error, 1)
		go func() {
			grace, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			closed <- w.registry.Close(grace)
		}()
		gone := func() (n int) {
			for _, c := range idle {
				select {
				case <-c.stream.Done():
					n++
				default:
				}
			}
			return n
		}
		advance(time.Second)
		if n := gone(); n < 200 || n > 300 {
			t.Errorf("after a second %d of 500 streams had ended, want about 250", n)
		}
		advance(1100 * time.Millisecond)
		if n := gone(); n != 500 {
			t.Errorf("after two seconds %d of 500 streams had ended, want all", n)
		}
		select {
		case <-busy.stream.Done():
			t.Error("the stream of a call under way ended")
		default:
		}
		w.gate <- struct{}{}
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		if got := busy.settled(); len(got) != 1 {
			t.Errorf("the call under way got %v, want its one answer", got)
		}
	})
}
