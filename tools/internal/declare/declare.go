// Package declare is what the packs of declared tools have in common: what a declaration says of a tool and of its
// parameters, checked, and made into a schema that every model API takes.
package declare

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"

	"toolgate/config"
	"toolgate/mcp"
)

// Limits of a declaration.
const (
	maxName       = 40 // some clients put mcp__SERVER__ before it and take 60 in all
	maxParameters = 64
)

var (
	toolName      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	types         = []string{"string", "integer", "number", "boolean", "array"}
	itemTypes     = []string{"string", "integer", "number", "boolean"}
)

// Tool is what every declared tool says of itself, whatever it does. Packs decode it beside keys of their own.
type Tool struct {
	At          config.Position
	Name        string
	Title       string // empty: made of the name
	Description string
	Parameters  []Parameter // in the order in which they are shown
	Write       bool        // it changes something: off unless enabled by name
	Destructive bool        // it may destroy something
	Idempotent  bool        // a second call changes nothing more
	OpenWorld   bool        // it reaches beyond what the operator owns
}

// Parameter is one argument of a declared tool.
type Parameter struct {
	At          config.Position
	Name        string   `yaml:"name"`
	Type        string   `yaml:"type"`  // string, integer, number, boolean or array; empty: string
	Items       string   `yaml:"items"` // of an array: the type of its elements; empty: string
	Description string   `yaml:"description"`
	Required    *bool    `yaml:"required"` // not written: required where there is no default
	Default     any      `yaml:"default"`
	Enum        []string `yaml:"enum"` // of a string
	Minimum     *float64 `yaml:"minimum"`
	Maximum     *float64 `yaml:"maximum"`
	MinLength   *int     `yaml:"min_length"`
	MaxLength   *int     `yaml:"max_length"`
	Pattern     string   `yaml:"pattern"` // RE2
	Format      string   `yaml:"format"`
	Sensitive   bool     `yaml:"sensitive"` // its value is kept out of logs and audit
}

// IsRequired says whether every call must give the parameter.
func (p Parameter) IsRequired() bool {
	if p.Required != nil {
		return *p.Required
	}
	return p.Default == nil
}

// Annotations are those of the tool.
func (t Tool) Annotations() mcp.ToolAnnotations {
	return mcp.ToolAnnotations{
		ReadOnlyHint: !t.Write, DestructiveHint: t.Write && t.Destructive,
		IdempotentHint: !t.Write || t.Idempotent, OpenWorldHint: t.OpenWorld,
	}
}

// ShownTitle is Title, or the name as a sentence.
func (t Tool) ShownTitle() string {
	if t.Title != "" || t.Name == "" {
		return t.Title
	}
	words := strings.ReplaceAll(strings.ReplaceAll(t.Name, "_", " "), "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// Check returns every fault of the declaration, each with its file and line.
func (t Tool) Check() error {
	var faults []error
	fault := func(at config.Position, format string, args ...any) {
		faults = append(faults, at.Errorf("tool %q: %s", t.Name, fmt.Sprintf(format, args...)))
	}
	switch {
	case t.Name == "":
		fault(t.At, "a name is required")
	case len(t.Name) > maxName:
		fault(t.At, "the name has %d characters; clients take at most %d", len(t.Name), maxName)
	case !toolName.MatchString(t.Name):
		fault(t.At, "a name is made of letters, digits, _ and -, a letter first")
	}
	if t.Description == "" {
		fault(t.At, "a description is required: models choose by it")
	}
	if t.Destructive && !t.Write {
		fault(t.At, "it is destructive but not write: set write: true too")
	}
	if len(t.Parameters) > maxParameters {
		fault(t.At, "%d parameters; at most %d are of use to a model", len(t.Parameters), maxParameters)
	}
	for i, p := range t.Parameters {
		for _, text := range p.faults() {
			fault(p.At, "parameter %q: %s", p.Name, text)
		}
		if slices.ContainsFunc(t.Parameters[:i], func(o Parameter) bool { return o.Name == p.Name }) {
			fault(p.At, "parameter %q: there twice", p.Name)
		}
	}
	return errors.Join(faults...)
}

func (p Parameter) faults() (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !parameterName.MatchString(p.Name) || len(p.Name) > 64 {
		fault("a name is made of letters, digits and _, no digit first, 64 at most")
	}
	if p.Description == "" {
		fault("a description is required: models fill it in by that")
	}
	kind := p.kind()
	if !slices.Contains(types, kind) {
		fault("type %q is none of %s", p.Type, strings.Join(types, ", "))
		return faults
	}
	if p.Items != "" && kind != "array" {
		fault("items is for arrays")
	}
	if p.Items != "" && !slices.Contains(itemTypes, p.Items) {
		fault("items %q is none of %s", p.Items, strings.Join(itemTypes, ", "))
	}
	if (len(p.Enum) > 0 || p.Pattern != "" || p.Format != "" || p.MinLength != nil || p.MaxLength != nil) && kind != "string" {
		fault("enum, pattern, format, min_length and max_length are for strings")
	}
	if (p.Minimum != nil || p.Maximum != nil) && kind != "integer" && kind != "number" {
		fault("minimum and maximum are for numbers")
	}
	if p.Minimum != nil && p.Maximum != nil && *p.Minimum > *p.Maximum {
		fault("minimum is above maximum")
	}
	if _, err := regexp.Compile(p.Pattern); err != nil {
		fault("pattern: %v", err)
	}
	if p.Required != nil && *p.Required && p.Default != nil {
		fault("it is required and has a default: leave one out")
	}
	if p.Default != nil {
		if err := p.checkDefault(); err != nil {
			fault("default: %v", err)
		}
	}
	return faults
}

func (p Parameter) kind() string {
	if p.Type == "" {
		return "string"
	}
	return p.Type
}

func (p Parameter) checkDefault() error {
	s := p.schema()
	s.Default = nil
	resolved, err := s.Resolve(nil)
	if err != nil {
		return err
	}
	value, err := json.Marshal(p.Default)
	if err != nil {
		return err
	}
	var plain any
	if err := json.Unmarshal(value, &plain); err != nil {
		return err
	}
	return resolved.Validate(plain)
}

func (p Parameter) schema() *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: p.kind(), Description: p.Description, Minimum: p.Minimum, Maximum: p.Maximum,
		MinLength: p.MinLength, MaxLength: p.MaxLength, Pattern: p.Pattern, Format: p.Format,
	}
	if s.Type == "array" {
		s.Items = &jsonschema.Schema{Type: "string"}
		if p.Items != "" {
			s.Items.Type = p.Items
		}
	}
	for _, value := range p.Enum {
		s.Enum = append(s.Enum, value)
	}
	if p.Default != nil {
		s.Default, _ = json.Marshal(p.Default) // checked when it was declared
	}
	if p.Sensitive {
		s.Extra = map[string]any{"x-sensitive": true}
	}
	return s
}

// InputSchema is the schema of the arguments, for mcp.ToolSpec. The declaration has been checked.
func (t Tool) InputSchema() jsontext.Value {
	s := &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
	if len(t.Parameters) > 0 {
		s.Properties = map[string]*jsonschema.Schema{}
	}
	for _, p := range t.Parameters {
		s.Properties[p.Name] = p.schema()
		s.PropertyOrder = append(s.PropertyOrder, p.Name)
		if p.IsRequired() {
			s.Required = append(s.Required, p.Name)
		}
	}
	wire, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("declare: encode the schema of a checked declaration: %v", err))
	}
	return wire
}

// Arguments is how the In of a declared tool is typed: each argument as it was sent, defaults filled in.
type Arguments map[string]jsontext.Value
