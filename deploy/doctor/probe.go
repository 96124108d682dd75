package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	userAgent = "toolgate-doctor"
	maxAnswer = 4 << 20 // bytes of one answer that are read; tool lists of hundreds of tools fit
)

// bounds are how long the doctor waits. Tests have shorter ones.
type bounds struct {
	answer    time.Duration // one request to its answer, or the first event of a stream
	prompt    time.Duration // beyond what a round trip takes; events that come later were held back
	spacing   time.Duration // between the requests whose answers are timed
	heartbeat time.Duration // for the first heartbeat of a quiet stream, when --idle does not say
	report    time.Duration // between two lines of progress
	check     time.Duration // one check, but for the quiet stream
	all       time.Duration // the whole run, without --idle
}

func standardBounds() bounds {
	return bounds{
		answer: 5 * time.Second, prompt: time.Second, spacing: 150 * time.Millisecond, heartbeat: 18 * time.Second,
		report: 10 * time.Second, check: 12 * time.Second, all: 28 * time.Second,
	}
}

// probe is one run. What the first checks find out is written before the later ones, which run at once, read it.
type probe struct {
	*options
	bounds bounds
	say    func(format string, args ...any) // a line of progress

	plain, fresh, modern *http.Client                                                      // HTTP/1.1; the same, a connection a request; HTTP/2 where it is offered
	connect              func(ctx context.Context, network, addr string) (net.Conn, error) // to an address; tests have another net

	reachable bool // a connection can be made
	vouched   bool // the certificate is good, or there is none
	server    server
	door      door
	manners   manners
}

func newProbe(o *options, b bounds, say func(string, ...any)) *probe {
	p := &probe{options: o, bounds: b, say: say, connect: (&net.Dialer{Timeout: b.answer}).DialContext}
	p.plain, p.fresh, p.modern = p.client(false), p.client(false), p.client(true)
	p.fresh.Transport.(*http.Transport).DisableKeepAlives = true
	return p
}

// client follows no redirect, so that one is seen, asks no proxy and takes answers as they come.
func (p *probe) client(two bool) *http.Client {
	t := &http.Transport{
		DialContext: p.dial, TLSClientConfig: p.tlsConfig(true), DisableCompression: true,
		TLSHandshakeTimeout: p.bounds.answer, ExpectContinueTimeout: p.bounds.answer, Protocols: new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(two)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// tlsConfig verifies nothing where lenient: the tls check has said what is wrong, and the rest is looked at all the same.
func (p *probe) tlsConfig(lenient bool) *tls.Config {
	return &tls.Config{RootCAs: p.roots, InsecureSkipVerify: lenient, MinVersion: tls.VersionTLS10} //nolint:gosec // see above
}

// dial connects to what --resolve says, or where the name leads.
func (p *probe) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if to, ok := p.resolve[strings.ToLower(addr)]; ok {
		addr = to
	}
	return p.connect(ctx, network, addr)
}

// close ends what the clients keep open.
func (p *probe) close() {
	for _, c := range []*http.Client{p.plain, p.fresh, p.modern} {
		c.CloseIdleConnections()
	}
}

// trusted says that the credential may be sent.
func (p *probe) trusted() bool { return p.vouched || p.insecure }

// query is one request. Its header comes in pairs, name and value.
type query struct {
	method, url string
	header      []string
	body        string
	length      int64        // announced instead of the body's
	stream      io.Reader    // instead of body
	host        string       // instead of the URL's
	anonymous   bool         // without the credential
	client      *http.Client // nil: plain
}

// answer is what came back, all of it.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
	after  time.Duration // till the headers
}

// json says that the body claims to be JSON, and html that it claims to be a page.
func (a answer) json() bool { return mediaType(a.header) == "application/json" }
func (a answer) html() bool { return mediaType(a.header) == "text/html" }

// made says who made the answer, for a finding.
func (a answer) made() string {
	what := mediaType(a.header)
	switch {
	case what == "" && len(a.body) == 0:
		what = "no body"
	case what == "":
		what = "no Content-Type"
	}
	if by := a.header.Get("Server"); by != "" && !a.json() {
		return fmt.Sprintf("%d, %s, Server: %.40s", a.status, what, by)
	}
	return fmt.Sprintf("%d, %s", a.status, what)
}

func mediaType(h http.Header) string {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		media, _, _ = strings.Cut(h.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(media))
}

// request makes the request of a query. The credential goes along where it may.
func (p *probe) request(ctx context.Context, q query) (*http.Request, error) {
	body := q.stream
	if body == nil && q.body != "" {
		body = strings.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, q.url, body)
	if err != nil {
		return nil, err
	}
	if q.length > 0 {
		r.ContentLength = q.length
	}
	r.Host = q.host
	r.Header.Set("User-Agent", userAgent)
	if p.key != "" && !q.anonymous && p.trusted() && p.target.sameOrigin(r.URL) {
		r.Header.Set("Authorization", "Bearer "+p.key)
	}
	for i := 0; i+1 < len(q.header); i += 2 {
		r.Header.Set(q.header[i], q.header[i+1])
	}
	return r, nil
}

// ask sends one request and reads its whole answer, a stream until its first message, within bounds.answer. It notes the
// answer's manners.
func (p *probe) ask(ctx context.Context, q query) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.bounds.answer, errNoAnswer(p.bounds.answer))
	defer cancel()
	r, err := p.request(ctx, q)
	if err != nil {
		return answer{}, err
	}
	client := q.client
	if client == nil {
		client = p.plain
	}
	start := time.Now()
	response, err := client.Do(r)
	if err != nil {
		return answer{}, plainly(ctx, err)
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header, after: time.Since(start)}
	p.conceal(a.header)
	if mediaType(a.header) == "text/event-stream" && a.status == http.StatusOK {
		a.body, err = p.firstMessage(ctx, response)
	} else {
		a.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	a.took = time.Since(start)
	if p.key != "" {
		a.body = bytes.ReplaceAll(a.body, []byte(p.key), []byte("[key]"))
	}
	p.manners.note(a, start.Add(a.after/2))
	if err != nil {
		return a, plainly(ctx, err)
	}
	return a, nil
}

// conceal strikes out the key where a server gives it back.
func (p *probe) conceal(h http.Header) {
	if p.key == "" {
		return
	}
	for _, lines := range h {
		for i := range lines {
			lines[i] = strings.ReplaceAll(lines[i], p.key, "[key]")
		}
	}
}

// errNoAnswer is why a request was given up.
type errNoAnswer time.Duration

func (e errNoAnswer) Error() string { return fmt.Sprintf("no answer in %v", time.Duration(e)) }

// plainly takes the request's URL, whose query may hold a session, off an error, and says the deadline's name for it.
func plainly(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err
	}
	return err
}

// manners are what every answer shows of the server, whatever it answers.
type manners struct {
	mu       sync.Mutex
	skews    []time.Duration // of its clock, by each Date
	software map[string]string
	limited  []answer // turned away for coming too often
}

func (m *manners) note(a answer, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		m.skews = append(m.skews, date.Sub(at))
	}
	for _, name := range []string{"Server", "X-Powered-By"} {
		if v := a.header.Get(name); v != "" {
			if m.software == nil {
				m.software = map[string]string{}
			}
			m.software[name] = v
		}
	}
	if a.status == http.StatusTooManyRequests {
		m.limited = append(m.limited, a)
	}
}
