package mcp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"github.com/google/jsonschema-go/jsonschema"
)

// explain says in a model's words what is wrong with arguments that a schema refused: every fault among the properties,
// each with what was expected. Where the fault lies deeper than that, it gives the schema library's own words.
func explain(s *jsonschema.Schema, args map[string]any, refusal error) *argumentError {
	var faults []ArgumentFault
	add := func(name, format string, values ...any) {
		faults = append(faults, ArgumentFault{Name: name, Detail: fmt.Sprintf(format, values...)})
	}
	for _, name := range s.Required {
		if _, ok := args[name]; !ok {
			add(name, "%q is required: %s", name, expected(s.Properties[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		p, known := s.Properties[name]
		switch {
		case !known && s.AdditionalProperties != nil:
			add(name, "there is no argument %q%s", name, near(name, slices.Sorted(maps.Keys(s.Properties))))
		case known && !fits(p, args[name]):
			add(name, "%q must be %s; it was %s", name, expected(p), shown(args[name]))
		}
	}
	if len(faults) == 0 {
		return &argumentError{text: refusal.Error()}
	}
	return &argumentError{faults: faults}
}

// fits says whether one value passes its own schema.
func fits(p *jsonschema.Schema, value any) bool {
	resolved, err := p.CloneSchemas().Resolve(nil)
	return err != nil || resolved.Validate(value) == nil
}

// expected puts a property's schema into words: "one of yes, no", "an integer from 1 to 50".
func expected(p *jsonschema.Schema) string {
	if p == nil {
		return "a value"
	}
	if len(p.Enum) > 0 {
		words := make([]string, len(p.Enum))
		for i, v := range p.Enum {
			words[i] = fmt.Sprint(v)
		}
		return "one of " + strings.Join(words, ", ")
	}
	article := map[string]string{"integer": "an integer", "array": "an array", "object": "an object", "": "a value"}
	text, ok := article[p.Type]
	if !ok {
		text = "a " + p.Type
	}
	switch {
	case p.Minimum != nil && p.Maximum != nil:
		text += fmt.Sprintf(" from %v to %v", *p.Minimum, *p.Maximum)
	case p.Minimum != nil:
		text += fmt.Sprintf(" of at least %v", *p.Minimum)
	case p.Maximum != nil:
		text += fmt.Sprintf(" of at most %v", *p.Maximum)
	}
	switch {
	case p.MinLength != nil && p.MaxLength != nil:
		text += fmt.Sprintf(" of %d to %d characters", *p.MinLength, *p.MaxLength)
	case p.MinLength != nil:
		text += fmt.Sprintf(" of at least %d characters", *p.MinLength)
	case p.MaxLength != nil:
		text += fmt.Sprintf(" of at most %d characters", *p.MaxLength)
	}
	if p.Pattern != "" {
		text += " matching " + p.Pattern
	}
	if p.Description != "" {
		text += " (" + p.Description + ")"
	}
	return text
}

// shown names what came instead, without repeating a long value.
func shown(value any) string {
	const most = 60 // characters
	switch v := value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return fmt.Sprintf("an array of %d", len(v))
	case string:
		if n := utf8.RuneCountInString(v); n > most {
			return fmt.Sprintf("a string of %d characters", n)
		}
		return fmt.Sprintf("%q", v)
	default:
		return fmt.Sprint(v)
	}
}

// near names the known name most like the one given, as "; did you mean …?", or nothing where none is.
func near(name string, known []string) string {
	best, at := 0.6, -1 // below this similarity a proposal misleads
	for i, k := range known {
		if score := levenshtein.Similarity(strings.ToLower(name), strings.ToLower(k), nil); score > best {
			best, at = score, i
		}
	}
	switch {
	case at >= 0:
		return fmt.Sprintf("; did you mean %q?", known[at])
	case len(known) > 0 && len(known) <= 10:
		return "; there is " + strings.Join(known, ", ")
	}
	return ""
}

// pointerName turns a JSON pointer into what the model called it: "/items/0" becomes "items/0".
func pointerName(pointer string) string {
	if name := strings.TrimPrefix(pointer, "/"); name != "" {
		return fmt.Sprintf("%q", name)
	}
	return "the arguments"
}
