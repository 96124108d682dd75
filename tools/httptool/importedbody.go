package httptool

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"

	"toolgate/tools/internal/declare"
)

// maxOutputSchema bounds an imported output schema in bytes: every model pays for it in every list of tools.
const maxOutputSchema = 8 << 10

// wholeBody is the argument that is a body as a whole.
const wholeBody = "body"

// addBody makes arguments of the properties of a JSON object or a form, or one of anything else that is JSON.
func (a *assembly) addBody() error {
	if a.RequestBody == nil || a.RequestBody.Value == nil {
		return nil
	}
	written := a.RequestBody.Value
	if isReading(a.method) {
		return a.drop(written.Required, "the body", fmt.Errorf("a request by %s has none", a.method))
	}
	kind, media := jsonMedia(written.Content)
	if media == nil {
		kind = "application/x-www-form-urlencoded"
		media = written.Content[kind]
	}
	if media == nil {
		known := strings.Join(slices.Sorted(maps.Keys(written.Content)), ", ")
		return a.drop(written.Required, "the body", fmt.Errorf("it is %s; JSON and plain forms can be sent", known))
	}
	if media.Schema == nil || media.Schema.Value == nil {
		return a.drop(written.Required, "the body", errNoSchema)
	}
	isForm := strings.HasSuffix(kind, "urlencoded")
	members, err := objectMembers(media.Schema, nil)
	if err != nil {
		return a.drop(written.Required, "the body", err)
	}
	if len(members) == 0 {
		if isForm {
			return a.drop(written.Required, "the body", errors.New("its form has no fields"))
		}
		return a.addWholeBody(written, kind, media.Schema)
	}
	root := node{kind: '{'}
	var form formBody
	var faults []error
	for _, member := range members {
		required := member.required && written.Required
		what := fmt.Sprintf("property %q of the body", member.name)
		s, err := a.convert(member.name, "", member.schema)
		if err == nil && isForm && !isPlain(s) {
			err = errors.New("a form has plain values and arrays of such")
		}
		if err == nil {
			err = lintMember(s)
		}
		if err != nil {
			faults = append(faults, a.drop(required, what, err))
			continue
		}
		name := a.add(wholeBody, member.name, s, required)
		root.names = append(root.names, member.name)
		root.children = append(root.children, node{kind: '"', text: of(name)})
		form = append(form, field{name: member.name, value: of(name)})
	}
	a.o.body = jsonBody{root: root, contentType: kind, optional: !written.Required}
	if isForm {
		a.o.body = form
	}
	return errors.Join(faults...)
}

func (a *assembly) addWholeBody(written *openapi3.RequestBody, kind string, schema *openapi3.SchemaRef) error {
	s, err := a.convert(wholeBody, written.Description, schema)
	if err == nil {
		err = lintMember(s)
	}
	if err != nil {
		return a.drop(written.Required, "the body", err)
	}
	name := a.add(wholeBody, wholeBody, s, written.Required)
	a.o.body = jsonBody{root: node{kind: '"', text: of(name)}, contentType: kind}
	return nil
}

// jsonMedia is the JSON among media types.
func jsonMedia(content openapi3.Content) (kind string, media *openapi3.MediaType) {
	for _, wanted := range []func(string) bool{
		func(kind string) bool { return kind == "application/json" },
		func(kind string) bool { return strings.HasPrefix(kind, "application/json") },
		func(kind string) bool { return strings.HasSuffix(kind, "+json") && !strings.Contains(kind, "*") },
	} {
		for _, kind := range slices.Sorted(maps.Keys(content)) {
			if wanted(strings.ToLower(kind)) {
				return kind, content[kind]
			}
		}
	}
	if media := content["*/*"]; media != nil {
		return "application/json", media
	}
	return "", nil
}

// member is a property of a body.
type member struct {
	name     string
	schema   *openapi3.SchemaRef
	required bool
}

// objectMembers are the properties of an object and of the parts that it is made of, those that are required first; none
// where it is no object, or one of any properties.
func objectMembers(ref *openapi3.SchemaRef, within []*openapi3.Schema) ([]member, error) {
	s := ref.Value
	if s == nil {
		return nil, errNoSchema
	}
	if slices.Contains(within, s) {
		return nil, selfReference(ref)
	}
	if len(s.OneOf) > 0 || len(s.AnyOf) > 0 {
		return nil, errors.New("it is one of several, which model APIs do not take as a whole")
	}
	named := map[string]member{}
	for _, part := range s.AllOf {
		members, err := objectMembers(part, append(slices.Clone(within), s))
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			named[m.name] = m
		}
	}
	for name, property := range s.Properties {
		if property.Value == nil || !property.Value.ReadOnly {
			named[name] = member{name: name, schema: property}
		}
	}
	for _, name := range s.Required {
		if m, ok := named[name]; ok {
			m.required = true
			named[name] = m
		}
	}
	return slices.SortedFunc(maps.Values(named), func(a, b member) int {
		if a.required != b.required {
			if a.required {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	}), nil
}

// lintMember says why model APIs refuse what is to be one argument.
func lintMember(s *jsonschema.Schema) error {
	wire, err := json.Marshal(&jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{"it": s}})
	if err != nil {
		return err
	}
	if faults := declare.Lint(wire); len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// settleOutput takes the schema of what the operation answers with, where every answer has it and models take it.
func (a *assembly) settleOutput() {
	a.o.output = jsontext.Value(openSchema)
	var answers []*openapi3.SchemaRef
	for status, r := range a.Responses.Map() {
		if !strings.HasPrefix(status, "2") || r.Value == nil {
			continue
		}
		_, media := jsonMedia(r.Value.Content)
		if media == nil || media.Schema == nil || media.Schema.Value == nil {
			return
		}
		answers = append(answers, media.Schema)
	}
	if len(answers) != 1 {
		return
	}
	s, err := (&converter{output: true}).schema(answers[0])
	if err != nil {
		return
	}
	if s.Type != "object" {
		if s.Description == "" {
			s.Description = "What was found."
		}
		name := "result"
		if s.Type == "array" {
			name = a.o.response.list
		}
		s = &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{name: s}, Required: []string{name}}
	}
	s.Description = ""
	wire, err := json.Marshal(s)
	if err != nil || len(wire) > maxOutputSchema || len(declare.Lint(wire)) > 0 || compiles(wire) != nil {
		return
	}
	a.o.output = wire
	a.o.response.json, a.o.response.noNulls = true, true
}
