package mcp

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Keys that a stateless request carries in params._meta (2026-07-28, basic).
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaClientInfo   = "io.modelcontextprotocol/clientInfo"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaLogLevel     = "io.modelcontextprotocol/logLevel"
	metaServerInfo   = "io.modelcontextprotocol/serverInfo"
	metaSubscription = "io.modelcontextprotocol/subscriptionId"
)

// Envelope is what a stateless request says of itself, beside what it asks.
type Envelope struct {
	Version      string
	Client       Implementation
	Capabilities ClientCapabilities
	LogLevel     string         // empty: the client wants no log messages
	Name         string         // params.name, .uri or .taskId: what Mcp-Name mirrors; empty where the method has none
	NameGiven    bool           // the params hold it
	Arguments    jsontext.Value // of tools/call
}

// envelopeParams is the part of any params that makes an Envelope. The values of _meta are read one by one, since which of
// them is at fault decides the error.
type envelopeParams struct {
	Meta      jsontext.Value `json:"_meta,omitzero"`
	Name      jsontext.Value `json:"name,omitzero"`
	URI       jsontext.Value `json:"uri,omitzero"`
	TaskID    jsontext.Value `json:"taskId,omitzero"`
	Arguments jsontext.Value `json:"arguments,omitzero"`
}

// Claims says whether the message claims to be stateless: its params._meta has the key of the protocol version, whatever
// its value. The body decides the era; headers only confirm it.
func (m *Message) Claims() bool {
	if !bytes.Contains(m.Params, []byte(metaVersion)) && bytes.IndexByte(m.Params, '\\') < 0 {
		return false // most messages, without decoding anything
	}
	var p envelopeParams
	if json.Unmarshal(m.Params, &p) != nil || p.Meta.Kind() != '{' {
		return false
	}
	var entries map[string]jsontext.Value
	if json.Unmarshal(p.Meta, &entries) != nil {
		return false
	}
	_, claims := entries[metaVersion]
	return claims
}

// ReadEnvelope reads what the message says of itself. The error is for the client: it names every key that is missing or
// of the wrong type.
func ReadEnvelope(m *Message) (*Envelope, *Error) {
	var p envelopeParams
	if m.Params != nil {
		if err := json.Unmarshal(m.Params, &p); err != nil {
			return nil, Errorf(CodeInvalidParams, "params could not be read")
		}
	}
	entries := map[string]jsontext.Value{}
	if p.Meta.Kind() == '{' {
		if err := json.Unmarshal(p.Meta, &entries); err != nil {
			return nil, Errorf(CodeInvalidParams, "params._meta could not be read")
		}
	}
	e := &Envelope{Arguments: p.Arguments}
	var faults []string
	read := func(key string, into any, required bool, kind jsontext.Kind) {
		value, ok := entries[key]
		if !ok && !required {
			return
		}
		if !ok || value.Kind() != kind || json.Unmarshal(value, into) != nil {
			faults = append(faults, key)
		}
	}
	read(metaVersion, &e.Version, true, '"')
	read(metaCapabilities, &e.Capabilities, true, '{')
	read(metaClientInfo, &e.Client, false, '{')
	read(metaLogLevel, &e.LogLevel, false, '"')
	if len(faults) > 0 {
		return nil, Errorf(CodeInvalidParams, "params._meta: missing or of the wrong type: %v", faults)
	}
	if e.LogLevel != "" && !slices.Contains(levelNames[:], e.LogLevel) {
		return nil, Errorf(CodeInvalidParams, "params._meta: %s must be one of %v", metaLogLevel, levelNames)
	}
	e.name(m.Method, &p)
	return e, nil
}

// name finds what Mcp-Name mirrors (2026-07-28, transports).
func (e *Envelope) name(method string, p *envelopeParams) {
	var value jsontext.Value
	switch method {
	case "tools/call", "prompts/get":
		value = p.Name
	case "resources/read":
		value = p.URI
	case "tasks/get", "tasks/update", "tasks/cancel":
		value = p.TaskID
	}
	if value.Kind() == '"' {
		e.Name, e.NameGiven = text(value), true
	}
}

// Named says whether the method has a name that Mcp-Name must mirror.
func Named(method string) bool {
	switch method {
	case "tools/call", "prompts/get", "resources/read", "tasks/get", "tasks/update", "tasks/cancel":
		return true
	}
	return false
}

// Peer is the client of one stateless request.
func (e *Envelope) Peer(p *Principal, addr string, wire Wire) *Peer {
	return &Peer{
		Principal: p, Addr: addr, Wire: wire, Revision: Stateless(),
		Client: e.Client, Capabilities: e.Capabilities, Initialized: true, LogLevel: e.LogLevel,
	}
}

// UnsupportedVersion is the error for a version that is not served to stateless requests.
func UnsupportedVersion(requested string) *Error {
	return &Error{
		Code: CodeUnsupportedVersion, Message: "this protocol version is not served",
		Data: map[string]any{"supported": RevisionNames(), "requested": requested},
	}
}
