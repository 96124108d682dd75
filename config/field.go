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
)

// field is one key of one Config, open for reading and writing.
type field struct {
	name  string // "limits.rates.address"
	tag   reflect.StructTag
	value reflect.Value
}

// fields lists the keys of c in the order of the struct. Writing to one writes to c.
func fields(c *Config) []field {
	return appendFields(nil, "", reflect.ValueOf(c).Elem())
}

func appendFields(list []field, prefix string, section reflect.Value) []field {
	for i := range section.NumField() {
		f := field{tag: section.Type().Field(i).Tag, value: section.Field(i)}
		f.name = prefix + f.tag.Get("yaml")
		if f.value.Kind() == reflect.Struct && !f.isLeaf() {
			list = appendFields(list, f.name+".", f.value)
			continue
		}
		list = append(list, f)
	}
	return list
}

// isLeaf says that f is a value although it is a struct.
func (f field) isLeaf() bool { return f.isSecret() || f.isTree() }

func (f field) isSecret() bool {
	_, is := f.value.Interface().(Secret)
	return is
}

// isTree says that f is written in the file alone.
func (f field) isTree() bool {
	_, is := f.value.Interface().(Tree)
	return is
}

// held says that f keeps its value while the program runs with this configuration.
func (f field) held(running Config) bool {
	switch f.tag.Get("restart") {
	case "yes":
		return true
	case restartFront:
		return running.Auth.Has(AuthFront)
	}
	return false
}

// restartFront, as a restart tag, is of keys that the OAuth front has told its clients.
const restartFront = "front"

// env is the variable that sets f.
func (f field) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.name, ".", "_"))
}

// legacy is the variables of older servers that set f, the stronger one last.
func (f field) legacy() []string {
	text := f.tag.Get("legacy")
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// kind names the type of f for people.
func (f field) kind() string {
	switch f.value.Interface().(type) {
	case []string:
		return "list"
	case time.Duration:
		return "duration"
	case Bytes:
		return "size"
	case Rate:
		return "rate"
	case Secret:
		return "secret"
	case Tree:
		return "declarations"
	case int:
		return "integer"
	case bool:
		return "boolean"
	}
	return "string"
}

// set reads text into f the way flags and the environment write it, a list separated by commas, without spaces around
// it. On an error f is what it was.
func (f field) set(text string) error {
	text = strings.TrimSpace(text)
	switch p := f.value.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration: write a number with its unit, such as 15s, 30m or 1h30m", text)
		}
		*p = d
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*p = n
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*p = b
	case *[]string:
		f.setList(strings.Split(text, ","))
	default:
		f.value.SetString(text)
	}
	return nil
}

// setList makes the list f hold items, without the spaces around them and without the empty ones.
func (f field) setList(items []string) {
	var list []string
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	f.value.Set(reflect.ValueOf(list))
}

// text is the value of f as set reads it.
func (f field) text() string {
	switch v := f.value.Interface().(type) {
	case []string:
		return strings.Join(v, ", ")
	case time.Duration:
		return durationText(v)
	case Tree:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

// durationText writes d without the zero parts that time.Duration prints, 30m and not 30m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// allowed describes the values that check lets pass; empty where every value of the type does.
func (f field) allowed() string {
	if choices := f.tag.Get("oneof"); choices != "" {
		return strings.ReplaceAll(choices, "|", " | ")
	}
	limits := f.tag.Get("range")
	if zero := f.tag.Get("zero"); zero != "" {
		limits += ", 0 = " + zero
	}
	return limits
}

// check holds the value of f against its oneof and range tags.
func (f field) check() error {
	if choices := f.tag.Get("oneof"); choices != "" {
		return f.checkChoices(strings.Split(choices, "|"))
	}
	limits := f.tag.Get("range")
	if limits == "" || (f.value.IsZero() && f.tag.Get("zero") != "") {
		return nil
	}
	low, high, err := f.bounds(limits)
	if err != nil {
		return fmt.Errorf("reading its range tag: %w", err)
	}
	if n := f.value.Int(); n < low || n > high {
		return fmt.Errorf("%s is not within %s", f.text(), f.allowed())
	}
	return nil
}

// checkChoices holds the value, of a list every item, against those allowed.
func (f field) checkChoices(choices []string) error {
	items, isList := f.value.Interface().([]string)
	switch {
	case !isList:
		items = []string{f.value.String()}
	case len(items) == 0:
		return fmt.Errorf("it is empty: write one or several of %s", strings.Join(choices, ", "))
	}
	for _, item := range items {
		if !slices.Contains(choices, item) {
			return fmt.Errorf("%q is not one of %s", item, strings.Join(choices, ", "))
		}
	}
	return nil
}

// bounds reads a range tag, each side written as a value of f.
func (f field) bounds(limits string) (low, high int64, err error) {
	from, to, found := strings.Cut(limits, "..")
	if !found {
		return 0, 0, errors.New("it has no two dots")
	}
	scratch := field{value: reflect.New(f.value.Type()).Elem()}
	if err := scratch.set(from); err != nil {
		return 0, 0, err
	}
	low = scratch.value.Int()
	if err := scratch.set(to); err != nil {
		return 0, 0, err
	}
	return low, scratch.value.Int(), nil
}
