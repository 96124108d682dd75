package httptool

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"toolgate/config"
)

const maxDocument = 16 << 20 // bytes of an OpenAPI document

// document is an OpenAPI document, and the API that it describes as an operator declared it.
type document struct {
	apiDeclaration
	upstream *upstream
	doc      *openapi3.T

	operations []*operation
	skipped    []string // operations that were chosen by tag and cannot be tools, and why
	notes      []string // what was made otherwise than it is written there
	faults     []error
}

// endpoint is one operation of a document.
type endpoint struct {
	at     config.Position
	method string
	path   string
	item   *openapi3.PathItem
	*openapi3.Operation
}

// name is how people call the operation.
func (e endpoint) name() string {
	if e.OperationID != "" {
		return e.OperationID
	}
	return e.method + " " + e.path
}

// is says whether the operation is called so.
func (e endpoint) is(name string) bool {
	method, path, _ := strings.Cut(name, " ")
	return e.OperationID != "" && e.OperationID == name || strings.EqualFold(method, e.method) && strings.TrimSpace(path) == e.path
}

// withoutDocument says what is wrong with an API that names no document.
func withoutDocument(d apiDeclaration, name string) error {
	if len(d.Operations) > 0 || len(d.Tags) > 0 || len(d.Reads) > 0 || d.Prefix != "" {
		return d.At.Errorf("api %q: operations, tags, reads and prefix choose from a document: set openapi to its file", name)
	}
	return nil
}

// importDocument makes operations of those that an operator chose.
func importDocument(d apiDeclaration, u *upstream) *document {
	m := &document{apiDeclaration: d, upstream: u}
	if len(d.Operations) == 0 && len(d.Tags) == 0 {
		m.fault("openapi: choose by operations or tags what becomes a tool; operations: \"*\" is everything")
	}
	if d.Prefix != "" && (!toolPrefix.MatchString(d.Prefix) || len(d.Prefix) > maxPrefix) {
		m.fault("prefix %q: it is made of letters, digits, _ and -, a letter first, %d at most", d.Prefix, maxPrefix)
	}
	var err error
	if m.doc, err = readDocument(d.OpenAPI); err != nil {
		m.fault("openapi: %v", err)
	}
	if len(m.faults) == 0 {
		m.choose()
	}
	return m
}

func (m *document) fault(format string, args ...any) {
	m.faults = append(m.faults, m.At.Errorf("api %q: %s", m.upstream.name, fmt.Sprintf(format, args...)))
}

// readDocument reads a file. References in it may lead to its own parts alone.
func readDocument(file string) (*openapi3.T, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, maxDocument)
	}
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = false
	loader.IncludeOrigin = true
	doc, err := loader.LoadFromData(text)
	switch {
	case err != nil && strings.Contains(err.Error(), "disallowed external reference"):
		return nil, fmt.Errorf("%s refers to other files, which is not followed: bundle it into one (%w)", file, err)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	case !doc.IsOpenAPI30() && !doc.IsOpenAPI31OrLater():
		return nil, fmt.Errorf("%s is not an OpenAPI document of version 3; convert older ones first", file)
	case doc.Paths.Len() == 0:
		return nil, fmt.Errorf("%s has no paths", file)
	}
	return doc, nil
}

// endpoints are all operations of the document, by path and method.
func (m *document) endpoints() []endpoint {
	var all []endpoint
	paths := m.doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			e := endpoint{config.Position{File: m.OpenAPI}, method, path, paths[path], operations[method]}
			if o := e.Origin; o != nil && o.Key != nil {
				e.at.Line = o.Key.Line
			}
			all = append(all, e)
		}
	}
	return all
}

// choose makes tools of the operations that were named, which must do, and of those that have a tag, which may.
func (m *document) choose() {
	all := m.endpoints()
	everything := slices.Contains(m.Operations, "*")
	for _, name := range slices.Concat(m.Operations, m.Reads) {
		if name != "*" && !slices.ContainsFunc(all, func(e endpoint) bool { return e.is(name) }) {
			m.fault("%s has no operation %q%s", m.OpenAPI, name, meant(name, names(all)))
		}
	}
	for _, tag := range m.Tags {
		if !slices.ContainsFunc(all, func(e endpoint) bool { return slices.Contains(e.Tags, tag) }) {
			m.fault("%s has no operation with the tag %q", m.OpenAPI, tag)
		}
	}
	for _, e := range all {
		named := slices.ContainsFunc(m.Operations, e.is)
		if !named && !everything && !slices.ContainsFunc(e.Tags, func(tag string) bool { return slices.Contains(m.Tags, tag) }) {
			continue
		}
		o, err := m.operation(e)
		switch {
		case err == nil:
			m.operations = append(m.operations, o)
		case named:
			m.faults = append(m.faults, e.at.Errorf("operation %s of the api %q cannot be a tool: %w", e.name(), m.upstream.name, err))
		default:
			m.skipped = append(m.skipped, fmt.Sprintf("%s of the api %s (%s): %v", e.name(), m.upstream.name, e.at, err))
		}
	}
}

func names(all []endpoint) []string {
	var list []string
	for _, e := range all {
		list = append(list, e.name())
	}
	return list
}

var errNoSchema = errors.New("it has no schema")
