package mcp

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Call is what a tool, resource or prompt may do while it answers: tell the client how far it is, log to it, ask it. A
// Call is good until its function returns; after that, and after the call's deadline or cancellation, nothing is sent.
// Its methods may be called from several goroutines.
type Call struct {
	peer   *Peer
	logger string         // what log messages are signed with: the tool's name
	token  jsontext.Value // the client's progress token; nil where it wants none

	mu       sync.Mutex
	over     bool
	progress float64 // the last one sent: each must be greater
}

// Principal is who asks. It is never nil.
func (c *Call) Principal() *Principal { return c.peer.Principal }

// Client is what the client says of itself; display only.
func (c *Call) Client() Implementation { return c.peer.Client }

// Progress tells the client how far the call is, if it asked for that. A progress that is not greater than the last is
// not sent (all revisions: it must increase). total is 0 where unknown. It never blocks.
func (c *Call) Progress(progress, total float64, message string) {
	if c.token == nil || c.peer.back == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || progress <= c.progress || math.IsNaN(progress) || math.IsInf(progress, 0) {
		return
	}
	c.progress = progress
	c.sendProgress(total, message)
}

func (c *Call) sendProgress(total float64, message string) {
	p := progressParams{ProgressToken: c.token, Progress: c.progress, Total: total}
	if c.peer.Revision.Annotations {
		p.Message = message
	}
	c.peer.back.notify("notifications/progress", p)
}

// heartbeat sends progress on a clock until stop is called, so that a client's own time-out does not end a call that
// works on (clients give up after 60 s of silence). Each step is tiny: whatever the tool itself reports next is greater.
func (c *Call) heartbeat(every time.Duration) (stop func()) {
	if c.token == nil || c.peer.back == nil || every <= 0 {
		return func() {}
	}
	const step = 1e-6
	started := time.Now()
	var timer *time.Timer
	c.mu.Lock()
	defer c.mu.Unlock()
	timer = time.AfterFunc(every, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.over {
			return
		}
		c.progress = max(c.progress+step, math.Nextafter(c.progress, math.Inf(1))) // beside a large number step is nothing
		c.sendProgress(0, fmt.Sprintf("still working after %s", time.Since(started).Round(time.Second)))
		timer.Reset(every)
	})
	return func() { timer.Stop() }
}

// end makes the call silent: its answer has gone, or will not come.
func (c *Call) end() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
}

// Log sends a message to the client, if it wants that level. data is anything JSON can hold, and must hold no secrets. It
// never blocks.
func (c *Call) Log(level Level, data any) {
	if c.peer.back == nil || level < c.peer.back.logLevel() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.peer.back.notify("notifications/message", logParams{Level: level.String(), Logger: c.logger, Data: data})
	}
}

// ElicitRequest asks the client's user to fill in a form, or (URL set) to open a page. Schema is a flat object of
// primitives. Never ask for secrets by form.
type ElicitRequest struct {
	Message string
	Schema  jsontext.Value // of a form
	URL     string         // of a page: 2025-11-25 and later
	ID      string         // names a page's elicitation; required with URL
}

// ElicitResult is what the user did: Action is accept, decline or cancel; Content holds an accepted form.
type ElicitResult struct {
	Action  string         `json:"action"`
	Content jsontext.Value `json:"content"`
}

// Elicit asks the user and waits, until ctx ends. It fails with an error the model can read where the client declared no
// elicitation of that kind.
func (c *Call) Elicit(ctx context.Context, r ElicitRequest) (*ElicitResult, error) {
	declared := c.peer.Capabilities.Elicitation
	params := struct {
		Mode            string         `json:"mode,omitempty"`
		Message         string         `json:"message"`
		RequestedSchema jsontext.Value `json:"requestedSchema,omitzero"`
		URL             string         `json:"url,omitempty"`
		ElicitationID   string         `json:"elicitationId,omitempty"`
	}{Message: r.Message, RequestedSchema: r.Schema}
	switch {
	case declared == nil || !c.peer.Revision.Structured:
		return nil, cannot("elicitation")
	case r.URL != "":
		if declared.URL == nil || !c.peer.Revision.Icons {
			return nil, cannot("elicitation.url")
		}
		params.Mode, params.URL, params.ElicitationID = "url", r.URL, r.ID
	case declared.Form == nil && declared.URL != nil:
		return nil, cannot("elicitation.form")
	case c.peer.Revision.Icons:
		params.Mode = "form"
	}
	return askFor[ElicitResult](ctx, c, "elicitation/create", params)
}

// SampleRequest asks the client's model to write. Messages and MaxTokens are required.
type SampleRequest struct {
	Messages      []PromptMessage `json:"messages"`
	MaxTokens     int             `json:"maxTokens"`
	SystemPrompt  string          `json:"systemPrompt,omitempty"`
	Temperature   *float64        `json:"temperature,omitzero"`
	StopSequences []string        `json:"stopSequences,omitempty"`
}

// SampleResult is what the client's model wrote. Treat it as any stranger's input.
type SampleResult struct {
	Role       string         `json:"role"`
	Content    jsontext.Value `json:"content"` // one block, or an array of them (2025-11-25)
	Model      string         `json:"model"`
	StopReason string         `json:"stopReason"`
}

// Sample asks the client's model and waits, until ctx ends.
func (c *Call) Sample(ctx context.Context, r SampleRequest) (*SampleResult, error) {
	if c.peer.Capabilities.Sampling == nil {
		return nil, cannot("sampling")
	}
	return askFor[SampleResult](ctx, c, "sampling/createMessage", r)
}

// Root is a folder or file that the client's user works in.
type Root struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

// Roots asks the client for its roots and waits, until ctx ends.
func (c *Call) Roots(ctx context.Context) ([]Root, error) {
	if c.peer.Capabilities.Roots == nil {
		return nil, cannot("roots")
	}
	result, err := askFor[struct {
		Roots []Root `json:"roots"`
	}](ctx, c, "roots/list", nil)
	if err != nil {
		return nil, err
	}
	return result.Roots, nil
}

func cannot(capability string) error {
	return &ToolError{Message: fmt.Sprintf("this needs a client with the capability %q, which yours did not declare", capability)}
}

// askFor sends one request to the client and decodes its answer. Whatever the client says wrong, or refuses, is for the
// model to read.
func askFor[R any](ctx context.Context, c *Call, method string, params any) (*R, error) {
	if c.peer.back == nil {
		return nil, ToolErrorf("%s: %s; connect by /sse", method, errCannotAsk)
	}
	value, err := c.peer.back.ask(ctx, method, params)
	if err != nil {
		return nil, err
	}
	result := new(R)
	if err := json.Unmarshal(value, result); err != nil {
		return nil, ToolErrorf("the client's answer to %s could not be read", method)
	}
	return result, nil
}
