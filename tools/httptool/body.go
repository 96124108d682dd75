package httptool

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"toolgate/config"
	"toolgate/tools/internal/declare"
)

const maxBodyDepth = 32 // levels of a body

// body is what a request carries.
type body interface {
	// encode makes it of arguments. Content is nil where there is nothing to send.
	encode(args declare.Arguments) (content []byte, contentType string, err error)
	parameters() []string
}

// jsonBody is a JSON value with places for arguments.
type jsonBody struct {
	root        node
	contentType string // empty: application/json
	optional    bool   // where nothing in it was given, nothing is sent
}

// node is one value of a jsonBody: an object, an array, a text, or a literal.
type node struct {
	kind     jsontext.Kind // '{', '[', '"', or 0: a literal
	names    []string      // of members
	children []node        // members, elements
	text     template
	literal  jsontext.Value
}

// parseBody reads a body as it was declared. Its faults name the file and line.
func parseBody(at config.Position, n *yaml.Node) (jsonBody, error) {
	root, err := parseNode(at.File, n, 0, parseTemplate)
	return jsonBody{root: root}, err
}

// literal is a YAML value as JSON, its keys in their order and nothing in it a template.
func literal(at config.Position, n *yaml.Node) (jsontext.Value, error) {
	root, err := parseNode(at.File, n, 0, func(text string) template { return template{{text: text}} })
	if err != nil {
		return nil, err
	}
	value, _, err := root.append(nil, nil)
	return value, err
}

func parseNode(file string, n *yaml.Node, depth int, parseText func(string) template) (node, error) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	at := config.Position{File: file, Line: n.Line}
	if depth > maxBodyDepth {
		return node{}, at.Errorf("it is nested too deeply")
	}
	var parsed node
	var faults []error
	child := func(n *yaml.Node) {
		one, err := parseNode(file, n, depth+1, parseText)
		faults = append(faults, err)
		parsed.children = append(parsed.children, one)
	}
	switch n.Kind {
	case yaml.MappingNode:
		parsed.kind = '{'
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch {
			case key.Tag == "!!merge":
				faults = append(faults, config.Position{File: file, Line: key.Line}.Errorf("<< is not taken here: write the values out"))
			case seen[key.Value]:
				faults = append(faults, config.Position{File: file, Line: key.Line}.Errorf("%s: written twice", key.Value))
			}
			seen[key.Value] = true
			parsed.names = append(parsed.names, key.Value)
			child(n.Content[i+1])
		}
	case yaml.SequenceNode:
		parsed.kind = '['
		for _, element := range n.Content {
			child(element)
		}
	default:
		value, err := scalar(n)
		if err != nil {
			return node{}, at.Errorf("%w", err)
		}
		if text, is := value.(string); is {
			return node{kind: '"', text: parseText(text)}, nil
		}
		parsed.literal = jsontext.Value(fmt.Sprint(value))
		if value == nil {
			parsed.literal = jsontext.Value("null")
		}
	}
	return parsed, errors.Join(faults...)
}

// scalar is a YAML scalar as JSON knows them: dates are texts.
func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return decoded[bool](n)
	case "!!int", "!!float":
		if v := jsontext.Value(n.Value); v.Kind() == '0' && v.IsValid() {
			return v, nil // as it was written: it may be beyond what Go's numbers hold
		}
		if n.ShortTag() == "!!int" {
			return decoded[int64](n)
		}
		return nil, fmt.Errorf("%s is no number of JSON", n.Value)
	}
	return n.Value, nil
}

func decoded[T any](n *yaml.Node) (any, error) {
	var value T
	if err := n.Decode(&value); err != nil {
		return nil, fmt.Errorf("%s could not be read", n.Value)
	}
	return value, nil
}

func (b jsonBody) parameters() []string { return b.root.parameters(nil) }

func (n node) parameters(names []string) []string {
	for name := range n.text.parameters() {
		names = append(names, name)
	}
	for _, child := range n.children {
		names = child.parameters(names)
	}
	return names
}

func (b jsonBody) encode(args declare.Arguments) (content []byte, contentType string, err error) {
	content, given, err := b.root.append(nil, args)
	if err != nil {
		return nil, "", err
	}
	if !given && b.root.kind == '{' && !b.optional {
		content, given = []byte("{}"), true
	}
	if !given {
		return nil, "", nil
	}
	contentType = b.contentType
	if contentType == "" {
		contentType = "application/json"
	}
	return content, contentType, nil
}

// append writes the value after dst. It answers false where there is nothing to write: an argument was not given, or
// nothing that was declared is left of an object or array.
func (n node) append(dst []byte, args declare.Arguments) (out []byte, given bool, err error) {
	switch n.kind {
	case '{', '[':
		return n.appendAll(dst, args)
	case '"':
		if name, sole := n.text.sole(); sole {
			value, ok := args[name]
			return append(dst, value...), ok, nil
		}
		text, ok, err := n.text.fill(args, nil)
		if err != nil || !ok {
			return dst, false, err
		}
		dst, err = jsontext.AppendQuote(dst, strings.ToValidUTF8(text, "\uFFFD"))
		return dst, true, err
	}
	return append(dst, n.literal...), true, nil
}

func (n node) appendAll(dst []byte, args declare.Arguments) (out []byte, given bool, err error) {
	start, written := len(dst), 0
	dst = append(dst, byte(n.kind))
	for i, child := range n.children {
		before := len(dst)
		if written > 0 {
			dst = append(dst, ',')
		}
		if n.kind == '{' {
			if dst, err = jsontext.AppendQuote(dst, n.names[i]); err != nil {
				return dst, false, err
			}
			dst = append(dst, ':')
		}
		var ok bool
		if dst, ok, err = child.append(dst, args); err != nil {
			return dst, false, err
		}
		if !ok {
			dst = dst[:before]
			continue
		}
		written++
	}
	if written == 0 && len(n.children) > 0 {
		return dst[:start], false, nil
	}
	return append(dst, byte(n.kind)+2), true, nil // } and ] come two after { and [
}
