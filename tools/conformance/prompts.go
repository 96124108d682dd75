package conformance

import (
	"context"
	"fmt"

	"toolgate/mcp"
)

func (p *Pack) prompts() []*mcp.Prompt {
	return []*mcp.Prompt{
		{
			Name: "test_simple_prompt", Description: "One message, without arguments.",
			Render: simplePrompt,
		},
		{
			Name: "test_prompt_with_arguments", Description: "One message, which has two arguments in it.",
			Arguments: []mcp.PromptArgument{
				{Name: "arg1", Description: "The first value.", Required: true},
				{Name: "arg2", Description: "The second value.", Required: true},
			},
			Render: promptWithArguments,
		},
		{
			Name: "test_prompt_with_embedded_resource", Description: "A resource with its contents, and a message about it.",
			Arguments: []mcp.PromptArgument{{Name: "resourceUri", Description: "URI of the resource.", Required: true}},
			Render:    promptWithResource,
		},
		{
			Name: "test_prompt_with_image", Description: "An image, and a message about it.",
			Render: p.promptWithImage,
		},
		{
			Name: "test_input_required_result_prompt", Description: "One message, made of what the user is asked for.",
			Render: promptWithInput,
		},
	}
}

// conversation is a prompt of a user's messages.
func conversation(blocks ...mcp.Content) *mcp.GetPromptResult {
	r := &mcp.GetPromptResult{}
	for _, b := range blocks {
		r.Messages = append(r.Messages, mcp.PromptMessage{Role: "user", Content: b})
	}
	return r
}

func simplePrompt(context.Context, *mcp.Call, map[string]string) (*mcp.GetPromptResult, error) {
	return conversation(mcp.TextContent("This is a simple prompt for testing.")), nil
}

func promptWithArguments(_ context.Context, _ *mcp.Call, args map[string]string) (*mcp.GetPromptResult, error) {
	return conversation(mcp.TextContent(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", args["arg1"], args["arg2"]))), nil
}

func promptWithResource(_ context.Context, _ *mcp.Call, args map[string]string) (*mcp.GetPromptResult, error) {
	return conversation(
		mcp.EmbeddedResource(mcp.ResourceContents{URI: args["resourceUri"], MIMEType: plainText, Text: "Contents of a resource, for testing."}),
		mcp.TextContent("Say what the resource above holds."),
	), nil
}

func (p *Pack) promptWithImage(context.Context, *mcp.Call, map[string]string) (*mcp.GetPromptResult, error) {
	return conversation(mcp.ImageContent(pngImage, p.pixel), mcp.TextContent("Say what the image above shows.")), nil
}

func promptWithInput(ctx context.Context, c *mcp.Call, _ map[string]string) (*mcp.GetPromptResult, error) {
	var answer struct {
		Context string `json:"context"`
	}
	if err := ask(ctx, c, textForm("user_context", "What is it about?", "context"), &answer); err != nil {
		return nil, err
	}
	return conversation(mcp.TextContent("Help with this: " + answer.Context)), nil
}
