package doctor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// held is why events come late, and what to do about it: the same wherever it shows.
func held(path string) remedy {
	return because("something on the way collects what the server sends before it passes it on",
		"nginx: proxy_buffering off; and no proxy_ignore_headers X-Accel-Buffering; in the location of "+path)
}

// checkSSE opens a stream as clients of 2024-11-05 do, shakes hands on it, and looks whether events arrive one by one.
func (p *probe) checkSSE(ctx context.Context, s *sheet) {
	w, st := &p.door.sse, p.door.stream
	if w.err != nil && isLate(w.err) {
		s.fault("stream-buffered", held(w.path), "GET %s: nothing arrived in %s, not even headers; other answers take %s", w.path, brief(p.bounds.answer), brief(p.door.roundtip))
		p.endpointByREST(ctx, s)
		return
	}
	if st == nil {
		w.may(s)
		return
	}
	p.streamHeaders(s, st)
	first, ok := p.firstEvent(ctx, s, st)
	if !ok {
		return
	}
	endpoint, ok := p.endpoint(ctx, s, first.data)
	if !ok {
		return
	}
	p.converse(ctx, s, st, endpoint)
}

// streamHeaders judges what proxies and caches go by.
func (p *probe) streamHeaders(s *sheet, st *stream) {
	h := st.header
	cache := listed(h, "Cache-Control")
	cached := h.Get("Age") != "" || strings.Contains(strings.ToUpper(h.Get("X-Cache")), "HIT")
	for _, directive := range cache {
		cached = cached || strings.HasPrefix(directive, "max-age") && directive != "max-age=0" || directive == "public"
	}
	if cached {
		s.fault("stream-cached", because("a cache on the way takes the stream for a file", "nginx: proxy_cache off; and no expires or add_header Cache-Control at the location of "+p.door.sse.path),
			"the stream may be cached: Cache-Control %s, Age %s, X-Cache %s", quoted(h.Get("Cache-Control")), quoted(h.Get("Age")), quoted(h.Get("X-Cache")))
	}
	if encoding := h.Get("Content-Encoding"); encoding != "" {
		s.fault("stream-compressed", compressed(p.door.sse.path), "the stream is compressed (%.20s), though nobody asked for it", encoding)
	}
	told := "X-Accel-Buffering is not on it, as nginx takes it off"
	if v := h.Get("X-Accel-Buffering"); v != "" {
		told = "X-Accel-Buffering: " + quoted(v)
	}
	s.info("sse-headers", "%.60s; %s", h.Get("Content-Type"), told)
}

// firstEvent waits for the endpoint event.
func (p *probe) firstEvent(ctx context.Context, s *sheet, st *stream) (event, bool) {
	path := p.door.sse.path
	for {
		e, err := st.next(ctx, p.bounds.answer)
		switch {
		case err != nil && isLate(err):
			s.fault("stream-buffered", held(path), "GET %s: headers came, and no event in %s", path, brief(p.bounds.answer))
			p.endpointByREST(ctx, s)
			return event{}, false
		case err != nil && ctx.Err() != nil:
			return event{}, false
		case err != nil:
			s.fault("sse-ended", because(lastOf(err), "nginx: proxy_read_timeout 1h; in the location of "+path), "GET %s: the stream ended before its first event", path)
			return event{}, false
		case e.comment:
			continue
		case e.name != "endpoint":
			s.fault("sse-first-event", because("clients wait for it before they do anything", "the server: send event: endpoint first"), "the first event is %s, not endpoint", quoted(e.name))
			return event{}, false
		}
		late := e.at.Sub(st.asked)
		if late > p.bounds.prompt+2*p.door.roundtip {
			s.fault("stream-buffered", held(path), "GET %s: the first event came after %s; other answers take %s", path, brief(late), brief(p.door.roundtip))
		} else {
			s.ok("sse", "the first event came after %s", brief(late))
		}
		return e, true
	}
}

const timedRequests = 6 // whose answers are timed

// converse shakes hands, times a few answers and lists the tools.
func (p *probe) converse(ctx context.Context, s *sheet, st *stream, endpoint string) {
	m, err := p.exchange(ctx, st, endpoint, 1, initialize(oldest))
	if err != nil {
		p.noAnswer(s, st, "initialize", err)
		return
	}
	if v := versionOf(m); v != oldest {
		s.warn("version-echo", because("clients of that revision refuse another", "the server: answer the revision that was asked for"), "initialize with %s is answered with %s", oldest, quoted(v))
	}
	if a, err := p.post(ctx, endpoint, initialized); err != nil || a.status > 299 {
		s.warn("sse-post", because(answerOr(a, err), "the server: answer 202"), "notifications/initialized was not taken")
	}
	if !p.oneByOne(ctx, s, st, endpoint) {
		return
	}
	m, err = p.exchange(ctx, st, endpoint, 90, call(90, "tools/list", "{}"))
	if err != nil {
		p.noAnswer(s, st, "tools/list", err)
		return
	}
	s.ok("sse-tools", "over /sse: a handshake, and %s", toolsOf(m))
}

func answerOr(a answer, err error) string {
	if err != nil {
		return lastOf(err)
	}
	return a.made()
}

// oneByOne sends a few requests with a pause between them, and looks when their answers arrive. What comes together is
// looked at twice: a busy machine stumbles once, a buffer does every time. It returns false where answers are missing.
func (p *probe) oneByOne(ctx context.Context, s *sheet, st *stream, endpoint string) bool {
	var lag time.Duration
	for round := range 2 {
		sent, came, ok := p.timed(ctx, s, st, endpoint, 10+round*timedRequests)
		if !ok {
			return false
		}
		if lag = clumped(sent, came, p.bounds.prompt); lag == 0 {
			s.ok("sse-prompt", "%d answers arrived one by one", len(came))
			return true
		}
	}
	s.fault("stream-buffered", held(p.door.sse.path), "answers arrive together, the first of them %s late", brief(lag))
	return true
}

// timed sends requests, whose ids begin with id, and returns when each was sent and each answer came.
func (p *probe) timed(ctx context.Context, s *sheet, st *stream, endpoint string, id int) (sent, came []time.Time, ok bool) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for i := range timedRequests {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, nil, false
		}
		pause.Reset(p.bounds.spacing)
		sent = append(sent, time.Now())
		if a, err := p.post(ctx, endpoint, call(id+i, "ping", "{}")); err != nil || a.status > 299 {
			s.warn("sse-post", because(answerOr(a, err), "see replicas, below"), "a request to the open session was not taken")
			return nil, nil, false
		}
	}
	for len(came) < timedRequests {
		e, err := st.next(ctx, p.bounds.answer)
		if err != nil {
			p.noAnswer(s, st, "ping", err)
			return nil, nil, false
		}
		if !e.comment && isResponse(e.data) {
			came = append(came, e.at)
		}
	}
	return sent, came, true
}

// clumped is how late the first answer was, where answers came together though their requests did not, or most came late;
// else 0.
func clumped(sent, came []time.Time, prompt time.Duration) time.Duration {
	n := min(len(sent), len(came))
	if n < 2 {
		return 0
	}
	late := 0
	for i := range n {
		if came[i].Sub(sent[i]) > prompt {
			late++
		}
	}
	apart, together := sent[n-1].Sub(sent[0]), came[n-1].Sub(came[0])
	first := came[0].Sub(sent[0])
	if late > n/2 || together < apart/3 && first > apart/2 {
		return first
	}
	return 0
}

// exchange posts a request and waits for its answer on the stream.
func (p *probe) exchange(ctx context.Context, st *stream, endpoint string, id int, body string) (message, error) {
	a, err := p.post(ctx, endpoint, body)
	if err != nil {
		return message{}, err
	}
	if a.status > 299 {
		return message{}, errors.New("the POST is answered " + a.made())
	}
	deadline := time.Now().Add(p.bounds.answer)
	for {
		e, err := st.next(ctx, time.Until(deadline))
		if err != nil {
			return message{}, err
		}
		if m, ok := readMessage([]byte(e.data)); ok && !e.comment && string(m.ID) == itoa(id) && m.Method == "" {
			return m, nil
		}
	}
}

// noAnswer says why there was none on the stream.
func (p *probe) noAnswer(s *sheet, st *stream, what string, err error) {
	path := p.door.sse.path
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		s.skip("sse-prompt", "the stream ended after %s, before %s was answered; see quiet", brief(time.Since(st.asked)), what)
	case isLate(err):
		s.fault("stream-buffered", held(path), "%s was taken, and its answer did not arrive in %s", what, brief(p.bounds.answer))
	default:
		s.skip("sse-prompt", "%s was not answered: %s", what, lastOf(err))
	}
}

// checkGzip asks for a compressed stream, as browsers and Node do.
func (p *probe) checkGzip(ctx context.Context, s *sheet) {
	looked := 0
	zip := []string{"Accept-Encoding", "gzip, deflate, br"}
	if w := &p.door.sse; w.closed == "" || w.err != nil && isLate(w.err) {
		st, a, err := p.open(ctx, query{url: w.url, header: zip, client: p.modern}, p.bounds.answer)
		if err == nil {
			looked++
		}
		if st != nil {
			st.close()
			p.judgeEncoding(s, w.path, a.header)
		}
	}
	if w := &p.door.mcp; w.closed == "" {
		if id, ok := p.begin(ctx); ok {
			q := posting(w.url, call(2, "tools/list", "{}"), append(zip, "Mcp-Session-Id", id, "Accept", acceptStream)...)
			if a, err := p.ask(ctx, q); err == nil {
				looked++
				if mediaType(a.header) == "text/event-stream" {
					p.judgeEncoding(s, w.path, a.header)
				}
			}
			p.end(ctx, id)
		}
	}
	switch {
	case len(s.findings) > 0:
	case looked == 0:
		s.skip("gzip", "no stream could be opened (%s)", firstOf(p.door.sse.closed, p.door.mcp.closed))
	default:
		s.ok("gzip", "streams are not compressed, though a client would take it")
	}
}

func (p *probe) judgeEncoding(s *sheet, path string, h http.Header) {
	if encoding := h.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		s.fault("stream-compressed", compressed(path), "%s: the stream is compressed (%.20s)", path, encoding)
	}
}

func compressed(path string) remedy {
	return because("a compressor holds events back until it has enough of them, and some clients cannot read them at all",
		"nginx: gzip off; in the location of "+path+", or gzip_types without text/event-stream")
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return "nothing to look at"
}
