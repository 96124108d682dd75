package httptool

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"

	"toolgate/config"
	"toolgate/tools/internal/declare"
	"toolgate/tools/internal/near"
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// declared makes an operation of what an operator declared. It adds what is wrong to its faults.
type declared struct {
	toolDeclaration
	o      *operation
	faults []error
}

func (d *declared) fault(format string, args ...any) {
	d.faults = append(d.faults, at(d.At, d.Name, format, args...))
}

// newOperation checks a declared tool, all of it. The upstream of a tool with a URL of its own comes from own.
func newOperation(t toolDeclaration, apis map[string]*upstream, own func(config.Position, *url.URL) *upstream) (*operation, error) {
	d := &declared{toolDeclaration: t, o: &operation{}}
	d.settleMethod()
	d.o.tool = declare.Tool{
		At: t.At, Name: t.Name, Title: t.Title, Description: t.Description, Parameters: t.Parameters,
		Write:       or(t.Write, !isReading(d.o.method)),
		Destructive: or(t.Destructive, d.o.method == "DELETE" && or(t.Write, true)),
		Idempotent:  or(t.Idempotent, d.o.method == "PUT" || d.o.method == "DELETE"),
		OpenWorld:   or(t.OpenWorld, true),
	}
	if err := d.o.tool.Check(); err != nil {
		d.faults = append(d.faults, err)
	} else {
		d.o.input = d.o.tool.InputSchema()
		for _, text := range declare.Lint(d.o.input) {
			d.fault("parameters: %s", text)
		}
	}
	d.settleTarget(apis, own)
	d.settleFields()
	d.settleBody()
	d.settleResponse()
	d.settleTimeout()
	d.checkParameters()
	return d.o, errors.Join(d.faults...)
}

func or(written *bool, otherwise bool) bool {
	if written != nil {
		return *written
	}
	return otherwise
}

func isReading(method string) bool { return method == "GET" || method == "HEAD" }

func (d *declared) settleMethod() {
	d.o.method = strings.ToUpper(d.Method)
	if d.o.method == "" {
		d.o.method = "GET"
	}
	if !slices.Contains(methods, d.o.method) {
		d.fault("method %q is none of %s", d.Method, strings.Join(methods, ", "))
	}
}

// settleTarget finds what is asked: an API and a path below it, or an address in full.
func (d *declared) settleTarget(apis map[string]*upstream, own func(config.Position, *url.URL) *upstream) {
	path := d.Path
	switch {
	case d.API != "" && d.URL != "":
		d.fault("api and url are both there: leave one out")
	case d.API == "" && d.URL == "":
		d.fault("it needs api, the name of one under apis, or url, an address in full")
	case d.API != "":
		if d.o.upstream = apis[d.API]; d.o.upstream == nil {
			d.fault("there is no api %q%s", d.API, meant(d.API, slices.Sorted(maps.Keys(apis))))
		}
	default:
		base, rest, err := splitURL(d.URL)
		if err != nil {
			d.fault("url: %v", err)
			return
		}
		if path != "" {
			rest = strings.TrimSuffix(rest, "/")
		}
		path = rest + path
		d.o.upstream = own(d.At, base)
	}
	var err error
	if d.o.path, err = parsePath(path); err != nil {
		d.fault("path: %v", err)
	}
}

// splitURL parts an address into what is fixed and a path, which may hold parameters.
func splitURL(text string) (base *url.URL, path string, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	host, path, slash := strings.Cut(rest, "/")
	if base, err = parseBase(scheme + "://" + host); err != nil {
		return nil, "", err
	}
	if slash {
		path = "/" + path
	}
	return base, path, nil
}

func meant(name string, names []string) string {
	if closest := near.Names(name, names, 1); len(closest) > 0 {
		return fmt.Sprintf("; did you mean %q?", closest[0])
	}
	return ""
}

func (d *declared) settleFields() {
	for _, name := range slices.Sorted(maps.Keys(d.Query)) {
		if d.o.upstream != nil {
			if _, taken := d.o.upstream.query[name]; taken {
				d.fault("query %q: the api sends it already", name)
			}
		}
		d.o.query = append(d.o.query, field{name: name, value: parseTemplate(d.Query[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		f := field{name: name, value: parseTemplate(d.Headers[name])}
		if text := headerFault(name, f.value); text != "" {
			d.fault("%s", text)
		}
		if text, fixed := f.value.fixed(); fixed && isEmptyCredential(text) {
			d.fault("header %q: it is empty; set the variable it is made of, or leave the header out", name)
		}
		d.o.headers = append(d.o.headers, f)
	}
}

func (d *declared) settleBody() {
	if (d.Body != nil || d.BodyText != nil) && isReading(d.o.method) {
		d.fault("a request by %s has no body", d.o.method)
	}
	if d.ContentType != "" && d.BodyText == nil {
		d.fault("content_type belongs to body_text")
	}
	switch {
	case d.Body != nil && d.BodyText != nil:
		d.fault("body and body_text are both there: leave one out")
	case d.Body != nil:
		b, err := parseBody(d.At, d.Body)
		if err != nil {
			d.fault("body: %v", err)
		}
		d.o.body = b
	case d.BodyText != nil:
		kind := d.ContentType
		if kind == "" {
			kind = "text/plain; charset=utf-8"
		}
		b, err := parseTextBody(*d.BodyText, kind)
		if err != nil {
			d.fault("body_text: %v", err)
		}
		d.o.body = b
	}
}

func (d *declared) settleResponse() {
	r := d.Response
	d.o.response = response{text: r.Text}
	d.o.output = jsontext.Value(openSchema)
	if r.Text {
		d.o.output = jsontext.Value(textSchema)
		if r.JQ != "" || r.Schema != nil {
			d.fault("response: text goes with neither jq nor schema")
		}
	}
	if r.JQ != "" {
		f, err := parseFilter(r.JQ)
		if err != nil {
			d.fault("response: jq: %v", err)
		}
		d.o.response.filter = f
	}
	if r.Schema == nil {
		return
	}
	d.o.response.json = true
	written, err := literal(d.At, r.Schema)
	if err != nil {
		d.fault("response: schema: %v", err)
		return
	}
	inlined, err := declare.Inline(written)
	if err != nil {
		d.fault("response: schema: %v", err)
		return
	}
	faults := declare.Lint(inlined)
	for _, text := range faults {
		d.fault("response: schema: %s", text)
	}
	if len(faults) == 0 {
		if err := compiles(inlined); err != nil {
			d.fault("response: schema: %v", err)
		}
	}
	d.o.output = inlined
}

// compiles says why a schema cannot be enforced.
func compiles(schema jsontext.Value) error {
	s := new(jsonschema.Schema)
	if err := s.UnmarshalJSON(schema); err != nil {
		return err
	}
	_, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	return err
}

func (d *declared) settleTimeout() {
	if d.Timeout == nil {
		return
	}
	if text := timeoutFault(*d.Timeout); text != "" {
		d.fault("%s", text)
		return
	}
	d.o.timeout = *d.Timeout
	if u := d.o.upstream; u != nil {
		u.longest = max(u.longest, d.o.timeout)
	}
}

// checkParameters holds what is declared against what is used.
func (d *declared) checkParameters() {
	names := []string{}
	known := map[string]declare.Parameter{}
	for _, p := range d.Parameters {
		names = append(names, p.Name)
		known[p.Name] = p
	}
	used := d.o.arguments()
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if _, ok := known[name]; !ok {
			d.fault("{%s} is no parameter of it%s; write {{%s}} for the text itself", name, meant(name, names), name)
		}
	}
	for _, p := range d.Parameters {
		if !used[p.Name] && p.Name != "" {
			d.faults = append(d.faults, at(p.At, d.Name, "parameter %q: it is used nowhere; write {%s} where it belongs", p.Name, p.Name))
		}
	}
	for _, name := range d.o.path.parameters() {
		p, ok := known[name]
		switch {
		case !ok:
		case !p.IsRequired() && p.Default == nil:
			d.faults = append(d.faults, at(p.At, d.Name, "parameter %q: it is in the path, so it must be required or have a default", name))
		case p.Type == "array":
			d.faults = append(d.faults, at(p.At, d.Name, "parameter %q: it is in the path, so it cannot be an array", name))
		}
	}
}
