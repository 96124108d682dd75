package mcp

import (
	"bytes"
	stdjson "encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// said is every message that clients send in the conversations: the seeds of what strangers may send.
func said(f *testing.F) (messages []string) {
	f.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if message, ok := strings.CutPrefix(line, "> "); ok {
				messages = append(messages, metaOf(strings.TrimSpace(message), "{}"))
			}
		}
	}
	return messages
}

// FuzzDecode: whatever Decode takes is JSON to others too, no deeper than allowed, and means to them what it means to us;
// an id goes out as it came in. Whatever it refuses has an answer that is JSON.
func FuzzDecode(f *testing.F) {
	for _, message := range said(f) {
		f.Add([]byte(message))
	}
	for _, body := range []string{``, `{`, `[]`, `[[]]`, `null`, `{"id":1`, `{"a":1,"a":2}`, "\ufeff{}", `"\ud800"`, nested(64), nested(65)} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, fault := Decode(body)
		if fault != nil {
			if answer := AppendError(nil, m.ID, fault); !stdjson.Valid(answer) || !utf8.Valid(answer) {
				t.Errorf("the answer is not JSON: %q", answer)
			}
			return
		}
		if !stdjson.Valid(body) || deeperThan(body, maxDepth) {
			t.Fatalf("taken: %q", body)
		}
		if m.Batch == nil {
			sameAsOthersRead(t, body, m)
			return
		}
		var raw []stdjson.RawMessage
		if err := stdjson.Unmarshal(body, &raw); err != nil || len(raw) != len(m.Batch) || len(raw) > maxBatch {
			t.Fatalf("a batch of %d, to others %d, %v", len(m.Batch), len(raw), err)
		}
		for i, one := range m.Batch {
			sameAsOthersRead(t, raw[i], one)
		}
	})
}

func sameAsOthersRead(t *testing.T, body []byte, m *Message) {
	t.Helper()
	var members map[string]stdjson.RawMessage // exact names, unlike a struct's
	if err := stdjson.Unmarshal(body, &members); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if id := members["id"]; !m.ID.IsZero() && !bytes.Equal(id, []byte(m.ID.String())) {
		t.Errorf("id %s, to others %s", m.ID, id)
	}
	if m.Method != "" {
		var method string
		if err := stdjson.Unmarshal(members["method"], &method); err != nil || method != m.Method {
			t.Errorf("method %q, to others %q, %v", m.Method, method, err)
		}
	}
	if !bytes.Equal(m.Params, members["params"]) || !bytes.Equal(m.Result, members["result"]) {
		t.Errorf("params %s, result %s; to others %s, %s", m.Params, m.Result, members["params"], members["result"])
	}
}

// FuzzSession: whatever a client says, line by line, each accepted request gets exactly one answer, or at most one where
// the client cancels; and every event is one line of JSON.
func FuzzSession(f *testing.F) {
	messages := said(f)
	for _, message := range messages {
		f.Add([]byte(message))
	}
	f.Add([]byte(strings.Join(messages[:20], "\n")))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{"roots":{}}}}` + "\n" +
		`[{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"roots"}},{"jsonrpc":"2.0","id":2,"method":"ping"}]` + "\n" +
		`{"jsonrpc":"2.0","id":"srv-1","result":{}}`))
	quick := func(y *yard) Features {
		features := y.features()
		features.Tools = slices.DeleteFunc(features.Tools, func(t *Tool) bool {
			return slices.Contains([]string{"wait", "stubborn", "lines", "rows"}, t.Name) // they take their time, or memory
		})
		return features
	}
	whole := newWorld(f, settings{Features: quick})
	f.Fuzz(func(t *testing.T, text []byte) {
		w := &world{yard: whole.yard, tb: t, server: whole.server}
		w.registry = w.newRegistry(t, RegistryOptions{Inbox: 64, OutboxEvents: 1 << 16, OutboxBytes: 1 << 30, Calls: 32})
		c := w.open(OpenOptions{})
		owed, cancels := map[string]int{}, false
		for line := range bytes.Lines(text) {
			m, fault := Decode(bytes.Clone(line))
			if fault != nil || w.registry.Deliver(c.id(), c.principal, m, nil) != nil {
				continue
			}
			for _, one := range append([]*Message{m}, m.Batch...) {
				if one.IsRequest() {
					owed[one.ID.String()]++
				}
				cancels = cancels || one.Method == "notifications/cancelled"
			}
		}
		c.hangUp(t)
		c.take()
		for _, event := range c.waiting {
			for id, n := range answersIn(t, event) {
				owed[id] -= n
			}
		}
		for id, n := range owed {
			if n < 0 || n > 0 && !cancels && !c.asked() {
				t.Errorf("request %s lacks %d answers", id, n)
			}
		}
	})
}

// hangUp lets a client's calls finish and ends its session; those that wait for the client are cancelled.
func (c *client) hangUp(t *testing.T) {
	t.Helper()
	if c.asked() {
		c.w.registry.End(c.id())
	}
	if err := c.w.registry.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// asked says whether the client was asked anything: then it can leave a call without an answer.
func (c *client) asked() bool {
	s := c.w.registry.find(c.id(), c.principal)
	if s == nil {
		return false
	}
	can := s.peer.Load().Capabilities
	return can.Elicitation != nil || can.Roots != nil || can.Sampling != nil
}

// answersIn counts the answers of an event by their ids as written: of a response, or of the responses of a batch.
func answersIn(t *testing.T, event string) map[string]int {
	t.Helper()
	if strings.ContainsAny(event, "\r\n") || !utf8.ValidString(event) {
		t.Fatalf("an event that is no line: %q", event)
	}
	if event[0] != '[' {
		event = "[" + event + "]"
	}
	var all []struct {
		ID     jsontext.Value `json:"id"`
		Method string         `json:"method"`
	}
	if err := json.Unmarshal([]byte(event), &all); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	answers := map[string]int{}
	for _, one := range all {
		if one.Method == "" {
			answers[string(one.ID)]++
		}
	}
	return answers
}

// FuzzCursor: a cursor is refused or leads to a place in the list; a cursor of ours always leads on.
func FuzzCursor(f *testing.F) {
	list := []string{"", "a", "b", "c\x00d", "é"}
	for _, name := range list {
		f.Add(encodeCursor("tools", name))
	}
	f.Add("")
	f.Add("!")
	f.Add(encodeCursor("prompts", "a"))
	f.Fuzz(func(t *testing.T, cursor string) {
		if name, ok := decodeCursor("tools", cursor); ok {
			if again, ok := decodeCursor("tools", encodeCursor("tools", name)); !ok || again != name {
				t.Errorf("%q became %q", name, again)
			}
		}
		shown, next, err := page("tools", list, func(s string) string { return s }, cursor, 2)
		switch {
		case err != nil:
		case len(shown) > 2 || next != "" && len(shown) == 0:
			t.Errorf("shown %q, next %q", shown, next)
		case next != "":
			if _, _, err := page("tools", list, func(s string) string { return s }, next, 2); err != nil {
				t.Errorf("our own cursor %q: %v", next, err)
			}
		}
	})
}

// FuzzEventID: what is taken names a session and an event, and says the same when it is written again.
func FuzzEventID(f *testing.F) {
	for _, id := range []string{"", "a.1", "a.01", "a.+1", ".1", "a.18446744073709551615", "a.b.1"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		session, seq, ok := parseEventID(id)
		if !ok {
			return
		}
		again, n, ok := parseEventID(EventID(session, seq))
		if !ok || again != session || n != seq || strings.Contains(session, ".") || len(id) > 64 {
			t.Errorf("%q: %q %d, again %q %d %v", id, session, seq, again, n, ok)
		}
	})
}

// FuzzCutText: the parts are the whole, each within the limit, none empty, and no rune is cut in two where the limit has
// room for one.
func FuzzCutText(f *testing.F) {
	f.Add("one\ntwo\nthree", 5)
	f.Add("ééééééé", 4)
	f.Add("\x80\x80\x80\x80\x80\x80", 4)
	f.Add("", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 1 {
			return
		}
		head, tail := cutText(text, limit)
		if head+tail != text || len(head) > limit || head == "" && text != "" {
			t.Fatalf("head %q, tail %q", head, tail)
		}
		if limit >= utf8.UTFMax && utf8.ValidString(text) && !utf8.ValidString(head) {
			t.Errorf("a rune was cut: %q, %q", head, tail)
		}
	})
}

// FuzzCutJSON: a cut object fits the limit, keeps its members, and its array and the rest are the whole array.
func FuzzCutJSON(f *testing.F) {
	f.Add([]byte(`{"rows":[1,2,3,4,5,6],"total":6}`), 30)
	f.Add([]byte(`{"a":[[1],[2]],"b":["x","yyyyyyyyyyyyyyyyyyyyyyy"],"c\n":{}}`), 40)
	f.Add([]byte(`{"a":[]}`), 4)
	f.Add([]byte(`{}`), 1)
	f.Fuzz(func(t *testing.T, object []byte, limit int) {
		whole := jsontext.Value(bytes.Clone(object))
		if !whole.IsValid() || whole.Kind() != '{' || whole.Compact() != nil {
			return
		}
		short, left, ok := cutJSON(whole, limit)
		if !ok {
			return
		}
		if len(short) > limit && len(left.items) > 0 {
			t.Errorf("%d bytes of at most %d", len(short), limit)
		}
		before, after := membersOf(t, whole), membersOf(t, short)
		var rows []jsontext.Value
		if err := json.Unmarshal(after[left.member], &rows); err != nil || len(rows) != left.shown {
			t.Fatalf("%q shows %d, said %d, %v", left.member, len(rows), left.shown, err)
		}
		after[left.member] = joinArray(append(rows, left.items...))
		for name, value := range before {
			if !bytes.Equal(value, after[name]) {
				t.Errorf("%q was %s and became %s", name, value, after[name])
			}
		}
		if len(before) != len(after) {
			t.Errorf("%d members became %d", len(before), len(after))
		}
	})
}

func membersOf(t *testing.T, object jsontext.Value) map[string]jsontext.Value {
	t.Helper()
	var members map[string]jsontext.Value
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	return members
}
