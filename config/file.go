package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// errTag does not quote the tag: it may be a secret that was not quoted.
var errTag = errors.New("tags mean nothing here, and a value that begins with ! must be quoted")

// unknownAnchor is what the parser says of a value that begins with a star.
var unknownAnchor = regexp.MustCompile(`unknown anchor '.*' referenced`)

// document is the configuration file while it is read into a loader. It walks the YAML tree itself, because decoding
// into the structs would stop at the first kind of fault and lose most line numbers.
type document struct {
	*loader
	name   string // the file's, for problems
	lookup func(variable string) (string, bool)
	lines  map[string]int // where each key and section was first
}

// applyFile sets what the YAML file called name says; data is its content.
func (l *loader) applyFile(name string, data []byte, lookup func(variable string) (string, bool)) {
	d := document{loader: l, name: name, lookup: lookup, lines: map[string]int{}}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, next yaml.Node
	if err := decoder.Decode(&root); err != nil {
		if !errors.Is(err, io.EOF) { // an empty file
			d.syntax(err)
		}
		return
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		d.problem("", next.Line, "a second document starts here: keep everything in one")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	top := root.Content[0]
	switch {
	case top.Kind == yaml.MappingNode:
		d.section("", top)
	case !isNull(top):
		d.problem("", top.Line, "the file must hold sections, such as server:, and keys below them")
	}
}

// section reads the mapping n, whose keys' names start with prefix.
func (d document) section(prefix string, n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		if key.Kind != yaml.ScalarNode {
			d.problem("", key.Line, "a key must be a plain word")
			continue
		}
		name := prefix + key.Value
		if first, twice := d.lines[name]; twice {
			d.problem(name, key.Line, "written twice; the first is on line %d", first)
			continue
		}
		d.lines[name] = key.Line

		if f, ok := d.field(name); ok {
			d.value(f, key.Line, value)
			continue
		}
		below := d.below(name)
		switch {
		case len(below) == 0:
			d.problem("", key.Line, "unknown key %q%s", name, suggestion(name, d.candidates(value)))
		case value.Kind == yaml.MappingNode:
			d.section(name+".", value)
		case !isNull(value): // a section whose keys are all commented out is fine
			d.problem("", key.Line, "%s is a section: write its keys below it, such as %s", name, below[0])
		}
	}
}

// below lists the keys within the section called name; there are none if there is no such section.
func (d document) below(name string) []string {
	var keys []string
	for _, key := range d.names() {
		if strings.HasPrefix(key, name+".") {
			keys = append(keys, key)
		}
	}
	return keys
}

// candidates lists the names that an unknown key with this value may have been meant for: sections for a mapping, else
// keys.
func (d document) candidates(value *yaml.Node) []string {
	if value.Kind != yaml.MappingNode {
		return d.names()
	}
	var sections []string
	for _, key := range d.names() {
		for i, c := range key {
			if c == '.' {
				sections = append(sections, key[:i])
			}
		}
	}
	return sections
}

// value reads n into f. line is that of the key, which is there even where the value is not.
func (d document) value(f field, line int, n *yaml.Node) {
	where := d.where(line)
	d.origin[f.name] = where
	if f.isTree() {
		e := treeExpander{
			lookup: d.lookup, within: map[*yaml.Node]bool{},
			fault: func(n *yaml.Node, err error) { d.fault(f.name, d.where(n.Line), "%w", err) },
		}
		f.value.Set(reflect.ValueOf(Tree{d.name, e.expand(n)}))
		return
	}
	_, isList := f.value.Interface().([]string)
	if !isList || n.Kind != yaml.SequenceNode {
		text, err := d.scalar(n)
		if err != nil {
			d.fault(f.name, where, "%w", err)
			return
		}
		if f.isSecret() && text != "" && text == n.Value && !strings.HasPrefix(text, secretFilePrefix) {
			d.inline = append(d.inline, f.name)
		}
		d.set(f, where, text)
		return
	}
	items := make([]string, 0, len(n.Content))
	for _, item := range n.Content {
		text, err := d.scalar(resolve(item))
		if err != nil {
			d.fault(f.name, d.where(item.Line), "%w", err)
			return
		}
		items = append(items, text)
	}
	f.setList(items)
}

// scalar is the text of n, variables expanded.
func (d document) scalar(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", errors.New("must be one value")
	case n.Style&yaml.TaggedStyle != 0:
		return "", errTag
	case isNull(n):
		return "", errors.New("has no value: write one, or remove the key")
	}
	return expand(n.Value, d.lookup)
}

// syntax reports what the YAML parser could not read. The line it names is often that of the thing it was in the middle
// of, or the one before.
func (d document) syntax(err error) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	message = unknownAnchor.ReplaceAllString(message, "a value that begins with * must be quoted") // it may be a secret
	if strings.HasPrefix(message, "line ") {
		message = "near " + message
	}
	d.problem("", 0, "%s", message)
}

func (d document) problem(key string, line int, format string, args ...any) {
	d.fault(key, d.where(line), format, args...)
}

func (d document) where(line int) string {
	if line == 0 {
		return d.name
	}
	return fmt.Sprintf("%s:%d", d.name, line)
}

// resolve is what n stands for: itself, or the node an alias points to.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}
