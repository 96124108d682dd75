package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/middleware"
)

// The plain REST face: tools for programs that do not speak MCP. A call is the dispatcher's like any other; what is its own
// is the form of answers (rest_result.go), of errors (problem.go) and of progress (rest_stream.go).

// Paths of the REST face, below base_path.
const (
	restPrefix  = "/api/"
	toolsPath   = restPrefix + "tools"
	openAPIPath = restPrefix + "openapi.json"
)

// headerContinuation names what is left of a result that was cut to fit limits.result: POST {"continuation": its value} to
// read_more.
const headerContinuation = "Toolgate-Continuation"

// restTool is a tool as GET /api/tools shows it.
type restTool struct {
	Name         string         `json:"name"`
	Title        string         `json:"title,omitempty"`
	Description  string         `json:"description"`
	InputSchema  jsontext.Value `json:"inputSchema"`
	OutputSchema jsontext.Value `json:"outputSchema,omitzero"` // of the body of a 200; absent where that is a text or content
	Annotations  jsontext.Value `json:"annotations,omitzero"`
	URL          string         `json:"url"` // to POST to, a path on this host
}

// restTools are the tools that the caller may call here: those it may see, without those that run as tasks alone.
func (a *API) restTools(c *gin.Context) ([]restTool, error) {
	base := a.proxies.Prefix(c.Request, a.prefix) + toolsPath + "/"
	tools := []restTool{}
	for _, listing := range a.server.Tools(middleware.PrincipalFrom(c.Request.Context()), terms(c.Request.Header, a.callerHeaders)) {
		var t struct {
			restTool
			Execution struct {
				TaskSupport string `json:"taskSupport"`
			} `json:"execution"`
		}
		if err := json.Unmarshal(listing, &t); err != nil {
			return nil, fmt.Errorf("read a tool's listing: %w", err)
		}
		if t.Execution.TaskSupport != "required" {
			t.URL = base + t.Name
			tools = append(tools, t.restTool)
		}
	}
	return tools, nil
}

// ListTools is GET /api/tools: {tools: […]}, in the order in which MCP clients see them.
func (a *API) ListTools(c *gin.Context) {
	tools, err := a.restTools(c)
	if err != nil {
		failProblem(c, err)
		return
	}
	a.restJSON(c, map[string]any{"tools": tools})
}

// restJSON answers with what depends on who asks.
func (a *API) restJSON(c *gin.Context, value any) {
	body, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		failProblem(c, fmt.Errorf("encode the answer: %w", err))
		return
	}
	c.Header("Cache-Control", "private, no-cache")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "application/json", body)
}

// CallTool is POST /api/tools/{name}: it calls a tool with the JSON object in the body for arguments; no body is no
// arguments. It waits for the tool; a client that goes cancels the call.
//
// The answer is 200 and the result (restResult), or a problem document. A client that accepts text/event-stream and not
// application/json, or names it first, gets a stream (streamCall).
func (a *API) CallTool(c *gin.Context) {
	accept := acceptOf(c.Request.Header)
	if !accept.json && !accept.stream {
		newProblem(c, "not-acceptable", "accept application/json, or text/event-stream to hear of progress").answer(c)
		return
	}
	body, err := middleware.ReadBody(c)
	if err != nil {
		failProblem(c, err)
		return
	}
	name := c.Param("name")
	streams := !accept.json || accept.streamFirst
	m, err := restCall(name, body, streams)
	if err != nil {
		newProblem(c, "invalid-body", err.Error()).answer(c)
		return
	}
	m.On(terms(c.Request.Header, a.callerHeaders))
	ctx := c.Request.Context()
	line := middleware.LineFrom(ctx)
	line.SetMethod(m.Method)
	line.SetTool(name)
	if !a.restStepsUp(c, m) {
		return
	}
	peer := mcp.NewPeer(middleware.PrincipalFrom(ctx), a.address(c), mcp.WireREST, mcp.Newest())
	if streams {
		peer.LogLevel = restLogLevel
		a.streamCall(c, a.server.Stream(ctx, peer, m))
		return
	}
	a.answerCall(c, a.server.Stream(ctx, peer, m))
}

// restCall is the message of a call. The body must be one JSON object, as strict as any message.
func restCall(name string, body []byte, progress bool) (*mcp.Message, error) {
	arguments := jsontext.Value(body)
	if len(body) == 0 {
		arguments = jsontext.Value("{}")
	}
	params := struct {
		Name      string         `json:"name"`
		Arguments jsontext.Value `json:"arguments"`
		Meta      map[string]int `json:"_meta,omitempty"`
	}{Name: strings.ToValidUTF8(name, "\uFFFD"), Arguments: arguments}
	if progress {
		params.Meta = map[string]int{"progressToken": 1}
	}
	// Encoding checks the arguments, so that nothing in them reaches beyond their place.
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, badJSON(err)
	}
	if arguments.Kind() != '{' {
		return nil, errors.New("send the tool's arguments as one JSON object")
	}
	m, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + string(encoded) + `}`))
	if fault != nil {
		return nil, errors.New(fault.Message)
	}
	return m, nil
}

func badJSON(err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("the body is not valid JSON: %s", strings.TrimPrefix(syntax.Err.Error(), "jsontext: "))
	}
	return errors.New("the body is not valid JSON")
}

// answerCall waits for the call's answer and writes it in the form of plain HTTP.
func (a *API) answerCall(c *gin.Context, stream *mcp.Stream) {
	var events []mcp.Event
	for {
		select {
		case <-stream.Done():
			stream.Close(mcp.ClientGone())
			return
		case <-stream.Ready():
		}
		events = stream.Take(events)
		if n := len(events); n > 0 && events[n-1].Answer {
			stream.Close(nil)
			promptly(c)
			result, p := a.restResult(c, events[n-1])
			if p != nil {
				p.answer(c)
				return
			}
			result.answer(c)
			return
		}
	}
}

// bodyOr is the gate of a body that may be missing: a POST without body and Content-Type is let through, as curl -X POST
// sends it. A web page's own POST without body names its origin, which was checked before.
func bodyOr(gate gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.ContentLength != 0 || len(c.Request.Header["Content-Type"]) > 0 {
			gate(c)
		}
	}
}
