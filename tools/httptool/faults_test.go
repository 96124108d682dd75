package httptool

import (
	"strings"
	"testing"
)

// minimal is a tool without faults, which each row of the table adds to.
const minimal = "tools:\n  - name: t\n    description: Does it.\n    url: https://api.example.com/x\n"

func TestFaultsOfADeclaration(t *testing.T) {
	apis := func(lines string) string {
		return "apis:\n  orders:\n    url: https://orders.example.com\n" + lines + minimal
	}
	parameter := "    parameters:\n      - {name: id, description: Id.}\n"
	tests := []struct{ name, text, want string }{
		{"nothing", "private: [a.example.com]\n", "declares no tools"},
		{"an unknown key", minimal + "    metod: GET\n", `toolgate.yaml:5: unknown key "metod"`},
		{"no target", "tools:\n  - name: t\n    description: D.\n", `toolgate.yaml:2: tool "t": it needs api`},
		{"two targets", minimal + "    api: x\n", "api and url are both there"},
		{"an unknown api", apis("") + "  - {name: u, description: D., api: order}\n", `toolgate.yaml:8: tool "u": there is no api "order"; did you mean "orders"?`},
		{"a method", minimal + "    method: FETCH\n", `method "FETCH" is none of GET`},
		{"a body of GET", minimal + "    body: {a: 1}\n", "a request by GET has no body"},
		{"two bodies", minimal + "    method: POST\n    body: {a: 1}\n    body_text: a\n", "body and body_text are both there"},
		{"a key twice in a body", minimal + "    method: POST\n    body:\n      a: 1\n      a: 2\n", "toolgate.yaml:8: a: written twice"},
		{"a number that JSON has not", minimal + "    method: POST\n    body: {a: .inf}\n", ".inf is no number of JSON"},
		{"a type without text", minimal + "    method: POST\n    body: {a: 1}\n    content_type: text/plain\n", "content_type belongs to body_text"},
		{"JSON as text", minimal + "    method: POST\n    body_text: '{\"a\":{id}}'\n    content_type: application/json\n" + parameter, "write JSON under body"},
		{"a text of unknown form", minimal + "    method: POST\n    body_text: '{id}'\n    content_type: application/sparql-query\n" + parameter, "cannot be put into application/sparql-query safely"},
		{"no media type", minimal + "    method: POST\n    body_text: x\n    content_type: plain text\n", "is no media type"},
		{"an unknown parameter", minimal + "    query: {a: '{ids}'}\n" + parameter, `{ids} is no parameter of it; did you mean "id"?`},
		{"an unused parameter", minimal + parameter, `toolgate.yaml:6: tool "t": parameter "id": it is used nowhere`},
		{"an optional parameter in the path", minimal + "    path: /{id}\n    parameters:\n      - {name: id, description: Id., required: false}\n", "it is in the path, so it must be required"},
		{"an array in the path", minimal + "    path: /{id}\n    parameters:\n      - {name: id, type: array, description: Id.}\n", "it cannot be an array"},
		{"a parameter in the host", "tools:\n  - name: t\n    description: D.\n    url: https://{id}.example.com/x\n" + parameter, "no argument may be in the host"},
		{"a parameter as the host", "tools:\n  - name: t\n    description: D.\n    url: '{id}'\n" + parameter, "no argument may be in the host"},
		{"a scheme", "tools:\n  - {name: t, description: D., url: 'file:///etc/passwd'}\n", "must be a whole address"},
		{"a scheme of old", "tools:\n  - {name: t, description: D., url: 'gopher://example.com/'}\n", "must be a whole address"},
		{"a password", "tools:\n  - {name: t, description: D., url: 'https://me:hunter22@example.com/'}\n", "it holds a user or password"},
		{"a query in the address", "tools:\n  - {name: t, description: D., url: 'https://example.com/x?a=b'}\n", "under query"},
		{"a path that leads up", minimal + "    path: /../x\n", "leads up or nowhere"},
		{"a path with a stray brace", minimal + "    path: /{order-id}\n", `"{order-id}" is no parameter`},
		{"a path without a slash", apis("") + "  - {name: u, description: D., api: orders, path: x}\n", "it must begin with /"},
		{"a header of the wire", minimal + "    headers: {Host: internal}\n", "it belongs to the connection"},
		{"a header that servers trust", minimal + "    headers: {X-Forwarded-Host: '{id}'}\n" + parameter, "since servers trust it"},
		{"credentials of the model's", minimal + "    headers: {authorization: 'Bearer {id}'}\n" + parameter, "since servers trust it"},
		{"no header", minimal + "    headers: {'a b': c}\n", "no header is called so"},
		{"two lines in a header", minimal + "    headers: {a: \"b\\nc\"}\n", "line break or control character"},
		{"an empty credential of a tool", minimal + "    headers: {Authorization: 'Bearer '}\n", "it is empty"},
		{"an empty credential of an api", apis("    headers: {Authorization: ''}\n"), `toolgate.yaml:3: api "orders": header "Authorization": it is empty`},
		{"a scheme alone", apis("    headers: {Authorization: Bearer}\n"), "it is empty"},
		{"an empty key in the query", apis("    query: {key: ''}\n"), `query "key": it is empty`},
		{"a key in the query twice", apis("    query: {key: abcdef}\n") + "  - {name: u, description: D., api: orders, query: {key: x}}\n", "the api sends it already"},
		{"no address", "apis:\n  o: {timeout: 1s}\n" + minimal, `toolgate.yaml:2: api "o": url: it is required`},
		{"a time-out of nothing", minimal + "    timeout: 0s\n", "timeout: it must be from 100ms to 5m0s"},
		{"a long time-out", apis("    timeout: 1h\n"), "timeout: it must be from"},
		{"a large body", apis("    max_body: 1GiB\n"), "max_body: it must be from 1KiB to 64MiB"},
		{"a long cache", apis("    cache: 48h\n"), "cache: it must be from 0s to 1h"},
		{"caller_only without caller", apis("    caller_only: true\n"), "caller must name the credential"},
		{"caller_as without caller", apis("    caller_as: X-Key\n"), "caller must name the credential"},
		{"caller_as of the wire", apis("    caller: o\n    caller_as: Host\n"), "it belongs to the connection"},
		{"a jq fault", minimal + "    response: {jq: '.a |'}\n", "jq: it cannot be read"},
		{"a jq function that is none", minimal + "    response: {jq: 'frobnicate'}\n", "jq: it cannot be used"},
		{"jq that reads more input", minimal + "    response: {jq: 'input'}\n", "jq: it cannot be used"},
		{"jq that reads a module", minimal + "    response: {jq: 'import \"a\" as a; .'}\n", "jq: it cannot be used"},
		{"text and jq", minimal + "    response: {text: true, jq: .}\n", "text goes with neither jq nor schema"},
		{"a schema of no object", minimal + "    response: {schema: {type: array, items: {type: string}}}\n", `the root must have type "object"`},
		{"a schema that models refuse", minimal + "    response: {schema: {type: object, properties: {a: {type: [string, 'null']}}}}\n", "a: type is a list"},
		{"a schema without end", minimal + "    response: {schema: {type: object, properties: {a: {$ref: '#'}}}}\n", "refers to itself"},
		{"a schema that leads out", minimal + "    response: {schema: {type: object, properties: {a: {$ref: 'other.json'}}}}\n", "leads out of the schema"},
		{"a pattern that cannot be", minimal + "    response: {schema: {type: object, properties: {a: {type: string, pattern: '('}}}}\n", "schema: "},
		{"a format that models refuse", minimal + "    query: {a: '{id}'}\n    parameters:\n      - {name: id, description: Id., format: email}\n", `format "email" is refused`},
		{"destructive and not write", minimal + "    destructive: true\n", "it is destructive but not write"},
		{"a name twice", minimal + "  - {name: t, description: D., url: https://example.com}\n", "toolgate.yaml:5: tool \"t\": there is another of this name, at toolgate.yaml:2"},
		{"a long name", "tools:\n  - {name: " + strings.Repeat("a", 41) + ", description: D., url: https://example.com}\n", "the name has 41 characters"},
		{"no description", "tools:\n  - {name: t, url: https://example.com}\n", "a description is required"},
		{"private", "private: ['a/b']\n" + minimal, "tools.http.private: "},
		{"tags without a document", apis("    tags: [a]\n"), "set openapi to its file"},
		{"a document without a choice", apis("    openapi: testdata/orders.yaml\n"), "choose by operations or tags"},
		{"a document that is not there", apis("    openapi: testdata/none.yaml\n    tags: [a]\n"), "testdata/none.yaml: no such file"},
		{"an operation that is not there", apis("    openapi: testdata/orders.yaml\n    operations: [getOrders]\n"), `has no operation "getOrders"; did you mean "getOrder"?`},
		{"a tag that is not there", apis("    openapi: testdata/orders.yaml\n    tags: [order]\n"), `no operation with the tag "order"`},
		{"a reading operation that is not there", apis("    openapi: testdata/orders.yaml\n    tags: [orders]\n    reads: [find]\n"), `has no operation "find"`},
		{"a prefix", apis("    openapi: testdata/orders.yaml\n    tags: [orders]\n    prefix: 1-\n"), "prefix \"1-\""},
		{"an operation that cannot be", apis("    openapi: testdata/orders.yaml\n    operations: [attachFile]\n"), "testdata/orders.yaml:119: operation attachFile of the api \"orders\" cannot be a tool: the body: it is multipart/form-data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(parse(t, tt.text), nil)
			if err == nil {
				p.Close()
				t.Fatalf("New = no error, want %q", tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v\nwant %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter22") {
				t.Errorf("New = %v, which shows a password", err)
			}
		})
	}
}

func TestEveryFaultIsSaidAtOnce(t *testing.T) {
	_, err := New(parse(t, `
private: ["a b"]
apis:
  one: {url: "ftp://example.com", timeout: 1h}
  two: {url: https://example.com, headers: {Authorization: ""}, openapi: testdata/orders.yaml, operations: [attachFile, nope]}
tools:
  - name: t
    api: three
    method: GET
    body: {a: "{b}"}
    parameters: [{name: c, description: C.}]
    colour: red
`), nil)
	if err == nil {
		t.Fatal("New = no error")
	}
	for _, want := range []string{
		"tools.http.private", `api "one": url`, `api "one": timeout`, `api "two": header "Authorization"`, "operation attachFile", `no operation "nope"`,
		`tool "t": a description`, `there is no api "three"`, "by GET has no body", "{b} is no parameter", `parameter "c": it is used nowhere`, `unknown key "colour"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v\nwant %q in it", err, want)
		}
	}
}
