package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/config"
)

// openAPI is an OpenAPI 3.1 document, as far as tools need it. Maps are written in the order of their keys.
type openAPI struct {
	OpenAPI    string                 `json:"openapi"`
	Info       apiInfo                `json:"info"`
	Servers    []apiServer            `json:"servers"`
	Security   []map[string][]string  `json:"security,omitempty"`
	Paths      map[string]apiPathItem `json:"paths"`
	Components apiComponents          `json:"components"`
}

type apiInfo struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

type apiServer struct {
	URL string `json:"url"`
}

type apiPathItem struct {
	Post apiOperation `json:"post"`
}

type apiOperation struct {
	OperationID string                 `json:"operationId"`
	Summary     string                 `json:"summary"`
	Description string                 `json:"description"`
	RequestBody apiBody                `json:"requestBody"`
	Responses   map[string]apiResponse `json:"responses"`
	Annotations jsontext.Value         `json:"x-mcp-annotations,omitzero"`
}

type apiBody struct {
	Required bool                `json:"required"`
	Content  map[string]apiMedia `json:"content"`
}

type apiMedia struct {
	Schema any `json:"schema"`
}

// apiResponse is a response, or a reference to one.
type apiResponse struct {
	Ref         string               `json:"$ref,omitempty"`
	Description string               `json:"description,omitempty"`
	Headers     map[string]apiHeader `json:"headers,omitempty"`
	Content     map[string]apiMedia  `json:"content,omitempty"`
}

type apiHeader struct {
	Description string         `json:"description"`
	Schema      map[string]any `json:"schema"`
}

type apiComponents struct {
	Schemas   map[string]any               `json:"schemas"`
	Responses map[string]apiResponse       `json:"responses"`
	Security  map[string]map[string]string `json:"securitySchemes,omitempty"`
}

// Where components refer to one another.
const (
	schemaRef   = "#/components/schemas/"
	responseRef = "#/components/responses/"
)

// Components beside those of the tools, whose names end in .input and .output.
const (
	componentResult  = "Result"
	componentProblem = "Problem"
)

// OpenAPI is GET /api/openapi.json: the tools that the caller may call, one operation each, by the schemas that MCP clients
// are shown. What does not change is written the same every time.
func (a *API) OpenAPI(c *gin.Context) {
	tools, err := a.restTools(c)
	if err != nil {
		failProblem(c, err)
		return
	}
	doc := openAPI{
		OpenAPI: "3.1.0",
		Info: apiInfo{
			Title: "Toolgate", Version: a.version,
			Description: "The tools of this server as plain HTTP: POST a tool's arguments, get its result.",
		},
		Servers: []apiServer{{URL: a.serverURL(c)}},
		Paths:   map[string]apiPathItem{},
		Components: apiComponents{
			Schemas:   map[string]any{componentResult: resultSchema(), componentProblem: problemSchema()},
			Responses: a.problemResponses(),
		},
	}
	doc.Security, doc.Components.Security = a.securitySchemes()
	for _, t := range tools {
		operation, err := t.operation(doc.Components)
		if err != nil {
			failProblem(c, fmt.Errorf("describe the tool %s: %w", t.Name, err))
			return
		}
		doc.Paths[toolsPath+"/"+t.Name] = apiPathItem{operation}
	}
	a.restJSON(c, doc)
}

// securitySchemes says how callers show who they are: any of them will do. There are none where nobody is asked.
func (a *API) securitySchemes() (accepted []map[string][]string, schemes map[string]map[string]string) {
	auth := a.cfg.Auth
	if auth.Open() {
		return nil, nil
	}
	bearer := map[string]string{"type": "http", "scheme": "bearer"}
	if !auth.Has(config.AuthKeys) {
		bearer["bearerFormat"] = "JWT"
	}
	if auth.Discoverable() {
		bearer["description"] = "Where to get a token is in " + resources(a.cfg)[0].metadata + " (RFC 9728)."
	}
	accepted, schemes = []map[string][]string{{"bearer": {}}}, map[string]map[string]string{"bearer": bearer}
	if auth.Has(config.AuthKeys) {
		accepted = append(accepted, map[string][]string{"key": {}})
		schemes["key"] = map[string]string{"type": "apiKey", "in": "header", "name": "X-API-Key"}
	}
	return accepted, schemes
}

// serverURL is where the paths begin: as the client sees them, if a proxy says how, else by public_url or base_path.
func (a *API) serverURL(c *gin.Context) string {
	base := a.proxies.Prefix(c.Request, a.prefix)
	switch {
	case base == a.prefix && a.cfg.Server.PublicURL != "":
		return strings.TrimSuffix(a.cfg.Server.PublicURL, "/")
	case base == "":
		return "/"
	}
	return base
}

// operation describes the tool, and puts its schemas among the components.
func (t *restTool) operation(components apiComponents) (apiOperation, error) {
	summary := t.Title
	if summary == "" {
		summary = t.Name
	}
	input, err := moveRefs(t.InputSchema, schemaRef+t.Name+".input")
	if err != nil {
		return apiOperation{}, err
	}
	components.Schemas[t.Name+".input"] = input
	result := componentResult
	if t.OutputSchema != nil {
		result = t.Name + ".output"
		if components.Schemas[result], err = moveRefs(t.OutputSchema, schemaRef+result); err != nil {
			return apiOperation{}, err
		}
	}
	operation := apiOperation{
		OperationID: t.Name, Summary: summary, Description: t.Description, Annotations: t.Annotations,
		RequestBody: apiBody{
			Required: requiresArguments(t.InputSchema),
			Content:  map[string]apiMedia{"application/json": {refTo(t.Name + ".input")}},
		},
		Responses: map[string]apiResponse{"200": {
			Description: "The tool's result.",
			Headers: map[string]apiHeader{headerContinuation: {
				Description: "Only where the result was cut to fit: the continuation to call read_more with.",
				Schema:      map[string]any{"type": "string"},
			}},
			Content: map[string]apiMedia{
				"application/json": {refTo(result)},
				"text/event-stream": {map[string]any{
					"type":        "string",
					"description": "Events progress and log, and as the last one result, with what application/json would be, or problem.",
				}},
			},
		}},
	}
	for name := range components.Responses {
		operation.Responses[strings.TrimPrefix(name, componentProblem)] = apiResponse{Ref: responseRef + name}
	}
	return operation, nil
}

func refTo(schema string) map[string]string { return map[string]string{"$ref": schemaRef + schema} }

// problemResponses are the responses that are problem documents: one a status, with what each of its kinds is called.
func (a *API) problemResponses() map[string]apiResponse {
	responses := map[string]apiResponse{}
	for _, k := range problemKinds {
		if (k.status == http.StatusUnauthorized || k.name == "auth-unavailable") && a.cfg.Auth.Open() || k.status == http.StatusMethodNotAllowed {
			continue
		}
		name := componentProblem + strconv.Itoa(k.status)
		r, ok := responses[name]
		if !ok {
			r.Content = map[string]apiMedia{problemMedia: {refTo(componentProblem)}}
		}
		r.Description += fmt.Sprintf("%s (%#q). ", k.title, k.name)
		if slices.Contains([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable}, k.status) {
			r.Headers = map[string]apiHeader{"Retry-After": {
				Description: "Seconds after which asking again makes sense.", Schema: map[string]any{"type": "integer"},
			}}
		}
		responses[name] = r
	}
	for name, r := range responses {
		r.Description = strings.TrimSuffix(r.Description, " ")
		responses[name] = r
	}
	return responses
}

// resultSchema is of a result without a schema of its own: structured content of any shape, a text, or blocks.
func resultSchema() map[string]any {
	return map[string]any{
		"type":        "object",
		"description": "A text alone is {text}, anything else {content}: the blocks as MCP has them. A tool that has structure of no declared shape answers with that.",
		"properties": map[string]any{
			"text": map[string]any{"type": "string"},
			"content": map[string]any{
				"type":  "array",
				"items": map[string]any{"type": "object", "required": []string{"type"}, "properties": map[string]any{"type": map[string]any{"type": "string"}}},
			},
		},
	}
}

// problemSchema is of the type problem.
func problemSchema() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "description": description}
	}
	names := make([]string, len(problemKinds))
	for i, k := range problemKinds {
		names[i] = problemType + k.name
	}
	return map[string]any{
		"type":        "object",
		"description": "A problem document (RFC 9457).",
		"required":    []string{"type", "title", "status"},
		"properties": map[string]any{
			"type":              map[string]any{"type": "string", "enum": names},
			"title":             text("The type in words."),
			"status":            map[string]any{"type": "integer"},
			"detail":            text("What is wrong this time, and what to change."),
			"instance":          text("The request's id, as in X-Request-Id."),
			"retryAfterSeconds": map[string]any{"type": "integer", "description": "When asking again makes sense."},
			"scope":             text("The scopes that the credential lacks, a space between them."),
			"errorId":           text("The server's log says more under it."),
			"arguments": map[string]any{
				"type": "array", "description": "The arguments at fault.",
				"items": map[string]any{
					"type": "object", "required": []string{"name", "detail"},
					"properties": map[string]any{"name": map[string]any{"type": "string"}, "detail": map[string]any{"type": "string"}},
				},
			},
			"content":           map[string]any{"type": "array", "items": map[string]any{"type": "object"}, "description": "What the tool said, where it is more than text."},
			"structuredContent": map[string]any{"type": "object", "description": "What the tool said in a structure of its own."},
		},
	}
}
