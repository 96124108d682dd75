package httptool

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/jsonschema-go/jsonschema"

	"toolgate/tools/internal/declare"
)

// Bounds of what a document may say to models.
const (
	maxDescription     = 400 // characters of a tool's
	maxArgumentText    = 200 // characters of an argument's
	maxTitle           = 80
	maxImportedSchemas = 64 // arguments of one operation
)

// places are where an argument goes, in the order in which they are shown.
var places = []string{openapi3.ParameterInPath, openapi3.ParameterInQuery, openapi3.ParameterInHeader}

// assembly is one operation of a document on its way to a tool.
type assembly struct {
	*document
	endpoint
	o       *operation
	input   *jsonschema.Schema
	inPath  map[string]string // arguments by the names in the path
	dropped []string
}

// operation makes a tool of an operation. The error says why it cannot be one.
func (m *document) operation(e endpoint) (*operation, error) {
	if !slices.Contains(methods, e.method) {
		return nil, fmt.Errorf("the method %s is not among %s", e.method, strings.Join(methods, ", "))
	}
	name, shortened := toolNameOf(m.Prefix, e.name())
	write := !isReading(e.method) && !slices.ContainsFunc(m.Reads, e.is)
	a := &assembly{document: m, endpoint: e, inPath: map[string]string{}}
	a.input = &jsonschema.Schema{
		Type: "object", Properties: map[string]*jsonschema.Schema{}, AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
	}
	a.o = &operation{upstream: m.upstream, method: e.method, response: response{list: "items"}}
	a.o.tool = declare.Tool{
		At: e.at, Name: name, Title: a.title(), Description: a.description(),
		Write: write, Destructive: write && e.method == "DELETE",
		Idempotent: e.method == "PUT" || e.method == "DELETE", OpenWorld: true,
	}
	if err := errors.Join(a.o.tool.Check(), a.addParameters(), a.addBody()); err != nil {
		return nil, err
	}
	var err error
	if a.o.path, err = endpointPath(e.path, a.inPath); err != nil {
		return nil, fmt.Errorf("its path: %w", err)
	}
	if len(a.input.Properties) > maxImportedSchemas {
		return nil, fmt.Errorf("it has %d arguments; at most %d are of use to a model", len(a.input.Properties), maxImportedSchemas)
	}
	wire, err := json.Marshal(a.input)
	if err != nil {
		return nil, fmt.Errorf("encode the schema of its arguments: %w", err)
	}
	if faults := declare.Lint(wire); len(faults) > 0 {
		return nil, fmt.Errorf("its arguments: %s", strings.Join(faults, "; "))
	}
	if err := compiles(wire); err != nil {
		return nil, fmt.Errorf("its arguments: %w", err)
	}
	a.o.input = wire
	a.settleOutput()
	if shortened {
		m.notes = append(m.notes, fmt.Sprintf("the operation %s of the api %s is the tool %s: its name is too long", e.name(), m.upstream.name, name))
	}
	m.notes = append(m.notes, a.dropped...)
	return a.o, nil
}

func (a *assembly) title() string {
	if a.Summary == "" {
		return plain(words(a.name()), maxTitle)
	}
	return strings.TrimRight(plain(a.Summary, maxTitle), ".")
}

// description is what the document says of the operation, within bounds.
func (a *assembly) description() string {
	summary, more := plain(a.Summary, maxDescription), plain(a.Description, maxDescription)
	text := more
	if summary != "" && !strings.HasPrefix(strings.ToLower(more), strings.ToLower(strings.TrimRight(summary, "."))) {
		text = strings.TrimSpace(sentence(summary) + " " + more)
	}
	if text == "" {
		text = a.method + " " + a.path
	}
	if a.Deprecated {
		text = "Deprecated. " + text
	}
	return sentence(plain(text, maxDescription))
}

func sentence(text string) string {
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") || strings.HasSuffix(text, "…") {
		return text
	}
	return text + "."
}

// convert is a schema of an argument, described by said, by its own words or by its name. What is left out of it is noted.
func (a *assembly) convert(name, said string, ref *openapi3.SchemaRef) (*jsonschema.Schema, error) {
	if ref == nil || ref.Value == nil {
		return nil, errNoSchema
	}
	schema := *ref.Value
	if said != "" {
		schema.Description = said
	} else if schema.Description == "" && schema.Title == "" {
		schema.Description = words(name)
	}
	c := &converter{within: []*openapi3.Schema{ref.Value}}
	s, err := c.schema(&openapi3.SchemaRef{Ref: ref.Ref, Value: &schema})
	for _, text := range c.left {
		a.dropped = append(a.dropped, fmt.Sprintf("the operation %s of the api %s: left out of its arguments %s", a.name(), a.upstream.name, text))
	}
	return s, err
}

// drop leaves out what is not required, and returns why where it is.
func (a *assembly) drop(required bool, what string, err error) error {
	if required {
		return fmt.Errorf("%s: %w", what, err)
	}
	a.dropped = append(a.dropped, fmt.Sprintf("%s of the operation %s of the api %s is left out: %v", what, a.name(), a.upstream.name, err))
	return nil
}

// addParameters makes arguments of the operation's parameters and its path's.
func (a *assembly) addParameters() error {
	all := openapi3.Parameters{}
	for _, p := range slices.Concat(a.item.Parameters, a.Operation.Parameters) {
		if p == nil || p.Value == nil {
			continue
		}
		all = slices.DeleteFunc(all, func(o *openapi3.ParameterRef) bool { return o.Value.In == p.Value.In && o.Value.Name == p.Value.Name })
		all = append(all, p)
	}
	var faults []error
	for _, place := range places {
		for _, p := range all {
			if p.Value.In == place {
				faults = append(faults, a.addParameter(p.Value))
			}
		}
	}
	for _, p := range all {
		if !slices.Contains(places, p.Value.In) {
			what := fmt.Sprintf("parameter %q", p.Value.Name)
			faults = append(faults, a.drop(p.Value.Required, what, fmt.Errorf("it is in %s, which is not sent", p.Value.In)))
		}
	}
	return errors.Join(faults...)
}

// addParameter makes an argument of a parameter, unless the operator or we send it.
func (a *assembly) addParameter(p *openapi3.Parameter) error {
	required := p.Required || p.In == openapi3.ParameterInPath
	what := fmt.Sprintf("parameter %q", p.Name)
	if a.sentAnyway(p) {
		return nil
	}
	join, err := joined(p)
	if err != nil {
		return a.drop(required, what, err)
	}
	s, err := a.convert(p.Name, p.Description, p.Schema)
	if err == nil {
		err = lintMember(s)
	}
	if err == nil && !isPlain(s) {
		err = errors.New("it is neither a plain value nor an array of such")
	}
	if err != nil {
		return a.drop(required, what, err)
	}
	if p.In == openapi3.ParameterInHeader {
		if text := headerFault(p.Name, of("x")); text != "" {
			return a.drop(required, what, errors.New(text))
		}
	}
	name := a.add(p.In, p.Name, s, required)
	f := field{name: p.Name, value: of(name), join: join}
	switch p.In {
	case openapi3.ParameterInPath:
		a.inPath[p.Name] = name
	case openapi3.ParameterInQuery:
		a.o.query = append(a.o.query, f)
	case openapi3.ParameterInHeader:
		a.o.headers = append(a.o.headers, f)
	}
	return nil
}

// sentAnyway says whether a parameter is the operator's to give, or ours (OpenAPI 3.1, 4.8.12.2.1).
func (a *assembly) sentAnyway(p *openapi3.Parameter) bool {
	switch p.In {
	case openapi3.ParameterInHeader:
		for name := range a.upstream.headers {
			if strings.EqualFold(name, p.Name) {
				return true
			}
		}
		return slices.Contains([]string{"accept", "content-type", "authorization"}, strings.ToLower(p.Name)) ||
			a.upstream.caller != "" && strings.EqualFold(a.upstream.callerAs, p.Name)
	case openapi3.ParameterInQuery:
		_, sent := a.upstream.query[p.Name]
		return sent
	}
	return false
}

// joined is what stands between the elements of an array, by the parameter's style.
func joined(p *openapi3.Parameter) (string, error) {
	explode := p.Explode == nil || *p.Explode
	switch style := p.Style; {
	case p.Schema == nil:
		return "", errNoSchema
	case p.In != openapi3.ParameterInQuery && (style == "" || style == openapi3.SerializationSimple):
		return ",", nil
	case p.In == openapi3.ParameterInQuery && (style == "" || style == openapi3.SerializationForm):
		if explode {
			return "", nil
		}
		return ",", nil
	case p.In == openapi3.ParameterInQuery && style == openapi3.SerializationSpaceDelimited && p.Explode != nil && !explode:
		return " ", nil
	case p.In == openapi3.ParameterInQuery && style == openapi3.SerializationPipeDelimited && p.Explode != nil && !explode:
		return "|", nil
	case p.In == openapi3.ParameterInQuery && (style == openapi3.SerializationSpaceDelimited || style == openapi3.SerializationPipeDelimited):
		return "", nil
	}
	return "", fmt.Errorf("its style %s is not known here", p.Style)
}

// isPlain says whether a value is text in a URL.
func isPlain(s *jsonschema.Schema) bool {
	switch s.Type {
	case "string", "integer", "number", "boolean":
		return true
	case "array":
		return s.Items != nil && s.Items.Type != "array" && isPlain(s.Items)
	}
	return false
}

// reserved are names of arguments that the server may add.
var reserved = []string{"confirm"}

// add makes an argument. Where its name is taken, that of its place stands before it.
func (a *assembly) add(place, parameter string, s *jsonschema.Schema, required bool) string {
	name := argumentNameOf(parameter)
	_, taken := a.input.Properties[name]
	for n := 1; taken || slices.Contains(reserved, name); n++ {
		name = argumentNameOf(strings.Repeat(place+"_", n) + parameter)
		_, taken = a.input.Properties[name]
	}
	s.Description = sentence(plain(s.Description, maxArgumentText))
	a.input.Properties[name] = s
	a.input.PropertyOrder = append(a.input.PropertyOrder, name)
	if required {
		a.input.Required = append(a.input.Required, name)
	}
	return name
}
