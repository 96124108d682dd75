package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// check is one row of the report.
type check struct {
	name string
	run  func(p *probe, ctx context.Context, s *sheet)
	long bool // takes as long as it is told to, not bounds.check
}

// first are the checks that the others stand on, one after the other.
func first() []check {
	return []check{
		{name: "dns", run: (*probe).checkDNS},
		{name: "tcp", run: (*probe).checkTCP},
		{name: "tls", run: (*probe).checkTLS},
		{name: "server", run: (*probe).checkServer, long: true}, // it leaves a stream open for others
	}
}

// rest are the other checks, which run at once, in the order of the report.
func rest() []check {
	return []check{
		{name: "http2", run: (*probe).checkHTTP2},
		{name: "redirect", run: (*probe).checkRedirect},
		{name: "host", run: (*probe).checkHost},
		{name: "origin", run: (*probe).checkOrigin},
		{name: "cors", run: (*probe).checkCORS},
		{name: "auth", run: (*probe).checkAuth},
		{name: "well-known", run: (*probe).checkWellKnown},
		{name: "paths", run: (*probe).checkPaths},
		{name: "exposed", run: (*probe).checkExposed},
		{name: "sse", run: (*probe).checkSSE},
		{name: "gzip", run: (*probe).checkGzip},
		{name: "mcp", run: (*probe).checkStreamable},
		{name: "stateless", run: (*probe).checkStateless},
		{name: "replicas", run: (*probe).checkReplicas},
		{name: "streams", run: (*probe).checkStreams},
		{name: "body", run: (*probe).checkBody},
		{name: "quiet", run: (*probe).checkQuiet, long: true},
	}
}

// last judges what the others were answered.
func last() check { return check{name: "manners", run: (*probe).checkManners} }

// errLate is why a check was given up.
var errLate = errors.New("the check took too long")

// examine runs every check and gives form the findings, in the order of the checks, as they come. The error is ctx's cause
// where that ended first.
func examine(ctx context.Context, o *options, form form) (faults int, err error) {
	p := newProbe(o, standardBounds(), form.progress)
	defer p.close()
	return p.examine(ctx, form)
}

func (p *probe) examine(ctx context.Context, form form) (faults int, err error) {
	limit := p.bounds.all + p.idle
	inner, cancel := context.WithTimeoutCause(ctx, limit, errLate)
	defer cancel()
	form.begin(p.target.base)
	write := func(s *sheet) {
		for _, f := range s.findings {
			if f.Level == Fault {
				faults++
			}
			form.finding(f)
		}
	}
	for _, c := range first() {
		write(p.run(inner, c))
		if ctx.Err() != nil {
			return faults, context.Cause(ctx)
		}
	}
	if p.reachable {
		p.rest(inner, write)
	}
	if p.door.stream != nil {
		p.door.stream.close()
	}
	if ctx.Err() != nil {
		return faults, context.Cause(ctx)
	}
	return faults, form.end(p.server)
}

// rest runs the other checks at once, and the last one after them.
func (p *probe) rest(ctx context.Context, write func(*sheet)) {
	list := rest()
	sheets := make([]chan *sheet, len(list))
	var wg sync.WaitGroup
	for i, c := range list {
		sheets[i] = make(chan *sheet, 1)
		wg.Go(func() { sheets[i] <- p.run(ctx, c) })
	}
	for _, s := range sheets {
		write(<-s)
	}
	wg.Wait()
	write(p.run(ctx, last()))
}

// run runs one check within its time.
func (p *probe) run(ctx context.Context, c check) *sheet {
	s := &sheet{check: c.name, secret: p.key}
	if !c.long {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.bounds.check, errLate)
		defer cancel()
	}
	c.run(p, ctx, s)
	if errors.Is(context.Cause(ctx), errLate) && !c.long {
		s.skip("late", "not finished in time: the server is slow, or far away")
	}
	return s
}

// brief is a duration for people.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
