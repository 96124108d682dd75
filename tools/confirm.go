package tools

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/config"
	"toolgate/mcp"
)

// flagConfirm is the argument by which a model says that a person has agreed, where its client cannot ask that person.
const flagConfirm = "confirm"

// maxShownArguments bounds what a person is shown of a call's arguments, in bytes.
const maxShownArguments = 1000

// yesForm asks for one tick.
var yesForm = jsontext.Value(`{"type":"object","properties":{"yes":{"type":"boolean","title":"Do it","default":false}},"required":["yes"]}`)

// confirmed is a tool that waits for a person's yes before it begins.
func confirmed(t *mcp.Tool) *mcp.Tool {
	t = t.WithFlag(flagConfirm, "True once the user has agreed to this very call. Not needed where the client asks the user itself.")
	return t.Within(func(ctx context.Context, c *mcp.Call, arguments jsontext.Value, next func(context.Context) (*mcp.CallToolResult, error)) (*mcp.CallToolResult, error) {
		if err := agreed(ctx, c, t, arguments); err != nil {
			return nil, err
		}
		return next(ctx)
	})
}

// plainView is what a person is shown of arguments that a model chose: nothing invisible in it, and where it is cut, how
// much is not shown.
func plainView(arguments string) string {
	shown := cleanText(arguments, config.CleaningEscape)
	if len(shown) <= maxShownArguments {
		return shown
	}
	cut := maxShownArguments
	for !utf8.RuneStart(shown[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d more bytes that are not shown)", shown[:cut], len(shown)-cut)
}

// agreed is nil once a person said yes.
func agreed(ctx context.Context, c *mcp.Call, t *mcp.Tool, arguments jsontext.Value) error {
	var flags struct {
		Confirm bool `json:"confirm"`
	}
	if len(arguments) > 0 {
		if err := json.Unmarshal(arguments, &flags); err != nil {
			return fmt.Errorf("read the arguments: %w", err)
		}
	}
	if !c.CanElicit() {
		if flags.Confirm {
			return nil
		}
		return mcp.ToolErrorf("%s changes something: tell the user what it will do, and once the user agrees call it again with %q: true", t.Name, flagConfirm)
	}
	question := fmt.Sprintf("%s: may it run with %s?", t.Title, plainView(string(t.Redact(arguments))))
	answer, err := c.Elicit(ctx, mcp.ElicitRequest{Key: flagConfirm, Message: question, Schema: yesForm})
	if err != nil {
		return err
	}
	var form struct {
		Yes bool `json:"yes"`
	}
	if answer.Action != "accept" || json.Unmarshal(answer.Content, &form) != nil || !form.Yes {
		return mcp.ToolErrorf("the user did not agree to %s: nothing was changed; ask before you try anything like it again", t.Name)
	}
	return nil
}
