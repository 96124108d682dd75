package jira

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// TestSchemasForgetNothing keeps the schemas, which are written out, and the types together.
func TestSchemasForgetNothing(t *testing.T) {
	for _, tt := range []struct {
		schema jsontext.Value
		out    reflect.Type
	}{
		{issuesSchema, reflect.TypeFor[issuePage]()},
		{boardsSchema, reflect.TypeFor[boardsResult]()},
		{sprintsSchema, reflect.TypeFor[sprintsResult]()},
		{issueSchema, reflect.TypeFor[issueResult]()},
		{transitionsSchema, reflect.TypeFor[transitionsResult]()},
		{reportSchema, reflect.TypeFor[report]()},
	} {
		for name := range names(tt.out) {
			if !regexp.MustCompile(`\b` + name + `\b`).Match(tt.schema) {
				t.Errorf("the schema of %s does not name %q", tt.out, name)
			}
		}
	}
}

// names are those of a type's fields on the wire, and of what is in them.
func names(of reflect.Type) map[string]bool {
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	found := map[string]bool{}
	if of.Kind() != reflect.Struct {
		return found
	}
	for _, f := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		found[name] = true
		for below := range names(f.Type) {
			found[below] = true
		}
	}
	return found
}
