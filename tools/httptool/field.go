package httptool

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"toolgate/mcp"
	"toolgate/tools/internal/declare"
)

// field is a header, or a part of a query or form: left out where an argument in it was not given.
type field struct {
	name  string
	value template
	join  string // between the elements of an array; empty: the field is there once for each
}

// fill is the field's values; nil where it is left out.
func (f field) fill(args declare.Arguments) ([]string, error) {
	if name, sole := f.value.sole(); sole {
		value, given := args[name]
		if !given {
			return nil, nil
		}
		all := texts(value)
		if f.join != "" {
			all = []string{strings.Join(all, f.join)}
		}
		return all, nil
	}
	text, given, err := f.value.fill(args, nil)
	if err != nil || !given {
		return nil, err
	}
	return []string{text}, nil
}

// header is the field's one value as a header's. An argument can neither end it nor begin another.
func (f field) header(args declare.Arguments) (text string, given bool, err error) {
	return f.value.fill(args, func(parameter, value string) (string, error) {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return "", mcp.ToolErrorf("%q must not hold line breaks or control characters", parameter)
		}
		return value, nil
	})
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// Headers that say how a message is sent, which is not a declaration's to say.
var wireHeaders = []string{
	"connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
	"transfer-encoding", "upgrade",
}

// Headers that say who asks, or by which some servers choose what is asked: no argument may be in them.
var trustedHeaders = []string{
	"authorization", "cookie", "proxy-authorization", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
	"x-forwarded-port", "x-forwarded-prefix", "x-host", "x-http-method", "x-http-method-override", "x-method-override",
	"x-original-host", "x-original-url", "x-real-ip", "x-rewrite-url",
}

// headerFault says what is wrong with a header; empty: nothing.
func headerFault(name string, value template) string {
	lower := strings.ToLower(name)
	_, fixed := value.fixed()
	switch {
	case !headerName.MatchString(name):
		return fmt.Sprintf("header %q: no header is called so", name)
	case slices.Contains(wireHeaders, lower):
		return fmt.Sprintf("header %q: it belongs to the connection", name)
	case !fixed && slices.Contains(trustedHeaders, lower):
		return fmt.Sprintf("header %q: no argument may be in it, since servers trust it", name)
	}
	for _, p := range value {
		if strings.ContainsFunc(p.text, unicode.IsControl) {
			return fmt.Sprintf("header %q: it holds a line break or control character", name)
		}
	}
	return ""
}

// fixed is the text of a template without parameters.
func (t template) fixed() (text string, ok bool) {
	for _, p := range t {
		if p.parameter != "" {
			return "", false
		}
		text += p.text
	}
	return text, true
}
