package conformance

import (
	"context"
	"fmt"
	"slices"

	"toolgate/mcp"
)

// listTools change what the pack offers.
func (p *Pack) listTools() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_trigger_tool_change",
			Description: "Adds a tool at the end of the list, or takes it out again.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}, // of anything but the lists
		}, p.changeTools),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_trigger_prompt_change",
			Description: "Adds a prompt at the end of the list, or takes it out again.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}, // of anything but the lists
		}, p.changePrompts),
	}
}

// extras are the tool and the prompt that come and go.
func (p *Pack) extras() (*mcp.Tool, *mcp.Prompt) {
	tool := mcp.NewTool(mcp.ToolSpec{
		Name:        "test_extra_tool",
		Description: "Is there or not, as test_trigger_tool_change has it.",
		Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
	}, simpleText)
	return tool, &mcp.Prompt{
		Name: "test_extra_prompt", Description: "Is there or not, as test_trigger_prompt_change has it.",
		Render: simplePrompt,
	}
}

func (p *Pack) changeTools(context.Context, *mcp.Call, none) (mcp.Text, error) {
	return p.change(func(f *mcp.Features) { f.Tools = toggled(f.Tools, p.extraTool) })
}

func (p *Pack) changePrompts(context.Context, *mcp.Call, none) (mcp.Text, error) {
	return p.change(func(f *mcp.Features) { f.Prompts = toggled(f.Prompts, p.extraPrompt) })
}

// change makes and announces one change at a time.
func (p *Pack) change(edit func(*mcp.Features)) (mcp.Text, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.features
	edit(&next)
	if err := p.changed(next); err != nil {
		return "", fmt.Errorf("offer what has changed: %w", err)
	}
	p.features = next
	return "The list has changed.", nil
}

// toggled is a new list without one, or with it at the end.
func toggled[T comparable](list []T, one T) []T {
	if i := slices.Index(list, one); i >= 0 {
		return slices.Concat(list[:i], list[i+1:])
	}
	return append(slices.Clone(list), one)
}
