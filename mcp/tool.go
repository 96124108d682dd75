package mcp

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ToolSpec is what a tool says of itself. Name and Description are required.
type ToolSpec struct {
	Name        string // 1–64 of A-Z a-z 0-9 _ . -
	Title       string // for people
	Description string // for models: what it gives, when to use it
	Annotations ToolAnnotations
	Icons       []Icon

	// Task says whether the tool may run as a task. A tool with AsksFirst asks its questions before it becomes one, by
	// Call.Background.
	Task      TaskMode
	AsksFirst bool

	// InputSchema and OutputSchema, where they are set, stand in place of the schemas inferred from In and Out. In may then
	// be a map with text keys, Out anything that is encoded as an object. Clients see them as they are written.
	InputSchema  jsontext.Value
	OutputSchema jsontext.Value

	// Scope is what a caller needs to see and to call the tool. Zero: ScopeRead for a read-only tool, else ScopeWrite.
	Scope string

	// Timeout is how long a call may take. Zero: the server's call timeout.
	Timeout time.Duration

	// Toolset is the group of tools that this one belongs to, by which clients may choose (Terms). Empty: none.
	Toolset string

	// MaxResult bounds a result in bytes, below what the server's own limit is; what does not fit is continued. Zero: that
	// limit alone. At least 1 KiB.
	MaxResult int

	// ContentMode is how a structured result is sent. Empty: as the server's.
	ContentMode ContentMode
}

// Around is what happens around a call whose arguments are valid: next calls the tool, at most once. It may answer in the
// tool's place. What it returns is treated as what the tool returns.
type Around func(ctx context.Context, c *Call, arguments jsontext.Value, next func(context.Context) (*CallToolResult, error)) (*CallToolResult, error)

// Tool is one tool, its types erased. Make it with NewTool; it never changes after.
type Tool struct {
	ToolSpec
	input  *schema
	output *schema  // nil where the result has no structure
	err    error    // why it cannot be served; NewServer reports it
	around Around   // nil: nothing
	flags  []string // arguments that around reads and the tool's own function does not
	own    bool     // it is the server's, beside those of the features
	call   func(ctx context.Context, c *Call, t *Tool, arguments jsontext.Value) (*CallToolResult, error)
}

// run calls the tool.
func (t *Tool) run(ctx context.Context, c *Call, arguments jsontext.Value) (*CallToolResult, error) {
	return t.call(ctx, c, t, arguments)
}

// decode checks arguments and fills into with them, less the flags.
func (t *Tool) decode(arguments jsontext.Value, into any) error {
	if len(t.flags) == 0 || len(arguments) == 0 {
		return t.input.decode(arguments, into)
	}
	if err := t.input.validate(arguments); err != nil {
		return err
	}
	members, err := splitObject(arguments)
	if err != nil {
		return fmt.Errorf("read the arguments: %w", err)
	}
	members = slices.DeleteFunc(members, func(m member) bool { return slices.Contains(t.flags, m.name) })
	return t.input.fill(joinObject(members), into)
}

// Revise returns a tool that does the same under another spec: t's own, as change leaves it. Schemas stay what they are.
func (t *Tool) Revise(change func(*ToolSpec)) *Tool {
	revised := *t
	change(&revised.ToolSpec)
	return &revised
}

// Within returns a tool whose calls happen inside around, which is outside of what was around them before.
func (t *Tool) Within(around Around) *Tool {
	inner, wrapped := t.around, *t
	wrapped.around = around
	if inner != nil {
		wrapped.around = func(ctx context.Context, c *Call, arguments jsontext.Value, next func(context.Context) (*CallToolResult, error)) (*CallToolResult, error) {
			return around(ctx, c, arguments, func(ctx context.Context) (*CallToolResult, error) { return inner(ctx, c, arguments, next) })
		}
	}
	return &wrapped
}

// WithFlag returns a tool that takes one more argument, a boolean that need not be given; Around reads it, the tool's own
// function never sees it.
func (t *Tool) WithFlag(name, description string) *Tool {
	flagged := *t
	if t.err == nil {
		flagged.input, flagged.err = t.input.withFlag(name, description)
		flagged.flags = append(slices.Clone(t.flags), name)
	}
	return &flagged
}

// Text as the Out of NewTool is one block of plain text without structure.
type Text string

// NewTool makes a tool of a function. In is a struct: its fields are the arguments, its tags their schema (schemaOf), and
// the schema is enforced before run is called. A field without omitempty or omitzero is required. Out is
//
//   - a struct: sent as structuredContent and as the same JSON in a text block, its schema the tool's outputSchema;
//   - Text: one text block;
//   - *CallToolResult: sent as it is, for images and mixed content.
//
// run is called on a goroutine of its own; ctx ends at the deadline, when the client cancels, and when its session ends.
// It returns ToolErrorf for what the model can act on; any other error is logged and reported as an internal one. A panic
// is that call's error. What is wrong with the types or the schema is reported by NewServer.
func NewTool[In, Out any](spec ToolSpec, run func(ctx context.Context, c *Call, in In) (Out, error)) *Tool {
	t := &Tool{ToolSpec: spec}
	if t.Scope == "" {
		t.Scope = ScopeWrite
		if spec.Annotations.ReadOnlyHint {
			t.Scope = ScopeRead
		}
	}
	if spec.InputSchema != nil {
		t.input, t.err = schemaFrom(spec.InputSchema)
	} else {
		t.input, t.err = schemaOf(reflect.TypeFor[In]())
	}
	if t.err != nil {
		return t
	}
	render := renderText[Out]
	switch reflect.TypeFor[Out]() {
	case reflect.TypeFor[Text]():
	case reflect.TypeFor[*CallToolResult]():
		render = renderResult[Out]
	default:
		if spec.OutputSchema != nil {
			t.output, t.err = schemaFrom(spec.OutputSchema)
		} else {
			t.output, t.err = resultSchemaOf(reflect.TypeFor[Out]())
		}
		if t.err != nil {
			return t
		}
		render = renderStructured[Out]
	}
	output := t.output
	finish := func(out Out, err error) (*CallToolResult, error) {
		if err != nil {
			return nil, err
		}
		result, err := render(out)
		if err == nil && output != nil {
			if err = output.validate(result.StructuredContent); err != nil {
				err = fmt.Errorf("the result does not fit the tool's own output schema: %s", err.Error())
			}
		}
		return result, err
	}
	t.call = func(ctx context.Context, c *Call, as *Tool, arguments jsontext.Value) (*CallToolResult, error) {
		var in In
		if err := as.decode(arguments, &in); err != nil {
			return nil, err
		}
		if as.around == nil {
			return finish(run(ctx, c, in))
		}
		return within(ctx, c, arguments, as.around, in, run, finish)
	}
	return t
}

// within calls a tool's function inside around. It is apart so that calls without one pay nothing for it.
func within[In, Out any](
	ctx context.Context, c *Call, arguments jsontext.Value, around Around, in In,
	run func(context.Context, *Call, In) (Out, error), finish func(Out, error) (*CallToolResult, error),
) (*CallToolResult, error) {
	return around(ctx, c, arguments, func(ctx context.Context) (*CallToolResult, error) { return finish(run(ctx, c, in)) })
}

func renderText[Out any](out Out) (*CallToolResult, error) {
	text := reflect.ValueOf(out).String()
	return &CallToolResult{Content: []Content{TextContent(text)}}, nil
}

func renderResult[Out any](out Out) (*CallToolResult, error) {
	result, _ := any(out).(*CallToolResult)
	if result == nil {
		return nil, fmt.Errorf("the tool gave neither a result nor an error")
	}
	return result, nil
}

func renderStructured[Out any](out Out) (*CallToolResult, error) {
	value, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode the result: %w", err)
	}
	return &CallToolResult{StructuredContent: value}, nil
}

// wireTool is a tool as tools/list shows it.
type wireTool struct {
	Name         string           `json:"name"`
	Title        string           `json:"title,omitempty"`
	Description  string           `json:"description"`
	Icons        []Icon           `json:"icons,omitempty"`
	InputSchema  jsontext.Value   `json:"inputSchema"`
	OutputSchema jsontext.Value   `json:"outputSchema,omitzero"`
	Annotations  *ToolAnnotations `json:"annotations,omitzero"`
	Execution    *execution       `json:"execution,omitzero"`
}

// execution says whether a tool runs as a task (2025-11-25).
type execution struct {
	TaskSupport string `json:"taskSupport"`
}

func (t *Tool) execution() *execution {
	switch t.Task {
	case TaskNever:
		return nil
	case TaskRequired:
		return &execution{"required"}
	}
	return &execution{"optional"}
}

// encode makes the tool's entry of tools/list, once for every revision.
func (t *Tool) encode(mode ContentMode) (*[len(revisions)]jsontext.Value, error) {
	entry := new([len(revisions)]jsontext.Value)
	for i := range revisions {
		rev := &revisions[i]
		w := wireTool{Name: t.Name, Description: t.Description, InputSchema: t.input.wire}
		if rev.Annotations {
			w.Annotations = &t.Annotations
		}
		if rev.Structured {
			w.Title = t.Title
			if t.output != nil && mode != ContentText {
				w.OutputSchema = t.output.wire
			}
		}
		if rev.Icons {
			w.Icons = t.Icons
		}
		if rev.CoreTasks {
			w.Execution = t.execution()
		}
		var err error
		if entry[i], err = json.Marshal(w); err != nil {
			return nil, fmt.Errorf("encode the tool: %w", err)
		}
	}
	return entry, nil
}

// Redact is arguments as they may be shown: what the schema marks as sensitive is hidden.
func (t *Tool) Redact(arguments jsontext.Value) jsontext.Value { return t.input.redact(arguments) }
