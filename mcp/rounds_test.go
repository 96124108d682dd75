package mcp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const bike = `,"inputResponses":{"carrier":{"action":"accept","content":{"carrier":"bike"}}}`

// asked is what a call was answered with that asks.
type asked struct {
	Result struct {
		ResultType    string                  `json:"resultType"`
		InputRequests map[string]inputRequest `json:"inputRequests"`
		RequestState  string                  `json:"requestState"`
	} `json:"result"`
}

func readAsked(t *testing.T, answer string) asked {
	t.Helper()
	var a asked
	if err := json.Unmarshal([]byte(answer), &a); err != nil || a.Result.ResultType != "input_required" || len(a.Result.InputRequests) == 0 {
		t.Fatalf("got %s, want a question", answer)
	}
	return a
}

// stateOf makes a first call of ship and gives the state that it is answered with.
func stateOf(t *testing.T, v *visitor) string {
	t.Helper()
	return readAsked(t, v.tool(1, "ship", `,"arguments":{"order":"A-17","weight":2}`)).Result.RequestState
}

func TestAStateIsGoodForItsOwnRequestOnly(t *testing.T) {
	const can = `{"elicitation":{}}`
	inBubble(t, settings{Features: askers}, func(t *testing.T, w *world) {
		mine, theirs := w.visit(principals("reader"), can), w.visit(principals("reader2"), can)
		state := stateOf(t, mine)
		if !regexp.MustCompile(`^v1\.[A-Za-z0-9_-]+$`).MatchString(state) {
			t.Errorf("state %q", state)
		}
		carried := bike + `,"requestState":` + string(must(jsontext.AppendQuote(nil, state)))
		for _, c := range []struct {
			name   string
			answer string
		}{
			{"the same request", mine.tool(2, "ship", `,"arguments":{"order":"A-17","weight":2}`+carried)},
			{"arguments in another order", mine.tool(3, "ship", `,"arguments":{"weight":2.0,"order":"A\u002d17"}`+carried)},
			{"once more", mine.tool(4, "ship", `,"arguments":{"order":"A-17","weight":2}`+carried)},
		} {
			if !strings.Contains(c.answer, `A-17: accept`) {
				t.Errorf("%s: %s", c.name, c.answer)
			}
		}
		for _, c := range []struct {
			name   string
			answer string
		}{
			{"another principal", theirs.tool(5, "ship", `,"arguments":{"order":"A-17","weight":2}`+carried)},
			{"nobody in particular", w.visit(Anonymous(), can).tool(6, "ship", `,"arguments":{"order":"A-17","weight":2}`+carried)},
			{"other arguments", mine.tool(7, "ship", `,"arguments":{"order":"A-18","weight":2}`+carried)},
			{"more arguments", mine.tool(8, "ship", `,"arguments":{"order":"A-17"}`+carried)},
			{"no arguments", mine.tool(9, "ship", carried)},
			{"another tool", mine.tool(10, "also_ship", `,"arguments":{"order":"A-17","weight":2}`+carried)},
			{"another method", mine.ask(`{"jsonrpc":"2.0","id":11,"method":"prompts/get","params":{"name":"asking"` + carried + `,"_meta":{META}}}`)},
			{"a state of ours, spoilt", mine.tool(12, "ship", `,"arguments":{"order":"A-17","weight":2}`+strings.Replace(carried, state, state[:10]+flip(state[10:]), 1))},
			{"the end cut off", mine.tool(13, "ship", `,"arguments":{"order":"A-17","weight":2}`+strings.Replace(carried, state, state[:len(state)-2], 1))},
			{"another version", mine.tool(14, "ship", `,"arguments":{"order":"A-17","weight":2}`+strings.Replace(carried, "v1.", "v2.", 1))},
			{"nonsense", mine.tool(15, "ship", `,"arguments":{"order":"A-17","weight":2},"requestState":"nonsense"`)},
		} {
			want := `"error":{"code":-32602,"message":"requestState is not one that this request was given, or is too old: call again without it"}}`
			if !strings.HasSuffix(c.answer, want) {
				t.Errorf("%s: %s", c.name, c.answer)
			}
		}
	})
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// Integers that a float cannot tell apart are different arguments all the same.
func TestAStateTellsLargeIntegersApart(t *testing.T) {
	a, b := digest(jsontext.Value(`{"id":9007199254740993}`)), digest(jsontext.Value(`{"id":9007199254740992}`))
	if slices.Equal(a, b) {
		t.Error("9007199254740993 and 9007199254740992 have one digest")
	}
	for _, same := range [][2]string{{``, `{}`}, {`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "\u0061" : 1 } `}, {`{"a":1.5}`, `{"a":15e-1}`}} {
		if !slices.Equal(digest(jsontext.Value(same[0])), digest(jsontext.Value(same[1]))) {
			t.Errorf("%s and %s have different digests", same[0], same[1])
		}
	}
}

func TestAStateGrowsOld(t *testing.T) {
	inBubble(t, settings{Features: askers}, func(t *testing.T, w *world) {
		v := w.visit(principals("reader"), `{"elicitation":{}}`)
		again := `,"arguments":{"order":"A-17","weight":2}` + bike + fmt.Sprintf(`,"requestState":%q`, stateOf(t, v))
		advance(stateTTL)
		if got := v.tool(2, "ship", again); !strings.Contains(got, "A-17: accept") {
			t.Errorf("after 10 minutes: %s", got)
		}
		advance(time.Second)
		if got := v.tool(3, "ship", again); !strings.Contains(got, `"code":-32602,"message":"requestState`) {
			t.Errorf("a second later: %s", got)
		}
	})
}

// Each round's state holds the answers of the rounds before: the server remembers nothing.
func TestReplicasGoOnWithOneAnothersStates(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	inBubble(t, settings{Features: askers, Options: Options{StateKey: key}}, func(t *testing.T, one *world) {
		other := newWorld(t, settings{Features: askers, Options: Options{StateKey: key}})
		stranger := newWorld(t, settings{Features: askers})
		const can = `{"elicitation":{},"sampling":{},"roots":{}}`
		first := readAsked(t, one.visit(Anonymous(), can).tool(1, "talk", "")).Result.RequestState
		answers := `,"inputResponses":{"input-1":{"action":"decline"}},"requestState":"` + first + `"`
		second := readAsked(t, other.visit(Anonymous(), can).tool(2, "talk", answers))
		if _, ok := second.Result.InputRequests["input-2"]; !ok || second.Result.RequestState == first {
			t.Errorf("the second round: %+v", second.Result)
		}
		if got := stranger.visit(Anonymous(), can).tool(3, "talk", answers); !strings.Contains(got, `"code":-32602`) {
			t.Errorf("a server with another key: %s", got)
		}
	})
}

func TestAStateShowsNothing(t *testing.T) {
	inBubble(t, settings{Features: askers}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{"elicitation":{},"sampling":{},"roots":{}}`)
		seen := map[string]bool{}
		for range 20 {
			a := readAsked(t, v.tool(1, "talk", `,"inputResponses":{"input-1":{"action":"accept","content":{"carrier":"bike"}}}`))
			if state := a.Result.RequestState; seen[state] {
				t.Fatalf("state %q twice", state)
			} else if seen[state] = true; strings.Contains(state, "bike") {
				t.Errorf("state %q", state)
			}
		}
	})
}

func TestAStateKeyHasItsLength(t *testing.T) {
	for length, ok := range map[int]bool{0: true, 1: false, 31: false, 32: true, 64: true} {
		_, err := NewServer(Features{}, Options{Info: Implementation{Name: "shop", Version: "1"}, StateKey: make([]byte, length)})
		if (err == nil) != ok {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

// Ask may be called from several goroutines, over either wire.
func TestQuestionsAskedTogether(t *testing.T) {
	inBubble(t, settings{Features: askers}, func(t *testing.T, w *world) {
		v := w.visit(Anonymous(), `{"roots":{}}`)
		a := readAsked(t, v.tool(1, "crowd", ""))
		if len(a.Result.InputRequests) != 8 {
			t.Errorf("%d questions, want 8", len(a.Result.InputRequests))
		}
		var answers []string
		for key := range a.Result.InputRequests {
			answers = append(answers, fmt.Sprintf(`%q:{"roots":[]}`, key))
		}
		got := v.tool(2, "crowd", fmt.Sprintf(`,"inputResponses":{%s},"requestState":%q`, strings.Join(answers, ","), a.Result.RequestState))
		if !strings.Contains(got, "all answered") {
			t.Errorf("got %s", got)
		}

		c := w.open(OpenOptions{})
		c.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}}}}`)
		c.call(1, "crowd", "")
		if got := c.settled(); len(got) != 9 {
			t.Errorf("over a session: %q", got)
		}
		for i := range 8 {
			c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"srv-%d","result":{"roots":[]}}`, 8-i))
		}
		if got := c.next(); !strings.Contains(got, "all answered") {
			t.Errorf("over a session: %s", got)
		}
	})
}

// The first refusal is the answer to all, and takes the other questions back.
func TestOneRefusalEndsQuestionsAskedAtOnce(t *testing.T) {
	inBubble(t, settings{Features: askers}, func(t *testing.T, w *world) {
		c := w.open(OpenOptions{})
		c.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"sampling":{},"roots":{}}}}`)
		c.call(1, "trio", "")
		if got := c.settled(); len(got) != 4 {
			t.Fatalf("got %q", got)
		}
		c.send(`{"jsonrpc":"2.0","id":"srv-2","error":{"code":-1,"message":"no"}}`)
		got := c.settled()
		if len(got) != 3 || !strings.Contains(got[2], `"id":1,"result"`) || !strings.Contains(got[2], `: no"}],"isError":true`) {
			t.Fatalf("got %q, want two cancellations and an answer", got)
		}
		for _, event := range got[:2] {
			if !strings.Contains(event, "notifications/cancelled") || strings.Contains(event, "srv-2") {
				t.Errorf("got %s", event)
			}
		}
	})
}
