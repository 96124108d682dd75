package mcp

import (
	"context"
	"fmt"
	"time"
)

// taskTool is a tool that changes nothing and runs as a task as mode says.
func taskTool[In any](name string, mode TaskMode, run func(ctx context.Context, c *Call, in In) (Text, error)) *Tool {
	spec := readOnly(name, "Works.")
	spec.Task = mode
	return NewTool(spec, run)
}

// workers are tools that run as tasks: one of each mode, and one for each way to end.
func workers(y *yard) Features {
	first := readOnly("asks_first", "Asks, and works then.")
	first.Task, first.AsksFirst = TaskRequired, true
	return Features{Tools: []*Tool{
		taskTool("auto", TaskAuto, y.work),
		taskTool("never", TaskNever, y.work),
		taskTool("optional", TaskOptional, y.work),
		taskTool("required", TaskRequired, y.work),
		taskTool("asks", TaskOptional, y.workAsking),
		taskTool("asks_auto", TaskAuto, y.workAsking),
		NewTool(first, func(ctx context.Context, c *Call, in workParams) (Text, error) {
			if _, err := c.Elicit(ctx, carrierForm("carrier")); err != nil {
				return "", err
			}
			c.Background(ctx)
			c.Background(ctx) // twice is once
			return y.work(ctx, c, in)
		}),
		taskTool("gives_up_asking", TaskOptional, func(ctx context.Context, c *Call, _ none) (Text, error) {
			short, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			if _, err := c.Elicit(short, carrierForm("carrier")); err == nil {
				return "answered", nil
			}
			return y.work(ctx, c, workParams{})
		}),
		taskTool("deaf", TaskOptional, func(_ context.Context, c *Call, _ none) (Text, error) {
			<-y.gate
			r, err := c.Elicit(context.Background(), carrierForm("carrier"))
			y.ended <- err
			return Text(fmt.Sprint(r)), err
		}),
		taskTool("chatty", TaskAuto, func(ctx context.Context, c *Call, in workParams) (Text, error) {
			c.Progress(1, 3, "begun")
			c.Log(LevelError, "begun")
			text, err := y.work(ctx, c, in)
			c.Progress(2, 3, "done")
			c.Log(LevelError, "done")
			return text, err
		}),
		taskTool("sorry", TaskOptional, func(context.Context, *Call, none) (Text, error) {
			return "", ToolErrorf("there is no order A-99; call search first")
		}),
		taskTool("refuses", TaskOptional, func(context.Context, *Call, none) (Text, error) {
			return "", &Error{Code: CodeResourceNotFound, Message: "no such resource", Data: map[string]string{"uri": "notes://x"}}
		}),
		taskTool("panics", TaskOptional, func(context.Context, *Call, none) (Text, error) { panic("password=hunter2") }),
		taskTool("broken", TaskOptional, func(context.Context, *Call, none) (Text, error) {
			return "", fmt.Errorf("password=hunter2 was refused")
		}),
	}}
}

type workParams struct {
	Fails bool `json:"fails,omitempty"`
}

// work waits at the gate.
func (y *yard) work(ctx context.Context, _ *Call, in workParams) (Text, error) {
	select {
	case <-y.gate:
	case <-ctx.Done():
		y.ended <- context.Cause(ctx)
		return "", fmt.Errorf("work: %w", ctx.Err())
	}
	if in.Fails {
		return "", ToolErrorf("it did not work")
	}
	return "worked", nil
}

// workAsking asks two questions of one key, one after the other.
func (y *yard) workAsking(ctx context.Context, c *Call, _ none) (Text, error) {
	one, err := c.Elicit(ctx, carrierForm("carrier"))
	if err != nil {
		return "", err
	}
	two, err := c.Roots(ctx, RootsRequest{Key: "carrier"})
	if err != nil {
		return "", err
	}
	return Text(fmt.Sprintf("%s %v", one.Content, two)), nil
}
