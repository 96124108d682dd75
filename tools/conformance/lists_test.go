package conformance

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

func namesOf(list []named) []string {
	var names []string
	for _, one := range list {
		names = append(names, one.Name)
	}
	return names
}

func TestListsChangeAndChangeBack(t *testing.T) {
	tests := []struct {
		trigger, list, extra string
		names                func(*reply) []string
	}{
		{"test_trigger_tool_change", "tools/list", "test_extra_tool", func(r *reply) []string {
			return namesOf(r.Tools[:len(r.Tools)-1]) // the server's own stands last
		}},
		{"test_trigger_prompt_change", "prompts/list", "test_extra_prompt", func(r *reply) []string { return namesOf(r.Prompts) }},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			v := visit(t, `{}`)
			before := tt.names(v.ask(tt.list, ``))
			for _, want := range [][]string{append(before[:len(before):len(before)], tt.extra), before} {
				if r := v.call(tt.trigger, `{}`, ""); r.IsError {
					t.Fatalf("%s = %q", tt.trigger, r.text())
				}
				if diff := cmp.Diff(want, tt.names(v.ask(tt.list, ``))); diff != "" {
					t.Errorf("%s after %s (-want +got):\n%s", tt.list, tt.trigger, diff)
				}
			}
		})
	}
}

func TestWhatComesAndGoesWorks(t *testing.T) {
	v := visit(t, `{}`)
	v.call("test_trigger_tool_change", `{}`, "")
	if r := v.call("test_extra_tool", `{}`, ""); r.IsError || r.text() == "" {
		t.Errorf("the tool that came = %+v, want a text", r)
	}
	v.call("test_trigger_prompt_change", `{}`, "")
	if r := v.ask("prompts/get", `"name":"test_extra_prompt"`); len(r.Messages) != 1 {
		t.Errorf("the prompt that came = %+v, want a message", r)
	}
}

func TestAChangeThatIsRefusedIsNotMade(t *testing.T) {
	refusal := errors.New("no room")
	p, err := New(func(mcp.Features) error { return refusal })
	if err != nil {
		t.Fatal(err)
	}
	before := len(p.Features().Tools)
	if _, err := p.changeTools(t.Context(), nil, none{}); !errors.Is(err, refusal) {
		t.Errorf("changing the tools = %v, want %v", err, refusal)
	}
	if after := len(p.Features().Tools); after != before {
		t.Errorf("%d tools after a change that was refused, want %d", after, before)
	}
}

func TestResources(t *testing.T) {
	v := visit(t, `{}`)
	tests := []struct{ uri, mime, text string }{
		{"test://static-text", "text/plain", "This is the content of the static text resource."},
		{"test://static-binary", "image/png", ""},
		{"test://watched-resource", "text/plain", "This is the content of the watched resource."},
		{"test://template/123/data", "application/json", `{"id":"123","templateTest":true,"data":"Data for ID: 123"}`},
		{"test://template/a%22b/data", "application/json", `{"id":"a\"b","templateTest":true,"data":"Data for ID: a\"b"}`},
	}
	for _, tt := range tests {
		r := v.ask("resources/read", `"uri":"`+tt.uri+`"`)
		if len(r.Contents) != 1 {
			t.Fatalf("%s has %d contents, want one", tt.uri, len(r.Contents))
		}
		got := r.Contents[0]
		if got.URI != tt.uri || got.MIMEType != tt.mime || got.Text != tt.text || (got.Blob == nil) == (tt.text == "") {
			t.Errorf("%s = %+v, want %s %q", tt.uri, got, tt.mime, tt.text)
		}
	}
}

func TestPrompts(t *testing.T) {
	v := visit(t, `{}`)
	tests := []struct {
		params string
		want   []string // shapes of the messages, or how they begin
	}{
		{`"name":"test_simple_prompt"`, []string{"text This is a simple prompt for testing."}},
		{`"name":"test_prompt_with_arguments","arguments":{"arg1":"a","arg2":"b"}`, []string{"text Prompt with arguments: arg1='a', arg2='b'"}},
		{`"name":"test_prompt_with_embedded_resource","arguments":{"resourceUri":"test://x"}`, []string{"resource test://x text/plain ", "text "}},
		{`"name":"test_prompt_with_image"`, []string{"image image/png", "text "}},
	}
	for _, tt := range tests {
		r := v.ask("prompts/get", tt.params)
		if len(r.Messages) != len(tt.want) {
			t.Errorf("{%s} = %d messages, want %d", tt.params, len(r.Messages), len(tt.want))
			continue
		}
		for i, want := range tt.want {
			if got := shape(r.Messages[i].Content); r.Messages[i].Role != "user" || !strings.HasPrefix(got, want) {
				t.Errorf("{%s}: message %d = %s %q, want a user's %q", tt.params, i, r.Messages[i].Role, got, want)
			}
		}
	}
}

func TestSchemas(t *testing.T) {
	v := visit(t, `{}`)
	tests := []struct {
		tool, arguments string
		isError         bool
		want            string
	}{
		{"json_schema_2020_12_tool", `{"name":"Bo","contactMethod":"phone","phone":"1"}`, false, `The schema accepts the person "Bo".`},
		{"json_schema_2020_12_tool", `{"name":"Bo","address":{"city":"Bern"},"email":"b@example.com"}`, false, `The schema accepts the person "Bo".`},
		{"json_schema_2020_12_tool", `{"contactMethod":"phone","email":"b@example.com"}`, true, "phone"},
		{"json_schema_2020_12_tool", `{"email":"b@example.com","fax":"1"}`, true, "fax"},
		{"test_x_mcp_header", `{"region":"north","level":2}`, false, `Region "north", level 2.`},
	}
	for _, tt := range tests {
		r := v.call(tt.tool, tt.arguments, "")
		if r.IsError != tt.isError || !strings.Contains(r.text(), tt.want) {
			t.Errorf("%s %s = isError %v %q, want %v and %q", tt.tool, tt.arguments, r.IsError, r.text(), tt.isError, tt.want)
		}
	}
}
