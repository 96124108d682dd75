package mcp

import (
	"strings"
	"testing"
)

// refusedAs is how Decode's refusal of a body is answered; empty where it takes the body.
func refusedAs(body string) string {
	m, fault := Decode([]byte(body))
	if fault == nil {
		return ""
	}
	return string(AppendError(nil, m.ID, fault))
}

func TestDecodeRefuses(t *testing.T) {
	const (
		notJSON   = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the body is not JSON*`
		noObject  = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a message is a JSON object"}}`
		noVersion = `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"jsonrpc must be \"2.0\""}}`
		noMethod  = `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"method must be a string that is not empty"}}`
		badParams = `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"params must be an object"}}`
		badID     = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"id must be a string or an integer"}}`
		more      = `{"jsonrpc":"2.0","id":1,"error":{"code":-32700,"message":"there is something after the message: send one message a body"}}`
		twice     = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a name is there twice in one object"}}`
		noBatch   = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a batch holds JSON objects"}}`
		deep      = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"nested deeper than 64 levels"}}`
	)
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for _, c := range []struct{ name, body, want string }{
		{"nothing", ``, notJSON},
		{"white space", " \r\n\t", notJSON},
		{"an open brace", `{`, notJSON},
		{"an open bracket", `[`, notJSON},
		{"an open string", `{"jsonrpc":"2.0`, notJSON},
		{"a word", `hello`, notJSON},
		{"NUL", "\x00", notJSON},
		{"a byte order mark", "\ufeff" + ping, notJSON},
		{"UTF-16", "\xff\xfe{\x00}\x00", notJSON},
		{"invalid UTF-8", `{"jsonrpc":"2.0","id":1,"method":"` + "\xff" + `"}`, notJSON},
		{"a lone surrogate", `{"jsonrpc":"2.0","id":1,"method":"\ud800"}`, notJSON},
		{"a trailing comma", `{"jsonrpc":"2.0","id":1,"method":"ping",}`, notJSON},
		{"a comment", `{"jsonrpc":"2.0",/**/"id":1,"method":"ping"}`, notJSON},
		{"a raw newline in a string", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\nng\"}", notJSON},
		{"a leading zero", `{"jsonrpc":"2.0","id":01,"method":"ping"}`, notJSON},
		{"null", `null`, noObject},
		{"a number", `42`, noObject},
		{"a string", `"x"`, noObject},
		{"true", `true`, noObject},
		{"an empty object", `{}`, strings.Replace(noVersion, `"id":1`, `"id":null`, 1)},
		{"text after the message", ping + ` x`, more},
		{"a brace after the message", ping + `}`, more},
		{"a second message", ping + ping, more},
		{"a second line", ping + "\n" + ping, more},
		{"text after a number", `42 x`, strings.Replace(more, `"id":1`, `"id":null`, 1)},
		{"text after a batch", `[` + ping + `] x`, strings.Replace(more, `"id":1`, `"id":null`, 1)},
		{"no version", `{"id":1,"method":"ping"}`, noVersion},
		{"version 1.0", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, noVersion},
		{"a number as version", `{"jsonrpc":2.0,"id":1,"method":"ping"}`, noVersion},
		{"no method", `{"jsonrpc":"2.0","id":1}`, noMethod},
		{"method null", `{"jsonrpc":"2.0","id":1,"method":null}`, noMethod},
		{"a number as method", `{"jsonrpc":"2.0","id":1,"method":5}`, noMethod},
		{"an object as method", `{"jsonrpc":"2.0","id":1,"method":{}}`, noMethod},
		{"an empty method", `{"jsonrpc":"2.0","id":1,"method":""}`, noMethod},
		{"params a string", `{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}`, badParams},
		{"params a number", `{"jsonrpc":"2.0","id":1,"method":"ping","params":1}`, badParams},
		{"params an array", `{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}`, badParams},
		{"params null", `{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`, badParams},
		{"id null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, badID},
		{"id an object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, badID},
		{"id an array", `{"jsonrpc":"2.0","id":[1],"method":"ping"}`, badID},
		{"id true", `{"jsonrpc":"2.0","id":true,"method":"ping"}`, badID},
		{"id a fraction", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, badID},
		{"id with an exponent", `{"jsonrpc":"2.0","id":1e3,"method":"ping"}`, badID},
		{
			"id of 200 kB", `{"jsonrpc":"2.0","id":"` + strings.Repeat("a", 200_000) + `","method":"ping"}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"id is longer than 1024 bytes"}}`,
		},
		{"the method twice", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`, twice},
		{"the method twice, once escaped", `{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call"}`, twice},
		{"a name twice within params", `{"jsonrpc":"2.0","id":1,"method":"a","params":{"b":[{"c":1,"c":2}]}}`, twice},
		{
			"a method and a result", `{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"a message has a method, or a result or error, not both"}}`,
		},
		{
			"a result and an error", `{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"a response has a result or an error, not both"}}`,
		},
		{
			"a result without an id", `{"jsonrpc":"2.0","result":{}}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a response needs the id of its request"}}`,
		},
		{"a result with id null", `{"jsonrpc":"2.0","id":null,"result":{}}`, badID},
		{
			"an error that is no object", `{"jsonrpc":"2.0","id":1,"error":"no"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"error must be an object with code and message"}}`,
		},
		{
			"an error whose code is no number", `{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"error must be an object with code and message"}}`,
		},
		{
			"an empty batch", `[]`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a batch must not be empty"}}`,
		},
		{"a batch of a number", `[1]`, noBatch},
		{"a batch in a batch", `[[]]`, noBatch},
		{"a batch with a stranger in it", `[` + ping + `,null]`, noBatch},
		{
			"a batch with a bad message", `[` + ping + `,{"jsonrpc":"2.0","id":2}]`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"method must be a string that is not empty"}}`,
		},
		{
			"a batch of 51", `[` + strings.Repeat(ping+",", 50) + ping + `]`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a batch holds at most 50 messages"}}`,
		},
		{"65 levels", nested(65), deep},
		{"100 000 levels", nested(100_000), deep},
		{"4 MiB of open brackets", strings.Repeat("[", 4<<20), deep},
		{"4 MiB of open braces", strings.Repeat(`{"a":`, 800_000), deep},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := refusedAs(c.body)
			if start, open := strings.CutSuffix(c.want, "*"); got != c.want && !(open && strings.HasPrefix(got, start)) {
				t.Errorf("\n got %.300s\nwant %s", got, c.want)
			}
		})
	}
}

// nested is a message that nests so many levels of arrays and objects.
func nested(levels int) string {
	arrays := levels - 2 // below the message and its params
	return `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":` + strings.Repeat("[", arrays) + strings.Repeat("]", arrays) + `}}`
}

func TestDecodeTakes(t *testing.T) {
	longest := strings.Repeat("a", maxIDBytes-2)
	for _, c := range []struct {
		name, body         string
		id, method, params string
	}{
		{"a request", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "1", "ping", ""},
		{"a notification", `{"jsonrpc":"2.0","method":"ping"}`, "null", "ping", ""},
		{"white space around", " \n{ \"jsonrpc\" : \"2.0\" , \"id\" : 1 , \"method\" : \"ping\" }\r\n ", "1", "ping", ""},
		{"the method first", `{"method":"ping","id":"x","jsonrpc":"2.0"}`, `"x"`, "ping", ""},
		{"an escaped key", `{"\u006asonrpc":"2.0","id":1,"\u006dethod":"ping"}`, "1", "ping", ""},
		{"an escaped method", `{"jsonrpc":"2.0","id":1,"method":"p\u0069ng"}`, "1", "ping", ""},
		{"params as they stand", `{"jsonrpc":"2.0","id":1,"method":"a","params":{ "b" : 1.0 }}`, "1", "a", `{ "b" : 1.0 }`},
		{"strange members", `{"jsonrpc":"2.0","id":1,"method":"a","METHOD":"b","Params":{},"x":[{}]}`, "1", "a", ""},
		{"a large id", `{"jsonrpc":"2.0","id":18446744073709551617,"method":"a"}`, "18446744073709551617", "a", ""},
		{"a negative id", `{"jsonrpc":"2.0","id":-7,"method":"a"}`, "-7", "a", ""},
		{"the longest id", `{"jsonrpc":"2.0","id":"` + longest + `","method":"a"}`, `"` + longest + `"`, "a", ""},
		{"64 levels", nested(64), "1", "ping", `{"a":` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}`},
		{"brackets in a string", `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat(`[\"{`, 99) + `"}`, "1", strings.Repeat(`["{`, 99), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, fault := Decode([]byte(c.body))
			if fault != nil {
				t.Fatal(fault)
			}
			if m.ID.String() != c.id || m.Method != c.method || string(m.Params) != c.params || m.Batch != nil {
				t.Errorf("got id %s method %q params %s", m.ID, m.Method, m.Params)
			}
			if m.IsRequest() != (c.id != "null") {
				t.Errorf("IsRequest() = %v", m.IsRequest())
			}
		})
	}
}

func TestDecodeTakesResponses(t *testing.T) {
	m, fault := Decode([]byte(`{"jsonrpc":"2.0","id":"srv-1","result":{"a":1}}`))
	if fault != nil || !m.isResponse() || string(m.Result) != `{"a":1}` {
		t.Errorf("got %+v, %v", m, fault)
	}
	m, fault = Decode([]byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}`))
	if fault != nil || !m.isResponse() || m.Error.Code != -32700 || m.Error.Message != "what?" || !m.ID.IsZero() {
		t.Errorf("got %+v, %v", m, fault)
	}
}

func TestDecodeTakesBatches(t *testing.T) {
	m, fault := Decode([]byte(`[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","id":2,"result":{}}]`))
	if fault != nil || len(m.Batch) != 3 || m.Requests() != 1 || m.IsRequest() || m.isResponse() {
		t.Errorf("got %+v, %v", m, fault)
	}
}

func TestIDsAreTheSameByValue(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`"a"`, `"\u0061"`, true},
		{`"a/"`, `"a\/"`, true},
		{`"\""`, `"\u0022"`, true},
		{`1`, `"1"`, false},
		{`1`, `2`, false},
		{`"a"`, `"b"`, false},
		{`"\""`, `""`, false},
	} {
		if got := (ID{c.a}).key() == (ID{c.b}).key(); got != c.same {
			t.Errorf("%s and %s the same: %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

func TestAppendErrorWithDataThatCannotBeEncoded(t *testing.T) {
	got := string(AppendError(nil, ID{"1"}, &Error{Code: -32000, Message: "m", Data: func() {}}))
	if want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"internal error"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
