package mcp

import (
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
)

// sensitiveKeyword, true in a property's schema, keeps the property's value out of logs and audit. It is ours: clients are
// not shown it, since some model APIs refuse keywords they do not know.
const sensitiveKeyword = "x-sensitive"

// redacted stands in place of a sensitive value.
const redacted = "***"

// takeSensitive takes the keyword out of a schema and returns where it stood: paths into a value, * for every element of an
// array. Where it could not be followed into a value it is refused, rather than forgotten.
func takeSensitive(root *jsonschema.Schema) ([][]string, error) {
	secret := sensitivePaths(root, nil)
	var err error
	walk(root, func(s *jsonschema.Schema) {
		if _, marked := s.Extra[sensitiveKeyword]; marked {
			err = errors.New(sensitiveKeyword + " is understood in properties, and in the items of arrays, alone")
		}
	})
	slices.SortFunc(secret, slices.Compare)
	return secret, err
}

func sensitivePaths(s *jsonschema.Schema, at []string) (secret [][]string) {
	if s == nil {
		return nil
	}
	if marked, _ := s.Extra[sensitiveKeyword].(bool); marked {
		walk(s, func(inner *jsonschema.Schema) { delete(inner.Extra, sensitiveKeyword) })
		return [][]string{slices.Clone(at)}
	}
	delete(s.Extra, sensitiveKeyword)
	for name, p := range s.Properties {
		secret = append(secret, sensitivePaths(p, append(slices.Clone(at), name))...)
	}
	return append(secret, sensitivePaths(s.Items, append(slices.Clone(at), "*"))...)
}

// redact is raw with every sensitive value in it hidden. What cannot be read is hidden as a whole.
func (s *schema) redact(raw jsontext.Value) jsontext.Value {
	if s == nil || len(s.secret) == 0 || raw == nil {
		return raw
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return jsontext.Value(`"` + redacted + `"`)
	}
	for _, path := range s.secret {
		value = hide(value, path)
	}
	shown, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return jsontext.Value(`"` + redacted + `"`)
	}
	return shown
}

// hide replaces what the path leads to.
func hide(value any, path []string) any {
	if len(path) == 0 {
		return redacted
	}
	switch v := value.(type) {
	case map[string]any:
		if inner, ok := v[path[0]]; ok {
			v[path[0]] = hide(inner, path[1:])
		}
	case []any:
		for i := range v {
			v[i] = hide(v[i], path[1:])
		}
	}
	return value
}
