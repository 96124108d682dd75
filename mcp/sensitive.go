package mcp

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
)

// sensitiveKeyword, true in a property's schema, keeps the property's value out of logs and audit. It is ours: clients are
// not shown it, since some model APIs refuse keywords they do not know.
const sensitiveKeyword = "x-sensitive"

// redacted stands in place of a sensitive value.
const redacted = "***"

// takeSensitive takes the keyword out of a schema and returns where it stood: JSON pointers into a value, * for every
// element of an array.
func takeSensitive(s *jsonschema.Schema, at string) (secret []string) {
	if s == nil {
		return nil
	}
	if marked, _ := s.Extra[sensitiveKeyword].(bool); marked {
		delete(s.Extra, sensitiveKeyword)
		return []string{at}
	}
	for name, p := range s.Properties {
		secret = append(secret, takeSensitive(p, at+"/"+name)...)
	}
	secret = append(secret, takeSensitive(s.Items, at+"/*")...)
	slices.Sort(secret)
	return secret
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
	for _, pointer := range s.secret {
		value = hide(value, strings.Split(pointer, "/")[1:])
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
