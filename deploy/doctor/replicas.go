package doctor

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

const (
	manyRequests = 8 // on connections of their own; two replicas that take turns miss at the first or second
	manyStreams  = 8 // at once; a person with two clients and some pages has as many
)

func strangers() remedy {
	return because("several replicas stand behind the proxy, and each knows its own sessions alone",
		"nginx: one server in the upstream block, the others with backup, as toolgate init nginx writes it; or ip_hash;")
}

// checkReplicas keeps a session and comes to it on new connections, which a balancer spreads.
func (p *probe) checkReplicas(ctx context.Context, s *sheet) {
	if !p.door.mcp.may(s) {
		return
	}
	id, ok := p.begin(ctx)
	if !ok {
		s.skip("replicas", "there is no session at %s to lose", p.door.mcp.path)
		return
	}
	defer p.end(ctx, id)
	missed, limited, failed := 0, 0, ""
	for i := range manyRequests {
		q := posting(p.door.mcp.url, call(20+i, "ping", "{}"), "Mcp-Session-Id", id)
		q.client = p.fresh
		a, err := p.ask(ctx, q)
		switch {
		case err != nil:
			failed = lastOf(err)
		case a.status == http.StatusTooManyRequests:
			limited++
		case a.status == http.StatusNotFound || sessionUnknown(a):
			missed++
		case a.status > 299:
			failed = a.made()
		}
	}
	switch {
	case missed > 0:
		s.fault("no-stickiness", strangers(), "%d of %d requests of a live session were told that it is not there", missed, manyRequests)
	case failed != "":
		s.warn("replicas-uneven", because("a replica may be broken: "+failed, "nginx: the servers of the upstream block, one by one"), "some of %d requests of a live session failed", manyRequests)
	case limited > 0:
		s.skip("replicas", "%d of %d requests were turned away for coming too often", limited, manyRequests)
	default:
		s.ok("replicas", "%d requests on connections of their own found their session", manyRequests)
	}
}

// checkStreams opens several streams at once.
func (p *probe) checkStreams(ctx context.Context, s *sheet) {
	if !p.door.sse.may(s) {
		return
	}
	problems := make([]string, manyStreams)
	streams := make([]*stream, manyStreams)
	var wg sync.WaitGroup
	for i := range manyStreams {
		wg.Go(func() {
			st, a, err := p.open(ctx, query{url: p.door.sse.url, client: p.modern}, p.bounds.answer)
			if st == nil {
				problems[i] = answerOr(a, err)
			}
			streams[i] = st
		})
	}
	wg.Wait()
	failed, why := 0, ""
	for i, st := range streams {
		if st != nil {
			st.close()
			continue
		}
		failed, why = failed+1, problems[i]
	}
	if failed > 0 {
		s.warn("streams-limited", because(why, "nginx: limit_conn addr 200;", "toolgate.yaml: limits.sessions_per_address, limits.sessions_per_client"), "%d of %d streams at once were refused", failed, manyStreams)
		return
	}
	s.ok("streams", "%d streams at once were opened", manyStreams)
}

// checkBody sends bodies beyond what nginx takes by default, and beyond what this project's server does.
func (p *probe) checkBody(ctx context.Context, s *sheet) {
	w := &p.door.mcp
	if !w.may(s) {
		return
	}
	a, err := p.ask(ctx, posting(w.url, padded(largeBody)))
	switch {
	case err != nil && isLate(err):
		s.skip("body", "%d KiB could not be sent in %s", largeBody>>10, brief(p.bounds.answer))
		return
	case err != nil:
		s.warn("body", because(lastOf(err), "nginx: client_max_body_size 4m;"), "a body of %d KiB: the connection was ended", largeBody>>10)
		return
	case a.status == http.StatusRequestEntityTooLarge && !a.json():
		s.fault("body-limit", because("the proxy takes less than the server does; nginx's own default is 1m", "nginx: client_max_body_size 4m; (limits.body of toolgate.yaml)"),
			"a body of %d KiB is refused by the proxy: %s", largeBody>>10, a.made())
		return
	case a.status == http.StatusRequestEntityTooLarge:
		s.ok("body", "a body of %d KiB is refused by the server, 413 in JSON", largeBody>>10)
		return
	}
	q := posting(w.url, "", "Expect", "100-continue")
	q.stream, q.length, q.client = strings.NewReader(padded(hugeBody)), hugeBody, p.fresh
	a, err = p.ask(ctx, q)
	switch {
	case err != nil:
		s.info("body", "a body of %d KiB is taken; one of %d KiB: %s", largeBody>>10, hugeBody>>10, lastOf(err))
	case a.status == http.StatusRequestEntityTooLarge && !a.json():
		s.warn("body-html", because("the proxy refuses it before the server can; clients show its page to the model", "nginx: client_max_body_size 5m; (a little more than limits.body of toolgate.yaml, which answers in JSON)"),
			"a body of %d KiB is refused by the proxy: %s", hugeBody>>10, a.made())
	case a.status == http.StatusRequestEntityTooLarge:
		s.ok("body", "a body of %d KiB is taken, one of %d KiB is 413 in JSON", largeBody>>10, hugeBody>>10)
	default:
		s.info("body", "bodies of %d KiB are taken (%d)", hugeBody>>10, a.status)
	}
}

const (
	largeBody = 1536 << 10         // bytes: more than nginx takes by default, less than limits.body is
	hugeBody  = 4<<20 + (64 << 10) // bytes: a little more than limits.body is by default
)

// padded is a request of n bytes.
func padded(n int) string {
	const head, tail = `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"_meta":{"padding":"`, `"}}}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}
