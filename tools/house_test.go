package tools

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/tools/internal/declare"
)

// longestName leaves room for what clients put before a tool's name (mcp__server__): some take 60 in all.
const longestName = 40

func TestEveryToolAndFieldIsDescribed(t *testing.T) {
	for name, tool := range listed(t, connectTo(t, everything())) {
		if tool.OutputSchema == nil && !slices.Contains([]string{"uppercase_text", "diff_text"}, name) { // which answer in plain text
			t.Errorf("%s: no output schema", name)
		}
		if len(name) > longestName {
			t.Errorf("%s: the name has %d characters, want at most %d", name, len(name), longestName)
		}
		if tool.Title == "" || !strings.HasSuffix(tool.Description, ".") {
			t.Errorf("%s: title %q, description %q: want a title, and a description in sentences", name, tool.Title, tool.Description)
		}
		for kind, schema := range map[string]json.RawMessage{"input": tool.InputSchema, "output": tool.OutputSchema} {
			if schema == nil {
				continue
			}
			for _, fault := range declare.Lint(jsontext.Value(schema)) { // that some model API refuses
				t.Errorf("%s: %s schema: %s", name, kind, fault)
			}
			var root map[string]any
			if err := json.Unmarshal(schema, &root); err != nil {
				t.Fatal(err)
			}
			eachField(name, root, func(path string, field map[string]any) {
				if field["description"] == nil && kind == "input" { // the name of a result's field may say it all
					t.Errorf("%s has no description", path)
				}
				if _, isName := field["type"].(string); !isName {
					t.Errorf("%s has type %v: several model APIs take one name only", path, field["type"])
				}
			})
		}
	}
}

// eachField visits the properties of an object schema, and those of objects and arrays in it.
func eachField(path string, schema map[string]any, visit func(path string, field map[string]any)) {
	if items, ok := schema["items"].(map[string]any); ok {
		eachField(path+"[]", items, visit)
	}
	fields, _ := schema["properties"].(map[string]any)
	for name, value := range fields {
		field, _ := value.(map[string]any)
		visit(path+"."+name, field)
		eachField(path+"."+name, field, visit)
	}
}

func TestTheToolsOutOfTheBoxOnlyReadTheirOwnData(t *testing.T) {
	for name, tool := range listed(t, connectToAll(t)) {
		for hint, want := range map[string]bool{"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false} {
			if got, said := tool.Annotations[hint]; !said || got != want {
				t.Errorf("%s: %s = %v (said: %v), want %v", name, hint, got, said, want)
			}
		}
	}
}

// TestEveryToolSaysWhetherItReadsOnly reads the packs' source: a tool whose author forgot to think about it would pass
// for one that writes, and one whose spec is made elsewhere could not be reviewed where it stands.
func TestEveryToolSaysWhetherItReadsOnly(t *testing.T) {
	fset := token.NewFileSet()
	calls := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !isNewTool(call.Fun) {
				return true
			}
			calls++
			if !saysReadOnly(call) {
				t.Errorf("%s: NewTool wants a ToolSpec written out, with Annotations that set ReadOnlyHint", fset.Position(call.Pos()))
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	declared := 1 // of all declared tools of a pack, one call
	if offered := len(listed(t, connectTo(t, everything()))); calls+declared < offered {
		t.Errorf("calls of NewTool found = %d, tools offered = %d: the test looks in the wrong place", calls, offered)
	}
}

func TestSaysReadOnly(t *testing.T) {
	tests := []struct {
		name, source string
		want         bool
	}{
		{"true", `mcp.NewTool(mcp.ToolSpec{Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}}, run)`, true},
		{"false", `mcp.NewTool(mcp.ToolSpec{Annotations: mcp.ToolAnnotations{ReadOnlyHint: false}}, run)`, true},
		{"types written out", `mcp.NewTool[In, Out](mcp.ToolSpec{Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}}, run)`, true},
		{"another hint", `mcp.NewTool(mcp.ToolSpec{Annotations: mcp.ToolAnnotations{OpenWorldHint: true}}, run)`, false},
		{"no annotations", `mcp.NewTool(mcp.ToolSpec{Name: "x"}, run)`, false},
		{"a spec made elsewhere", `mcp.NewTool(spec, run)`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expr, err := parser.ParseExpr(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			call, ok := expr.(*ast.CallExpr)
			if !ok || !isNewTool(call.Fun) {
				t.Fatalf("%s is not seen as a call of NewTool", tt.source)
			}
			if got := saysReadOnly(call); got != tt.want {
				t.Errorf("saysReadOnly(%s) = %v, want %v", tt.source, got, tt.want)
			}
		})
	}
}

// isNewTool says whether a call's function is mcp.NewTool, with or without its type arguments.
func isNewTool(fun ast.Expr) bool {
	switch f := fun.(type) {
	case *ast.IndexListExpr:
		return isNewTool(f.X)
	case *ast.IndexExpr:
		return isNewTool(f.X)
	case *ast.SelectorExpr:
		return f.Sel.Name == "NewTool"
	}
	return false
}

func saysReadOnly(call *ast.CallExpr) bool {
	if len(call.Args) == 0 {
		return false
	}
	return keyed(keyed(call.Args[0], "Annotations"), "ReadOnlyHint") != nil
}

// keyed returns the value under key in a composite literal; nil if it is none or has none.
func keyed(e ast.Expr, key string) ast.Expr {
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if name, ok := pair.Key.(*ast.Ident); ok && name.Name == key {
				return pair.Value
			}
		}
	}
	return nil
}
