package main

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// schema is what the page shows of a JSON Schema.
type schema struct {
	Type        string           `json:"type"`
	Description string           `json:"description"`
	Properties  properties       `json:"properties"`
	Required    []string         `json:"required"`
	Items       *schema          `json:"items"`
	Enum        []jsontext.Value `json:"enum"`
	Default     jsontext.Value   `json:"default"`
	Minimum     jsontext.Value   `json:"minimum"`
	Maximum     jsontext.Value   `json:"maximum"`
	MinLength   jsontext.Value   `json:"minLength"`
	MaxLength   jsontext.Value   `json:"maxLength"`
	Pattern     string           `json:"pattern"`
}

// properties are an object's, in the order in which they stand on the wire.
type properties []property

type property struct {
	schema
	name string
}

// UnmarshalJSONFrom reads an object without losing its order, as a map would.
func (p *properties) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		one := property{name: name.String()}
		if err := json.UnmarshalDecode(d, &one.schema); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	_, err := d.ReadToken()
	return err
}

// kind is the type in words.
func (s schema) kind() string {
	if s.Items != nil {
		return "array of " + s.Items.kind() + "s"
	}
	return s.Type
}

// what is the description, and what is allowed beyond the type.
func (s schema) what() string {
	parts := []string{strings.TrimSuffix(s.Description, ".") + "."}
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			words[i] = strings.Trim(v.String(), `"`)
		}
		parts = append(parts, "One of "+strings.Join(words, ", ")+".")
	}
	for _, bound := range []struct {
		least, most jsontext.Value
		unit        string
	}{{s.Minimum, s.Maximum, ""}, {s.MinLength, s.MaxLength, " characters"}} {
		switch {
		case bound.least != nil && bound.most != nil:
			parts = append(parts, fmt.Sprintf("From %s to %s%s.", bound.least, bound.most, bound.unit))
		case bound.least != nil:
			parts = append(parts, fmt.Sprintf("At least %s%s.", bound.least, bound.unit))
		case bound.most != nil:
			parts = append(parts, fmt.Sprintf("At most %s%s.", bound.most, bound.unit))
		}
	}
	if s.Pattern != "" {
		parts = append(parts, "Matches "+s.Pattern+".")
	}
	if s.Default != nil {
		parts = append(parts, "Default: "+s.Default.String()+".")
	}
	return strings.Join(parts, " ")
}
