package mcp

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type flatArgs struct {
	Name   string  `json:"name" minLength:"2" maxLength:"4" jsonschema:"a name"`
	Colour string  `json:"colour,omitempty" enum:"red,\"blue\""`
	Count  int     `json:"count,omitempty" minimum:"1" maximum:"9" default:"3"`
	Ratio  float64 `json:"ratio,omitempty"`
	On     bool    `json:"on,omitempty"`

	Tags  []string    `json:"tags,omitempty"`
	Sizes [][]int     `json:"sizes,omitempty"`
	Inner flatInner   `json:"inner,omitzero"`
	Many  []flatInner `json:"many,omitempty"`
	Any   any         `json:"any,omitempty"`
}

type flatInner struct {
	Key string `json:"key" maxLength:"3"`
	Nr  int    `json:"nr,omitempty" minimum:"0"`
}

// The short way must accept plain arguments, and nothing that the schema library refuses.
func TestFlatAcceptsOnlyWhatTheSchemaDoes(t *testing.T) {
	s, err := schemaOf(reflect.TypeFor[flatArgs]())
	if err != nil {
		t.Fatal(err)
	}
	if s.flat == nil {
		t.Fatal("a plain struct has no short way")
	}
	for raw, plainly := range map[string]bool{
		`{"name":"abc"}`:  true,
		`{"name":"äöü𝄞"}`: true,
		`{"name":"abc","colour":"red","count":9,"ratio":-1.5e3,"on":true}`: true,
		`{"name":"abc","colour":"\"blue\""}`:                               true,
		`{"name":"a\u0062c"}`:                                              false, // fits, but must be decoded to be counted
		`{"n\u0061me":"abc"}`:                                              false,
		`{"name":"abc","count":2.0}`:                                       false,
		`{}`:                                                               false,
		`{"name":"a"}`:                                                     false,
		`{"name":"abcde"}`:                                                 false,
		`{"name":7}`:                                                       false,
		`{"name":null}`:                                                    false,
		`{"name":"abc","colour":"green"}`:                                  false,
		`{"name":"abc","count":0}`:                                         false,
		`{"name":"abc","count":10}`:                                        false,
		`{"name":"abc","count":"3"}`:                                       false,
		`{"name":"abc","on":1}`:                                            false,
		`{"name":"abc","other":1}`:                                         false,
		`{"name":"abc","ratio":1e999}`:                                     false,
		`{"name":["abc"]}`:                                                 false,
		`{"name":"abc","tags":[],"sizes":[[1],[]],"inner":{"key":"a","nr":0},"many":[{"key":"b"},{"key":"c"}],"any":{"x":[null]}}`: true,
		`{"name":"abc","tags":["a",1]}`:               false,
		`{"name":"abc","tags":"a"}`:                   false,
		`{"name":"abc","tags":[null]}`:                false,
		`{"name":"abc","sizes":[[1],["x"]]}`:          false,
		`{"name":"abc","inner":{"nr":1}}`:             false,
		`{"name":"abc","inner":{"key":"a","more":1}}`: false,
		`{"name":"abc","inner":[]}`:                   false,
		`{"name":"abc","many":[{"key":"abcd"}]}`:      false,
		`{"name":"abc","many":[{"key":"a"},{}]}`:      false,
	} {
		got := s.flat.accepts(jsontext.Value(raw))
		if got != plainly {
			t.Errorf("%s: accepted %v, want %v", raw, got, plainly)
		}
		var value any
		if got && (json.Unmarshal([]byte(raw), &value) != nil || s.resolved.Validate(value) != nil) {
			t.Errorf("%s: accepted, but the schema library refuses it", raw)
		}
	}
}

func TestFlatLeavesRichSchemasToTheLibrary(t *testing.T) {
	for _, written := range []string{
		`{"type":"object","properties":{"a":{"type":"array","minItems":1}}}`,
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","pattern":"^x"}}}}`,
		`{"type":"object","properties":{"a":{"type":"object","minProperties":1}}}`,
		`{"type":"object","properties":{"a":{"$ref":"#"}}}`,
		`{"type":"object","properties":{"a":{"type":["string","number"]}}}`,
		`{"type":"object","properties":{"a":{"type":"string","pattern":"^x"}}}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"anyOf":[{"required":["a"]}]}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"string"}}`,
		`{"type":"object","properties":{"a":{}},"required":["b"]}`,
		`{"type":"object","minProperties":1}`,
	} {
		s, err := schemaFrom(jsontext.Value(written))
		if err != nil {
			t.Fatal(err)
		}
		if s.flat != nil {
			t.Errorf("%s has a short way", written)
		}
	}
}

func FuzzFlat(f *testing.F) {
	s, err := schemaOf(reflect.TypeFor[flatArgs]())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"name":"abc","colour":"red","count":9,"ratio":-1.5e3,"on":true}`)
	f.Add(`{"name":"a\u0062"}`)
	f.Add(`{"name":"abc","count":-0}`)
	f.Add(`{"name":"abc","tags":["x"],"sizes":[[1],[]],"inner":{"key":"a","nr":0},"many":[{"key":"b"}],"any":[{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		raw := jsontext.Value(text)
		if !raw.IsValid() || raw.Kind() != '{' || !s.flat.accepts(raw) {
			return
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatalf("%s: accepted, but cannot be decoded: %v", text, err)
		}
		if err := s.resolved.Validate(value); err != nil {
			t.Fatalf("%s: accepted, but the schema library refuses it: %v", text, err)
		}
	})
}
