package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Question is what a tool may ask the client: an ElicitRequest, a SampleRequest or a RootsRequest.
type Question interface {
	// question makes the request of it for a revision. missing names the capability that the client did not declare, and
	// for want of which it cannot be asked, e.g. "elicitation.url"; else it is empty.
	question(rev *Revision, can ClientCapabilities) (method string, params any, missing string)

	// key names the question within its call; empty: the call numbers it.
	key() string

	// valid says whether an answer has the shape of one.
	valid(answer jsontext.Value) bool
}

// errInputRequired goes up through a tool whose client must be asked first and the tool called again (2026-07-28).
var errInputRequired = errors.New("the client is asked first, and then calls again")

// inputs are what one stateless call was given and asks for.
type inputs struct {
	name      string                    // of the tool, prompt or resource
	digest    []byte                    // of its arguments
	given     map[string]jsontext.Value // answers, of this round and those before
	asked     map[string]inputRequest   // what is still needed
	questions int
	used      map[string]bool // the keys of all questions so far
}

type inputRequest struct {
	Method string `json:"method"`
	Params any    `json:"params,omitzero"`
}

// Ask asks the client, all at once, and waits for every answer, until ctx ends. A tool asks in the one way, whichever wire
// its client is on: over a session the questions are requests on the call's own stream; where requests stand alone, Ask
// returns an error that the tool must return, and the tool is called again with the same arguments when the answers are
// there. So what a tool does before it asks may be done several times: side effects come after.
//
// It fails with an error the client can read where the client did not declare what a question needs.
func (c *Call) Ask(ctx context.Context, questions ...Question) ([]jsontext.Value, error) {
	requests := make([]inputRequest, len(questions))
	for i, q := range questions {
		method, params, missing := q.question(c.peer.Revision, c.peer.Capabilities)
		if missing != "" {
			return nil, c.cannot(missing)
		}
		requests[i] = inputRequest{method, params}
	}
	if c.peer.Revision.Stateless {
		if k := c.inTask(); k != nil {
			return k.ask(ctx, questions, requests)
		}
		return c.askNext(questions, requests)
	}
	back := c.link()
	if back == nil {
		return nil, ToolErrorf("%s; connect by /sse, or by /mcp with a session", errCannotAsk)
	}
	answers, err := askAll(ctx, back, requests)
	for i, q := range questions {
		if err == nil && !q.valid(answers[i]) {
			err = ToolErrorf("the client's answer to %s could not be read", requests[i].Method)
		}
	}
	return answers, err
}

func (c *Call) cannot(missing string) error {
	if !c.peer.Revision.Stateless {
		return ToolErrorf("this needs a client with the capability %q, which yours did not declare", missing)
	}
	requires := map[string]any{}
	for _, name := range slices.Backward(strings.Split(missing, ".")) {
		requires = map[string]any{name: requires}
	}
	return &Error{
		Code: CodeMissingCapability, Message: fmt.Sprintf("this needs the client capability %q, which the request did not declare", missing),
		Data: map[string]any{"requiredCapabilities": requires},
	}
}

// askAll sends the requests side by side; the first failure ends the others.
func askAll(ctx context.Context, back link, requests []inputRequest) ([]jsontext.Value, error) {
	if len(requests) == 1 {
		answer, err := back.ask(ctx, requests[0].Method, requests[0].Params)
		return []jsontext.Value{answer}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := make([]jsontext.Value, len(requests))
	failures := make(chan error, len(requests))
	for i, r := range requests {
		go func() { // waited for below
			var err error
			if answers[i], err = back.ask(ctx, r.Method, r.Params); err != nil {
				cancel(err)
			}
			failures <- err
		}()
	}
	var first error
	for range requests {
		if err := <-failures; err != nil && first == nil {
			first = err
		}
	}
	return answers, first
}

// askNext asks by the call's result.
func (c *Call) askNext(questions []Question, requests []inputRequest) ([]jsontext.Value, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inputs.given == nil {
		return nil, ToolErrorf("%s", errCannotAsk)
	}
	return c.inputs.ask(questions, requests)
}

// ask gives the answers that are there, or notes what is missing.
func (in *inputs) ask(questions []Question, requests []inputRequest) ([]jsontext.Value, error) {
	answers := make([]jsontext.Value, len(questions))
	for i, q := range questions {
		in.questions++
		key := unusedKey(&in.used, cmp.Or(q.key(), fmt.Sprintf("input-%d", in.questions)))
		if answer, ok := in.given[key]; ok && q.valid(answer) {
			answers[i] = answer
			continue
		}
		delete(in.given, key)
		if in.asked == nil {
			in.asked = map[string]inputRequest{}
		}
		in.asked[key] = requests[i]
	}
	if len(in.asked) > 0 {
		return nil, errInputRequired
	}
	return answers, nil
}

// unusedKey makes a key of a name that may have been used before, the same one in each round, and notes it.
func unusedKey(used *map[string]bool, name string) string {
	if *used == nil {
		*used = map[string]bool{}
	}
	key := name
	for n := 2; (*used)[key]; n++ {
		key = fmt.Sprintf("%s-%d", name, n)
	}
	(*used)[key] = true
	return key
}

// takeInputs reads what the client answered, now and in the rounds before. What it sends as state is sealed: anything but
// what this server gave for this very request is refused.
func (x *exchange) takeInputs(name string, again retryParams, arguments jsontext.Value) error {
	in := &x.call.inputs
	in.name, in.digest = name, digest(arguments)
	in.given = map[string]jsontext.Value{}
	if again.RequestState != "" {
		state, err := x.server.sealer.open(again.RequestState, x.binding())
		if err != nil {
			return Errorf(CodeInvalidParams, "requestState is not one that this request was given, or is too old: call again without it")
		}
		in.given = state
	}
	switch again.InputResponses.Kind() {
	case '{':
		var given map[string]jsontext.Value
		if err := json.Unmarshal(again.InputResponses, &given); err != nil {
			return Errorf(CodeInvalidParams, "params: inputResponses could not be read")
		}
		maps.Copy(in.given, given)
	case 'n', 0: // absent
	default:
		return Errorf(CodeInvalidParams, "params: inputResponses must be an object")
	}
	return nil
}

// inputRequired is the result that asks the client (2026-07-28, multi round-trip requests).
func (x *exchange) inputRequired() any {
	in := &x.call.inputs
	return struct {
		InputRequests map[string]inputRequest `json:"inputRequests"`
		RequestState  string                  `json:"requestState"`
	}{in.asked, x.server.sealer.seal(in.given, x.binding())}
}

// binding is what a state is good for: this principal, method, name and these arguments.
func (x *exchange) binding() []byte {
	in := &x.call.inputs
	binding := fmt.Appendf(nil, "%q %q %q ", x.peer.Principal.ID, x.msg.Method, in.name)
	return append(binding, in.digest...)
}

// askOne asks one question and decodes its answer. What the client says wrong is for the model to read.
func askOne[R any](ctx context.Context, c *Call, q Question) (*R, error) {
	answers, err := c.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	result := new(R)
	if err := json.Unmarshal(answers[0], result); err != nil {
		method, _, _ := q.question(c.peer.Revision, c.peer.Capabilities)
		return nil, ToolErrorf("the client's answer to %s could not be read", method)
	}
	return result, nil
}
