package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Tree is a part of the configuration file whose shape is its reader's: tools that an operator declares. It can be written
// in the file alone. Variables in its strings are expanded. The zero Tree was not written.
type Tree struct {
	file string
	node *yaml.Node // without aliases
}

// ParseTree reads a tree out of a text of its own, for tests and examples. file is what faults call it.
func ParseTree(file, text string) (Tree, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return Tree{}, fmt.Errorf("%s: %w", file, err)
	}
	if len(root.Content) == 0 {
		return Tree{}, nil
	}
	return Tree{file, root.Content[0]}, nil
}

// IsZero says that nothing was written.
func (t Tree) IsZero() bool { return t.node == nil || isNull(t.node) }

// Equal says whether two trees say the same, wherever they stand.
func (t Tree) Equal(o Tree) bool {
	if t.IsZero() || o.IsZero() {
		return t.IsZero() == o.IsZero()
	}
	return equalNodes(t.node, o.node)
}

func equalNodes(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, equalNodes)
}

// Position is where something was written. A field of this type in a struct that Decode fills gets the place of the
// struct; it needs no tag.
type Position struct {
	File string
	Line int
}

// String is FILE:LINE.
func (p Position) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Errorf is a fault in what was written there: FILE:LINE and the message.
func (p Position) Errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if p.File == "" {
		return err
	}
	return fmt.Errorf("%s: %w", p, err)
}

// Decode fills a pointer to a struct, map or slice. The fields of structs are named by their yaml tags; a field without
// one, or with "-", is left alone. Beside structs, maps with text keys, slices and pointers it fills text, booleans,
// numbers, durations, whatever reads itself from text (Secret, Bytes, Rate), Tree, *yaml.Node, and any. The value of a
// scalar that stands where a list of text is wanted is a list of one.
//
// The error joins every fault there is, each with its file and line: an unknown key (with the nearest known one), a wrong
// kind of value, a key written twice. What has no fault is filled all the same.
func (t Tree) Decode(into any) error {
	if t.IsZero() {
		return nil
	}
	d := treeDecoder{file: t.file}
	d.decode(t.node, reflect.ValueOf(into).Elem(), "")
	return errors.Join(d.faults...)
}

type treeDecoder struct {
	file   string
	faults []error
}

func (d *treeDecoder) at(n *yaml.Node) Position { return Position{d.file, n.Line} }

func (d *treeDecoder) fault(n *yaml.Node, name, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if name != "" {
		message = name + ": " + message
	}
	d.faults = append(d.faults, d.at(n).Errorf("%s", message))
}

// decode fills v with n. name is the key that n stands under, for faults.
func (d *treeDecoder) decode(n *yaml.Node, v reflect.Value, name string) {
	n = resolve(n)
	switch p := v.Addr().Interface().(type) {
	case *Tree:
		*p = Tree{d.file, n}
		return
	case **yaml.Node:
		*p = n
		return
	case encoding.TextUnmarshaler, *time.Duration:
		if text, ok := d.scalar(n, name); ok {
			if err := (field{value: v}).set(text); err != nil {
				d.fault(n, name, "%v", err)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), name)
	case reflect.Struct:
		d.structure(n, v, name)
	case reflect.Map:
		d.mapping(n, v, name)
	case reflect.Slice:
		d.list(n, v, name)
	case reflect.Interface:
		var value any
		if err := n.Decode(&value); err != nil {
			d.fault(n, name, "could not be read")
		} else if value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		d.plain(n, v, name)
	}
}

// pairs visits the keys of a mapping, each once.
func (d *treeDecoder) pairs(n *yaml.Node, name string, visit func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, name, "must hold keys and values")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fault(key, name, "a key must be a plain word")
			continue
		case key.ShortTag() == "!!merge":
			d.fault(key, name, "<< is not taken here: write the keys out")
			continue
		}
		if line, twice := first[key.Value]; twice {
			d.fault(key, key.Value, "written twice; the first is on line %d", line)
			continue
		}
		first[key.Value] = key.Line
		visit(key, n.Content[i+1])
	}
}

func (d *treeDecoder) structure(n *yaml.Node, v reflect.Value, name string) {
	known := map[string]reflect.Value{}
	var names []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Type == reflect.TypeFor[Position]() { // however the field is called
			v.Field(i).Set(reflect.ValueOf(d.at(n)))
			continue
		}
		if key := f.Tag.Get("yaml"); key != "" && key != "-" {
			known[key] = v.Field(i)
			names = append(names, key)
		}
	}
	d.pairs(n, name, func(key, value *yaml.Node) {
		if target, ok := known[key.Value]; ok {
			d.decode(value, target, key.Value)
			return
		}
		d.fault(key, "", "unknown key %q%s", key.Value, suggestion(key.Value, names))
	})
}

func (d *treeDecoder) mapping(n *yaml.Node, v reflect.Value, name string) {
	filled := reflect.MakeMap(v.Type())
	d.pairs(n, name, func(key, value *yaml.Node) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, element, key.Value)
		filled.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), element)
	})
	v.Set(filled)
}

func (d *treeDecoder) list(n *yaml.Node, v reflect.Value, name string) {
	items := n.Content
	switch {
	case n.Kind == yaml.SequenceNode:
	case n.Kind == yaml.ScalarNode && v.Type().Elem().Kind() == reflect.String && !isNull(n):
		items = []*yaml.Node{n}
	default:
		d.fault(n, name, "must be a list")
		return
	}
	filled := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		d.decode(item, filled.Index(i), name)
	}
	v.Set(filled)
}

func (d *treeDecoder) scalar(n *yaml.Node, name string) (string, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.fault(n, name, "must be one value")
		return "", false
	}
	return n.Value, true
}

// plain fills text, booleans and numbers.
func (d *treeDecoder) plain(n *yaml.Node, v reflect.Value, name string) {
	text, ok := d.scalar(n, name)
	if !ok {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			d.fault(n, name, "%q is neither true nor false", text)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			d.fault(n, name, "%q is not a whole number", text)
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			d.fault(n, name, "%q is not a number", text)
		}
		v.SetFloat(f)
	default:
		panic(fmt.Sprintf("config: Tree cannot fill a %s", v.Type()))
	}
}

// maxTreeNodes bounds what aliases can make of a small file.
const maxTreeNodes = 100_000

// treeExpander copies trees with their aliases resolved and the variables in their text expanded. Keys are left as they
// are.
type treeExpander struct {
	lookup func(variable string) (string, bool)
	fault  func(n *yaml.Node, err error)
	nodes  int
	within map[*yaml.Node]bool // those being copied: an alias to one of them has no end
}

// expand is nil where the tree cannot be copied, which it has said.
func (e *treeExpander) expand(n *yaml.Node) *yaml.Node {
	n = resolve(n)
	if e.within[n] {
		e.fault(n, errors.New("an alias leads back to where it stands"))
		return nil
	}
	if e.nodes++; e.nodes > maxTreeNodes {
		if e.nodes == maxTreeNodes+1 {
			e.fault(n, fmt.Errorf("more than %d values, aliases counted", maxTreeNodes))
		}
		return nil
	}
	e.within[n] = true
	defer delete(e.within, n)
	copied := *n
	copied.Content = nil
	for i, child := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			if child = e.expand(child); child == nil {
				return nil
			}
		}
		copied.Content = append(copied.Content, child)
	}
	if n.Kind == yaml.ScalarNode && n.Style&yaml.TaggedStyle != 0 {
		e.fault(n, errTag)
	}
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${") {
		text, err := expand(n.Value, e.lookup)
		if err != nil {
			e.fault(n, err)
		}
		copied.Value = text
	}
	return &copied
}
