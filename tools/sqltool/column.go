package sqltool

import (
	"encoding/json"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
)

// kind is what a column's values are in JSON.
type kind int

const (
	anyKind kind = iota // whatever a value is by itself
	stringKind
	integerKind
	numberKind
	booleanKind
	jsonKind // a document
	arrayKind
)

// kindNames are the types that a declaration may give a column.
var kindNames = map[string]kind{
	"": anyKind, "string": stringKind, "integer": integerKind, "number": numberKind, "boolean": booleanKind, "json": jsonKind,
}

var schemaTypes = map[kind]string{
	stringKind: "string", integerKind: "integer", numberKind: "number", booleanKind: "boolean", arrayKind: "array",
}

// noun is what a value of the kind is called in a note.
func (k kind) noun() string {
	switch k {
	case integerKind:
		return "whole number"
	case numberKind:
		return "number"
	case booleanKind:
		return "boolean"
	case arrayKind:
		return "array"
	}
	return "text"
}

// column is one column of a result.
type column struct {
	name  string
	kind  kind
	label string // the database's own name for the type; empty where it says nothing

	description string // the operator's
	sensitive   bool
}

func (c column) schema() *jsonschema.Schema {
	s := &jsonschema.Schema{Type: schemaTypes[c.kind], Description: c.description}
	if s.Description == "" {
		s.Description = c.label
	}
	if s.Description == "" {
		s.Description = "Column " + c.name + "."
	}
	if c.sensitive {
		s.Extra = map[string]any{"x-sensitive": true}
	}
	return s
}

// distinct gives columns of the same name different ones: the keys of an object are.
func distinct(columns []column) {
	taken := map[string]bool{}
	for i := range columns {
		name := columns[i].name
		for n := 2; taken[columns[i].name]; n++ {
			columns[i].name = fmt.Sprintf("%s_%d", name, n)
		}
		taken[columns[i].name] = true
	}
}

// shape is how a tool answers.
type shape int

const (
	listShape  shape = iota // rows
	oneShape                // the one row, if it is there
	writeShape              // how many rows were changed, and those that the statement returns
)

// outputSchema is what a tool's results look like. columns is nil where they are not known.
func outputSchema(s shape, columns []column) json.RawMessage {
	row := &jsonschema.Schema{Type: "object"}
	for _, c := range columns {
		if row.Properties == nil {
			row.Properties = map[string]*jsonschema.Schema{}
		}
		row.Properties[c.name] = c.schema()
		row.PropertyOrder = append(row.PropertyOrder, c.name)
	}
	root := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}}
	add := func(name string, required bool, property *jsonschema.Schema) {
		root.Properties[name] = property
		root.PropertyOrder = append(root.PropertyOrder, name)
		if required {
			root.Required = append(root.Required, name)
		}
	}
	scalar := func(kind, description string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: kind, Description: description}
	}
	rows := func(description string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "array", Description: description, Items: row}
	}
	switch s {
	case oneShape:
		row.Description = "The row; NULLs are left out."
		add("found", true, scalar("boolean", "False if there is no such row."))
		add("row", false, row)
	case listShape:
		add("rows", true, rows("Rows; NULLs are left out."))
		add("rowCount", true, scalar("integer", "Rows given."))
		add("truncated", true, scalar("boolean", "True if there are more rows."))
	case writeShape:
		add("rowsAffected", true, scalar("integer", "Rows changed."))
		add("lastInsertId", false, scalar("integer", "Key of the new row."))
		add("rows", false, rows("Rows that the statement returned; NULLs are left out."))
		add("truncated", false, scalar("boolean", "True if it returned more rows."))
	}
	notes := scalar("array", "Values that were left out or cut, and why.")
	notes.Items = &jsonschema.Schema{Type: "string"}
	add("notes", false, notes)
	wire, err := json.Marshal(root)
	if err != nil {
		panic(fmt.Sprintf("sqltool: encode an output schema: %v", err))
	}
	return wire
}
