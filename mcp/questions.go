package mcp

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
)

// ElicitRequest asks the client's user to fill in a form, or (URL set) to open a page. Never ask for secrets by form.
type ElicitRequest struct {
	Key     string // names the question within its call; empty: numbered
	Message string
	Schema  jsontext.Value // of a form: a flat object of primitives
	URL     string         // of a page: 2025-11-25 and later
	ID      string         // names a page's elicitation; required with URL
}

// ElicitResult is what the user did: Action is accept, decline or cancel; Content holds an accepted form.
type ElicitResult struct {
	Action  string         `json:"action"`
	Content jsontext.Value `json:"content"`
}

// Elicit asks the user: Ask with one question.
func (c *Call) Elicit(ctx context.Context, r ElicitRequest) (*ElicitResult, error) {
	return askOne[ElicitResult](ctx, c, r)
}

// CanElicit says whether the user can be asked to fill in a form: the client declared it, and something leads back to it.
func (c *Call) CanElicit() bool {
	if _, _, missing := (ElicitRequest{}).question(c.peer.Revision, c.peer.Capabilities); missing != "" {
		return false
	}
	if c.peer.Revision.Stateless {
		return c.inputs.given != nil || c.inTask() != nil
	}
	return c.link() != nil
}

func (r ElicitRequest) key() string { return r.Key }

func (r ElicitRequest) question(rev *Revision, can ClientCapabilities) (string, any, string) {
	params := struct {
		Mode            string         `json:"mode,omitempty"`
		Message         string         `json:"message"`
		RequestedSchema jsontext.Value `json:"requestedSchema,omitzero"`
		URL             string         `json:"url,omitempty"`
		ElicitationID   string         `json:"elicitationId,omitempty"`
	}{Message: r.Message, RequestedSchema: r.Schema}
	mode := "form"
	if r.URL != "" {
		mode = "url"
	}
	switch declared := can.Elicitation; {
	case !rev.Structured, declared == nil && mode == "form":
		return "", nil, "elicitation"
	case mode == "url" && (declared == nil || declared.URL == nil || !rev.Icons):
		return "", nil, "elicitation.url"
	case mode == "form" && declared.Form == nil && declared.URL != nil:
		return "", nil, "elicitation.form"
	case mode == "url":
		if params.URL = r.URL; !rev.Stateless {
			params.ElicitationID = r.ID
		}
	}
	if rev.Icons {
		params.Mode = mode
	}
	return "elicitation/create", params, ""
}

func (r ElicitRequest) valid(answer jsontext.Value) bool {
	var result ElicitResult
	if json.Unmarshal(answer, &result) != nil || !slices.Contains([]string{"accept", "decline", "cancel"}, result.Action) {
		return false
	}
	if result.Action != "accept" || r.URL != "" {
		return true
	}
	var schema jsonschema.Schema
	var content any
	if json.Unmarshal(r.Schema, &schema) != nil || json.Unmarshal(result.Content, &content) != nil {
		return false
	}
	resolved, err := schema.Resolve(nil)
	return err == nil && resolved.Validate(content) == nil
}

// SampleRequest asks the client's model to write. Messages and MaxTokens are required.
type SampleRequest struct {
	Key           string          `json:"-"`
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

// Sample asks the client's model: Ask with one question.
func (c *Call) Sample(ctx context.Context, r SampleRequest) (*SampleResult, error) {
	return askOne[SampleResult](ctx, c, r)
}

func (r SampleRequest) key() string { return r.Key }

func (r SampleRequest) question(_ *Revision, can ClientCapabilities) (string, any, string) {
	if can.Sampling == nil {
		return "", nil, "sampling"
	}
	return "sampling/createMessage", r, ""
}

func (r SampleRequest) valid(answer jsontext.Value) bool {
	var result SampleResult
	return json.Unmarshal(answer, &result) == nil && result.Role != "" && result.Content != nil
}

// RootsRequest asks the client for its roots.
type RootsRequest struct{ Key string }

// Root is a folder or file that the client's user works in.
type Root struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

type rootsResult struct {
	Roots []Root `json:"roots"`
}

// Roots asks the client for its roots: Ask with one question.
func (c *Call) Roots(ctx context.Context, r RootsRequest) ([]Root, error) {
	result, err := askOne[rootsResult](ctx, c, r)
	if err != nil {
		return nil, err
	}
	return result.Roots, nil
}

func (r RootsRequest) key() string { return r.Key }

func (r RootsRequest) question(_ *Revision, can ClientCapabilities) (string, any, string) {
	if can.Roots == nil {
		return "", nil, "roots"
	}
	return "roots/list", nil, ""
}

func (r RootsRequest) valid(answer jsontext.Value) bool {
	var result rootsResult
	return answer.Kind() == '{' && json.Unmarshal(answer, &result) == nil && result.Roots != nil
}
