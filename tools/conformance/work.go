package conformance

import (
	"context"
	"fmt"
	"time"

	"toolgate/mcp"
)

// workTools take their time: where the client takes tasks, most become one.
func workTools() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "greet",
			Description: "Greets somebody, at once.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
			Task:        mcp.TaskNever,
		}, greet),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "slow_compute",
			Description: "Works for as many seconds as it is told.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
			Task:        mcp.TaskOptional,
			Timeout:     longest + time.Minute,
		}, slowCompute),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "failing_job",
			Description: "Works for a second and fails, in the way that a model can act on.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
			Task:        mcp.TaskRequired,
		}, failingJob),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "protocol_error_job",
			Description: "Works for a moment and fails with an error of the protocol.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
			Task:        mcp.TaskRequired,
		}, protocolErrorJob),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "confirm_delete",
			Description: "Asks the user whether a file may go. No file is touched.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
			Task:        mcp.TaskRequired,
		}, confirmDelete),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "multi_input",
			Description: "Asks the user two things at once.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
			Task:        mcp.TaskRequired,
		}, multiInput),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_tool_with_task",
			Description: "Asks the user for a name first, and then works.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
			Task:        mcp.TaskRequired,
			AsksFirst:   true,
		}, askThenWork),
	}
}

func greet(_ context.Context, _ *mcp.Call, in named) (mcp.Text, error) {
	return mcp.Text("Hello, " + in.Name + "!"), nil
}

// longest is what slow_compute may be told; its tag says the same in seconds.
const longest = 10 * time.Minute

type computeArgs struct {
	Seconds float64 `json:"seconds" jsonschema:"How long to work, in seconds." minimum:"0" maximum:"600"`
	Label   string  `json:"label,omitempty" jsonschema:"What the work is called."`
}

func slowCompute(ctx context.Context, _ *mcp.Call, in computeArgs) (mcp.Text, error) {
	if err := pause(ctx, time.Duration(in.Seconds*float64(time.Second))); err != nil {
		return "", err
	}
	return mcp.Text(fmt.Sprintf("%q took %g seconds.", in.Label, in.Seconds)), nil
}

func failingJob(ctx context.Context, _ *mcp.Call, _ none) (mcp.Text, error) {
	if err := pause(ctx, time.Second); err != nil {
		return "", err
	}
	return "", mcp.ToolErrorf("this job fails on purpose, for testing")
}

func protocolErrorJob(ctx context.Context, _ *mcp.Call, _ none) (mcp.Text, error) {
	if err := pause(ctx, step); err != nil {
		return "", err
	}
	return "", mcp.Errorf(mcp.CodeInternal, "this job breaks off on purpose, for testing")
}

type fileArgs struct {
	Filename string `json:"filename" jsonschema:"Name of the file."`
}

func confirmDelete(ctx context.Context, c *mcp.Call, in fileArgs) (mcp.Text, error) {
	var answer struct {
		Confirm bool `json:"confirm"`
	}
	if err := ask(ctx, c, confirmForm("confirm", "Delete "+in.Filename+"?", "confirm"), &answer); err != nil {
		return "", err
	}
	if !answer.Confirm {
		return mcp.Text(in.Filename + " stays."), nil
	}
	return mcp.Text(in.Filename + " may go."), nil
}

// multiInput's forms are those that the suite can fill in: it gives each a name and a confirmation.
func multiInput(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	answers, err := c.Ask(ctx, nameForm(), confirmForm("confirm", "May this name be used?", "confirm"))
	if err != nil {
		return "", err
	}
	return mcp.Text(fmt.Sprintf("Both are answered: %s, %s.", answers[0], answers[1])), nil
}

func askThenWork(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	var user named
	if err := ask(ctx, c, nameForm(), &user); err != nil {
		return "", err
	}
	c.Background(ctx)
	if err := pause(ctx, step); err != nil {
		return "", err
	}
	return mcp.Text("Done for " + user.Name + "."), nil
}
