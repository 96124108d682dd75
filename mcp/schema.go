package mcp

import (
	stdjson "encoding/json" // the schema library's own (un)marshalling is written against it
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
)

// schema is a JSON Schema 2020-12 ready to be sent and to be enforced.
type schema struct {
	wire     jsontext.Value // as clients see it
	root     *jsonschema.Schema
	resolved *jsonschema.Resolved
	defaults jsontext.Value // an object of the top-level defaults; nil where there are none
	headers  []HeaderParam  // arguments that headers repeat
	secret   [][]string     // paths to what must not be shown, * for every element
	flat     *flat          // the short way to accept; nil where there is none
}

// maxSubschemas bounds how large a schema may be: validation time grows with it (2026-07-28, JSON Schema usage).
const maxSubschemas = 2000

// schemaOf infers the schema of a struct type. Besides what the schema library reads (json and jsonschema tags) a field
// may carry enum:"a,b", minimum:"1", maximum:"50", minLength, maxLength, default:"10", pattern,
// format, header:"Region" (headerKeyword), and sensitive:"true" (sensitiveKeyword).
func schemaOf(t reflect.Type) (*schema, error) {
	root, err := inferred(t)
	if err != nil {
		return nil, err
	}
	return compile(root)
}

// resultSchemaOf is schemaOf for what a tool gives. It does not say that there is nothing else in it: a struct gives what
// it has, and every word of a listing costs a model.
func resultSchemaOf(t reflect.Type) (*schema, error) {
	root, err := inferred(t)
	if err != nil {
		return nil, err
	}
	walk(root, func(s *jsonschema.Schema) {
		if a := s.AdditionalProperties; a != nil && a.Not != nil {
			s.AdditionalProperties = nil
		}
	})
	return compile(root)
}

func inferred(t reflect.Type) (*jsonschema.Schema, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is no struct: a schema's root is an object", t)
	}
	root, err := jsonschema.ForType(t, &jsonschema.ForOptions{})
	if err != nil {
		return nil, fmt.Errorf("infer a schema from %s: %w", t, err)
	}
	if err := applyTags(root, t); err != nil {
		return nil, err
	}
	toCommonSubset(root)
	return root, nil
}

// schemaFrom takes a schema as its author wrote it: clients see it unchanged.
func schemaFrom(written jsontext.Value) (*schema, error) {
	root := new(jsonschema.Schema)
	if err := stdjson.Unmarshal(written, root); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	s, err := compile(root)
	if err != nil {
		return nil, err
	}
	if s.secret == nil {
		s.wire = written
	}
	return s, nil
}

// withFlag is the schema with one more property, a boolean that need not be given.
func (s *schema) withFlag(name, description string) (*schema, error) {
	root := s.root.CloneSchemas()
	if _, taken := root.Properties[name]; taken {
		return nil, fmt.Errorf("there is an argument %q already", name)
	}
	if root.Properties == nil {
		root.Properties = map[string]*jsonschema.Schema{}
	}
	root.Properties[name] = &jsonschema.Schema{Type: "boolean", Description: description}
	if root.PropertyOrder != nil {
		root.PropertyOrder = append(slices.Clone(root.PropertyOrder), name)
	}
	flagged, err := compile(root)
	if err == nil {
		flagged.secret = s.secret
	}
	return flagged, err
}

// compile checks a schema and makes it ready. A $ref that leads out of the schema is refused, never fetched.
func compile(root *jsonschema.Schema) (*schema, error) {
	if root.Type != "object" {
		return nil, errors.New("the root of a schema must have type object")
	}
	n := 0
	walk(root, func(*jsonschema.Schema) { n++ })
	if n > maxSubschemas {
		return nil, fmt.Errorf("%d subschemas; at most %d are allowed", n, maxSubschemas)
	}
	secret, err := takeSensitive(root)
	if err != nil {
		return nil, err
	}
	resolved, err := root.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		return nil, fmt.Errorf("resolve the schema: %w", err)
	}
	wire, err := stdjson.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	s := &schema{wire: wire, root: root, resolved: resolved, secret: secret, flat: flatten(root)}
	if s.headers, err = headerParams(root); err != nil {
		return nil, err
	}
	defaults := map[string]jsontext.Value{}
	for name, p := range root.Properties {
		if p.Default != nil {
			defaults[name] = jsontext.Value(p.Default)
		}
	}
	if len(defaults) > 0 {
		s.defaults, err = json.Marshal(defaults)
	}
	return s, err
}

// decode checks raw against the schema and fills into, whose absent fields get their defaults. raw may be nil: no
// arguments. The error is a text for the model: it names each argument at fault and what was expected.
func (s *schema) decode(raw jsontext.Value, into any) error {
	if raw == nil {
		raw = jsontext.Value("{}")
	}
	if err := s.validate(raw); err != nil {
		return err
	}
	return s.fill(raw, into)
}

// fill is decode for what fits.
func (s *schema) fill(raw jsontext.Value, into any) error {
	if s.defaults != nil {
		if err := json.Unmarshal(s.defaults, into); err != nil {
			return fmt.Errorf("apply defaults: %w", err)
		}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			return misfit(string(semantic.JSONPointer), semantic.GoType)
		}
		return fmt.Errorf("decode arguments: %w", err)
	}
	return nil
}

// validate checks a JSON value against the schema.
func (s *schema) validate(raw jsontext.Value) error {
	if s.flat != nil && s.flat.accepts(raw) {
		return nil
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return &argumentError{text: "a number is out of range"} // the only thing a valid message can still hold wrong
	}
	object, ok := value.(map[string]any)
	if !ok {
		return Errorf(CodeInvalidParams, "arguments must be an object")
	}
	if err := s.resolved.Validate(object); err != nil {
		return explain(s.root, object, err)
	}
	return nil
}

// applyTags adds our own struct tags to an inferred schema, through nested structs and slices of them.
func applyTags(s *jsonschema.Schema, t reflect.Type) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Kind() == reflect.Slice {
			if s = s.Items; s == nil {
				return nil
			}
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		p := s.Properties[name]
		if p == nil {
			continue
		}
		if err := applyFieldTags(p, f.Tag); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		if err := applyTags(p, f.Type); err != nil {
			return err
		}
	}
	return nil
}

func applyFieldTags(p *jsonschema.Schema, tag reflect.StructTag) error {
	var faults []error
	number := func(key string, set func(float64)) {
		if text, ok := tag.Lookup(key); ok {
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				faults = append(faults, fmt.Errorf("tag %s: %w", key, err))
			}
			set(n)
		}
	}
	number("minimum", func(n float64) { p.Minimum = &n })
	number("maximum", func(n float64) { p.Maximum = &n })
	number("minLength", func(n float64) { i := int(n); p.MinLength = &i })
	number("maxLength", func(n float64) { i := int(n); p.MaxLength = &i })
	if text, ok := tag.Lookup("enum"); ok {
		for value := range strings.SplitSeq(text, ",") {
			p.Enum = append(p.Enum, value)
		}
	}
	if text, ok := tag.Lookup("pattern"); ok {
		p.Pattern = text
	}
	if text, ok := tag.Lookup("format"); ok {
		p.Format = text
	}
	if text, ok := tag.Lookup("header"); ok {
		p.Extra = map[string]any{headerKeyword: text}
	}
	if _, ok := tag.Lookup("sensitive"); ok {
		if p.Extra == nil {
			p.Extra = map[string]any{}
		}
		p.Extra[sensitiveKeyword] = true
	}
	if text, ok := tag.Lookup("default"); ok {
		p.Default = stdjson.RawMessage(text)
		if !jsontext.Value(text).IsValid() {
			p.Default, _ = stdjson.Marshal(text) // a plain word is a string
		}
	}
	return errors.Join(faults...)
}

// toCommonSubset turns what several model APIs refuse into what all take: ["null","array"] into "array". Go's absent
// values are left out or empty on the wire, never null, so nothing is lost.
func toCommonSubset(root *jsonschema.Schema) {
	walk(root, func(s *jsonschema.Schema) {
		if i := slices.Index(s.Types, "null"); i >= 0 && len(s.Types) == 2 {
			s.Type, s.Types = s.Types[1-i], nil
		}
	})
}

// walk visits a schema and all its subschemas.
func walk(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	visit(s)
	for _, one := range []*jsonschema.Schema{
		s.Items, s.AdditionalItems, s.UnevaluatedItems, s.Contains, s.AdditionalProperties, s.UnevaluatedProperties,
		s.PropertyNames, s.ContentSchema, s.Not, s.If, s.Then, s.Else,
	} {
		walk(one, visit)
	}
	for _, many := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf, s.PrefixItems, s.ItemsArray} {
		for _, one := range many {
			walk(one, visit)
		}
	}
	for _, named := range []map[string]*jsonschema.Schema{
		s.Properties, s.PatternProperties, s.DependentSchemas, s.DependencySchemas, s.Defs, s.Definitions,
	} {
		for _, one := range named {
			walk(one, visit)
		}
	}
}
