package conformance

import (
	"context"

	"toolgate/mcp"
)

const (
	plainText = "text/plain"
	pngImage  = "image/png"
	wavAudio  = "audio/wav"
	jsonText  = "application/json"
)

// contentTools give each kind of content once.
func (p *Pack) contentTools() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_simple_text",
			Description: "Returns one text.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, simpleText),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_image_content",
			Description: "Returns one image.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, p.image),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_audio_content",
			Description: "Returns one sound.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, p.audio),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_embedded_resource",
			Description: "Returns one resource with its contents.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, embeddedResource),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_multiple_content_types",
			Description: "Returns a text, an image and a resource with its contents.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, p.mixed),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_error_handling",
			Description: "Always fails, in the way that a model can act on.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, failing),
	}
}

func simpleText(context.Context, *mcp.Call, none) (mcp.Text, error) {
	return "This is a simple text response for testing.", nil
}

func (p *Pack) image(context.Context, *mcp.Call, none) (*mcp.CallToolResult, error) {
	return result(mcp.ImageContent(pngImage, p.pixel)), nil
}

func (p *Pack) audio(context.Context, *mcp.Call, none) (*mcp.CallToolResult, error) {
	return result(mcp.AudioContent(wavAudio, p.silence)), nil
}

func embeddedResource(context.Context, *mcp.Call, none) (*mcp.CallToolResult, error) {
	return result(mcp.EmbeddedResource(mcp.ResourceContents{
		URI: "test://embedded-resource", MIMEType: plainText, Text: "This is an embedded resource content.",
	})), nil
}

func (p *Pack) mixed(context.Context, *mcp.Call, none) (*mcp.CallToolResult, error) {
	return result(
		mcp.TextContent("A text, an image and a resource:"),
		mcp.ImageContent(pngImage, p.pixel),
		mcp.EmbeddedResource(mcp.ResourceContents{
			URI: "test://mixed-content-resource", MIMEType: jsonText, Text: `{"test":"data","value":123}`,
		}),
	), nil
}

func result(blocks ...mcp.Content) *mcp.CallToolResult { return &mcp.CallToolResult{Content: blocks} }

func failing(context.Context, *mcp.Call, none) (mcp.Text, error) {
	return "", mcp.ToolErrorf("this tool fails on purpose, for testing")
}
