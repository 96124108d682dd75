package conformance

import (
	"context"
	"fmt"

	"toolgate/mcp"
)

// schemaTools have arguments whose schema is what is tested.
func (p *Pack) schemaTools() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "json_schema_2020_12_tool",
			Description: "Takes a person in a schema that uses what JSON Schema 2020-12 has.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
			InputSchema: p.schema,
		}, person),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_x_mcp_header",
			Description: "Takes a region that clients repeat in a header.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		}, inRegion),
	}
}

type personArgs struct {
	Name string `json:"name"`
}

func person(_ context.Context, _ *mcp.Call, in personArgs) (mcp.Text, error) {
	return mcp.Text(fmt.Sprintf("The schema accepts the person %q.", in.Name)), nil
}

type regionArgs struct {
	Region string `json:"region,omitempty" jsonschema:"Where." header:"Region"`
	Level  int    `json:"level,omitempty" jsonschema:"How high."`
}

func inRegion(_ context.Context, _ *mcp.Call, in regionArgs) (mcp.Text, error) {
	return mcp.Text(fmt.Sprintf("Region %q, level %d.", in.Region, in.Level)), nil
}
