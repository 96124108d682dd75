package declare

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxInlined bounds what references can make of a small schema.
const maxInlined = 5000 // values

// Inline writes out what the references of a schema lead to, and leaves out the definitions. It refuses a reference that
// leads out of the schema, to nothing, or back to where it stands, by its name. What stands beside a reference is added to
// what it leads to.
func Inline(schema jsontext.Value) (jsontext.Value, error) {
	var root any
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	in := &inliner{root: root}
	without := root
	if object, ok := root.(map[string]any); ok {
		object = maps.Clone(object)
		delete(object, "$defs")
		delete(object, "definitions")
		in.changed = len(object) < len(root.(map[string]any))
		without = object
	}
	inlined, err := in.value(without, nil)
	if err != nil {
		return nil, err
	}
	if !in.changed {
		return schema, nil // in the order in which it was written
	}
	return json.Marshal(inlined)
}

type inliner struct {
	root    any
	changed bool
	values  int
}

// value is v without references; within are the references that lead to it.
func (in *inliner) value(v any, within []string) (any, error) {
	if in.values++; in.values > maxInlined {
		return nil, fmt.Errorf("the schema has more than %d values, references written out", maxInlined)
	}
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, one := range v {
			inlined, err := in.value(one, within)
			if err != nil {
				return nil, err
			}
			list[i] = inlined
		}
		return list, nil
	case map[string]any:
		return in.object(v, within)
	}
	return v, nil
}

func (in *inliner) object(v map[string]any, within []string) (any, error) {
	object := map[string]any{}
	ref, refers := v["$ref"].(string)
	if refers {
		in.changed = true
		if slices.Contains(within, ref) {
			return nil, fmt.Errorf("%s refers to itself, which model APIs do not take", ref)
		}
		target, err := in.find(ref)
		if err != nil {
			return nil, err
		}
		inlined, err := in.value(target, append(slices.Clone(within), ref))
		if err != nil {
			return nil, err
		}
		found, ok := inlined.(map[string]any)
		if !ok {
			return inlined, nil // true or false
		}
		object = found
	}
	for name, one := range v {
		if refers && name == "$ref" {
			continue
		}
		inlined, err := in.value(one, within)
		if err != nil {
			return nil, err
		}
		object[name] = inlined
	}
	return object, nil
}

// find follows a reference within the schema (RFC 6901).
func (in *inliner) find(ref string) (any, error) {
	pointer, local := strings.CutPrefix(ref, "#/")
	if !local {
		if ref == "#" {
			return nil, fmt.Errorf("%s refers to itself, which model APIs do not take", ref)
		}
		return nil, fmt.Errorf("%s leads out of the schema", ref)
	}
	at := in.root
	for step := range strings.SplitSeq(pointer, "/") {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		object, _ := at.(map[string]any)
		next, found := object[step]
		if !found {
			return nil, fmt.Errorf("%s leads to nothing", ref)
		}
		at = next
	}
	return at, nil
}
