package mcp

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// This file holds what stands on the wire and nothing else. Fields newer than a revision are taken out by project.go.

// Implementation names a program: ours to clients, theirs to us. Theirs is for display only, never for decisions.
type Implementation struct {
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
	WebsiteURL  string `json:"websiteUrl,omitempty"`
	Icons       []Icon `json:"icons,omitempty"`
}

// Icon is a picture for a thing: Src is an https or data URI.
type Icon struct {
	Src      string   `json:"src"`
	MIMEType string   `json:"mimeType,omitempty"`
	Sizes    []string `json:"sizes,omitempty"` // "48x48" or "any"
	Theme    string   `json:"theme,omitempty"` // light or dark
}

// Annotations say whom a content or resource is for.
type Annotations struct {
	Audience     []string `json:"audience,omitempty"` // user, assistant
	Priority     *float64 `json:"priority,omitempty"` // 0 to 1
	LastModified string   `json:"lastModified,omitempty"`
}

// ClientCapabilities is what a client declared in initialize. A nil field is a capability it does not have.
type ClientCapabilities struct {
	Roots *struct {
		ListChanged bool `json:"listChanged,omitzero"`
	} `json:"roots,omitzero"`
	Sampling *struct {
		Context jsontext.Value `json:"context,omitzero"`
		Tools   jsontext.Value `json:"tools,omitzero"`
	} `json:"sampling,omitzero"`
	Elicitation *struct {
		Form jsontext.Value `json:"form,omitzero"`
		URL  jsontext.Value `json:"url,omitzero"`
	} `json:"elicitation,omitzero"`
	Extensions map[string]jsontext.Value `json:"extensions,omitempty"`
}

// ToolAnnotations are hints for clients, all of them always sent.
type ToolAnnotations struct {
	ReadOnlyHint    bool `json:"readOnlyHint"`    // changes nothing
	DestructiveHint bool `json:"destructiveHint"` // may destroy something; only where not read-only
	IdempotentHint  bool `json:"idempotentHint"`  // a second call changes nothing more
	OpenWorldHint   bool `json:"openWorldHint"`   // reaches outside, e.g. the web
}

// Content is one block of a tool's result, a prompt or a sampled message. Make it with TextContent and its siblings.
type Content struct {
	Type        string            `json:"type"`
	Text        *string           `json:"text,omitzero"`
	Data        []byte            `json:"data,omitempty"` // base64 on the wire
	MIMEType    string            `json:"mimeType,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Name        string            `json:"name,omitempty"`
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Resource    *ResourceContents `json:"resource,omitzero"`
	Annotations *Annotations      `json:"annotations,omitzero"`
	Meta        map[string]any    `json:"_meta,omitempty"`
}

// TextContent is a block of text.
func TextContent(text string) Content { return Content{Type: "text", Text: &text} }

// ImageContent is a picture, e.g. of type "image/png".
func ImageContent(mimeType string, data []byte) Content {
	return Content{Type: "image", MIMEType: mimeType, Data: data}
}

// AudioContent is a sound, e.g. of type "audio/wav". Revision 2024-11-05 has none: such a client gets a text instead.
func AudioContent(mimeType string, data []byte) Content {
	return Content{Type: "audio", MIMEType: mimeType, Data: data}
}

// ResourceLink names a resource that the client may read. Clients before 2025-06-18 get the URI as text.
func ResourceLink(uri, name, mimeType string) Content {
	return Content{Type: "resource_link", URI: uri, Name: name, MIMEType: mimeType}
}

// EmbeddedResource carries a resource's contents inline.
func EmbeddedResource(r ResourceContents) Content { return Content{Type: "resource", Resource: &r} }

// ResourceContents is one item of a read: a text, or a blob where Blob is not nil.
type ResourceContents struct {
	URI      string
	MIMEType string
	Text     string
	Blob     []byte
}

// MarshalJSONTo writes exactly one of text and blob, as every revision demands.
func (r ResourceContents) MarshalJSONTo(enc *jsontext.Encoder) error {
	if r.Blob != nil {
		return json.MarshalEncode(enc, struct {
			URI      string `json:"uri"`
			MIMEType string `json:"mimeType,omitempty"`
			Blob     []byte `json:"blob"`
		}{r.URI, r.MIMEType, r.Blob})
	}
	return json.MarshalEncode(enc, struct {
		URI      string `json:"uri"`
		MIMEType string `json:"mimeType,omitempty"`
		Text     string `json:"text"`
	}{r.URI, r.MIMEType, r.Text})
}

// CallToolResult is what a call gives. IsError says that the tool failed in a way the model can act on.
type CallToolResult struct {
	Content           []Content      `json:"content"`
	StructuredContent jsontext.Value `json:"structuredContent,omitzero"`
	IsError           bool           `json:"isError,omitzero"`
	Meta              map[string]any `json:"_meta,omitempty"`
}

// GetPromptResult is a rendered prompt.
type GetPromptResult struct {
	Description string          `json:"description,omitempty"`
	Messages    []PromptMessage `json:"messages"`
}

// PromptMessage is one message of a prompt: Role is user or assistant.
type PromptMessage struct {
	Role    string  `json:"role"`
	Content Content `json:"content"`
}

// meta is what every request may carry beside its params.
type meta struct {
	ProgressToken jsontext.Value `json:"progressToken,omitzero"`
}

type empty struct{}

type initializeParams struct {
	ProtocolVersion string             `json:"protocolVersion"`
	Capabilities    ClientCapabilities `json:"capabilities"`
	ClientInfo      Implementation     `json:"clientInfo"`
}

type initializeResult struct {
	ProtocolVersion string             `json:"protocolVersion"`
	Capabilities    serverCapabilities `json:"capabilities"`
	ServerInfo      Implementation     `json:"serverInfo"`
	Instructions    string             `json:"instructions,omitempty"`
}

type serverCapabilities struct {
	Tools       listChanged          `json:"tools"`
	Resources   resourceCapabilities `json:"resources"`
	Prompts     listChanged          `json:"prompts"`
	Logging     empty                `json:"logging"`
	Completions *empty               `json:"completions,omitzero"`
	Tasks       *coreTaskCapability  `json:"tasks,omitzero"`
	Extensions  map[string]any       `json:"extensions,omitempty"`
}

type discoverResult struct {
	SupportedVersions []string           `json:"supportedVersions"`
	Capabilities      serverCapabilities `json:"capabilities"`
	Instructions      string             `json:"instructions,omitempty"`
}

type listChanged struct {
	ListChanged bool `json:"listChanged"`
}

type resourceCapabilities struct {
	Subscribe   bool `json:"subscribe"`
	ListChanged bool `json:"listChanged"`
}

type listParams struct {
	Cursor string `json:"cursor"`
}

type callToolParams struct {
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
	Task      *taskParams    `json:"task"`
	Meta      meta           `json:"_meta"`
	retryParams
}

type uriParams struct {
	URI  string `json:"uri"`
	Meta meta   `json:"_meta"`
	retryParams
}

// retryParams is what a client adds when it asks again with the answers it was asked for (2026-07-28).
type retryParams struct {
	InputResponses jsontext.Value `json:"inputResponses"`
	RequestState   string         `json:"requestState"`
}

type readResourceResult struct {
	Contents []ResourceContents `json:"contents"`
}

type getPromptParams struct {
	Name      string            `json:"name"`
	Arguments map[string]string `json:"arguments"`
	Meta      meta              `json:"_meta"`
	retryParams
}

type completeParams struct {
	Ref struct {
		Type string `json:"type"`
		Name string `json:"name"`
		URI  string `json:"uri"`
	} `json:"ref"`
	Argument struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"argument"`
	Context struct {
		Arguments map[string]string `json:"arguments"`
	} `json:"context"`
}

type completeResult struct {
	Completion struct {
		Values  []string `json:"values"`
		Total   int      `json:"total"`
		HasMore bool     `json:"hasMore"`
	} `json:"completion"`
}

type setLevelParams struct {
	Level string `json:"level"`
}

type cancelledParams struct {
	RequestID jsontext.Value `json:"requestId,omitzero"`
	Reason    string         `json:"reason,omitempty"`
}

type progressParams struct {
	ProgressToken jsontext.Value `json:"progressToken"`
	Progress      float64        `json:"progress"`
	Total         float64        `json:"total,omitzero"`
	Message       string         `json:"message,omitempty"`
}

type logParams struct {
	Level  string `json:"level"`
	Logger string `json:"logger,omitempty"`
	Data   any    `json:"data"`
}

type updatedParams struct {
	URI string `json:"uri"`
}
