package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/config"
	"toolgate/mcp"
)

// restWorld is a world whose tools give every form of answer and fail in every way.
func restWorld(tb testing.TB, adjust ...func(*config.Config)) (*world, *restPack) {
	tb.Helper()
	w := newWorld(tb, adjust...)
	p := &restPack{began: make(chan struct{}, 16), ended: make(chan error, 16)}
	w.must(w.api.server.SetFeatures(p.features()))
	return w, p
}

type restPack struct {
	began chan struct{} // gets a token when a call of forever has begun
	ended chan error    // and why it ended
}

type addParams struct {
	A int  `json:"a" jsonschema:"the first" minimum:"0" maximum:"100"`
	B int8 `json:"b" jsonschema:"the second"`
}

type sum struct {
	Sum int `json:"sum" jsonschema:"a and b together"`
}

type people struct {
	People []string `json:"people"`
}

// treeSchema refers to itself in every way that a schema may, and has what only looks like a reference.
const treeSchema = `{"type":"object","required":["root"],"properties":{"root":{"$ref":"#/$defs/node"},` +
	`"$ref":{"type":"string","default":"#/not/moved"},"limit":{"type":"number","maximum":2.50}},` +
	`"$defs":{"node":{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#/$defs/node"}}}}}}`

func (p *restPack) features() mcp.Features {
	reads := mcp.ToolAnnotations{ReadOnlyHint: true}
	spec := func(name string) mcp.ToolSpec {
		return mcp.ToolSpec{Name: name, Title: strings.ToUpper(name[:1]) + name[1:], Description: "Does what its name says.", Annotations: reads}
	}
	gives := func(name string, r *mcp.CallToolResult) *mcp.Tool {
		return mcp.NewTool(spec(name), func(context.Context, *mcp.Call, nothing) (*mcp.CallToolResult, error) { return r, nil })
	}
	fails := func(name string, err error) *mcp.Tool {
		return mcp.NewTool(spec(name), func(context.Context, *mcp.Call, nothing) (mcp.Text, error) { return "", err })
	}
	note := mcp.TextContent("for one side")
	note.Annotations = &mcp.Annotations{Audience: []string{"user"}}
	picture := mcp.ImageContent("image/png", []byte{1, 2, 3})
	tree, slow, write, job := spec("tree"), spec("forever"), spec("write"), spec("job")
	tree.InputSchema = jsontext.Value(treeSchema)
	slow.Timeout = 2 * time.Minute
	write.Annotations = mcp.ToolAnnotations{DestructiveHint: true}
	job.Task = mcp.TaskRequired
	return mcp.Features{Tools: []*mcp.Tool{
		mcp.NewTool(spec("add"), func(_ context.Context, _ *mcp.Call, in addParams) (sum, error) {
			return sum{in.A + int(in.B)}, nil
		}),
		gives("text", &mcp.CallToolResult{Content: []mcp.Content{mcp.TextContent("a \"text\"\n")}}),
		gives("texts", &mcp.CallToolResult{Content: []mcp.Content{mcp.TextContent("one"), mcp.TextContent("two")}}),
		gives("picture", &mcp.CallToolResult{Content: []mcp.Content{picture}}),
		gives("note", &mcp.CallToolResult{Content: []mcp.Content{note}}),
		gives("nothing", &mcp.CallToolResult{}),
		gives("loose", &mcp.CallToolResult{StructuredContent: jsontext.Value(`{"b": 1.0,
			"a": 12345678901234567890}`)}),
		mcp.NewTool(tree, func(_ context.Context, _ *mcp.Call, in struct{}) (mcp.Text, error) { return "tree", nil }),
		mcp.NewTool(write, func(_ context.Context, _ *mcp.Call, in nothing) (mcp.Text, error) { return "written", nil }),
		mcp.NewTool(job, func(_ context.Context, _ *mcp.Call, in nothing) (mcp.Text, error) { return "done", nil }),
		fails("refuse", mcp.ToolErrorf("there is no room: ask for less")),
		gives("refuse_richly", &mcp.CallToolResult{
			IsError: true, Content: []mcp.Content{mcp.TextContent("no"), picture}, StructuredContent: jsontext.Value(`{"left":2}`),
		}),
		fails("break", errors.New("the database said: secret")),
		mcp.NewTool(spec("panic"), func(context.Context, *mcp.Call, nothing) (mcp.Text, error) { panic("secret") }),
		fails("break_protocol", mcp.Errorf(mcp.CodeInvalidRequest, "not like this")),
		mcp.NewTool(slow, p.forever),
		mcp.NewTool(spec("count"), countTo),
		mcp.NewTool(spec("long"), func(_ context.Context, _ *mcp.Call, in repeatParams) (mcp.Text, error) {
			return mcp.Text(strings.Repeat("0123456789abcde\n", in.N)), nil
		}),
		mcp.NewTool(spec("people"), func(_ context.Context, _ *mcp.Call, in repeatParams) (people, error) {
			var all people
			for i := range in.N {
				all.People = append(all.People, fmt.Sprintf("person %04d", i))
			}
			return all, nil
		}),
	}}
}

func (p *restPack) forever(ctx context.Context, _ *mcp.Call, _ nothing) (mcp.Text, error) {
	p.began <- struct{}{}
	<-ctx.Done()
	p.ended <- context.Cause(ctx)
	return "", context.Cause(ctx)
}

// countTo counts to n, a second a step, and tells of each.
func countTo(ctx context.Context, c *mcp.Call, in repeatParams) (sum, error) {
	c.Log(mcp.LevelDebug, "unheard")
	c.Log(mcp.LevelWarning, map[string]int{"n": in.N})
	for i := range in.N {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return sum{}, context.Cause(ctx)
		}
		c.Progress(float64(i+1), float64(in.N), fmt.Sprintf("at %d", i+1))
	}
	return sum{in.N}, nil
}
