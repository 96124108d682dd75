package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// none is the arguments of a tool that takes none.
type none struct{}

// yard is what a test holds against the tools of the fixture: how they wait, and what they were told.
type yard struct {
	gate  chan struct{} // a tool that waits takes one token and goes on
	ended chan error    // why the ctx of a tool that waited came to its end
}

func newYard() *yard {
	return &yard{gate: make(chan struct{}), ended: make(chan error, 64)}
}

// features are those the conversations speak of.
func (y *yard) features() Features {
	return Features{
		Tools:     y.tools(),
		Resources: fixtureResources(),
		Templates: fixtureTemplates(),
		Prompts:   fixturePrompts(),
	}
}

func readOnly(name, description string) ToolSpec {
	return ToolSpec{Name: name, Description: description, Annotations: ToolAnnotations{ReadOnlyHint: true}}
}

type addParams struct {
	A int    `json:"a" jsonschema:"the first number" minimum:"0" maximum:"100"`
	B int    `json:"b,omitempty" default:"1"`
	C string `json:"colour,omitempty" enum:"red,green"`
}

type addResult struct {
	Sum int `json:"sum"`
}

// addTool has what a revision may know of a tool: a title, an icon, hints, a structured result.
func addTool() *Tool {
	spec := readOnly("add", "Adds two numbers.")
	spec.Title = "Add"
	spec.Icons = []Icon{{Src: "https://example.com/add.png", MIMEType: "image/png", Sizes: []string{"48x48"}}}
	return NewTool(spec, func(_ context.Context, _ *Call, in addParams) (addResult, error) {
		return addResult{Sum: in.A + in.B}, nil
	})
}

type echoParams struct {
	Text string `json:"text" maxLength:"4194304"`
}

func echoTool() *Tool {
	return NewTool(readOnly("echo", "Gives back its text."), func(_ context.Context, _ *Call, in echoParams) (Text, error) {
		return Text(in.Text), nil
	})
}

type manyParams struct {
	N int `json:"n"`
}

func (y *yard) tools() []*Tool {
	return []*Tool{
		addTool(),
		echoTool(),
		NewTool(readOnly("media", "A text, a sound and a link."), func(context.Context, *Call, none) (*CallToolResult, error) {
			text := TextContent("hello")
			text.Annotations = &Annotations{Audience: []string{"user"}, LastModified: "2026-08-01T09:00:00Z"}
			text.Meta = map[string]any{"example.com/a": 1}
			link := ResourceLink("orders://A-17", "A-17", "application/json")
			return &CallToolResult{Content: []Content{text, AudioContent("audio/wav", []byte("RIFF")), link}}, nil
		}),
		NewTool(readOnly("marked", "Says something in _meta."), func(context.Context, *Call, none) (*CallToolResult, error) {
			return &CallToolResult{Content: []Content{TextContent("hello")}, Meta: map[string]any{"example.com/b": 2}}, nil
		}),
		NewTool(readOnly("wait", "Waits until it is let go."), func(ctx context.Context, _ *Call, _ none) (Text, error) {
			select {
			case <-y.gate:
				return "let go", nil
			case <-ctx.Done():
				y.ended <- context.Cause(ctx)
				return "", fmt.Errorf("wait: %w", ctx.Err())
			}
		}),
		NewTool(readOnly("stubborn", "Waits and hears nothing."), func(context.Context, *Call, none) (Text, error) {
			<-y.gate
			return "let go", nil
		}),
		NewTool(readOnly("steps", "Says how far it is."), func(_ context.Context, c *Call, _ none) (Text, error) {
			for _, at := range []float64{1, 2, 2, 1, 3} {
				c.Progress(at, 3, "step")
			}
			return "done", nil
		}),
		NewTool(readOnly("chatty", "Logs at three levels."), func(_ context.Context, c *Call, _ none) (Text, error) {
			c.Log(LevelDebug, "small")
			c.Log(LevelInfo, map[string]int{"rows": 2})
			c.Log(LevelError, "large")
			return "done", nil
		}),
		NewTool(readOnly("panics", "Panics."), func(context.Context, *Call, none) (Text, error) { panic("out of paper") }),
		NewTool(readOnly("broken", "Fails for reasons of ours."), func(context.Context, *Call, none) (Text, error) {
			return "", errors.New("password=hunter2 was refused")
		}),
		NewTool(readOnly("sorry", "Fails for reasons of the model's."), func(context.Context, *Call, none) (Text, error) {
			return "", ToolErrorf("there is no order A-99; call search first")
		}),
		NewTool(readOnly("misfit", "Breaks its own output schema."), func(context.Context, *Call, none) (struct {
			Colour string `json:"colour" enum:"red,green"`
		}, error,
		) {
			return struct {
				Colour string `json:"colour" enum:"red,green"`
			}{"blue"}, nil
		}),
		NewTool(readOnly("lines", "Gives n lines."), func(_ context.Context, _ *Call, in manyParams) (Text, error) {
			return Text(strings.Repeat("123456789 123456789 123456789 12345678\n", in.N)), nil
		}),
		NewTool(readOnly("rows", "Gives n rows."), func(_ context.Context, _ *Call, in manyParams) (struct {
			Rows []string `json:"rows"`
		}, error,
		) {
			var out struct {
				Rows []string `json:"rows"`
			}
			for i := range in.N {
				out.Rows = append(out.Rows, fmt.Sprintf("row %04d of the table, with some text to fill it", i))
			}
			return out, nil
		}),
		NewTool(ToolSpec{Name: "erase", Description: "Changes something."}, func(context.Context, *Call, none) (Text, error) {
			return "erased", nil
		}),
		NewTool(readOnly("ask", "Asks the client's user."), askUser),
		NewTool(readOnly("sample", "Asks the client's model."), func(ctx context.Context, c *Call, _ none) (Text, error) {
			r, err := c.Sample(ctx, SampleRequest{
				Messages: []PromptMessage{{Role: "user", Content: TextContent("Sum up A-17")}}, MaxTokens: 120,
			})
			if err != nil {
				return "", err
			}
			return Text(r.Model + ": " + string(r.Content)), nil
		}),
		NewTool(readOnly("roots", "Asks for the client's roots."), func(ctx context.Context, c *Call, _ none) (Text, error) {
			roots, err := c.Roots(ctx, RootsRequest{})
			return Text(fmt.Sprint(roots)), err
		}),
	}
}

type askParams struct {
	URL     string `json:"url,omitempty"`
	Seconds int    `json:"seconds,omitempty" default:"30"`
}

// askUser asks by form, or by a page where url is given, and tells the model when the user does not answer.
func askUser(ctx context.Context, c *Call, in askParams) (Text, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(in.Seconds)*time.Second)
	defer cancel()
	request := ElicitRequest{Message: "Which carrier?", Schema: jsontext.Value(`{"type":"object","properties":{}}`)}
	if in.URL != "" {
		request = ElicitRequest{Message: "Connect", URL: in.URL, ID: "el-1"}
	}
	r, err := c.Elicit(ctx, request)
	if errors.Is(err, context.DeadlineExceeded) {
		return "", ToolErrorf("the user did not answer")
	}
	if err != nil {
		return "", err
	}
	return Text(r.Action + " " + string(r.Content)), nil
}

func fixtureResources() []*Resource {
	note := func(_ context.Context, _ *Call, uri string) ([]ResourceContents, error) {
		return []ResourceContents{{URI: uri, MIMEType: "text/plain", Text: "a note"}}, nil
	}
	priority := 0.9
	return []*Resource{
		{
			URI: "notes://one", Name: "one", Title: "The first", Description: "A note.", MIMEType: "text/plain", Size: 6, Read: note,
			Annotations: &Annotations{Audience: []string{"assistant"}, Priority: &priority, LastModified: "2026-08-01T09:00:00Z"},
			Icons:       []Icon{{Src: "https://example.com/note.png"}},
		},
		{
			URI: "notes://label", Name: "label", Description: "A picture.", MIMEType: "image/png",
			Read: func(_ context.Context, _ *Call, uri string) ([]ResourceContents, error) {
				return []ResourceContents{{URI: uri, MIMEType: "image/png", Blob: []byte{0x89, 'P', 'N', 'G'}}}, nil
			},
		},
		{
			URI: "notes://gone", Name: "gone", Description: "Listed, and gone.",
			Read: func(context.Context, *Call, string) ([]ResourceContents, error) {
				return nil, fmt.Errorf("read the shelf: %w", ErrResourceNotFound)
			},
		},
	}
}

func fixtureTemplates() []*ResourceTemplate {
	return []*ResourceTemplate{{
		URITemplate: "orders://{region}/{id}", Name: "order", Title: "Order", Description: "One order.", MIMEType: "text/plain",
		Read: func(_ context.Context, _ *Call, uri string, vars map[string]string) ([]ResourceContents, error) {
			return []ResourceContents{{URI: uri, Text: vars["id"] + " in " + vars["region"]}}, nil
		},
		Complete: map[string]CompleteFunc{"id": proposeOrders},
	}}
}

// proposeOrders proposes 150 orders, their names after the region that was given.
func proposeOrders(_ context.Context, _ *Call, value string, given map[string]string) ([]string, error) {
	values := make([]string, 150)
	for i := range values {
		values[i] = fmt.Sprintf("%s%s%d", value, given["region"], i)
	}
	return values, nil
}

func fixturePrompts() []*Prompt {
	shared := &GetPromptResult{Messages: []PromptMessage{
		{Role: "user", Content: ResourceLink("orders://eu/A-17", "A-17", "text/plain")},
	}}
	return []*Prompt{
		{
			Name: "triage", Title: "Triage", Description: "Decides what to do.",
			Arguments: []PromptArgument{
				{Name: "order", Title: "Order", Description: "Its id.", Required: true, Complete: proposeOrders},
				{Name: "tone", Description: "How to say it."},
			},
			Render: func(_ context.Context, _ *Call, args map[string]string) (*GetPromptResult, error) {
				return &GetPromptResult{
					Description: "Triage of " + args["order"],
					Messages:    []PromptMessage{{Role: "user", Content: TextContent("Triage order " + args["order"])}},
				}, nil
			},
		},
		{
			Name: "shared", Description: "Gives every client the same messages.",
			Render: func(context.Context, *Call, map[string]string) (*GetPromptResult, error) { return shared, nil },
		},
	}
}

// principals are those of the conversations, by the name of their session; any other name is anonymous.
func principals(name string) *Principal {
	switch name {
	case "reader", "reader2":
		return &Principal{ID: "key:" + name, Name: name, Scopes: []string{ScopeRead}}
	case "writer":
		return &Principal{ID: "key:writer", Name: name, Scopes: []string{ScopeWrite}}
	case "nobody":
		return &Principal{ID: "key:nobody", Name: name}
	}
	return Anonymous()
}

func newServer(tb testing.TB, f Features, o Options) *Server {
	tb.Helper()
	o.Info = Implementation{
		Name: "shop", Title: "The shop", Version: "1.2.3", Description: "Sells.", WebsiteURL: "https://example.com",
		Icons: []Icon{{Src: "https://example.com/i.png"}},
	}
	server, err := NewServer(f, o)
	if err != nil {
		tb.Fatal(err)
	}
	return server
}
