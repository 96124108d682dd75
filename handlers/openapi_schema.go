package handlers

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// requiresArguments says whether a call without arguments cannot fit the schema.
func requiresArguments(schema jsontext.Value) bool {
	var s struct {
		Required []string `json:"required"`
	}
	return json.Unmarshal(schema, &s) == nil && len(s.Required) > 0
}

// moveRefs is a schema that stood alone as part of a document, at the place root: references within it, which begin at its
// own root, begin there. Everything else, the order of members and how numbers are written too, stays. A schema with an
// $id of its own is its own root wherever it stands.
func moveRefs(schema jsontext.Value, root string) (jsontext.Value, error) {
	var s struct {
		ID string `json:"$id"`
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	if s.ID != "" {
		return schema, nil
	}
	var moved bytes.Buffer
	m := refMover{jsontext.NewDecoder(bytes.NewReader(schema)), jsontext.NewEncoder(&moved), root}
	if err := m.schema(); err != nil {
		return nil, fmt.Errorf("move the schema's references: %w", err)
	}
	return moved.Bytes(), nil
}

// refMover copies a schema, token by token.
type refMover struct {
	in   *jsontext.Decoder
	out  *jsontext.Encoder
	root string
}

// schema copies a schema, or an array of them, or what a keyword has instead of one.
func (m *refMover) schema() error {
	return m.value(func(keyword string) error {
		switch keyword {
		case "$ref":
			return m.ref()
		case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
			return m.value(func(string) error { return m.schema() }) // their keys are names, whatever they look like
		case "const", "enum", "default", "examples":
			return m.plain()
		}
		return m.schema()
	})
}

// value copies one value; member is called for the value of each member of an object, once its name was copied.
func (m *refMover) value(member func(name string) error) error {
	switch m.in.PeekKind() {
	case '{':
		return m.within(func() error {
			name, err := m.in.ReadToken()
			if err != nil {
				return err
			}
			text := name.String()
			if err := m.out.WriteToken(jsontext.String(text)); err != nil {
				return err
			}
			return member(text)
		})
	case '[':
		return m.within(func() error { return m.value(member) })
	}
	return m.plain()
}

// within copies the brackets of an object or array, and what is in them by one.
func (m *refMover) within(one func() error) error {
	if err := m.token(); err != nil {
		return err
	}
	for k := m.in.PeekKind(); k != '}' && k != ']'; k = m.in.PeekKind() {
		if err := one(); err != nil {
			return err
		}
	}
	return m.token()
}

func (m *refMover) token() error {
	t, err := m.in.ReadToken()
	if err != nil {
		return err
	}
	return m.out.WriteToken(t)
}

func (m *refMover) plain() error {
	v, err := m.in.ReadValue()
	if err != nil {
		return err
	}
	return m.out.WriteValue(v)
}

// ref copies a reference, moved where it is a pointer into the schema itself.
func (m *refMover) ref() error {
	if m.in.PeekKind() != '"' {
		return m.schema()
	}
	t, err := m.in.ReadToken()
	if err != nil {
		return err
	}
	text := t.String()
	if pointer, ok := strings.CutPrefix(text, "#"); ok && (pointer == "" || pointer[0] == '/') {
		text = m.root + pointer
	}
	return m.out.WriteToken(jsontext.String(text))
}
