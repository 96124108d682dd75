package mcp

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
)

// flat is the short way to say yes: an object schema whose properties are plain strings, numbers and booleans, as most
// tools' arguments are, checked on the JSON text without making values of it. It never says no: what it does not accept,
// the schema library judges and explains.
type flat struct {
	properties map[string]*flatProperty
	required   uint64 // a bit a property
	open       bool   // unknown properties may be there
}

type flatProperty struct {
	bit                  uint64
	kind                 string
	enum                 []string // raw JSON
	minLength, maxLength int      // in code points; -1: none
	minimum, maximum     *float64
	object               *flat         // of an object
	items                *flatProperty // of an array; nil: anything
}

// maxFlat is how many properties fit the bits.
const maxFlat = 64

// flatten makes the short way of a schema; nil where the schema says more than it can check.
func flatten(root *jsonschema.Schema) *flat {
	if len(root.Properties) > maxFlat || !plainObject(root) {
		return nil
	}
	f := &flat{properties: map[string]*flatProperty{}, open: root.AdditionalProperties == nil}
	for name, s := range root.Properties {
		p := flattenProperty(s)
		if p == nil {
			return nil
		}
		p.bit = 1 << len(f.properties)
		f.properties[name] = p
		if slices.Contains(root.Required, name) {
			f.required |= p.bit
		}
	}
	for _, name := range root.Required {
		if root.Properties[name] == nil {
			return nil
		}
	}
	return f
}

// plainObject says whether the root says nothing but which properties there are, which are required, and whether others
// may be there.
func plainObject(s *jsonschema.Schema) bool {
	additional := s.AdditionalProperties
	if additional != nil && (additional.Not == nil || !isTrue(additional.Not)) {
		return false
	}
	rest := *s
	rest.Type, rest.Properties, rest.Required, rest.AdditionalProperties, rest.PropertyOrder = "", nil, nil, nil, nil
	return isTrue(&rest)
}

// isTrue says whether a schema accepts everything: nothing in it but words.
func isTrue(s *jsonschema.Schema) bool {
	rest := *s
	rest.Title, rest.Description, rest.Comment, rest.Default, rest.Examples, rest.Extra = "", "", "", nil, nil, nil
	text, err := rest.MarshalJSON()
	return err == nil && string(text) == "true"
}

func flattenProperty(s *jsonschema.Schema) *flatProperty {
	p := &flatProperty{kind: s.Type, minLength: -1, maxLength: -1, minimum: s.Minimum, maximum: s.Maximum}
	switch s.Type {
	case "string", "integer", "number", "boolean":
	case "object":
		p.object = flatten(s)
		return p.unless(p.object == nil)
	case "array":
		return p.flattenItems(s)
	default:
		return p.unless(s.Type != "" || !isTrue(s))
	}
	for _, v := range s.Enum {
		text, ok := v.(string)
		if !ok || s.Type != "string" {
			return nil
		}
		raw, err := jsontext.AppendQuote(nil, text)
		if err != nil {
			return nil
		}
		p.enum = append(p.enum, string(raw))
	}
	if s.MinLength != nil {
		p.minLength = *s.MinLength
	}
	if s.MaxLength != nil {
		p.maxLength = *s.MaxLength
	}
	rest := *s
	rest.Type, rest.Enum, rest.Minimum, rest.Maximum, rest.MinLength, rest.MaxLength = "", nil, nil, nil, nil, nil
	if !isTrue(&rest) {
		return nil
	}
	return p
}

// unless is p, or nil where the schema says more than can be checked here.
func (p *flatProperty) unless(more bool) *flatProperty {
	if more {
		return nil
	}
	return p
}

func (p *flatProperty) flattenItems(s *jsonschema.Schema) *flatProperty {
	if s.Items != nil {
		if p.items = flattenProperty(s.Items); p.items == nil {
			return nil
		}
	}
	rest := *s
	rest.Type, rest.Items = "", nil
	return p.unless(!isTrue(&rest))
}

// accepts says whether raw, a valid JSON object, plainly fits.
func (f *flat) accepts(raw jsontext.Value) bool {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.reset(raw)
	return f.acceptsNext(d)
}

// acceptsNext is accepts for the next value that d reads.
func (f *flat) acceptsNext(d *decoder) bool {
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return false
	}
	var seen uint64
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil || bytes.IndexByte(name, '\\') >= 0 {
			return false
		}
		p := f.properties[string(name[1:len(name)-1])]
		switch {
		case p == nil && (!f.open || d.SkipValue() != nil), p != nil && !p.acceptsNext(d):
			return false
		case p != nil:
			seen |= p.bit
		}
	}
	_, err := d.ReadToken()
	return err == nil && seen&f.required == f.required
}

func (p *flatProperty) acceptsNext(d *decoder) bool {
	switch p.kind {
	case "":
		return d.SkipValue() == nil
	case "object":
		return p.object.acceptsNext(d)
	case "array":
		return p.acceptsItems(d)
	}
	value, err := d.ReadValue()
	return err == nil && p.accepts(value)
}

func (p *flatProperty) acceptsItems(d *decoder) bool {
	if token, err := d.ReadToken(); err != nil || token.Kind() != '[' {
		return false
	}
	for d.PeekKind() != ']' {
		if p.items == nil && d.SkipValue() != nil || p.items != nil && !p.items.acceptsNext(d) {
			return false
		}
	}
	_, err := d.ReadToken()
	return err == nil
}

func (p *flatProperty) accepts(value jsontext.Value) bool {
	switch value.Kind() {
	case '"':
		return p.kind == "string" && p.acceptsString(value)
	case 't', 'f':
		return p.kind == "boolean"
	case '0':
		return p.acceptsNumber(value)
	}
	return false
}

func (p *flatProperty) acceptsString(value jsontext.Value) bool {
	if p.enum != nil {
		return slices.ContainsFunc(p.enum, func(raw string) bool { return raw == string(value) })
	}
	if p.minLength < 0 && p.maxLength < 0 {
		return true
	}
	if bytes.IndexByte(value, '\\') >= 0 {
		return false // to be counted, it must be decoded
	}
	n := utf8.RuneCount(value) - len(`""`)
	return n >= p.minLength && (p.maxLength < 0 || n <= p.maxLength)
}

func (p *flatProperty) acceptsNumber(value jsontext.Value) bool {
	if p.kind == "integer" && bytes.ContainsAny(value, ".eE") || p.kind != "integer" && p.kind != "number" {
		return false
	}
	n, err := strconv.ParseFloat(string(value), 64)
	return err == nil && (p.minimum == nil || n >= *p.minimum) && (p.maximum == nil || n <= *p.maximum)
}
