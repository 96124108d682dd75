package httptool

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/jsonschema-go/jsonschema"
)

const maxShownValues = 30 // of an enum, in a description

// converter turns schemas of an OpenAPI document into what model APIs take: references written out, what is composed put
// together, no null, and what cannot be said otherwise in the description.
//
// Of results it says less: what an API comes to answer beyond its document must not make a tool of no use.
type converter struct {
	output bool
	within []*openapi3.Schema
	left   []string // what was left out, and why
}

func selfReference(ref *openapi3.SchemaRef) error {
	name := ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:]
	if name == "" {
		name = "its schema"
	}
	return fmt.Errorf("%s refers to itself, which model APIs do not take", name)
}

// schema converts one schema. The error says what cannot be.
func (c *converter) schema(ref *openapi3.SchemaRef) (*jsonschema.Schema, error) {
	if ref == nil || ref.Value == nil {
		return nil, errNoSchema
	}
	if slices.Contains(c.within, ref.Value) {
		return nil, selfReference(ref)
	}
	c.within = append(c.within, ref.Value)
	defer func() { c.within = c.within[:len(c.within)-1] }()
	s := ref.Value
	kinds := slices.DeleteFunc(slices.Clone(s.Type.Slice()), func(kind string) bool { return kind == "null" })
	if len(kinds) > 1 {
		return nil, fmt.Errorf("it has several types: %s", strings.Join(kinds, ", "))
	}
	out := &jsonschema.Schema{}
	if len(kinds) == 1 {
		out.Type = kinds[0]
	}
	out.Description = c.described(s, out.Type)
	if s.Not != nil || s.If != nil {
		if !c.output {
			return nil, errors.New("it holds not or if, which model APIs do not take")
		}
	}
	if err := c.compose(out, s); err != nil {
		return nil, err
	}
	if out.Type == "" && len(out.AnyOf) == 0 {
		switch {
		case len(s.Properties) > 0 || s.AdditionalProperties.Schema != nil:
			out.Type = "object"
		case s.Items != nil:
			out.Type = "array"
		case len(s.Enum) > 0 || s.Pattern != "" || s.Format != "":
			out.Type = "string"
		default:
			return nil, errors.New("it has no type")
		}
	}
	if err := c.children(out, s); err != nil {
		return nil, err
	}
	c.bounds(out, s)
	out.Description = plain(out.Description, maxArgumentText)
	return out, nil
}

// compose puts together what a schema is made of. Cases of a choice stay, but null.
func (c *converter) compose(out *jsonschema.Schema, s *openapi3.Schema) error {
	for _, part := range s.AllOf {
		converted, err := c.schema(part)
		if err != nil {
			return err
		}
		if err := merge(out, converted); err != nil {
			return err
		}
	}
	cases := slices.Concat(s.OneOf, s.AnyOf)
	cases = slices.DeleteFunc(cases, func(one *openapi3.SchemaRef) bool { return one.Value != nil && one.Value.Type.Is("null") })
	for _, one := range cases {
		converted, err := c.schema(one)
		if err != nil {
			return err
		}
		if len(cases) == 1 {
			return merge(out, converted)
		}
		out.AnyOf = append(out.AnyOf, converted)
	}
	return nil
}

// merge adds what part says to a schema.
func merge(into, part *jsonschema.Schema) error {
	switch {
	case into.Type == "":
		into.Type = part.Type
	case part.Type != "" && part.Type != into.Type:
		return fmt.Errorf("it is %s and %s at once", into.Type, part.Type)
	}
	if into.Description == "" {
		into.Description = part.Description
	}
	for name, p := range part.Properties {
		if into.Properties == nil {
			into.Properties = map[string]*jsonschema.Schema{}
		}
		into.Properties[name] = p
	}
	for _, name := range part.Required {
		if !slices.Contains(into.Required, name) {
			into.Required = append(into.Required, name)
		}
	}
	rest := *part
	rest.Type, rest.Description, rest.Properties, rest.Required = into.Type, into.Description, into.Properties, into.Required
	rest.AdditionalProperties = nil // each part would refuse the properties of the others
	*into = rest
	return nil
}

// children converts the properties and elements.
func (c *converter) children(out *jsonschema.Schema, s *openapi3.Schema) error {
	required := slices.Clone(out.Required)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		ref := s.Properties[name]
		if v := ref.Value; v != nil && (c.output && v.WriteOnly || !c.output && v.ReadOnly) {
			continue
		}
		p, err := c.schema(ref)
		if err != nil {
			if !slices.Contains(s.Required, name) || c.output {
				c.left = append(c.left, fmt.Sprintf("%s: %v", name, err))
				continue
			}
			return fmt.Errorf("%s: %w", name, err)
		}
		if out.Properties == nil {
			out.Properties = map[string]*jsonschema.Schema{}
		}
		out.Properties[name] = p
		if slices.Contains(s.Required, name) && !(c.output && isNullable(ref.Value)) && !slices.Contains(required, name) {
			required = append(required, name)
		}
	}
	out.Required = required
	if additional := s.AdditionalProperties; additional.Schema != nil {
		extra, err := c.schema(additional.Schema)
		if err != nil && !c.output {
			return err
		}
		out.AdditionalProperties = extra
	} else if additional.Has != nil && !*additional.Has && !c.output {
		out.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
	}
	if out.Type == "array" && out.Items == nil {
		if s.Items == nil {
			return errors.New("it is an array of anything: its items have no schema")
		}
		items, err := c.schema(s.Items)
		if err != nil {
			return fmt.Errorf("its items: %w", err)
		}
		out.Items = items
	}
	return nil
}

// isNullable says whether null is among a schema's values.
func isNullable(s *openapi3.Schema) bool {
	if s == nil {
		return false
	}
	null := func(ref *openapi3.SchemaRef) bool {
		return ref.Value != nil && (ref.Value.Type.Is("null") || ref.Value.Nullable)
	}
	return s.Nullable || s.Type.IncludesNull() || slices.ContainsFunc(s.OneOf, null) || slices.ContainsFunc(s.AnyOf, null)
}

// bounds are what arguments are held to, where every reader understands it.
func (c *converter) bounds(out *jsonschema.Schema, s *openapi3.Schema) {
	if c.output {
		return
	}
	for _, v := range enumOf(s) {
		text, ok := v.(string)
		if !ok || text == "" || out.Type != "string" {
			out.Enum = nil
			break
		}
		out.Enum = append(out.Enum, text)
	}
	switch out.Type {
	case "integer", "number":
		out.Minimum, out.ExclusiveMinimum = bound(s.Min, s.ExclusiveMin, out.Minimum, out.ExclusiveMinimum)
		out.Maximum, out.ExclusiveMaximum = bound(s.Max, s.ExclusiveMax, out.Maximum, out.ExclusiveMaximum)
	case "string":
		if s.MinLength > 0 {
			out.MinLength = whole(s.MinLength)
		}
		if s.MaxLength != nil {
			out.MaxLength = whole(*s.MaxLength)
		}
		if _, err := regexp.Compile(s.Pattern); err == nil && s.Pattern != "" {
			out.Pattern = s.Pattern
		}
		if s.Format == "date-time" {
			out.Format = s.Format
		}
	case "array":
		if s.MinItems > 0 {
			out.MinItems = whole(s.MinItems)
		}
		if s.MaxItems != nil {
			out.MaxItems = whole(*s.MaxItems)
		}
	}
}

// bound is a limit and one that does not count itself, as OpenAPI 3.0 and 3.1 write them.
func bound(limit *float64, exclusive openapi3.ExclusiveBound, already, alreadyExclusive *float64) (inclusive, without *float64) {
	switch {
	case exclusive.Value != nil:
		return limit, exclusive.Value
	case exclusive.Bool != nil && *exclusive.Bool && limit != nil:
		return nil, limit
	case limit != nil:
		return limit, nil
	}
	return already, alreadyExclusive
}

func whole(n uint64) *int {
	i := int(min(n, math.MaxInt32))
	return &i
}

func enumOf(s *openapi3.Schema) []any {
	if s.Const != nil {
		return []any{s.Const}
	}
	return slices.DeleteFunc(slices.Clone(s.Enum), func(v any) bool { return v == nil })
}

// described is the description, and what no keyword says to every model: other values of a choice than texts, formats,
// and what the API takes where nothing is given.
func (c *converter) described(s *openapi3.Schema, kind string) string {
	text := s.Description
	if text == "" {
		text = s.Title
	}
	add := func(format string, args ...any) {
		text = strings.TrimSpace(sentence(strings.TrimSpace(text)) + " " + fmt.Sprintf(format, args...))
	}
	values := []string{}
	for _, v := range enumOf(s) {
		shown, err := json.Marshal(v)
		if err == nil && len(values) < maxShownValues {
			values = append(values, strings.Trim(string(shown), `"`))
		}
	}
	if len(values) > 0 && (c.output || kind != "string") {
		add("One of %s.", strings.Join(values, ", "))
	}
	if s.Format != "" && kind == "string" && s.Format != "date-time" {
		add("Format: %s.", s.Format)
	}
	if s.Default != nil && !c.output {
		if shown, err := json.Marshal(s.Default); err == nil {
			add("Default: %s.", shown)
		}
	}
	return text
}
