package declare

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestLint(t *testing.T) {
	with := func(property string) string {
		return `{"type":"object","properties":{"a":` + property + `}}`
	}
	tests := []struct {
		name, schema string
		want         []string // what each fault holds, in order
	}{
		{"everything that all take", `{"type":"object","additionalProperties":false,"required":["s"],"properties":{
			"s":{"type":"string","description":"D.","enum":["x","y"],"minLength":1,"pattern":"^x"},
			"d":{"type":"string","format":"date-time"},"n":{"type":"number","minimum":1,"exclusiveMaximum":2,"default":1},
			"b":{"type":"boolean"},"l":{"type":"array","items":{"type":"object","properties":{"i":{"type":"integer"}}}},
			"m":{"type":"object","additionalProperties":{"type":"string"}},"c":{"anyOf":[{"type":"string"},{"type":"integer"}]}}}`, nil},
		{"nothing", `{"type":"object"}`, nil},
		{"no JSON", `{`, []string{"the schema is not JSON"}},
		{"no object", `true`, []string{"the schema is not an object"}},
		{"another root", `{"type":"array","items":{"type":"string"}}`, []string{`the root must have type "object"`}},
		{"a choice at the root", `{"type":"object","anyOf":[{"type":"object"}]}`, []string{"anyOf is refused at the root"}},
		{"oneOf at the root", `{"type":"object","oneOf":[]}`, []string{"oneOf is refused: list the properties"}},
		{"allOf and not at the root", `{"type":"object","allOf":[],"not":{}}`, []string{"allOf is refused", "not is refused"}},
		{"allOf within", with(`{"type":"object","allOf":[]}`), []string{"a: allOf is refused"}},
		{"a choice with a fault", with(`{"anyOf":[{"type":"string"},{"type":"array"}]}`), []string{"a(2): an array must have items"}},
		{"a list of types", with(`{"type":["string","null"]}`), []string{"a: type is a list"}},
		{"no type", with(`{"description":"D."}`), []string{"a: it has no type"}},
		{"null", with(`{"type":"null"}`), []string{`a: type "null" is refused`}},
		{"true as a schema", with(`true`), []string{"a: it must be a schema"}},
		{"an array of anything", with(`{"type":"array"}`), []string{"a: an array must have items"}},
		{"an array of two", with(`{"type":"array","items":[{"type":"string"}]}`), []string{"a: items must be one schema"}},
		{"an array with a fault", with(`{"type":"array","items":{}}`), []string{"a[]: it has no type"}},
		{"values of any name with a fault", with(`{"type":"object","additionalProperties":{"type":"array"}}`), []string{"a.*: an array must have items"}},
		{"a reference", with(`{"$ref":"#/$defs/x"}`), []string{"a: $ref is refused", "a: it has no type"}},
		{"definitions", `{"type":"object","$defs":{}}`, []string{"$defs is refused"}},
		{"a dialect", `{"type":"object","$schema":"x"}`, []string{"$schema is refused: leave it out"}},
		{"a format", with(`{"type":"string","format":"email"}`), []string{`a: format "email" is refused`}},
		{"a format of a number", with(`{"type":"integer","format":"int64"}`), []string{`a: format "int64" is refused`}},
		{"numbers to choose from", with(`{"type":"integer","enum":[1,2]}`), []string{"a: enum holds 1: its values must be strings"}},
		{"nothing to choose", with(`{"type":"string","enum":["x",""]}`), []string{`a: enum holds "": its values must be strings that are not empty`}},
		{"no choice", with(`{"type":"string","enum":[]}`), []string{"a: enum is empty"}},
		{"null to choose", with(`{"type":"string","enum":["x",null]}`), []string{"a: enum holds null"}},
		{
			"names", `{"type":"object","properties":{"a b":{"type":"string"},"ü":{"type":"string"},"` + strings.Repeat("a", 65) + `":{"type":"string"},"a.b-c_1":{"type":"string"}}}`,
			[]string{`property "a b"`, `property "aaa`, `property "ü"`},
		},
		{"required and not there", `{"type":"object","required":["b"],"properties":{"a":{"type":"string"}}}`, []string{`"b" is required and not among the properties`}},
		{"too deep", nested(maxDepth + 1), []string{"it lies deeper than 10 levels"}},
		{"as deep as can be", nested(maxDepth), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Lint(jsontext.Value(tt.schema))
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("Lint(%s) = %q\nwant %q", tt.schema, got, tt.want)
			}
		})
	}
}

// nested is an object schema of so many levels.
func nested(levels int) string {
	return strings.Repeat(`{"type":"object","properties":{"a":`, levels-1) + `{"type":"object"}` + strings.Repeat(`}}`, levels-1)
}

func TestInline(t *testing.T) {
	tests := []struct{ name, schema, want string }{
		{"nothing to write out", `{"type":"object", "properties":{"b":{},"a":{}}}`, `{"type":"object", "properties":{"b":{},"a":{}}}`},
		{"a definition", `{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"string"}}}`, `{"properties":{"a":{"type":"string"}},"type":"object"}`},
		{
			"a definition of a definition", `{"properties":{"a":{"items":{"$ref":"#/definitions/x"}}},"definitions":{"x":{"$ref":"#/definitions/y"},"y":{"type":"string"}}}`,
			`{"properties":{"a":{"items":{"type":"string"}}}}`,
		},
		{"what stands beside it", `{"a":{"$ref":"#/$defs/x","description":"Here."},"$defs":{"x":{"type":"string","description":"There."}}}`, `{"a":{"description":"Here.","type":"string"}}`},
		{"the same twice", `{"a":[{"$ref":"#/$defs/x"},{"$ref":"#/$defs/x"}],"$defs":{"x":{"type":"string"}}}`, `{"a":[{"type":"string"},{"type":"string"}]}`},
		{"an escaped name", `{"a":{"$ref":"#/$defs/x~1y~0z"},"$defs":{"x/y~z":true}}`, `{"a":true}`},
		{"a property called $ref", `{"properties":{"$ref":{"type":"string"}}}`, `{"properties":{"$ref":{"type":"string"}}}`},
		{"a definition that nothing uses", `{"$defs":{"x":{"$ref":"#/$defs/x"}}}`, `{}`},
		{"itself", `{"a":{"$ref":"#"}}`, "error: # refers to itself"},
		{"itself by a way round", `{"a":{"$ref":"#/$defs/x"},"$defs":{"x":{"b":{"$ref":"#/$defs/y"}},"y":{"c":{"$ref":"#/$defs/x"}}}}`, "error: #/$defs/x refers to itself"},
		{"nothing", `{"a":{"$ref":"#/$defs/x"}}`, "error: #/$defs/x leads to nothing"},
		{"elsewhere", `{"a":{"$ref":"https://example.com/x"}}`, "error: https://example.com/x leads out of the schema"},
		{"far too much", bomb(), "error: the schema has more than 5000 values"},
		{"no JSON", `{`, "error: read the schema"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inlined, err := Inline(jsontext.Value(tt.schema))
			got := string(inlined)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != tt.want && (err == nil || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("Inline(%s) = %s\nwant %s", tt.schema, got, tt.want)
			}
		})
	}
}

// bomb is a small schema that is very large once it is written out.
func bomb() string {
	var defs []string
	for _, name := range "abcdef" {
		ref := `{"$ref":"#/$defs/` + string(name+1) + `"}`
		defs = append(defs, `"`+string(name)+`":[`+strings.Repeat(ref+",", 9)+ref+`]`)
	}
	return `{"x":{"$ref":"#/$defs/a"},"$defs":{` + strings.Join(defs, ",") + `,"g":{}}}`
}

// FuzzInline holds that whatever a schema refers to, what comes out has no reference left, and comes in bounded time.
func FuzzInline(f *testing.F) {
	for _, seed := range []string{
		`{"$ref":"#"}`, bomb(), `{"a":{"$ref":"#/$defs/x"},"$defs":{"x":{"$ref":"#/a"}}}`, `[]`, `{"a":{"$ref":"#/b/c"},"b":{"c":{"type":"string"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, schema string) {
		inlined, err := Inline(jsontext.Value(schema))
		if err != nil {
			return
		}
		again, err := Inline(inlined)
		if err != nil || string(again) != string(inlined) {
			t.Errorf("Inline(%s) = %s, and again %s, %v: want the same", schema, inlined, again, err)
		}
	})
}
