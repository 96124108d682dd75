package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	earlyCut  = 500 * time.Millisecond // before this, what arrives is the opening of a stream and no heartbeat
	rareBeats = 55 * time.Second       // heartbeats this rare lose the race against nginx's 60 s
)

// vigil is what came of watching one quiet stream.
type vigil struct {
	path  string
	err   error // why there was none to watch
	lived time.Duration
	quiet time.Duration // since the last byte, when it ended
	beats []time.Duration
	cut   error // how it ended; nil: we ended it
	ended bool
}

// checkQuiet opens the streams there are and leaves them alone: a heartbeat has to come, and nothing may cut them.
func (p *probe) checkQuiet(ctx context.Context, s *sheet) {
	how := p.idle
	if how == 0 {
		how = p.bounds.heartbeat
	}
	watched := make(chan vigil, 2)
	n := 0
	if w := &p.door.sse; w.closed == "" || w.err != nil && isLate(w.err) {
		n++
		go func() { watched <- p.watch(ctx, w.path, query{url: w.url}, how) }()
	}
	if w := &p.door.mcp; w.closed == "" {
		if id, ok := p.begin(ctx); ok {
			defer p.end(ctx, id)
			n++
			go func() {
				watched <- p.watch(ctx, w.path, query{url: w.url, header: []string{"Mcp-Session-Id", id, "MCP-Protocol-Version", newestSession}}, how)
			}()
		}
	}
	if n == 0 {
		s.skip("quiet", "%s", firstOf(p.door.sse.closed, p.door.mcp.closed))
		return
	}
	if p.idle > 0 {
		p.say("watching %s for %v", plural(n, "quiet stream"), p.idle)
	} else {
		p.say("waiting for a heartbeat on %s, up to %v; --idle 2m watches for longer", plural(n, "quiet stream"), how)
	}
	var all []vigil
	ticker := time.NewTicker(p.bounds.report)
	defer ticker.Stop()
	for start := time.Now(); len(all) < n; {
		select {
		case v := <-watched:
			all = append(all, v)
		case <-ticker.C:
			p.say("%s of %v", brief(time.Since(start).Round(time.Second)), how)
		}
	}
	if len(all) == 2 && all[0].path > all[1].path {
		all[0], all[1] = all[1], all[0] // in the same order every time
	}
	for _, v := range all {
		p.judgeVigil(ctx, s, v, how)
	}
}

func plural(n int, one string) string {
	if n == 1 {
		return "a " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// watch keeps a stream open until its time is over or it ends; without --idle until its first heartbeat.
func (p *probe) watch(ctx context.Context, path string, q query, how time.Duration) vigil {
	v := vigil{path: path}
	start := time.Now()
	st, a, err := p.open(ctx, q, how)
	switch {
	case err != nil && isLate(err):
		v.err = errors.New("nothing arrives on it")
		return v
	case err != nil:
		v.cut, v.ended, v.lived, v.quiet = err, true, time.Since(start), time.Since(start)
		return v
	case st == nil:
		v.err = errors.New("it is answered " + a.made())
		return v
	}
	defer st.close()
	last := st.answered
	for {
		left := how - time.Since(start)
		if left <= 0 {
			v.lived = time.Since(start)
			return v
		}
		e, err := st.next(ctx, left)
		switch {
		case err != nil && (isLate(err) || ctx.Err() != nil):
			v.lived = time.Since(start)
			return v
		case err != nil:
			v.cut, v.ended, v.lived, v.quiet = err, true, time.Since(start), time.Since(last)
			return v
		}
		if last = e.at; e.at.Sub(st.answered) < earlyCut {
			continue
		}
		v.beats = append(v.beats, e.at.Sub(st.answered))
		if p.idle == 0 {
			v.lived = time.Since(start)
			return v
		}
	}
}

func (p *probe) judgeVigil(ctx context.Context, s *sheet, v vigil, how time.Duration) {
	switch {
	case v.err != nil:
		s.skip("quiet", "%s: %v", v.path, v.err)
	case v.ended:
		p.judgeCut(s, v)
	case ctx.Err() != nil:
		s.skip("quiet", "%s: watched for %s, then the time was over", v.path, brief(v.lived))
	case len(v.beats) == 0:
		s.warn("no-heartbeat", because("proxies cut a stream on which nothing comes: nginx after 60s, others sooner", "toolgate.yaml: sse.ping_interval: 15s"),
			"%s: no heartbeat in %v", v.path, how)
	case longest(v.beats, v.lived) >= rareBeats:
		s.warn("rare-heartbeat", because("nginx cuts a stream that is quiet for 60s", "toolgate.yaml: sse.ping_interval: 15s"), "%s: %s passed without a heartbeat", v.path, brief(longest(v.beats, v.lived)))
	case p.idle > 0:
		s.ok("quiet", "%s: open for %v, with %d heartbeats", v.path, p.idle, len(v.beats))
	default:
		s.ok("quiet", "%s: a heartbeat after %s; --idle 2m sees whether the stream lives", v.path, brief(v.beats[0]))
	}
}

// judgeCut tells a limit of silence from one of the whole time.
func (p *probe) judgeCut(s *sheet, v vigil) {
	how := "closed"
	if !errors.Is(v.cut, io.EOF) {
		how = "cut (" + lastOf(v.cut) + ")"
	}
	if v.lived < earlyCut {
		s.fault("stream-cut", because("something ends the answer at once: a proxy that wants a length, or a server that failed", "nginx: proxy_http_version 1.1; in the location of "+v.path), "%s: %s after %s", v.path, how, brief(v.lived))
		return
	}
	if v.quiet < v.lived/4 && len(v.beats) > 0 {
		s.fault("stream-cut", because("heartbeats came until then, so something limits the whole time of an answer: a load balancer, a platform, or http.Server's WriteTimeout",
			"HAProxy: timeout tunnel 1h", "load balancer: its limit of "+brief(v.lived)+" for one request, raised to 1h"), "%s: %s after %s", v.path, how, brief(v.lived))
		return
	}
	if v.quiet < v.lived/4 { // all of it came at the end
		v.quiet = v.lived
	}
	interval := max(v.quiet/3, time.Second).Round(time.Second)
	s.fault("stream-cut", because(fmt.Sprintf("it was quiet for %s, and something on the way waits no longer", brief(v.quiet)),
		"nginx: proxy_read_timeout 1h; in the location of "+v.path, "toolgate.yaml: sse.ping_interval: "+interval.String()+", where the proxy is not yours"), "%s: %s after %s", v.path, how, brief(v.lived))
}

// longest is the longest time between two heartbeats, the beginning and the end counted.
func longest(beats []time.Duration, lived time.Duration) time.Duration {
	var most, before time.Duration
	for _, b := range append(beats, lived) {
		most, before = max(most, b-before), b
	}
	return most
}
