package httptool

import (
	"encoding/xml"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/tools/internal/declare"
)

// textBody is a text with places for arguments, each escaped as its content type wants it.
type textBody struct {
	text        template
	contentType string
	escape      func(parameter, value string) (string, error)
}

// parseTextBody refuses to put arguments into a text whose form it does not know: they could change what it says.
func parseTextBody(text, contentType string) (textBody, error) {
	b := textBody{text: parseTemplate(text), contentType: contentType}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return b, fmt.Errorf("content_type %q is no media type, such as text/plain", contentType)
	}
	plain := func(_, value string) (string, error) { return value, nil }
	switch {
	case strings.HasSuffix(kind, "/xml") || strings.HasSuffix(kind, "+xml") || kind == "text/html":
		b.escape = escapeXML
	case kind == "application/x-www-form-urlencoded":
		b.escape = func(_, value string) (string, error) { return url.QueryEscape(value), nil }
	case strings.HasPrefix(kind, "text/"):
		b.escape = plain
	case len(b.parameters()) == 0:
	case strings.HasSuffix(kind, "json"):
		return b, errors.New("write JSON under body, where parameters keep their types and cannot change its form")
	default:
		return b, fmt.Errorf("parameters cannot be put into %s safely: text, XML and forms are known", kind)
	}
	return b, nil
}

func escapeXML(_, value string) (string, error) {
	var out strings.Builder
	err := xml.EscapeText(&out, []byte(value))
	return out.String(), err
}

func (b textBody) parameters() []string {
	var names []string
	for name := range b.text.parameters() {
		names = append(names, name)
	}
	return names
}

func (b textBody) encode(args declare.Arguments) (content []byte, contentType string, err error) {
	given := declare.Arguments{}
	for _, name := range b.parameters() {
		given[name] = jsontext.Value(`""`) // what was not given is nothing
		if v, ok := args[name]; ok {
			given[name] = v
		}
	}
	text, _, err := b.text.fill(given, b.escape)
	return []byte(text), b.contentType, err
}

// formBody is fields as an HTML form sends them.
type formBody []field

func (b formBody) parameters() []string {
	var names []string
	for _, f := range b {
		for name := range f.value.parameters() {
			names = append(names, name)
		}
	}
	return names
}

func (b formBody) encode(args declare.Arguments) (content []byte, contentType string, err error) {
	values := url.Values{}
	for _, f := range b {
		texts, err := f.fill(args)
		if err != nil {
			return nil, "", err
		}
		if texts != nil {
			values[f.name] = texts
		}
	}
	return []byte(values.Encode()), "application/x-www-form-urlencoded", nil
}
