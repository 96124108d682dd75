package mcp

import (
	"context"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestWhatIsAroundACall(t *testing.T) {
	var order []string
	note := func(name string) Around {
		return func(ctx context.Context, _ *Call, arguments jsontext.Value, next func(context.Context) (*CallToolResult, error)) (*CallToolResult, error) {
			order = append(order, name+" before "+string(arguments))
			r, err := next(ctx)
			order = append(order, name+" after")
			return r, err
		}
	}
	plain := addTool()
	tool := plain.Within(note("inner")).WithFlag("sure", "Whether it is.").Within(note("outer"))
	tool = tool.Revise(func(s *ToolSpec) { s.Name = "plus" })
	server := newServer(t, Features{Tools: []*Tool{plain, tool}}, Options{})

	if got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"plus","arguments":{"a":1,"b":2,"sure":true}}`); !strings.Contains(got, `{"sum":3}`) {
		t.Errorf("with the flag: %s", got)
	}
	want := `outer before {"a":1,"b":2,"sure":true}, inner before {"a":1,"b":2,"sure":true}, inner after, outer after`
	if got := strings.Join(order, ", "); got != want {
		t.Errorf("order:\n got %s\nwant %s", got, want)
	}
	order = nil
	for _, arguments := range []string{`{"a":-1}`, `{"a":1,"sure":"yes"}`, `{"a":1,"unsure":true}`} {
		if got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"plus","arguments":`+arguments+`}`); !strings.Contains(got, "invalid arguments for plus") {
			t.Errorf("%s: %s, want it refused", arguments, got)
		}
	}
	if order != nil {
		t.Errorf("arguments that do not fit came as far as %q", order)
	}
	if got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"add","arguments":{"a":1,"sure":true}}`); !strings.Contains(got, "there is no argument") {
		t.Errorf("the tool it was made of: %s, want it without the flag", got)
	}
	if taken := plain.WithFlag("a", "There is one."); taken.err == nil {
		t.Error("a flag took the place of an argument")
	}
}

func TestASchemaWrittenOutIsEnforcedOnResults(t *testing.T) {
	spec := readOnly("rows", "Rows.")
	spec.InputSchema = jsontext.Value(`{"type":"object","properties":{"n":{"type":"integer","default":2}},"additionalProperties":false}`)
	spec.OutputSchema = jsontext.Value(`{"type":"object","properties":{"n":{"type":"integer","maximum":9007199254740993}},"required":["n"]}`)
	tool := NewTool(spec, func(_ context.Context, _ *Call, in map[string]jsontext.Value) (map[string]jsontext.Value, error) {
		return in, nil
	})
	server := newServer(t, Features{Tools: []*Tool{tool}}, Options{})
	for arguments, want := range map[string]string{
		`{}`:                     `"structuredContent":{"n":2}`,
		`{"n":9007199254740993}`: `"structuredContent":{"n":9007199254740993}`,
		`{"n":"x"}`:              "invalid arguments for rows",
	} {
		if got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"rows","arguments":`+arguments+`}`); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s in it", arguments, got, want)
		}
	}
	if got := told(t, server, Anonymous(), nil, "tools/list", `{}`); !strings.Contains(got, `"outputSchema":`+string(spec.OutputSchema)) {
		t.Errorf("the list has not the schema as it was written: %s", got)
	}
	bad := NewTool(spec, func(context.Context, *Call, map[string]jsontext.Value) (map[string]int, error) {
		return map[string]int{"m": 1}, nil
	})
	server = newServer(t, Features{Tools: []*Tool{bad}}, Options{})
	if got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"rows"}`); !strings.Contains(got, "internal error") {
		t.Errorf("a result that does not fit: %s, want an internal error", got)
	}
}

func TestAToolBoundsItsResultsBelowTheServer(t *testing.T) {
	spec := readOnly("long", "Long.")
	spec.MaxResult = 2048
	tool := NewTool(spec, func(context.Context, *Call, none) (Text, error) { return Text(strings.Repeat("a line\n", 1000)), nil })
	server := newServer(t, Features{Tools: []*Tool{tool}}, Options{})
	got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"long"}`)
	parts := strings.Count(got, "a line")
	for strings.Contains(got, "continuation") {
		if len(got) > 2048+1024 {
			t.Errorf("a part has %d bytes", len(got))
		}
		_, name, _ := strings.Cut(got, `{\"continuation\": \"`)
		got = told(t, server, Anonymous(), nil, "tools/call", `{"name":"read_more","arguments":{"continuation":"`+name[:strings.IndexByte(name, '\\')]+`"}}`)
		parts += strings.Count(got, "a line")
	}
	if parts != 1000 {
		t.Errorf("%d lines in all parts, want 1000", parts)
	}
	spec.MaxResult = 10
	small := NewTool(spec, func(context.Context, *Call, none) (Text, error) { return "", nil })
	if _, err := NewServer(Features{Tools: []*Tool{small}}, Options{Info: Implementation{Name: "a", Version: "1"}}); err == nil {
		t.Error("a tool was taken that could say nothing")
	}
}

func TestAToolSaysWhenToComeBack(t *testing.T) {
	tool := NewTool(readOnly("busy", "Busy."), func(context.Context, *Call, none) (Text, error) {
		return "", &ToolError{Message: "Jira asks to wait", RetryAfter: 30}
	})
	server := newServer(t, Features{Tools: []*Tool{tool}}, Options{})
	got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"busy"}`)
	for _, want := range []string{`Jira asks to wait (retryAfterSeconds: 30)`, `"isError":true`, `"_meta":{"retryAfterSeconds":30}`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s, want %s in it", got, want)
		}
	}
}

func TestSetFeaturesTellsNobodyOfTheSameToolsMadeAnew(t *testing.T) {
	server := newServer(t, shelf(), Options{})
	var changes []string
	server.listen(&listener{change: func(c change) { changes = append(changes, c.method) }, end: func() {}})
	for _, f := range []Features{shelf(), {Tools: shelf().Tools[:2]}} {
		if err := server.SetFeatures(f); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(changes, " "); got != "notifications/tools/list_changed" {
		t.Errorf("told of %q, want the one change of the list", got)
	}
}

func TestAFlagNeverReachesTheToolItself(t *testing.T) {
	var seen string
	spec := readOnly("plain", "Plain.")
	spec.InputSchema = jsontext.Value(`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer","default":2}}}`)
	tool := NewTool(spec, func(_ context.Context, _ *Call, in map[string]jsontext.Value) (Text, error) {
		seen = string(in["a"]) + string(in["b"]) + string(in["sure"])
		return "", nil
	}).WithFlag("sure", "Whether it is.")
	server := newServer(t, Features{Tools: []*Tool{tool}}, Options{})
	told(t, server, Anonymous(), nil, "tools/call", `{"name":"plain","arguments":{"sure":true,"a":"x"}}`)
	if seen != `"x"2` {
		t.Errorf("the tool saw %s, want its own arguments alone", seen)
	}
}

func TestWhatGoesOnIsNamedWithThePrefix(t *testing.T) {
	tool := NewTool(readOnly("long", "Long."), func(context.Context, *Call, none) (Text, error) { return Text(strings.Repeat("a line\n", 1000)), nil })
	server := newServer(t, Features{Tools: []*Tool{tool}}, Options{ToolPrefix: "acme_", MaxResult: 2048})
	got := told(t, server, Anonymous(), nil, "tools/call", `{"name":"long"}`)
	if !strings.Contains(got, "For the rest call acme_read_more {") {
		t.Errorf("%.3000s, want the tool's own name", got)
	}
	if list := told(t, server, Anonymous(), nil, "tools/list", `{}`); !strings.Contains(list, `"acme_read_more"`) {
		t.Errorf("listed %s", list)
	}
}
