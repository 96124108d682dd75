package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
)

// Local is the way in from the command line: the same tools by the same dispatcher, without a client.
type Local struct {
	Server *mcp.Server
	Out    io.Writer
}

// ErrToolFailed says that a tool's result has isError; what it says was printed.
var ErrToolFailed = errors.New("the tool failed")

// bytesPerToken is what English and JSON come to in today's tokenizers, roughly.
const bytesPerToken = 4

// List prints a line a tool; with cost, what it costs a model to know of it: what model APIs take of a tool (name,
// description, arguments), and the whole listing, for clients that hand on more.
func (l Local) List(cost bool) error {
	var total, whole int
	for _, listing := range l.Server.Tools(mcp.Anonymous(), nil) {
		var t struct {
			Name        string         `json:"name"`
			Description string         `json:"description"`
			InputSchema jsontext.Value `json:"inputSchema"`
		}
		if err := json.Unmarshal(listing, &t); err != nil {
			return fmt.Errorf("read a tool's listing: %w", err)
		}
		line := fmt.Sprintf("%-22s %s\n", t.Name, t.Description)
		if cost {
			taken, err := json.Marshal(t)
			if err != nil {
				return fmt.Errorf("weigh a tool: %w", err)
			}
			model, listed := len(taken)/bytesPerToken, len(listing)/bytesPerToken
			total, whole = total+model, whole+listed
			line = fmt.Sprintf("%6d  %6d  %s", model, listed, line)
		}
		if _, err := io.WriteString(l.Out, line); err != nil {
			return err
		}
	}
	if !cost {
		return nil
	}
	_, err := fmt.Fprintf(l.Out, "%6d  %6d  tokens in all, roughly: bytes / %d of what model APIs take of a tool, and of all that is listed\n", total, whole, bytesPerToken)
	return err
}

// Call calls one tool and prints its result: texts as they are, other blocks as JSON. arguments must be JSON. It waits for
// the tool; the error is ErrToolFailed where the tool said so, an *mcp.Error where there is no such tool.
func (l Local) Call(ctx context.Context, tool, arguments string) error {
	params, err := json.Marshal(map[string]any{"name": tool, "arguments": jsontext.Value(arguments)})
	if err != nil {
		return fmt.Errorf("encode the call: %w", err)
	}
	request, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + string(params) + `}`))
	if fault != nil {
		return fault
	}
	answer := l.Server.Answer(ctx, mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest()), request)
	if answer == nil {
		return context.Cause(ctx)
	}
	var response struct {
		Error  *mcp.Error `json:"error"`
		Result struct {
			Content []jsontext.Value `json:"content"`
			IsError bool             `json:"isError"`
		} `json:"result"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.Error != nil {
		return response.Error
	}
	for _, block := range response.Result.Content {
		var b struct {
			Text *string `json:"text"`
		}
		if err := json.Unmarshal(block, &b); err != nil {
			return fmt.Errorf("read a block of the result: %w", err)
		}
		shown := string(block)
		if b.Text != nil {
			shown = *b.Text
		}
		if _, err := fmt.Fprintln(l.Out, shown); err != nil {
			return err
		}
	}
	if response.Result.IsError {
		return ErrToolFailed
	}
	return nil
}
