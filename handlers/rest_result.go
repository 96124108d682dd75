package handlers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/middleware"
)

// restResult is what a call gave, as a body.
type restResult struct {
	body         jsontext.Value
	continuation string // of what did not fit; empty where all did
}

// restResult is the result of a call, or the problem it ended with. The body of a result is an object:
//
//   - structured content is the body, and fits the tool's outputSchema;
//   - a text alone is {"text": "…"};
//   - anything else, pictures and several blocks, is {"content": […]}, the blocks as MCP has them.
//
// With mcp.content_mode text no tool has structured content, and a structured result is the text of its JSON.
func (a *API) restResult(c *gin.Context, answer mcp.Event) (*restResult, *problem) {
	var message struct {
		Error  *mcp.Error `json:"error"`
		Result struct {
			Content    []jsontext.Value `json:"content"`
			Structured jsontext.Value   `json:"structuredContent"`
		} `json:"result"`
	}
	if err := json.Unmarshal(answer.Data, &message); err != nil { // we wrote it
		middleware.LineFrom(c.Request.Context()).SetError(fmt.Errorf("read the answer: %w", err))
		return nil, newProblem(c, "internal", "internal error; the server's log says more under X-Request-Id")
	}
	if message.Error != nil {
		return nil, failedCall(c, answer.Ending, message.Error.Message)
	}
	blocks := message.Result.Content
	if answer.Ending.Failure != "" {
		text, whole := texts(blocks)
		p := failedCall(c, answer.Ending, text)
		if p.Structured = message.Result.Structured; !whole {
			p.Content = blocks
		}
		return nil, p
	}
	r := &restResult{}
	if n := len(blocks); n > 0 {
		last, _ := plainText(blocks[n-1])
		if name, ok := a.server.Continuation(middleware.PrincipalFrom(c.Request.Context()), last); ok {
			r.continuation, blocks = name, blocks[:n-1]
		}
	}
	r.body = message.Result.Structured
	if r.body == nil {
		r.body = contentBody(blocks)
	}
	return r, nil
}

func contentBody(blocks []jsontext.Value) jsontext.Value {
	var value any = struct {
		Content []jsontext.Value `json:"content"`
	}{blocks}
	if len(blocks) == 1 {
		if text, ok := plainText(blocks[0]); ok {
			value = struct {
				Text string `json:"text"`
			}{text}
		}
	}
	body, err := json.Marshal(value)
	if err != nil { // texts, and JSON that was decoded
		panic(err)
	}
	return body
}

// plainText is the text of a block that is nothing but a text.
func plainText(block jsontext.Value) (string, bool) {
	var b map[string]jsontext.Value
	var text string
	if json.Unmarshal(block, &b) != nil || len(b) != 2 || string(b["type"]) != `"text"` || json.Unmarshal(b["text"], &text) != nil {
		return "", false
	}
	return text, true
}

// texts is all the text of a result; whole says that there is nothing else in it.
func texts(blocks []jsontext.Value) (text string, whole bool) {
	var parts []string
	for _, block := range blocks {
		if part, ok := plainText(block); ok {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\n"), len(parts) == len(blocks)
}

func (r *restResult) answer(c *gin.Context) {
	if r.continuation != "" {
		c.Header(headerContinuation, r.continuation)
	}
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "application/json", r.body)
}
