package conformance

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
)

// Forms that the suite compares, member by member.
const (
	accountForm = `{"type":"object","properties":{
		"username":{"type":"string","description":"A name to sign in with"},
		"email":{"type":"string","description":"An address to write to"}},
		"required":["username","email"]}`

	defaultsForm = `{"type":"object","properties":{
		"name":{"type":"string","default":"John Doe"},
		"age":{"type":"integer","default":30},
		"score":{"type":"number","default":95.5},
		"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},
		"verified":{"type":"boolean","default":true}}}`

	choicesForm = `{"type":"object","properties":{
		"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},
		"titledSingle":{"type":"string","oneOf":[
			{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"},{"const":"value3","title":"Third Option"}]},
		"legacyEnum":{"type":"string","enum":["opt1","opt2","opt3"],"enumNames":["Option One","Option Two","Option Three"]},
		"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},
		"titledMulti":{"type":"array","items":{"anyOf":[
			{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"},{"const":"value3","title":"Third Choice"}]}}}}`
)

// maxTokens is how much the client's model may write in an answer.
const maxTokens = 100

// questionTools ask the client while it waits.
func questionTools() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_sampling",
			Description: "Asks the client's model and returns what it says.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, sampling),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_elicitation",
			Description: "Asks the user for an account and returns what was filled in.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, elicitation),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_elicitation_sep1034_defaults",
			Description: "Asks the user with a form in which everything has a default.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, form("Change what does not suit.", defaultsForm)),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_elicitation_sep1330_enums",
			Description: "Asks the user with a form of every kind of choice.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, form("Choose from each.", choicesForm)),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_missing_capability",
			Description: "Asks the client's model, so that a client without one is refused.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, missingCapability),
	}
}

type samplingArgs struct {
	Prompt string `json:"prompt" jsonschema:"What to ask the model."`
}

func sampling(ctx context.Context, c *mcp.Call, in samplingArgs) (mcp.Text, error) {
	said, err := c.Sample(ctx, sample("answer", in.Prompt))
	if err != nil {
		return "", err
	}
	return mcp.Text("LLM response: " + written(said)), nil
}

func missingCapability(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	said, err := c.Sample(ctx, sample("answer", "Say something short."))
	if err != nil {
		return "", err
	}
	return mcp.Text("LLM response: " + written(said)), nil
}

// sample asks the client's model one thing.
func sample(key, prompt string) mcp.SampleRequest {
	return mcp.SampleRequest{
		Key: key, MaxTokens: maxTokens,
		Messages: []mcp.PromptMessage{{Role: "user", Content: mcp.TextContent(prompt)}},
	}
}

// written is the text of a model's answer; where it is not one text, the JSON of what it is.
func written(said *mcp.SampleResult) string {
	var block struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(said.Content, &block) != nil || block.Text == nil {
		return string(said.Content)
	}
	return *block.Text
}

type elicitationArgs struct {
	Message string `json:"message" jsonschema:"What to tell the user."`
}

func elicitation(ctx context.Context, c *mcp.Call, in elicitationArgs) (mcp.Text, error) {
	return elicited(ctx, c, in.Message, accountForm)
}

func form(message, schema string) func(context.Context, *mcp.Call, none) (mcp.Text, error) {
	return func(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
		return elicited(ctx, c, message, schema)
	}
}

func elicited(ctx context.Context, c *mcp.Call, message, schema string) (mcp.Text, error) {
	answer, err := c.Elicit(ctx, mcp.ElicitRequest{Key: "form", Message: message, Schema: jsontext.Value(schema)})
	if err != nil {
		return "", err
	}
	said := "User response: " + answer.Action
	if answer.Content != nil { // only a form that was accepted has any
		said += " " + string(answer.Content)
	}
	return mcp.Text(said), nil
}
