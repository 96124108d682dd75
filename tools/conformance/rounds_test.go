package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolgate/mcp"
)

const (
	alice  = `{"action":"accept","content":{"name":"Alice"}}`
	spoken = `{"role":"assistant","content":{"type":"text","text":"Paris"},"model":"m"}`
	roots  = `{"roots":[{"uri":"file:///work"}]}`
)

// round is what a call asks, and what it is answered.
type round struct {
	asks    []string
	answers string
}

func TestQuestions(t *testing.T) {
	const elicit = " elicitation/create"
	tests := []struct {
		tool, arguments string
		rounds          []round
		want            string
	}{
		{"test_sampling", `{"prompt":"What?"}`, []round{{[]string{"answer sampling/createMessage"}, `{"answer":` + spoken + `}`}}, "LLM response: Paris"},
		{"test_missing_capability", `{}`, []round{{[]string{"answer sampling/createMessage"}, `{"answer":` + spoken + `}`}}, "LLM response: Paris"},
		{
			"test_elicitation", `{"message":"Who?"}`,
			[]round{{[]string{"form" + elicit}, `{"form":{"action":"accept","content":{"username":"a","email":"b"}}}`}},
			`User response: accept {"username":"a","email":"b"}`,
		},
		{"test_elicitation", `{"message":"Who?"}`, []round{{[]string{"form" + elicit}, `{"form":{"action":"decline"}}`}}, "User response: decline"},
		{
			"test_elicitation_sep1034_defaults", `{}`,
			[]round{{[]string{"form" + elicit}, `{"form":{"action":"accept","content":{"age":30,"score":95.5,"status":"active"}}}`}},
			`User response: accept {"age":30,"score":95.5,"status":"active"}`,
		},
		{
			"test_elicitation_sep1330_enums", `{}`,
			[]round{
				{[]string{"form" + elicit}, `{"form":{"action":"accept","content":{"titledSingle":"value9"}}}`}, // no choice
				{[]string{"form" + elicit}, `{"form":{"action":"accept","content":{"titledSingle":"value1","titledMulti":["value2"]}}}`},
			},
			`User response: accept {"titledSingle":"value1","titledMulti":["value2"]}`,
		},
		{"test_input_required_result_elicitation", `{}`, []round{{[]string{"user_name" + elicit}, `{"user_name":` + alice + `}`}}, "Hello, Alice!"},
		{
			"test_input_required_result_elicitation", `{}`,
			[]round{{[]string{"user_name" + elicit}, `{"user_name":12345}`}, {[]string{"user_name" + elicit}, `{"user_name":` + alice + `}`}},
			"Hello, Alice!",
		},
		{"test_input_required_result_sampling", `{}`, []round{{[]string{"capital_question sampling/createMessage"}, `{"capital_question":` + spoken + `}`}}, "The model says: Paris"},
		{"test_input_required_result_list_roots", `{}`, []round{{[]string{"client_roots roots/list"}, `{"client_roots":` + roots + `}`}}, "The client has 1 roots."},
		{
			"test_input_required_result_request_state", `{}`,
			[]round{{[]string{"confirm" + elicit}, `{"confirm":{"action":"accept","content":{"ok":true}}}`}},
			"state-ok, confirmed: true",
		},
		{
			"test_input_required_result_tampered_state", `{}`,
			[]round{{[]string{"confirm" + elicit}, `{"confirm":{"action":"accept","content":{"ok":false}}}`}},
			"state-ok, confirmed: false",
		},
		{
			"test_input_required_result_multiple_inputs", `{}`,
			[]round{
				{[]string{"client_roots roots/list", "greeting sampling/createMessage", "user_name" + elicit}, `{"user_name":` + alice + `,"greeting":` + spoken + `}`},
				{[]string{"client_roots roots/list"}, `{"client_roots":` + roots + `}`},
			},
			"All 3 questions are answered.",
		},
		{
			"test_input_required_result_multi_round", `{}`,
			[]round{
				{[]string{"step1" + elicit}, `{"step1":` + alice + `}`},
				{[]string{"step2" + elicit}, `{"step2":{"action":"accept","content":{"color":"red"}}}`},
			},
			"Alice likes red.",
		},
		{"test_input_required_result_elicitation", `{}`, []round{{[]string{"user_name" + elicit}, `{"user_name":{"action":"cancel"}}`}}, "the user did not fill in user_name: cancel"},
	}
	for _, tt := range tests {
		t.Run(tt.tool, func(t *testing.T) {
			v := visit(t, everything)
			r := v.call(tt.tool, tt.arguments, "")
			for i, round := range tt.rounds {
				if diff := cmp.Diff(round.asks, r.asks()); r.Type != "input_required" || diff != "" {
					t.Fatalf("round %d: a result %q asks (-want +got):\n%s", i+1, r.Type, diff)
				}
				before := r.RequestState
				if r = v.call(tt.tool, tt.arguments, answered(before, round.answers)); r.RequestState == before {
					t.Errorf("round %d: the state is that of the round before", i+1)
				}
			}
			if r.Type != "complete" || r.text() != tt.want {
				t.Errorf("%s = %s %q, want %q", tt.tool, r.Type, r.text(), tt.want)
			}
		})
	}
}

func TestAStateThatWasChangedIsRefused(t *testing.T) {
	const tool = "test_input_required_result_tampered_state"
	v := visit(t, everything)
	state := v.call(tool, `{}`, "").RequestState + "-TAMPERED"
	_, r, refused := v.send("tools/call", fmt.Sprintf(`"name":%q,"arguments":{}%s`, tool, answered(state, `{"confirm":{"action":"accept","content":{"ok":true}}}`)), "")
	if refused == nil || refused.Code != mcp.CodeInvalidParams {
		t.Errorf("a call with a changed state = %+v, %+v, want invalid params", r, refused)
	}
}

func TestOnlyWhatTheClientCanAnswerIsAsked(t *testing.T) {
	tests := []struct {
		can  string
		want []string
	}{
		{`{"sampling":{}}`, []string{"greeting sampling/createMessage"}},
		{`{"elicitation":{}}`, []string{"user_name elicitation/create"}},
		{`{"elicitation":{"form":{}},"roots":{}}`, []string{"client_roots roots/list", "user_name elicitation/create"}},
		{`{"elicitation":{"url":{}},"roots":{}}`, []string{"client_roots roots/list"}},
		{`{}`, nil},
	}
	for _, tt := range tests {
		r := visit(t, tt.can).call("test_input_required_result_capabilities", `{}`, "")
		if diff := cmp.Diff(tt.want, r.asks()); diff != "" {
			t.Errorf("a client that can %s is asked (-want +got):\n%s", tt.can, diff)
		}
		if complete := r.Type == "complete"; complete != (tt.want == nil) {
			t.Errorf("a client that can %s gets a result %s", tt.can, r.Type)
		}
	}
}

func TestAMissingCapabilityIsNamed(t *testing.T) {
	v := visit(t, `{}`)
	for tool, want := range map[string]string{
		"test_missing_capability":                `{"requiredCapabilities":{"sampling":{}}}`,
		"test_input_required_result_elicitation": `{"requiredCapabilities":{"elicitation":{}}}`,
		"test_input_required_result_list_roots":  `{"requiredCapabilities":{"roots":{}}}`,
	} {
		_, r, refused := v.send("tools/call", fmt.Sprintf(`"name":%q`, tool), "")
		if refused == nil || refused.Code != mcp.CodeMissingCapability || string(refused.Data) != want {
			t.Errorf("%s of a client that can nothing = %+v, %+v, want error data %s", tool, r, refused, want)
		}
	}
}

func TestThePromptIsMadeOfWhatTheUserSays(t *testing.T) {
	v := visit(t, everything)
	const prompt = `"name":"test_input_required_result_prompt"`
	r := v.ask("prompts/get", prompt)
	if diff := cmp.Diff([]string{"user_context elicitation/create"}, r.asks()); diff != "" {
		t.Fatalf("asked (-want +got):\n%s", diff)
	}
	r = v.ask("prompts/get", prompt+answered(r.RequestState, `{"user_context":{"action":"accept","content":{"context":"bees"}}}`))
	if len(r.Messages) != 1 || !strings.HasSuffix(r.Messages[0].Content.Text, "bees") {
		t.Errorf("the prompt = %+v, want a message about bees", r)
	}
}
