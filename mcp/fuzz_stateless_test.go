package mcp

import (
	stdjson "encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzEnvelope: what is read of a request is what others read there; who has an envelope claims to stand alone; and whoever
// has none is told why, in JSON.
func FuzzEnvelope(f *testing.F) {
	for _, message := range said(f) {
		f.Add([]byte(message))
	}
	f.Add([]byte(metaOf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n\u0061me":"\u0061dd","_met\u0061":{META}}}`, `{"roots":{}}`)))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":null,"io.modelcontextprotocol/logLevel":[]}}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28"}}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"a","params":{"_metA":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, fault := Decode(body)
		if fault != nil || m.Batch != nil {
			return
		}
		var params map[string]any // a struct would take keys in any case of letters
		_ = stdjson.Unmarshal(m.Params, &params)
		meta, _ := params["_meta"].(map[string]any) // of the wrong shape: then nothing is claimed
		version, claims := meta[metaVersion]
		if m.Claims() != claims {
			t.Errorf("claims %v, to others %v", m.Claims(), claims)
		}
		e, fault := ReadEnvelope(m)
		if fault != nil {
			if fault.Code != CodeInvalidParams || !stdjson.Valid(AppendError(nil, m.ID, fault)) {
				t.Errorf("refused with %v", fault)
			}
			return
		}
		if !claims || e.Version != version {
			t.Errorf("version %q, to others %v", e.Version, version)
		}
		if m.Method == "tools/call" && e.NameGiven && e.Name != params["name"] {
			t.Errorf("name %q, to others %v", e.Name, params["name"])
		}
		if e.LogLevel != "" && !slices.Contains(levelNames[:], e.LogLevel) {
			t.Errorf("log level %q", e.LogLevel)
		}
	})
}

// FuzzState: a state opens to what was sealed in it, for what it was sealed for; no other text opens to anything.
func FuzzState(f *testing.F) {
	sealer, err := newSealer(nil)
	if err != nil {
		f.Fatal(err)
	}
	given := map[string]jsontext.Value{"carrier": jsontext.Value(`{"action":"accept"}`)}
	state := sealer.seal(given, []byte("mine"))
	f.Add("", []byte("mine"), uint(0), byte(1))
	f.Add(state, []byte("mine"), uint(10), byte(1))
	f.Add(state, []byte("yours"), uint(0), byte(0))
	f.Add(state+"A", []byte("mine"), uint(len(state)-1), byte(4))
	f.Add("v1.", []byte(""), uint(1), byte(2))
	f.Add("v1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", []byte(""), uint(1), byte(2))
	f.Fuzz(func(t *testing.T, text string, binding []byte, at uint, change byte) {
		if opened, err := sealer.open(text, binding); err == nil && (text != state || string(binding) != "mine") {
			t.Errorf("%q was opened: %v", text, opened)
		}
		mine := sealer.seal(given, binding)
		opened, err := sealer.open(mine, binding)
		if err != nil || !maps.EqualFunc(opened, given, func(a, b jsontext.Value) bool { return string(a) == string(b) }) {
			t.Errorf("opened to %v, %v", opened, err)
		}
		spoilt := []byte(mine)
		spoilt[at%uint(len(mine))] ^= change
		if _, err := sealer.open(string(spoilt), binding); err == nil && string(spoilt) != mine {
			t.Errorf("%q was opened, made of %q", spoilt, mine)
		}
		if _, err := sealer.open(mine, append(binding, 'x')); err == nil {
			t.Error("opened for something else")
		}
	})
}

// FuzzLaneEventID: what is taken names a lane and an event, and says the same when it is written again; no event of a lane
// is one of HTTP+SSE.
func FuzzLaneEventID(f *testing.F) {
	for _, id := range []string{"", "0_0", "1_2", "01_2", "1_", "_1", "1_2_3", "-1_2", "18446744073709551615_18446744073709551615", "18446744073709551616_0", "a_1", "1.2"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		lane, seq, ok := parseLaneEventID(id)
		if !ok {
			return
		}
		again, n, ok := parseLaneEventID(LaneEventID(lane, seq))
		if !ok || again != lane || n != seq || len(id) > 64 {
			t.Errorf("%q: %d %d, again %d %d %v", id, lane, seq, again, n, ok)
		}
		if _, _, ok := parseEventID(id); ok {
			t.Errorf("%q is an event of HTTP+SSE too", id)
		}
	})
}
