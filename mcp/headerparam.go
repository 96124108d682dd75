package mcp

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// headerKeyword marks, in a tool's input schema, an argument that stateless clients repeat in a header, for proxies to see
// (2026-07-28, tools). On a struct it is the tag header:"Region".
const headerKeyword = "x-mcp-header"

// HeaderParam is an argument that the header Mcp-Param-Name repeats.
type HeaderParam struct {
	Name string   // of the header, after Mcp-Param-
	Path []string // from the arguments' root, by property names
	Type string   // string, integer or boolean
}

// headerToken is RFC 9110's token.
var headerToken = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// headerParams finds the marked arguments of a schema. Clients drop a whole tool for one bad mark, so each is refused here:
// names are tokens and unique whatever their case, types are simple, and the way from the root leads through properties.
func headerParams(root *jsonschema.Schema) ([]HeaderParam, error) {
	var found []HeaderParam
	var faults []error
	names := map[string]bool{}
	var descend func(s *jsonschema.Schema, path []string)
	descend = func(s *jsonschema.Schema, path []string) {
		for _, property := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[property]
			at := append(slices.Clone(path), property)
			if mark, ok := p.Extra[headerKeyword]; ok {
				name, _ := mark.(string)
				switch lower := strings.ToLower(name); {
				case !headerToken.MatchString(name):
					faults = append(faults, fmt.Errorf("%s of %q is not a header name", headerKeyword, property))
				case names[lower]:
					faults = append(faults, fmt.Errorf("%s %q stands twice", headerKeyword, name))
				case p.Type != "string" && p.Type != "integer" && p.Type != "boolean":
					faults = append(faults, fmt.Errorf("%s of %q: only strings, integers and booleans can be a header", headerKeyword, property))
				default:
					names[lower] = true
					found = append(found, HeaderParam{name, at, p.Type})
				}
			}
			descend(p, at)
		}
	}
	descend(root, nil)
	marks := 0
	walk(root, func(s *jsonschema.Schema) {
		if _, ok := s.Extra[headerKeyword]; ok {
			marks++
		}
	})
	if marks > len(found)+len(faults) {
		faults = append(faults, fmt.Errorf("%s stands where only properties of properties may have it", headerKeyword))
	}
	return found, errors.Join(faults...)
}

// HeaderParams are the arguments of a tool that headers repeat; nil for an unknown tool.
func (s *Server) HeaderParams(tool string) []HeaderParam {
	if t, ok := s.catalog.Load().tools[tool]; ok {
		return t.input.headers
	}
	return nil
}
