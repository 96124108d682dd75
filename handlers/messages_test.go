package handlers

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"toolgate/config"
)

// TestMessagesRefused posts what is no message to a session: it hears so in the POST's answer, with the id where one could
// be read, and nothing runs.
func TestMessagesRefused(t *testing.T) {
	const (
		parse   = -32700
		invalid = -32600
		params  = -32602
		upper   = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"uppercase_text","arguments":{"text":"x"}}}`
	)
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	w := newWorld(t)
	s := w.open("/sse")
	for _, tt := range []struct {
		name, body string
		code       int
		id         string
	}{
		{"an empty body", ``, parse, "null"},
		{"half an object", `{`, parse, "null"},
		{"a word", `hello`, parse, "null"},
		{"a zero byte", "\x00", parse, "null"},
		{"null", `null`, invalid, "null"},
		{"a number", `42`, invalid, "null"},
		{"a string", `"x"`, invalid, "null"},
		{"true", `true`, invalid, "null"},
		{"an empty object", `{}`, invalid, "null"},
		{"an empty batch", `[]`, invalid, "null"},
		{"a batch of numbers", `[1]`, invalid, "null"},
		{"a batch in a batch", `[[]]`, invalid, "null"},
		{"a word after the message", upper + ` x`, parse, "1"},
		{"a brace after the message", upper + `}`, parse, "1"},
		{"two messages", upper + upper, parse, "1"},
		{"a message a line", upper + "\n" + upper, parse, "1"},
		{"no jsonrpc", `{"id":1,"method":"ping"}`, invalid, "1"},
		{"jsonrpc 1.0", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, invalid, "1"},
		{"jsonrpc a number", `{"jsonrpc":2.0,"id":1,"method":"ping"}`, invalid, "1"},
		{"no method", `{"jsonrpc":"2.0","id":1}`, invalid, "1"},
		{"method null", `{"jsonrpc":"2.0","id":1,"method":null}`, invalid, "1"},
		{"method a number", `{"jsonrpc":"2.0","id":1,"method":1}`, invalid, "1"},
		{"method an object", `{"jsonrpc":"2.0","id":1,"method":{}}`, invalid, "1"},
		{"method empty", `{"jsonrpc":"2.0","id":1,"method":""}`, invalid, "1"},
		{"params a string", `{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}`, params, "1"},
		{"params a number", `{"jsonrpc":"2.0","id":1,"method":"ping","params":1}`, params, "1"},
		{"params an array", `{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}`, params, "1"},
		{"id null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, invalid, "null"},
		{"id an object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, invalid, "null"},
		{"id an array", `{"jsonrpc":"2.0","id":[1],"method":"ping"}`, invalid, "null"},
		{"id true", `{"jsonrpc":"2.0","id":true,"method":"ping"}`, invalid, "null"},
		{"id a fraction", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, invalid, "null"},
		{"id of 200 kB", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 200_000) + `","method":"ping"}`, invalid, "null"},
		{"only METHOD", `{"jsonrpc":"2.0","id":1,"METHOD":"ping"}`, invalid, "1"},
		{"method twice", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}`, invalid, "null"},
		{"nested 100 000 deep", deep, invalid, "null"},
		{"4 MiB of brackets", strings.Repeat("[", 4<<20), invalid, "null"},
		{"bytes that are no UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", parse, "null"},
		{"a lone surrogate", `{"jsonrpc":"2.0","id":1,"method":"\ud800"}`, parse, "null"},
		{"a byte order mark", "\xef\xbb\xbf" + upper, parse, "null"},
		{"UTF-16", "\xfe\xff\x00{\x00}", parse, "null"},
		{"a batch for a revision without", `[` + ping("1") + `]`, invalid, "null"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.post(s.endpoint, tt.body).wantError(t, http.StatusBadRequest, tt.code, tt.id)
		})
	}
	if n := w.pack.ran.Load(); n != 0 {
		t.Errorf("%d of the refused calls ran", n)
	}
	if got := s.ask(ping(`"last"`)); got != pong(`"last"`) {
		t.Errorf("on the stream: got %s, want nothing before the answer to the last message", got)
	}
}

// TestMessagesTaken posts what is odd and allowed.
func TestMessagesTaken(t *testing.T) {
	w := newWorld(t)
	s := w.open("/sse")
	for _, id := range []string{
		"0", "-1", `"0"`, `"null"`, `"é𝄞"`, `"\u0041\/"`, `""`, "9007199254740993", "9223372036854775807", "18446744073709551616",
	} {
		if got := s.ask(ping(id)); got != pong(id) {
			t.Errorf("id %s: got %s, want it back as it was", id, got)
		}
	}
	for name, message := range map[string]string{
		"METHOD beside method":          `{"jsonrpc":"2.0","id":1,"METHOD":"tools/list","Method":"tools/list","method":"ping"}`,
		"params in other cases":         `{"jsonrpc":"2.0","id":1,"method":"ping","Params":3,"PARAMS":"x"}`,
		"names that fold to others":     `{"jsonrpc":"2.0","id":1,"method":"ping","paramſ":3,"\u212aey":1,"params\u0000":2}`,
		"white space around":            " \t\r\n" + ping("1") + "\r\n ",
		"members without a meaning":     `{"jsonrpc":"2.0","id":1,"method":"ping","x":{"y":[1,2]}}`,
		"a name written with an escape": `{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping"}`,
	} {
		if got := s.ask(message); got != pong("1") {
			t.Errorf("%s: got %s, want %s", name, got, pong("1"))
		}
	}
	arguments := call("1", "uppercase_text", `{"text":"x","TEXT":"y"}`)
	if got := s.ask(arguments); strings.Contains(got, `"text":"Y"`) {
		t.Errorf("an argument of another case counted: %s", got)
	}
}

func TestMessagesSession(t *testing.T) {
	w := newWorld(t)
	s := w.open("/sse")
	other := w.open("/sse")
	changed := "0" + s.id()[1:]
	if s.id()[0] == '0' {
		changed = "1" + s.id()[1:]
	}
	for _, tt := range []struct {
		name, target string
		status       int
		id           string
	}{
		// One session exists, or two: none is ever guessed.
		{"no id", "/messages", 400, "null"},
		{"an empty id", "/messages?session_id=", 400, "null"},
		{"another name", "/messages?session=" + s.id(), 400, "null"},
		{"a spelling between the two", "/messages?sessionid=" + s.id(), 400, "null"},
		{"two ids that differ", "/messages?session_id=" + s.id() + "&sessionId=" + other.id(), 400, "null"},
		{"one spelling twice, differing", "/messages?session_id=" + s.id() + "&session_id=" + other.id(), 400, "null"},
		{"two ids on the Tutorial's path", "/sse/messages?session_id=" + s.id() + "&sessionId=" + other.id(), 400, "null"},
		{"a character changed", "/messages?session_id=" + changed, 404, "7"},
		{"upper case", "/messages?session_id=" + strings.ToUpper("f"+s.id()[1:]), 404, "7"},
		{"never issued", "/messages?session_id=x", 404, "7"},
		{"an event's id", "/messages?session_id=" + s.id() + ".0", 404, "7"},
		{"the handle", "/messages?session_id=" + w.registry.Sessions()[0].Handle, 404, "7"},
		{"half the dashes", "/messages?session_id=" + s.id()[:8] + "-" + s.id()[8:], 404, "7"},
		{"64 kB", "/messages?session_id=" + strings.Repeat("x", 20_000), 404, "7"},
		{"a zero byte", "/messages?session_id=%00", 404, "7"},
		{"a line end", "/messages?session_id=" + s.id() + "%0d%0aX-Injected:%201", 404, "7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.post(tt.target, ping("7"))
			got.wantError(t, tt.status, -32600, tt.id)
			got.wantHeader(t, "X-Injected", "")
		})
	}
	t.Run("the same id twice", func(t *testing.T) {
		if got := w.post("/messages?session_id="+s.id()+"&sessionId="+dashed(s.id()), ping("8")); got.status != http.StatusAccepted {
			t.Fatalf("got %d %s, want 202", got.status, got.body)
		}
		if got := s.next(); got != pong("8") {
			t.Errorf("got %s", got)
		}
	})
	if sessions, _ := w.registry.Count(); sessions != 2 {
		t.Errorf("got %d sessions, want the two that were opened", sessions)
	}
}

// TestMessagesOfAnother: another principal's session does not exist, on any way to it.
func TestMessagesOfAnother(t *testing.T) {
	w := newWorld(t, withKeys)
	s := w.open("/sse", w.bearer("reader"))
	for _, path := range []string{"/messages/?session_id=", "/message?sessionId=", "/sse/messages?session_id="} {
		for _, name := range []string{"other", "admin"} {
			got := w.post(path+s.id(), call("1", "uppercase_text", `{"text":"x"}`), w.bearer(name))
			got.wantError(t, http.StatusNotFound, -32600, "1")
			unknown := w.post(path+strings.Repeat("0", 32), call("1", "uppercase_text", `{"text":"x"}`), w.bearer(name))
			if got.body != unknown.body {
				t.Errorf("%s: a session of another's answers %s, one that never was %s: they differ", path, got.body, unknown.body)
			}
		}
	}
	if n := w.pack.ran.Load(); n != 0 {
		t.Errorf("%d calls of strangers ran", n)
	}
	if got := s.ask(ping("2"), w.bearer("reader")); got != pong("2") {
		t.Errorf("the owner's stream: got %s, want nothing of others", got)
	}
}

// TestMessagesInboxFull: what does not fit is refused at once, to be sent again; what was taken in is answered.
func TestMessagesInboxFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *config.Config) { c.Limits.Inbox, c.Limits.CallsPerSession = 2, 1 })
		s := w.open("/sse")
		for _, id := range []string{"1", "2", "3"} { // one runs, two wait
			s.post(call(id, "wait", `{}`))
			synctest.Wait()
		}
		got := w.post(s.endpoint, call("4", "wait", `{}`))
		got.wantError(t, http.StatusTooManyRequests, -32600, "4")
		got.wantHeader(t, "Retry-After", "1")
		if want := `"data":{"retryAfterSeconds":1}`; !strings.Contains(got.body, want) {
			t.Errorf("got %s, want %s in it", got.body, want)
		}
		for _, id := range []string{"1", "2", "3"} {
			w.pack.gate <- struct{}{}
			if got := s.next(); got != textResult(id, "let go") {
				t.Errorf("got %s, want the answer to %s", got, id)
			}
		}
		if got := s.ask(ping("5")); got != pong("5") {
			t.Errorf("once there is room: got %s", got)
		}
	})
}
