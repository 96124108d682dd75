package httptool

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"toolgate/mcp"
	"toolgate/tools/internal/declare"
)

// maxUnescapes is how often a value is unescaped to see what a server may make of it.
const maxUnescapes = 3

// pathTemplate is a path by its segments; what stands beside parameters in them is escaped already.
type pathTemplate []template

// parsePath reads a path that begins with /. It refuses what would lead elsewhere whatever the arguments are.
func parsePath(text string) (pathTemplate, error) {
	if text == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return nil, errors.New("it must begin with /")
	}
	if strings.ContainsAny(text, "?#\\") {
		return nil, errors.New(`it holds ?, # or \: write what is asked for under query`)
	}
	var path pathTemplate
	for segment := range strings.SplitSeq(rest, "/") {
		t := parseTemplate(segment)
		for i, p := range t {
			if p.parameter != "" {
				continue
			}
			if strings.ContainsAny(p.text, "{}") {
				return nil, fmt.Errorf("%q is no parameter: {name} is made of letters, digits and _", segment)
			}
			plain, err := url.PathUnescape(p.text)
			if err != nil {
				return nil, fmt.Errorf("%q is not escaped as it should be", segment)
			}
			if len(t) == 1 && leadsAway(plain) {
				return nil, fmt.Errorf("the segment %q leads up or nowhere", segment)
			}
			t[i].text = escapeLiteral(p.text)
		}
		path = append(path, t)
	}
	return path, nil
}

var endpointParameter = regexp.MustCompile(`\{([^{}/]+)\}`)

// endpointPath is a path of an OpenAPI document, whose parameters may have any name. arguments has those of the tool by
// them.
func endpointPath(text string, arguments map[string]string) (pathTemplate, error) {
	names := map[string]string{} // by what stands in for them, which parsePath reads
	var unknown error
	text = endpointParameter.ReplaceAllStringFunc(text, func(found string) string {
		argument, ok := arguments[found[1:len(found)-1]]
		if !ok {
			unknown = fmt.Errorf("%s is not among its parameters", found)
		}
		alias := fmt.Sprintf("p%d", len(names))
		names[alias] = argument
		return "{" + alias + "}"
	})
	if unknown != nil {
		return nil, unknown
	}
	path, err := parsePath(text)
	for _, segment := range path {
		for i, p := range segment {
			if p.parameter != "" {
				segment[i].parameter = names[p.parameter]
			}
		}
	}
	return path, err
}

// escapeLiteral escapes what cannot stand in a path, and leaves what is escaped.
func escapeLiteral(text string) string {
	const allowed = "-._~!$&'()*+,;=:@%"
	var out strings.Builder
	for _, b := range []byte(text) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(allowed, b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

func (t pathTemplate) parameters() []string {
	var names []string
	for _, segment := range t {
		for name := range segment.parameters() {
			names = append(names, name)
		}
	}
	return names
}

// fill is the path with arguments in it, escaped. No argument can make it lead elsewhere, or have another number of
// segments.
func (t pathTemplate) fill(args declare.Arguments) (string, error) {
	var out strings.Builder
	for _, segment := range t {
		text, given, err := segment.fill(args, escapeSegment)
		if err != nil {
			return "", err
		}
		if !given {
			return "", errors.New("an argument of the path was not given, though it is required")
		}
		if plain, _ := url.PathUnescape(text); len(segment) > 1 && leadsAway(plain) {
			return "", mcp.ToolErrorf("these arguments together make a path that leads elsewhere: give the plain names or ids")
		}
		out.WriteByte('/')
		out.WriteString(text)
	}
	return out.String(), nil
}

// escapeSegment makes an argument part of a segment. It refuses what some server on the way may read as more than that.
func escapeSegment(parameter, value string) (string, error) {
	if value == "" {
		return "", mcp.ToolErrorf("%q must not be empty", parameter)
	}
	plain := value
	for range maxUnescapes {
		if strings.ContainsFunc(plain, unicode.IsControl) {
			return "", mcp.ToolErrorf("%q must not hold line breaks or control characters", parameter)
		}
		if strings.ContainsAny(plain, `/\`) || leadsAway(plain) {
			return "", mcp.ToolErrorf("%q must be a name or an id, without / or \\, and neither . nor ..", parameter)
		}
		next, err := url.PathUnescape(plain)
		if err != nil || next == plain {
			return url.PathEscape(value), nil
		}
		plain = next
	}
	return "", mcp.ToolErrorf("%q is escaped again and again: give it as it is", parameter)
}

// leadsAway says whether a segment is one that servers leave out, with or without what some take for its parameters.
func leadsAway(segment string) bool {
	name, _, _ := strings.Cut(segment, ";")
	name = strings.TrimSpace(name)
	return name == "." || name == ".."
}
