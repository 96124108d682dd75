package mcp

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// carrierForm is what the askers ask: a form whose answer must fit it.
func carrierForm(key string) ElicitRequest {
	return ElicitRequest{
		Key: key, Message: "Which carrier?",
		Schema: jsontext.Value(`{"type":"object","properties":{"carrier":{"type":"string","enum":["post","bike"]}},"required":["carrier"]}`),
	}
}

func noteSample(key string) SampleRequest {
	return SampleRequest{Key: key, Messages: []PromptMessage{{Role: "user", Content: TextContent("Sum up A-17")}}, MaxTokens: 120}
}

type shipParams struct {
	Order  string  `json:"order"`
	Weight float64 `json:"weight,omitempty"`
}

// askers are features that ask their client: one question, several in turn, several at once; tools, a prompt, a resource,
// and a completion, which may not.
func askers(y *yard) Features {
	ship := func(ctx context.Context, c *Call, in shipParams) (Text, error) {
		carrier, err := c.Elicit(ctx, carrierForm("carrier"))
		if err != nil {
			return "", fmt.Errorf("ask for the carrier: %w", err)
		}
		return Text(fmt.Sprintf("%s: %s %s", in.Order, carrier.Action, carrier.Content)), nil
	}
	return Features{
		Tools: []*Tool{
			NewTool(readOnly("ship", "Asks one question."), ship),
			NewTool(readOnly("also_ship", "Asks the same question."), ship),
			NewTool(readOnly("talk", "Asks three questions, one after the other."), talk),
			NewTool(readOnly("trio", "Asks three questions at once."), trio),
			NewTool(readOnly("page", "Sends the user to a page."), func(ctx context.Context, c *Call, _ none) (Text, error) {
				r, err := c.Elicit(ctx, ElicitRequest{Message: "Connect", URL: "https://example.com/connect", ID: "el-1"})
				if err != nil {
					return "", err
				}
				return Text(r.Action), nil
			}),
			NewTool(readOnly("crowd", "Asks from several goroutines."), func(ctx context.Context, c *Call, _ none) (Text, error) {
				return askTogether(ctx, c, 8)
			}),
		},
		Resources: []*Resource{{
			URI: "notes://asked", Name: "asked", Description: "Asks before it is read.",
			Read: func(ctx context.Context, c *Call, uri string) ([]ResourceContents, error) {
				r, err := c.Elicit(ctx, carrierForm("carrier"))
				if err != nil {
					return nil, err
				}
				return []ResourceContents{{URI: uri, Text: string(r.Content)}}, nil
			},
		}},
		Prompts: []*Prompt{{
			Name: "asking", Description: "Asks before it is rendered.",
			Arguments: []PromptArgument{{Name: "order", Complete: func(ctx context.Context, c *Call, _ string, _ map[string]string) ([]string, error) {
				_, err := c.Elicit(ctx, carrierForm("carrier"))
				return nil, err
			}}},
			Render: func(ctx context.Context, c *Call, args map[string]string) (*GetPromptResult, error) {
				r, err := c.Elicit(ctx, carrierForm("carrier"))
				if err != nil {
					return nil, err
				}
				return &GetPromptResult{Messages: []PromptMessage{{Role: "user", Content: TextContent(args["order"] + string(r.Content))}}}, nil
			},
		}},
	}
}

// talk asks three questions, each after the answer to the one before, and names none of them.
func talk(ctx context.Context, c *Call, _ none) (Text, error) {
	carrier, err := c.Elicit(ctx, carrierForm(""))
	if err != nil {
		return "", err
	}
	note, err := c.Sample(ctx, noteSample(""))
	if err != nil {
		return "", err
	}
	roots, err := c.Roots(ctx, RootsRequest{})
	if err != nil {
		return "", err
	}
	return Text(fmt.Sprintf("%s, %s, %v", carrier.Content, note.Model, roots)), nil
}

// trio asks three questions at once.
func trio(ctx context.Context, c *Call, _ none) (Text, error) {
	answers, err := c.Ask(ctx, carrierForm("carrier"), noteSample("note"), RootsRequest{Key: "roots"})
	if err != nil {
		return "", err
	}
	return Text(fmt.Sprintf("%s %s %s", answers[0], answers[1], answers[2])), nil
}

// askTogether asks n named questions side by side.
func askTogether(ctx context.Context, c *Call, n int) (Text, error) {
	failures := make(chan error, n)
	for i := range n {
		go func() {
			_, err := c.Roots(ctx, RootsRequest{Key: fmt.Sprintf("roots-%d", i)})
			failures <- err
		}()
	}
	var first error
	for range n {
		if err := <-failures; err != nil {
			first = err
		}
	}
	return "all answered", first
}
