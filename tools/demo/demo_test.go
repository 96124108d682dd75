package demo

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

func newPack(t *testing.T) *Pack {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	return p
}

func TestReadmeIsListedWithItsSizeAndReadAsMarkdown(t *testing.T) {
	r := newPack(t).Features().Resources[0]
	got, err := r.Read(t.Context(), nil, r.URI)
	if err != nil || len(got) != 1 {
		t.Fatalf("Read(%s) = %d contents, %v, want one", r.URI, len(got), err)
	}
	if got[0].URI != "demo://readme" || got[0].MIMEType != "text/markdown" || !strings.HasPrefix(got[0].Text, "# ") {
		t.Errorf("Read(%s) = %s of type %s beginning %.20q, want a Markdown page", r.URI, got[0].URI, got[0].MIMEType, got[0].Text)
	}
	if int64(len(got[0].Text)) != r.Size {
		t.Errorf("size listed = %d, read = %d", r.Size, len(got[0].Text))
	}
}

func TestEveryNoteProposedCanBeRead(t *testing.T) {
	template := newPack(t).Features().Templates[0]
	names, err := template.Complete["name"](t.Context(), nil, "", nil)
	if err != nil || len(names) < 2 {
		t.Fatalf("names proposed = %q, %v, want several", names, err)
	}
	for _, name := range names {
		uri := "demo://notes/" + name
		got, err := template.Read(t.Context(), nil, uri, map[string]string{"name": name})
		if err != nil || len(got) != 1 || got[0].URI != uri || got[0].Text == "" {
			t.Errorf("Read(%s) = %+v, %v, want its text", uri, got, err)
		}
	}
}

func TestANoteThatIsNotThereIsNotFound(t *testing.T) {
	template := newPack(t).Features().Templates[0]
	for _, name := range []string{"nothing", "", "../readme", "TOOLS"} {
		got, err := template.Read(t.Context(), nil, "demo://notes/"+name, map[string]string{"name": name})
		if !errors.Is(err, mcp.ErrResourceNotFound) {
			t.Errorf("Read of note %q = %+v, %v, want %v", name, got, err, mcp.ErrResourceNotFound)
		}
	}
}

func TestArgumentsOfThePromptComplete(t *testing.T) {
	arguments := map[string]mcp.CompleteFunc{}
	for _, a := range newPack(t).Features().Prompts[0].Arguments {
		arguments[a.Name] = a.Complete
	}
	tests := []struct {
		argument, value string
		want            []string
	}{
		{"note", "", []string{"prompts", "resources", "sessions", "tools"}},
		{"note", "Re", []string{"resources"}},
		{"note", "x", []string{}},
		{"audience", "a c", []string{"a child", "a colleague"}},
	}
	for _, tt := range tests {
		got, err := arguments[tt.argument](t.Context(), nil, tt.value, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s beginning with %q (-want +got):\n%s", tt.argument, tt.value, diff)
		}
	}
}

func TestPromptHoldsTheNoteAndTheAudience(t *testing.T) {
	p := newPack(t)
	render := p.Features().Prompts[0].Render
	tests := []struct {
		name string
		args map[string]string
		want string
	}{
		{"as asked", map[string]string{"note": "tools", "audience": "a child"}, "to a child,"},
		{"no audience", map[string]string{"note": "tools"}, "to a colleague,"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := render(t.Context(), nil, tt.args)
			if err != nil || len(got.Messages) != 1 {
				t.Fatalf("Render = %+v, %v, want one message", got, err)
			}
			message := got.Messages[0]
			if message.Role != "user" || message.Content.Text == nil {
				t.Fatalf("message = %+v, want a user's text", message)
			}
			if text := *message.Content.Text; !strings.Contains(text, tt.want) || !strings.HasSuffix(text, p.notes["tools"]) {
				t.Errorf("text = %q, want %q in it and the note at its end", text, tt.want)
			}
		})
	}
}

func TestPromptRefusesANoteThatIsNotThere(t *testing.T) {
	_, err := newPack(t).Features().Prompts[0].Render(t.Context(), nil, map[string]string{"note": "tolls"})
	var refused *mcp.Error
	if !errors.As(err, &refused) || refused.Code != mcp.CodeInvalidParams || !strings.Contains(refused.Message, "sessions, tools") {
		t.Errorf("Render = %v, want invalid params with the notes there are", err)
	}
}
