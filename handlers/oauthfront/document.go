package oauthfront

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"toolgate/config"
)

const (
	documentTimeout = 5 * time.Second
	maxDocument     = 64 << 10 // bytes
	maxDocuments    = 500      // kept, and as many failures
	documentAge     = 10 * time.Minute
	failureAge      = time.Minute // before what failed is tried again
	maxFetches      = 32          // at once, for all the strangers who ask
	maxFetchesOfOne = 2           // for one address
)

// What is wrong with a client's document. The person at the browser reads it, and the one who wrote the document.
var (
	errDocumentBusy  = errors.New("too many documents of clients are being fetched: try again")
	errDocumentReach = errors.New("the document of the client cannot be fetched")
	errDocumentOther = errors.New("the document names another client_id than its own URL")
	errDocumentAuth  = errors.New("the document wants the client to prove itself by a key or a secret: this server takes token_endpoint_auth_method none")
)

// documents fetches what clients say of themselves at the URL that is their id (OAuth Client ID Metadata Document). Strangers
// choose these URLs: nothing is asked but https, on public addresses unless the operator named the host, without redirects,
// bounded in bytes, time and number, all together and for each who asks. Safe for concurrent use.
type documents struct {
	web *http.Client

	mu      sync.Mutex
	known   *simplelru.LRU[string, document]
	failed  *simplelru.LRU[string, document] // apart: what fails costs a stranger nothing, and must not push out what works
	running map[string]int                   // fetches, by the address that asked
	fetches int                              // of them all
}

// document is what came of a fetch: a client, or what is wrong.
type document struct {
	client  *client
	err     error
	expires time.Time
}

func newDocuments(privateHosts []string) (*documents, error) {
	known, err1 := simplelru.NewLRU[string, document](maxDocuments, nil)
	failed, err2 := simplelru.NewLRU[string, document](maxDocuments, nil)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	private := make([]string, 0, len(privateHosts))
	for _, host := range privateHosts {
		private = append(private, strings.ToLower(host))
	}
	return &documents{
		known: known, failed: failed, running: map[string]int{},
		web: &http.Client{
			Timeout: documentTimeout,
			Transport: &http.Transport{
				DialContext: dialer(private), DisableKeepAlives: true, DisableCompression: true,
				TLSHandshakeTimeout: documentTimeout, MaxResponseHeaderBytes: maxDocument,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// dialer connects to public addresses, judged when the connection is made, so that a name that resolves to another address the
// second time finds no gap; and to whatever address the named hosts have.
func dialer(private []string) func(ctx context.Context, network, address string) (net.Conn, error) {
	open := &net.Dialer{Timeout: documentTimeout}
	guarded := &net.Dialer{Timeout: documentTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !isPublic(to.Addr()) {
			return errDocumentReach
		}
		return nil
	}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		host = strings.ToLower(host)
		if slices.Contains(private, host) || slices.Contains(private, net.JoinHostPort(host, port)) {
			return open.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
}

// isPublic says whether an address is one of the internet's, and leads to no other by a translation.
func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Zone() != "" || addr.Is6() && !netip.MustParsePrefix("2000::/3").Contains(addr) {
		return false
	}
	for _, reserved := range []string{ // IANA's registries of special-purpose addresses, and where Azure keeps secrets
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/3", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		if netip.MustParsePrefix(reserved).Contains(addr) {
			return false
		}
	}
	return addr.IsValid()
}

// client is what the document at id says, for somebody at an address. It waits for one request at most, and refuses where too
// many wait, above all for that address: who names sites that do not answer keeps nobody else from logging in.
func (d *documents) client(ctx context.Context, address, id string) (*client, error) {
	if known, ok := d.remembered(id); ok {
		return known.client, known.err
	}
	if !d.begin(address) {
		return nil, errDocumentBusy
	}
	defer d.end(address)
	c, err := d.fetch(ctx, id)
	if ctx.Err() == nil { // a browser that went away says nothing of the document
		d.remember(id, c, err)
	}
	return c, err
}

func (d *documents) remembered(id string) (document, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, list := range []*simplelru.LRU[string, document]{d.known, d.failed} {
		if known, ok := list.Get(id); ok && time.Now().Before(known.expires) {
			return known, true
		}
	}
	return document{}, false
}

func (d *documents) remember(id string, c *client, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		again := fmt.Errorf("%w. It was tried less than a minute ago: try again in a minute", err)
		d.failed.Add(id, document{err: again, expires: time.Now().Add(failureAge)})
		return
	}
	d.known.Add(id, document{client: c, expires: time.Now().Add(documentAge)})
}

// begin counts a fetch for an address, unless there are too many. end follows it.
func (d *documents) begin(address string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fetches >= maxFetches || d.running[address] >= maxFetchesOfOne {
		return false
	}
	d.fetches++
	d.running[address]++
	return true
}

func (d *documents) end(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fetches--
	if d.running[address]--; d.running[address] == 0 {
		delete(d.running, address)
	}
}

func (d *documents) fetch(ctx context.Context, id string) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, id, http.NoBody)
	if err != nil {
		return nil, errDocumentReach
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Toolgate")
	response, err := d.web.Do(request)
	if err != nil {
		return nil, errDocumentReach // what lies at an address is not for strangers to learn
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: it was answered with another status than 200", errDocumentReach)
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return nil, fmt.Errorf("%w: it is not served as application/json", errDocumentReach)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil || len(text) > maxDocument {
		return nil, fmt.Errorf("%w: it ends early, or is larger than %v", errDocumentReach, config.Bytes(maxDocument))
	}
	return readDocument(id, text)
}

// readDocument checks what the document at id says.
func readDocument(id string, text []byte) (*client, error) {
	var said struct {
		ID string `json:"client_id"`
		metadata
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, errors.New("the document of the client is no JSON object of OAuth's client metadata")
	}
	switch {
	case said.ID != id:
		return nil, errDocumentOther
	case said.AuthMethod != "" && said.AuthMethod != "none":
		return nil, errDocumentAuth
	}
	c, err := said.client(id)
	if err != nil {
		return nil, fmt.Errorf("the document of the client: %w", err)
	}
	return c, nil
}

// close lets go of connections.
func (d *documents) close() { d.web.CloseIdleConnections() }
