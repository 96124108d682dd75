package sqltool

import (
	"database/sql/driver"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/tools/internal/declare"
)

// argument is the value of one parameter in one call: data, never a part of the statement.
type argument struct {
	kind  string         // string, integer, number, boolean or array
	items string         // of an array
	value jsontext.Value // nil: none was given, which is NULL
}

// bind picks the values of a statement's placeholders, in the order of their names.
func bind(names []string, parameters map[string]declare.Parameter, given declare.Arguments) []argument {
	bound := make([]argument, len(names))
	for i, name := range names {
		p := parameters[name]
		bound[i] = argument{kind: p.Type, items: p.Items, value: given[name]}
	}
	return bound
}

// text is a JSON string's text.
func text(v jsontext.Value) (string, error) {
	s, err := jsontext.AppendUnquote(nil, v)
	return string(s), err
}

// integer reads a whole number exactly: 9007199254740993 is not 9007199254740992, and 1e3 is 1000.
func integer(v jsontext.Value) (int64, error) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err == nil {
		return n, nil
	}
	const longest = 64 // characters: an exponent must not make a number of a million digits
	if e := strings.IndexAny(string(v), "eE"); len(v) <= longest && (e < 0 || len(v)-e <= 4) {
		if exact, ok := new(big.Rat).SetString(string(v)); ok && exact.IsInt() && exact.Num().IsInt64() {
			return exact.Num().Int64(), nil
		}
	}
	return 0, mcp.ToolErrorf("%s is no whole number of 64 bits", v)
}

// value is the argument for drivers that send values of Go: an array becomes its JSON.
func (a argument) driverValue() (driver.Value, error) {
	if a.value == nil {
		return nil, nil
	}
	switch a.kind {
	case "integer":
		return integer(a.value)
	case "number":
		return strconv.ParseFloat(string(a.value), 64)
	case "boolean":
		return a.value.Kind() == 't', nil
	case "array":
		return string(a.value), nil
	}
	return text(a.value)
}

// sample is a value of the argument's kind, for statements that are prepared only.
func (a argument) sample() driver.Value {
	switch a.kind {
	case "integer":
		return int64(0)
	case "number":
		return float64(0)
	case "boolean":
		return false
	case "array":
		return "[]"
	}
	return ""
}

// postgresText is the argument in PostgreSQL's text format: the server reads it as the type it wants. Nil is NULL.
func (a argument) postgresText() ([]byte, error) {
	if a.value == nil {
		return nil, nil
	}
	if a.kind != "array" {
		return scalarText(a.kind, a.value)
	}
	var elements []jsontext.Value
	if err := json.Unmarshal(a.value, &elements); err != nil {
		return nil, fmt.Errorf("read an array: %w", err)
	}
	to := []byte{'{'}
	for i, e := range elements {
		if i > 0 {
			to = append(to, ',')
		}
		item, err := scalarText(a.items, e)
		if err != nil {
			return nil, err
		}
		to = append(to, '"')
		for _, c := range item {
			if c == '"' || c == '\\' {
				to = append(to, '\\')
			}
			to = append(to, c)
		}
		to = append(to, '"')
	}
	return append(to, '}'), nil
}

func scalarText(kind string, v jsontext.Value) ([]byte, error) {
	switch kind {
	case "integer":
		n, err := integer(v)
		return strconv.AppendInt(nil, n, 10), err
	case "number", "boolean":
		return v, nil
	}
	s, err := jsontext.AppendUnquote([]byte{}, v)
	return s, err
}

// postgresType is the type that a parameter is said to have, where the statement itself does not tell.
func (a argument) postgresType() uint32 {
	kind, array := a.kind, a.kind == "array"
	if array {
		kind = a.items
	}
	types := map[string][2]uint32{
		"integer": {20, 1016}, "number": {701, 1022}, "boolean": {16, 1000}, // int8, float8, bool, and arrays of them
	}
	pair, ok := types[kind]
	if !ok {
		pair = [2]uint32{25, 1009} // text
	}
	if array {
		return pair[1]
	}
	return pair[0]
}
