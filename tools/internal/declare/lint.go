package declare

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds how deep objects and arrays may lie in one another; model APIs refuse deeper ones.
const maxDepth = 10

// propertyName is what every model API takes as the name of a property.
var propertyName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// Keywords that some model API refuses, and what to write instead.
var refused = map[string]string{
	"oneOf": "list the properties of all cases, none of them required", "allOf": "write the parts into one schema", "not": "say it in the description",
	"if": "say it in the description", "then": "say it in the description", "else": "say it in the description",
	"dependentSchemas": "say it in the description", "dependentRequired": "say it in the description", "dependencies": "say it in the description",
	"patternProperties": "use additionalProperties", "propertyNames": "say it in the description",
	"prefixItems": "use items", "contains": "say it in the description", "additionalItems": "use items",
	"unevaluatedProperties": "use additionalProperties", "unevaluatedItems": "use items",
	"const": "use enum", "$ref": "write out what it refers to", "$defs": "write definitions where they are used", "definitions": "write definitions where they are used",
	"$dynamicRef": "write out what it refers to", "$dynamicAnchor": "leave it out", "$anchor": "leave it out", "$schema": "leave it out", "$id": "leave it out",
}

// Lint returns what in a tool's schema some model API refuses, each fault with its place in the schema, in a fixed order.
// What it lets through is taken by OpenAI, Gemini and Cursor alike: an object of plain types, every array with items, no
// $ref, no null, choices between texts only.
func Lint(schema jsontext.Value) []string {
	var root any
	if err := json.Unmarshal(schema, &root); err != nil {
		return []string{"the schema is not JSON"}
	}
	s, ok := root.(map[string]any)
	if !ok {
		return []string{"the schema is not an object"}
	}
	l := &linter{}
	if s["type"] != "object" {
		l.fault("", `the root must have type "object"`)
	}
	if s["anyOf"] != nil {
		l.fault("", "anyOf is refused at the root: list the properties of all cases, none of them required")
	}
	l.schema("", s, 1)
	return l.faults
}

type linter struct{ faults []string }

func (l *linter) fault(at, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if at != "" {
		text = strings.TrimPrefix(at, ".") + ": " + text
	}
	l.faults = append(l.faults, text)
}

func (l *linter) schema(at string, s map[string]any, depth int) {
	if depth > maxDepth {
		l.fault(at, "it lies deeper than %d levels", maxDepth)
		return
	}
	for _, keyword := range slices.Sorted(maps.Keys(s)) {
		if instead, is := refused[keyword]; is {
			l.fault(at, "%s is refused: %s", keyword, instead)
		}
	}
	kind, one := s["type"].(string)
	switch {
	case s["type"] == nil && s["anyOf"] == nil && at != "":
		l.fault(at, "it has no type")
	case s["type"] != nil && !one:
		l.fault(at, "type is a list: name one type, and leave out what is null")
	case one && !slices.Contains([]string{"object", "array", "string", "integer", "number", "boolean"}, kind):
		l.fault(at, "type %q is refused", kind)
	}
	l.format(at, s, kind)
	l.enum(at, s, kind)
	l.properties(at, s, depth)
	switch items := s["items"].(type) {
	case map[string]any:
		l.schema(at+"[]", items, depth+1)
	case nil:
		if kind == "array" {
			l.fault(at, "an array must have items")
		}
	default:
		l.fault(at, "items must be one schema")
	}
	if extra, ok := s["additionalProperties"].(map[string]any); ok && len(extra) > 0 {
		l.schema(at+".*", extra, depth+1)
	}
	if cases, ok := s["anyOf"].([]any); ok {
		for i, one := range cases {
			if c, ok := one.(map[string]any); ok {
				l.schema(fmt.Sprintf("%s(%d)", at, i+1), c, depth+1)
			}
		}
	}
}

func (l *linter) properties(at string, s map[string]any, depth int) {
	properties, _ := s["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if !propertyName.MatchString(name) {
			l.fault(at, "property %q: a name is made of letters, digits, _, . and -, 64 at most", name)
		}
		p, ok := properties[name].(map[string]any)
		if !ok {
			l.fault(at+"."+name, "it must be a schema, with a type")
			continue
		}
		l.schema(at+"."+name, p, depth+1)
	}
	required, _ := s["required"].([]any)
	for _, one := range required {
		if name, _ := one.(string); properties[name] == nil {
			l.fault(at, "%q is required and not among the properties", name)
		}
	}
}

// format lets those through that no model API refuses.
func (l *linter) format(at string, s map[string]any, kind string) {
	format, given := s["format"].(string)
	if given && (kind != "string" || format != "date-time") {
		l.fault(at, "format %q is refused: say it in the description; date-time of strings is taken by all", format)
	}
}

func (l *linter) enum(at string, s map[string]any, kind string) {
	values, given := s["enum"].([]any)
	if !given {
		return
	}
	if len(values) == 0 {
		l.fault(at, "enum is empty")
	}
	for _, v := range values {
		if text, ok := v.(string); !ok || text == "" || kind != "string" {
			l.fault(at, "enum holds %s: its values must be strings that are not empty, of a property of type string", shown(v))
			return
		}
	}
}

func shown(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
