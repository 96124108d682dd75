package conformance

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"toolgate/mcp"
)

func (p *Pack) resources() []*mcp.Resource {
	return []*mcp.Resource{
		{
			URI: "test://static-text", Name: "static-text", MIMEType: plainText,
			Description: "A text that never changes.",
			Read:        text("This is the content of the static text resource."),
		},
		{
			URI: "test://static-binary", Name: "static-binary", MIMEType: pngImage,
			Description: "An image that never changes.",
			Size:        int64(len(p.pixel)),
			Read:        p.readImage,
		},
		{
			URI: "test://watched-resource", Name: "watched-resource", MIMEType: plainText,
			Description: "A text to subscribe to.",
			Read:        text("This is the content of the watched resource."),
		},
	}
}

func templates() []*mcp.ResourceTemplate {
	return []*mcp.ResourceTemplate{{
		URITemplate: "test://template/{id}/data", Name: "template", MIMEType: jsonText,
		Description: "Data of any id.",
		Read:        readData,
	}}
}

// text reads a resource that is always the same.
func text(content string) func(context.Context, *mcp.Call, string) ([]mcp.ResourceContents, error) {
	return func(_ context.Context, _ *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
		return []mcp.ResourceContents{{URI: uri, MIMEType: plainText, Text: content}}, nil
	}
}

func (p *Pack) readImage(_ context.Context, _ *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
	return []mcp.ResourceContents{{URI: uri, MIMEType: pngImage, Blob: p.pixel}}, nil
}

func readData(_ context.Context, _ *mcp.Call, uri string, vars map[string]string) ([]mcp.ResourceContents, error) {
	data, err := json.Marshal(struct {
		ID           string `json:"id"`
		TemplateTest bool   `json:"templateTest"`
		Data         string `json:"data"`
	}{vars["id"], true, "Data for ID: " + vars["id"]})
	if err != nil {
		return nil, fmt.Errorf("encode the data: %w", err)
	}
	return []mcp.ResourceContents{{URI: uri, MIMEType: jsonText, Text: string(data)}}, nil
}
