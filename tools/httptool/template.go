package httptool

import (
	"iter"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/tools/internal/declare"
)

// template is a text with places for arguments: {name} is the argument of that name, {{name}} the text {name}. Braces
// around anything else stand for themselves.
type template []piece

// piece is a text, or the name of a parameter.
type piece struct{ text, parameter string }

var placeholder = regexp.MustCompile(`\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}`)

func parseTemplate(text string) template {
	var t template
	add := func(literal string) {
		if literal != "" {
			t = append(t, piece{text: literal})
		}
	}
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		add(text[at:m[0]])
		if m[2] >= 0 {
			add("{" + text[m[2]:m[3]] + "}")
		} else {
			t = append(t, piece{parameter: text[m[4]:m[5]]})
		}
		at = m[1]
	}
	add(text[at:])
	return t
}

// of is the template that is one argument.
func of(parameter string) template { return template{{parameter: parameter}} }

// parameters visits the names of the parameters used.
func (t template) parameters() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range t {
			if p.parameter != "" && !yield(p.parameter) {
				return
			}
		}
	}
}

// sole is the parameter that is all of the template.
func (t template) sole() (parameter string, ok bool) {
	if len(t) == 1 && t[0].parameter != "" {
		return t[0].parameter, true
	}
	return "", false
}

// fill puts arguments in their places, each as escape leaves it. It answers false where one of them was not given.
func (t template) fill(args declare.Arguments, escape func(parameter, value string) (string, error)) (text string, given bool, err error) {
	var out strings.Builder
	for _, p := range t {
		if p.parameter == "" {
			out.WriteString(p.text)
			continue
		}
		value, ok := args[p.parameter]
		if !ok {
			return "", false, nil
		}
		text := strings.Join(texts(value), ",")
		if escape != nil {
			if text, err = escape(p.parameter, text); err != nil {
				return "", false, err
			}
		}
		out.WriteString(text)
	}
	return out.String(), true, nil
}

// texts is an argument as text: of an array, one for each element.
func texts(v jsontext.Value) []string {
	switch v.Kind() {
	case '[':
		list := []string{}
		for element := range elements(v) {
			list = append(list, texts(element)...)
		}
		return list
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return []string{""} // the schema has let it through, so it is valid
		}
		return []string{string(text)}
	case '0':
		return []string{number(string(v))}
	case 'n':
		return []string{""}
	}
	return []string{string(v)}
}

// elements visits those of a JSON array.
func elements(v jsontext.Value) iter.Seq[jsontext.Value] {
	return func(yield func(jsontext.Value) bool) {
		d := jsontext.NewDecoder(strings.NewReader(string(v)))
		if _, err := d.ReadToken(); err != nil {
			return
		}
		for d.PeekKind() != ']' {
			element, err := d.ReadValue()
			if err != nil || !yield(element.Clone()) {
				return
			}
		}
	}
}

// number writes a whole number without a fraction or exponent, which few programs read in a URL.
func number(text string) string {
	const exact = 1 << 53 // beyond, a float64 leaves out whole numbers
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= exact {
		return text
	}
	return strconv.FormatInt(int64(f), 10)
}
