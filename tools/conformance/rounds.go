package conformance

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
)

// roundTools ask the client by their result, where its requests stand alone: it answers by calling again.
func roundTools() []*mcp.Tool {
	return []*mcp.Tool{
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_elicitation",
			Description: "Asks the user for a name and greets.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askName),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_sampling",
			Description: "Asks the client's model a question.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askModel),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_list_roots",
			Description: "Asks the client for its roots.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askRoots),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_request_state",
			Description: "Asks the user to confirm, and goes on from the state that comes back.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askConfirmation),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_multiple_inputs",
			Description: "Asks the user, the client's model and the client, all at once.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askAll),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_multi_round",
			Description: "Asks the user twice, the second time after the first answer.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askTwice),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_tampered_state",
			Description: "Asks the user to confirm, and takes no other state than it gave.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askConfirmation),
		mcp.NewTool(mcp.ToolSpec{
			Name:        "test_input_required_result_capabilities",
			Description: "Asks for everything that the client says it can give.",
			Annotations: mcp.ToolAnnotations{ReadOnlyHint: true},
		}, askWithin),
	}
}

// textForm asks the user for one text.
func textForm(key, message, field string) mcp.ElicitRequest {
	return mcp.ElicitRequest{Key: key, Message: message, Schema: jsontext.Value(fmt.Sprintf(
		`{"type":"object","properties":{%[1]q:{"type":"string"}},"required":[%[1]q]}`, field,
	))}
}

// confirmForm asks the user for yes or no.
func confirmForm(key, message, field string) mcp.ElicitRequest {
	return mcp.ElicitRequest{Key: key, Message: message, Schema: jsontext.Value(fmt.Sprintf(
		`{"type":"object","properties":{%[1]q:{"type":"boolean"}},"required":[%[1]q]}`, field,
	))}
}

// ask asks the user and reads what was filled in; who does not accept is told so.
func ask(ctx context.Context, c *mcp.Call, q mcp.ElicitRequest, into any) error {
	answer, err := c.Elicit(ctx, q)
	if err != nil {
		return err
	}
	if answer.Action != "accept" {
		return mcp.ToolErrorf("the user did not fill in %s: %s", q.Key, answer.Action)
	}
	if err := json.Unmarshal(answer.Content, into); err != nil {
		return mcp.ToolErrorf("what the user filled in for %s could not be read", q.Key)
	}
	return nil
}

// named is what a form with a name gives.
type named struct {
	Name string `json:"name" jsonschema:"A name."`
}

func nameForm() mcp.ElicitRequest { return textForm("user_name", "What is your name?", "name") }

func askName(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	var user named
	if err := ask(ctx, c, nameForm(), &user); err != nil {
		return "", err
	}
	return mcp.Text("Hello, " + user.Name + "!"), nil
}

func askModel(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	said, err := c.Sample(ctx, sample("capital_question", "What is the capital of France?"))
	if err != nil {
		return "", err
	}
	return mcp.Text("The model says: " + written(said)), nil
}

func askRoots(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	roots, err := c.Roots(ctx, mcp.RootsRequest{Key: "client_roots"})
	if err != nil {
		return "", err
	}
	return mcp.Text(fmt.Sprintf("The client has %d roots.", len(roots))), nil
}

func askConfirmation(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	var answer struct {
		OK bool `json:"ok"`
	}
	if err := ask(ctx, c, confirmForm("confirm", "Go on?", "ok"), &answer); err != nil {
		return "", err
	}
	return mcp.Text(fmt.Sprintf("state-ok, confirmed: %t", answer.OK)), nil
}

func askAll(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	answers, err := c.Ask(ctx,
		nameForm(),
		sample("greeting", "Write a greeting of one line."),
		mcp.RootsRequest{Key: "client_roots"},
	)
	if err != nil {
		return "", err
	}
	return mcp.Text(fmt.Sprintf("All %d questions are answered.", len(answers))), nil
}

func askTwice(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	var user named
	if err := ask(ctx, c, textForm("step1", "What is your name?", "name"), &user); err != nil {
		return "", err
	}
	var liked struct {
		Color string `json:"color"`
	}
	if err := ask(ctx, c, textForm("step2", "Which color do you like, "+user.Name+"?", "color"), &liked); err != nil {
		return "", err
	}
	return mcp.Text(fmt.Sprintf("%s likes %s.", user.Name, liked.Color)), nil
}

func askWithin(ctx context.Context, c *mcp.Call, _ none) (mcp.Text, error) {
	var questions []mcp.Question
	can := c.Capabilities()
	if can.Elicitation != nil && (can.Elicitation.Form != nil || can.Elicitation.URL == nil) {
		questions = append(questions, nameForm())
	}
	if can.Sampling != nil {
		questions = append(questions, sample("greeting", "Write a greeting of one line."))
	}
	if can.Roots != nil {
		questions = append(questions, mcp.RootsRequest{Key: "client_roots"})
	}
	answers, err := c.Ask(ctx, questions...)
	if err != nil {
		return "", err
	}
	return mcp.Text(fmt.Sprintf("All %d questions are answered.", len(answers))), nil
}
