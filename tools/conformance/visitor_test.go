package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"toolgate/mcp"
)

// everything is what a client can do that can do all.
const everything = `{"sampling":{},"elicitation":{},"roots":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`

// visitor is a client whose requests stand alone.
type visitor struct {
	t      *testing.T
	server *mcp.Server
	can    string // its capabilities
}

// visit serves a pack, whose changes the server follows, to a client that can do what can says.
func visit(t *testing.T, can string) *visitor {
	t.Helper()
	var server *mcp.Server
	p, err := New(func(f mcp.Features) error { return server.SetFeatures(f) })
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	if server, err = mcp.NewServer(p.Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}}); err != nil {
		t.Fatalf("NewServer = %v", err)
	}
	return &visitor{t, server, can}
}

// block is one of content.
type block struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Data     []byte `json:"data"`
	MIMEType string `json:"mimeType"`
	Resource struct {
		URI      string `json:"uri"`
		MIMEType string `json:"mimeType"`
		Text     string `json:"text"`
	} `json:"resource"`
}

// reply is whatever a request gives.
type reply struct {
	Type          string  `json:"resultType"`
	Content       []block `json:"content"`
	IsError       bool    `json:"isError"`
	InputRequests map[string]struct {
		Method string `json:"method"`
	} `json:"inputRequests"`
	RequestState string `json:"requestState"`
	TaskID       string `json:"taskId"`
	Status       string `json:"status"`
	Result       *reply `json:"result"`
	Error        *fault `json:"error"`
	Messages     []struct {
		Role    string `json:"role"`
		Content block  `json:"content"`
	} `json:"messages"`
	Contents []struct {
		URI      string `json:"uri"`
		MIMEType string `json:"mimeType"`
		Text     string `json:"text"`
		Blob     []byte `json:"blob"`
	} `json:"contents"`
	Tools   []named `json:"tools"`
	Prompts []named `json:"prompts"`
}

type fault struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// text is the first block.
func (r *reply) text() string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.Content[0].Text
}

// asks are the questions of a result, "key method", in order of their keys.
func (r *reply) asks() []string {
	var asked []string
	for _, key := range slices.Sorted(maps.Keys(r.InputRequests)) {
		asked = append(asked, key+" "+r.InputRequests[key].Method)
	}
	return asked
}

// send sends a request and gives what came before the answer, and the answer. params is an object's members; meta those of
// _meta beside what every request has.
func (v *visitor) send(method, params, meta string) (before []string, answer *reply, refused *fault) {
	v.t.Helper()
	if params != "" {
		params += ","
	}
	if meta != "" {
		meta += ","
	}
	m, err := mcp.Decode(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s"_meta":{%s
		"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":%s}}}`, method, params, meta, v.can))
	if err != nil {
		v.t.Fatalf("%s {%s}: %v", method, params, err)
	}
	envelope, err := mcp.ReadEnvelope(m)
	if err != nil {
		v.t.Fatalf("%s {%s}: %v", method, params, err)
	}
	st := v.server.Stream(v.t.Context(), envelope.Peer(mcp.Anonymous(), "", mcp.WireHTTP), m)
	defer st.Close(nil)
	var events []mcp.Event
	for !st.Finished() {
		<-st.Ready()
		events = st.Take(events)
	}
	last := len(events) - 1
	for _, e := range events[:last] {
		before = append(before, string(e.Data))
	}
	var message struct {
		Result *reply `json:"result"`
		Error  *fault `json:"error"`
	}
	if err := json.Unmarshal(events[last].Data, &message); err != nil {
		v.t.Fatalf("%s {%s} = %s: %v", method, params, events[last].Data, err)
	}
	return before, message.Result, message.Error
}

// ask sends a request that has a result.
func (v *visitor) ask(method, params string) *reply {
	v.t.Helper()
	_, answer, refused := v.send(method, params, "")
	if refused != nil {
		v.t.Fatalf("%s {%s} is refused: %d %s", method, params, refused.Code, refused.Message)
	}
	return answer
}

// call calls a tool; again is what is beside its arguments.
func (v *visitor) call(tool, arguments, again string) *reply {
	v.t.Helper()
	return v.ask("tools/call", fmt.Sprintf(`"name":%q,"arguments":%s%s`, tool, arguments, again))
}

// answered is what a client adds to a call whose questions it answers.
func answered(state, responses string) string {
	return fmt.Sprintf(`,"requestState":%q,"inputResponses":%s`, state, responses)
}
