package mcp

import (
	"container/list"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of what is kept for read_more.
const (
	restTTL   = 10 * time.Minute // after which a model has gone on to something else
	restBytes = 64 << 20         // in all; the oldest goes first
	noteRoom  = 512              // for the note beside a part
)

// rest is the part of a result that did not fit: elements of a JSON array, or a text.
type rest struct {
	member string           // the array's name
	items  []jsontext.Value // what is left of it
	shown  int              // how many elements went before
	text   string
	limit  int // bytes of one part
}

func (r *rest) size() int {
	n := len(r.text)
	for _, item := range r.items {
		n += len(item)
	}
	return n
}

// continuations keeps rests until they are read, grow old, or are pushed out. Names are unguessable, and good only for
// the principal whose call it was.
type continuations struct {
	tool string // the name of the tool that goes on

	mu    sync.Mutex
	byAge *list.List // of *kept, oldest first
	named map[string]*list.Element
	bytes int
}

type kept struct {
	name, owner string
	until       time.Time
	rest        rest
}

func newContinuations(tool string) *continuations {
	return &continuations{tool: tool, byAge: list.New(), named: map[string]*list.Element{}}
}

// keep stores a rest and returns the note that tells the model how to go on.
func (c *continuations) keep(owner string, r rest) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &kept{name: rand.Text(), owner: owner, until: time.Now().Add(restTTL), rest: r}
	c.named[k.name] = c.byAge.PushBack(k)
	c.bytes += r.size()
	for c.bytes > restBytes && c.byAge.Len() > 1 {
		c.drop(c.byAge.Front())
	}
	left := fmt.Sprintf("%d characters are left", len(r.text))
	if r.member != "" {
		left = fmt.Sprintf("%q shows %d of %d", r.member, r.shown, r.shown+len(r.items))
	}
	return fmt.Sprintf("%s%s. For the rest call %s {\"continuation\": %q} within %d minutes.",
		noteBegins, left, c.tool, k.name, int(restTTL.Minutes()))
}

// noteBegins is how every note does.
const noteBegins = "Cut to fit: "

// Continuation is the continuation that the last block of a result names, where that is a note of a result cut to fit: for
// callers that are no models. ok is false for any other text, and once the rest was read.
func (s *Server) Continuation(p *Principal, text string) (name string, ok bool) {
	if !strings.HasPrefix(text, noteBegins) {
		return "", false
	}
	quoted := strings.Split(text, `"`)
	if len(quoted) < 3 {
		return "", false
	}
	name = quoted[len(quoted)-2]
	return name, s.rests.holds(p.ID, name)
}

// holds says whether a rest can be taken.
func (c *continuations) holds(owner, name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.named[name]
	return ok && e.Value.(*kept).owner == owner
}

// take hands out a rest once.
func (c *continuations) take(owner, name string) (rest, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.byAge.Front(); e != nil && time.Now().After(e.Value.(*kept).until); e = c.byAge.Front() {
		c.drop(e)
	}
	e, ok := c.named[name]
	if !ok || e.Value.(*kept).owner != owner {
		return rest{}, false
	}
	c.drop(e)
	return e.Value.(*kept).rest, true
}

func (c *continuations) drop(e *list.Element) {
	k := c.byAge.Remove(e).(*kept)
	delete(c.named, k.name)
	c.bytes -= k.rest.size()
}

// readMoreName is our own tool, beside those of the packs; Options.ToolPrefix stands before it.
const readMoreName = "read_more"

type readMoreParams struct {
	Continuation string `json:"continuation" jsonschema:"The continuation that a cut result named." minLength:"1" maxLength:"64"`
}

// readMore is the tool that goes on where a result was cut. It is idempotent in what it shows, not in what it keeps. Who
// may call the tool that was cut may call it: whatever scope that was, a rest is good only for whom it was kept.
func (s *Server) readMore() *Tool {
	t := NewTool(ToolSpec{
		Name:        s.opts.ToolPrefix + readMoreName,
		Title:       "Read more",
		Description: "The next part of a result that was cut to fit. Only for a continuation that such a result named.",
		Annotations: ToolAnnotations{ReadOnlyHint: true},
	}, func(_ context.Context, c *Call, in readMoreParams) (*CallToolResult, error) {
		r, ok := s.rests.take(c.Principal().ID, in.Continuation)
		if !ok {
			return nil, ToolErrorf("there is no such continuation, or it was read or is older than %s: call the tool again", restTTL)
		}
		return s.nextPart(c.Principal().ID, r), nil
	})
	t.own = true
	return t
}

func (s *Server) nextPart(owner string, r rest) *CallToolResult {
	if r.member == "" {
		head, tail := cutText(r.text, r.limit-noteRoom)
		result := &CallToolResult{Content: []Content{TextContent(head)}}
		if tail != "" {
			result.Content = append(result.Content, TextContent(s.rests.keep(owner, rest{text: tail, limit: r.limit})))
		}
		return result
	}
	n := fitting(r.items, r.limit-noteRoom-len(r.member)-len(`{"":[]}`))
	part := joinObject([]member{{r.member, joinArray(r.items[:n])}})
	result := &CallToolResult{Content: []Content{TextContent(string(part))}}
	if n == 0 { // one element alone is too large: what comes after it must not be lost with it
		left := fmt.Sprintf("Element %d is left out: it has %d bytes, and at most %d can be shown.", r.shown+1, len(r.items[0]), r.limit)
		result.Content = append(result.Content, TextContent(left))
		n = 1
	}
	if n < len(r.items) {
		left := rest{member: r.member, items: r.items[n:], shown: r.shown + n, limit: r.limit}
		result.Content = append(result.Content, TextContent(s.rests.keep(owner, left)))
	}
	return result
}
