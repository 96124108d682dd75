package mcp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ContentMode says how a structured result is sent to clients that know structuredContent.
type ContentMode string

// The content modes.
const (
	ContentBoth       ContentMode = "both"       // structuredContent, and the same JSON as text: what every client can read
	ContentText       ContentMode = "text"       // text alone; no output schemas are shown
	ContentStructured ContentMode = "structured" // structuredContent alone: half the bytes, for clients known to read it
)

// Options configure a Server. A zero field gets the default named beside it.
type Options struct {
	Info             Implementation // name and version are required
	Instructions     string         // a hint for models, sent with initialize
	PageSize         int            // entries of one page of a list; 1000
	CallTimeout      time.Duration  // of a request, unless its tool says otherwise; 60 s
	ProgressInterval time.Duration  // between heartbeats of a call whose client gave a progress token; 15 s, negative: none
	ContentMode      ContentMode    // ContentBoth
	MaxResult        int            // bytes of one tool result, larger ones are continued; at least 1 KiB; 4 MiB
	MaxCalls         int            // running at once in the process; 512
	ToolPrefix       string         // before the names of the server's own tools
	Observer         Observer
	StateKey         []byte // seals what stateless clients carry; shared by replicas; empty: one of this process's own

	// Limit says in how many seconds the peer may ask this again; 0 is now. tool is empty but for tools/call. It may
	// block as long as its counters do, redis.timeout at most. Nil: no limits.
	Limit func(p *Peer, method, tool string) (retryAfter int)
}

// Server is the dispatcher: it knows the features and answers requests, whichever way they came. It holds no sessions.
// All methods may be called from any goroutine.
type Server struct {
	opts    Options
	methods map[string]method
	catalog atomic.Pointer[catalog]
	rests   *continuations
	tasks   *tasks
	sealer  *sealer
	meta    []byte        // our name, as stateless results carry it
	more    *Tool         // read_more, which goes on with them
	slots   chan struct{} // one a running call

	mu        sync.Mutex
	closed    bool
	listeners map[*listener]struct{}
}

// listener hears of changes until it is taken out. end is called when the server closes. Neither may block.
type listener struct {
	principal *Principal // whose subscription it is; nil: a registry's own
	change    func(change)
	end       func()
}

// change is something that clients are told of: a list that became another, or a resource (uri) that has new contents.
type change struct {
	method string
	uri    string
	task   *task
}

// catalog is one state of the features, encoded for the wire. It never changes; SetFeatures puts a new one in its place.
type catalog struct {
	Features
	tools map[string]*Tool
	wire  map[*Tool]*[len(revisions)]jsontext.Value
}

// NewServer makes a server of features. It refuses features that could not be served, naming every fault.
func NewServer(features Features, opts Options) (*Server, error) {
	if opts.Info.Name == "" || opts.Info.Version == "" {
		return nil, errors.New("mcp: Options.Info needs a name and a version")
	}
	if opts.MaxResult != 0 && opts.MaxResult < 2*noteRoom {
		return nil, fmt.Errorf("mcp: Options.MaxResult must be at least %d bytes", 2*noteRoom)
	}
	opts.PageSize = cmp.Or(opts.PageSize, 1000)
	opts.CallTimeout = cmp.Or(opts.CallTimeout, time.Minute)
	opts.ProgressInterval = cmp.Or(opts.ProgressInterval, 15*time.Second)
	opts.ContentMode = cmp.Or(opts.ContentMode, ContentBoth)
	opts.MaxResult = cmp.Or(opts.MaxResult, 4<<20)
	opts.MaxCalls = cmp.Or(opts.MaxCalls, 512)
	s := &Server{opts: opts, methods: methods(), rests: newContinuations(opts.ToolPrefix + readMoreName), slots: make(chan struct{}, opts.MaxCalls)}
	s.more = s.readMore()
	s.tasks = newTasks(s.taskChanged)
	c, err := s.newCatalog(features)
	if err != nil {
		return nil, err
	}
	s.catalog.Store(c)
	if s.sealer, err = newSealer(opts.StateKey); err != nil {
		return nil, fmt.Errorf("mcp: %w", err)
	}
	if s.meta, err = json.Marshal(map[string]Implementation{metaServerInfo: opts.Info}); err != nil {
		return nil, fmt.Errorf("mcp: %w", err)
	}
	return s, nil
}

// SetFeatures replaces the features and tells every session whose lists changed. Calls under way end with what they
// began. On an error the former features stay.
func (s *Server) SetFeatures(features Features) error {
	c, err := s.newCatalog(features)
	if err != nil {
		return err
	}
	old := s.catalog.Swap(c)
	if !c.listsLike(old) {
		s.announce(change{method: "notifications/tools/list_changed"})
	}
	if !slices.Equal(old.Resources, c.Resources) || !slices.Equal(old.Templates, c.Templates) || !slices.Equal(old.Skills, c.Skills) {
		s.announce(change{method: "notifications/resources/list_changed"})
	}
	if !slices.Equal(old.Prompts, c.Prompts) {
		s.announce(change{method: "notifications/prompts/list_changed"})
	}
	return nil
}

// shown is the features as p may use them. Who may not read sees no resources, templates and prompts; tools have scopes of
// their own.
func (s *Server) shown(p *Principal) *catalog {
	c := s.catalog.Load()
	if p.Can(ScopeRead) {
		return c
	}
	return &catalog{Features: Features{Tools: c.Tools}, tools: c.tools, wire: c.wire}
}

// ResourceUpdated tells every session that subscribed to uri that its contents changed. It does not block.
func (s *Server) ResourceUpdated(uri string) {
	s.announce(change{method: "notifications/resources/updated", uri: uri})
}

// ToolsDigest is a SHA-256 over the tools as clients see them: another one says that a description or a schema is another.
func (s *Server) ToolsDigest() string {
	sum := sha256.New()
	c := s.catalog.Load()
	for _, t := range c.Tools {
		_, _ = sum.Write(c.wire[t][Newest().row])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// ToolCount is how many tools there are, ours included.
func (s *Server) ToolCount() int { return len(s.catalog.Load().Tools) }

// Tools lists the tools p may see on these terms, as clients of the newest revision see them, in their order.
func (s *Server) Tools(p *Principal, terms *Terms) []jsontext.Value {
	c := s.catalog.Load()
	var tools []jsontext.Value
	for _, t := range c.Tools {
		if p.mayCall(t) && terms.allow(t) {
			tools = append(tools, c.wire[t][Newest().row])
		}
	}
	return tools
}

// Lacks is the scopes that a message needs and p does not hold, all at once; none where the message calls no tool. A way in
// asks before it hands the message on, while the answer can still be a status.
func (s *Server) Lacks(p *Principal, m *Message) (scopes []string) {
	if p.Can(ScopeAdmin) {
		return nil
	}
	add := func(one *Message) {
		if method, ok := s.methods[one.Method]; !ok || !method.callsTool {
			return
		}
		var params callToolParams
		if decodeParams(one.Params, &params) != nil {
			return
		}
		if t, ok := s.catalog.Load().tools[params.Name]; ok && !p.mayCall(t) && !slices.Contains(scopes, t.Scope) {
			scopes = append(scopes, t.Scope)
		}
	}
	add(m)
	for _, one := range m.Batch {
		add(one)
	}
	return scopes
}

func (s *Server) newCatalog(f Features) (*catalog, error) {
	f.Tools = append(slices.Clone(f.Tools), s.more)
	f.Resources = slices.Clone(f.Resources)
	for _, k := range f.Skills {
		f.Resources = append(f.Resources, k.listed)
	}
	if faults := f.check(); len(faults) > 0 {
		return nil, fmt.Errorf("mcp: %w", errors.Join(faults...))
	}
	c := &catalog{Features: f, tools: map[string]*Tool{}, wire: map[*Tool]*[len(revisions)]jsontext.Value{}}
	for _, t := range f.Tools {
		entry, err := t.encode(s.contentMode(t))
		if err != nil {
			return nil, fmt.Errorf("mcp: tool %q: %w", t.Name, err)
		}
		c.tools[t.Name], c.wire[t] = t, entry
	}
	return c, nil
}

// listsLike says whether clients see the same tools in both.
func (c *catalog) listsLike(o *catalog) bool {
	return slices.EqualFunc(c.Tools, o.Tools, func(a, b *Tool) bool {
		return a == b || a.Scope == b.Scope && bytes.Equal(c.wire[a][Newest().row], o.wire[b][Newest().row])
	})
}

func (s *Server) contentMode(t *Tool) ContentMode { return cmp.Or(t.ContentMode, s.opts.ContentMode) }

// maxResult is how many bytes a result of t may have.
func (s *Server) maxResult(t *Tool) int {
	if t == nil || t.MaxResult == 0 {
		return s.opts.MaxResult
	}
	return min(t.MaxResult, s.opts.MaxResult)
}

// listen lets l hear every change from now on; false where the server has closed.
func (s *Server) listen(l *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.listeners == nil {
		s.listeners = map[*listener]struct{}{}
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) unlisten(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) announce(c change) {
	s.mu.Lock()
	listeners := slices.Collect(maps.Keys(s.listeners))
	s.mu.Unlock()
	for _, l := range listeners {
		l.change(c)
	}
}

// EndTasks cancels every task and waits for their tools, until ctx ends: the last step of a shutdown.
func (s *Server) EndTasks(ctx context.Context) { s.tasks.end(ctx, ErrShuttingDown) }

// Running is how many calls run, of every way in.
func (s *Server) Running() int { return len(s.slots) }

// Close ends every subscription, each with its answer, one after another, and takes no new ones. Requests under way are not
// touched. Once ctx ends it waits no more between two.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	listeners := slices.Collect(maps.Keys(s.listeners))
	s.mu.Unlock()
	paced(ctx, len(listeners), func(i int) { listeners[i].end() })
}

// EndWhere ends the subscriptions whose principal is one that gone names, each with its answer. It says how many. Those of
// sessions end by Registry.EndWhere.
func (s *Server) EndWhere(gone func(*Principal) bool) (ended int) {
	s.mu.Lock()
	listeners := slices.Collect(maps.Keys(s.listeners))
	s.mu.Unlock()
	for _, l := range listeners {
		if l.principal != nil && gone(l.principal) {
			l.end()
			ended++
		}
	}
	return ended
}

// Answer answers one request, or batch, of a peer without a session, and waits for it: until the answer is made, or ctx
// ends (the client is gone: then the answer is nil). A notification or response has no answer: nil.
func (s *Server) Answer(ctx context.Context, peer *Peer, m *Message) []byte {
	if m.Batch != nil {
		return s.answerBatch(ctx, peer, m)
	}
	if !m.IsRequest() {
		return nil
	}
	answer := make(chan []byte, 1)
	x := s.begin(ctx, peer, nil, m, func(a []byte, _ int) { answer <- a })
	go x.run() // ends with its tool; its answer comes at the deadline at the latest
	select {
	case a := <-answer:
		return a
	case <-ctx.Done():
		x.abandon(context.Cause(ctx))
		return <-answer
	}
}

func (s *Server) answerBatch(ctx context.Context, peer *Peer, m *Message) []byte {
	answers := make([][]byte, len(m.Batch))
	var wg sync.WaitGroup
	for i, one := range m.Batch {
		wg.Go(func() { answers[i] = s.Answer(ctx, peer, one) })
	}
	wg.Wait()
	return joinBatch(answers)
}

// joinBatch makes the array that answers a batch; nil where no member had an answer.
func joinBatch(answers [][]byte) []byte {
	joined := []byte{'['}
	for _, a := range answers {
		if a == nil {
			continue
		}
		if len(joined) > 1 {
			joined = append(joined, ',')
		}
		joined = append(joined, a...)
	}
	if len(joined) == 1 {
		return nil
	}
	return append(joined, ']')
}
