package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"toolgate/mcp"
)

// both is what a client of Streamable HTTP accepts.
const both = "Accept: application/json, text/event-stream"

// takesAll are the capabilities of a client that can be asked anything.
const takesAll = `{"sampling":{},"elicitation":{},"roots":{}}`

func initialize(revision, capabilities string) string {
	return `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + revision + `","capabilities":` + capabilities +
		`,"clientInfo":{"name":"c","version":"1"}}}`
}

const initialized = `{"jsonrpc":"2.0","method":"notifications/initialized"}`

// httpSession is a session of Streamable HTTP as its client sees it.
type httpSession struct {
	*client
	id   string
	head []string // of each of its requests
}

// begin opens a session of a revision, for a client that can be asked anything.
func (c *client) begin(revision string, headers ...string) *httpSession {
	c.tb.Helper()
	got := c.post("/mcp", initialize(revision, takesAll), append([]string{both}, headers...)...)
	id := got.header.Get("Mcp-Session-Id")
	if got.status != http.StatusOK || id == "" || !strings.Contains(got.body, `"protocolVersion":"`+revision+`"`) {
		c.tb.Fatalf("initialize: got %d %s, session %q, want a session of %s", got.status, got.body, id, revision)
	}
	s := &httpSession{client: c, id: id, head: append([]string{both, "Mcp-Session-Id: " + id}, headers...)}
	s.tell(initialized)
	return s
}

// send posts a message. changes are as of headers.
func (s *httpSession) send(message string, changes ...string) *answer {
	s.tb.Helper()
	return s.post("/mcp", message, override(s.head, changes...)...)
}

// tell posts what has no answer.
func (s *httpSession) tell(message string) {
	s.tb.Helper()
	if got := s.send(message); got.status != http.StatusAccepted || got.body != "" {
		s.tb.Fatalf("%s: got %d %q, want 202 and nothing", message, got.status, got.body)
	}
}

// flow posts a message whose answer must be a stream.
func (s *httpSession) flow(message string, changes ...string) *stream {
	s.tb.Helper()
	return s.stream(http.MethodPost, "/mcp", message, override(s.head, changes...)...)
}

// listen opens the standing stream, or, with Last-Event-ID, another one again. Its first bytes are read.
func (s *httpSession) listen(changes ...string) *stream {
	s.tb.Helper()
	standing := s.stream(http.MethodGet, "/mcp", "", override(s.head, changes...)...)
	for _, want := range []string{": ok\n", "\n"} {
		if got, err := standing.frame(); got != want {
			s.tb.Fatalf("first bytes: got %q (%v), want %q", got, err, want)
		}
	}
	return standing
}

// override changes headers: "Name: value" takes the place of all of that name, and several of one name stay several;
// "-Name" takes them away.
func override(headers []string, changes ...string) []string {
	changed := slices.Clone(headers)
	for _, change := range changes {
		name, _, _ := strings.Cut(strings.TrimPrefix(change, "-"), ":")
		changed = slices.DeleteFunc(changed, func(line string) bool {
			other, _, _ := strings.Cut(line, ":")
			return strings.EqualFold(name, other)
		})
	}
	return append(changed, slices.DeleteFunc(slices.Clone(changes), func(c string) bool { return c[0] == '-' })...)
}

// meta is what a request of 2026-07-28 says of itself, as the last member of its params.
const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// alone is a request that stands alone; members are those of its params, each with a comma after it.
func alone(id, method, members string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":{` + members + meta + `}}`
}

// callAlone is call for a client of 2026-07-28.
func callAlone(id, tool, arguments string) string {
	return alone(id, "tools/call", `"name":"`+tool+`","arguments":`+arguments+`,`)
}

// aloneHead is the headers of a request that stands alone. name may be empty.
func aloneHead(method, name string, changes ...string) []string {
	head := []string{both, "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: " + method}
	if name != "" {
		head = append(head, "Mcp-Name: "+name)
	}
	return override(head, changes...)
}

// aloneResult is textResult for a client of 2026-07-28.
func aloneResult(id, text string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"result":{"resultType":"complete",` +
		`"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"toolgate","version":"test"}},"content":[{"type":"text","text":"` + text + `"}]}}`
}

type tellParams struct {
	Steps int `json:"steps"`
	Every int `json:"every,omitzero"` // milliseconds between them
}

type routedParams struct {
	Region string `json:"region,omitzero" header:"Region"`
	Count  int    `json:"count,omitzero" header:"Count"`
	Dry    bool   `json:"dry,omitzero" header:"Dry-Run"`
	Place  place  `json:"place,omitzero"`
}

type place struct {
	Zone string `json:"zone,omitzero" header:"Zone"`
}

// talk gives the server more tools: such as say something before they answer, or have headers.
func (w *world) talk() *world {
	w.tb.Helper()
	spec := func(name string) mcp.ToolSpec {
		return mcp.ToolSpec{Name: name, Description: "Talks.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}}
	}
	features := w.pack.features()
	features.Tools = append(features.Tools,
		mcp.NewTool(spec("tell"), func(ctx context.Context, c *mcp.Call, in tellParams) (mcp.Text, error) {
			for i := range in.Steps {
				c.Progress(float64(i+1), float64(in.Steps), "")
				c.Log(mcp.LevelInfo, "a step")
				if in.Every == 0 {
					continue
				}
				select {
				case <-time.After(time.Duration(in.Every) * time.Millisecond):
				case <-ctx.Done():
					w.pack.began <- struct{}{} // it heard
					return "", context.Cause(ctx)
				}
			}
			return "told", nil
		}),
		mcp.NewTool(spec("ask"), func(ctx context.Context, c *mcp.Call, _ nothing) (mcp.Text, error) {
			said, err := c.Elicit(ctx, mcp.ElicitRequest{Message: "sure?", Schema: []byte(`{"type":"object","properties":{}}`)})
			if err != nil {
				return "", err
			}
			wrote, err := c.Sample(ctx, mcp.SampleRequest{MaxTokens: 1, Messages: []mcp.PromptMessage{{Role: "user", Content: mcp.TextContent("hi")}}})
			if err != nil {
				return "", err
			}
			return mcp.Text(said.Action + " by " + wrote.Model), nil
		}),
		mcp.NewTool(spec("hangup"), func(ctx context.Context, c *mcp.Call, _ nothing) (mcp.Text, error) {
			c.Hangup()
			select {
			case <-w.pack.gate:
				return "come back", nil
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		}),
		mcp.NewTool(spec("routed"), func(context.Context, *mcp.Call, routedParams) (mcp.Text, error) { return "arrived", nil }),
	)
	w.must(w.server.SetFeatures(features))
	return w
}

// heard is the next thing that a test's tool reports.
func (w *world) heard() { <-w.pack.began }
