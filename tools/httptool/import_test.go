package httptool

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

const shop = `
private: [HOST]
apis:
  shop:
    url: SERVER/v2
    headers: {Authorization: Bearer key-of-ours}
    openapi: testdata/orders.yaml
    operations: ["*"]
    reads: ["POST /orders/search"]
`

func TestImportedOperationsAsk(t *testing.T) {
	a := serve(t, nil)
	d := open(t, a.declaredAt(shop))
	tests := []struct {
		name, tool, args string
		status           int
		answer           string
		want             seen
		result           string
	}{
		{
			"lists in a query, and a list as the answer", "listOrders",
			`{"status":["open","paid"],"fields":["id","total"],"created_after":"2026-01-02T03:04:05Z","pageSize":5,"X-Request-Id":"r-1"}`,
			200, `[{"id":"1","status":"on_hold","total":2,"note":null,"lines":[{"sku":"s","quantity":1,"price":null}],"brandNew":true}]`,
			seen{method: "GET", escaped: "/v2/orders", query: "created%5Bafter%5D=2026-01-02T03%3A04%3A05Z&fields=id%2Ctotal&pageSize=5&status=open&status=paid"},
			`{"items":[{"id":"1","status":"on_hold","total":2,"lines":[{"sku":"s","quantity":1}],"brandNew":true}]}`,
		},
		{
			"a body composed of parts", "createOrder",
			`{"customerId":"c","lines":[{"sku":"s","quantity":2}],"body_confirm":true,"shipTo":{"city":"Brno"}}`,
			201, `{"id":"9","status":"open","total":1}`,
			seen{
				method: "POST", escaped: "/v2/orders",
				body: `{"customerId":"c","lines":[{"sku":"s","quantity":2}],"confirm":true,"shipTo":{"city":"Brno"}}`,
			},
			`{"id":"9","status":"open","total":1}`,
		},
		{
			"names that clash, and a patch of another type", "updateOrder", `{"id":"1","body_id":"2","note":"n"}`,
			202, ``,
			seen{method: "PATCH", escaped: "/v2/orders/1", body: `{"id":"2","note":"n"}`},
			`{"status":202}`,
		},
		{
			"an optional body that is not given", "updateOrder", `{"id":"1"}`,
			200, `{"id":"1"}`,
			seen{method: "PATCH", escaped: "/v2/orders/1"},
			`{"id":"1"}`,
		},
		{
			"no answer", "cancelOrderAndReleaseAllItsReserv_185a8a", `{"id":"a b"}`,
			204, ``,
			seen{method: "DELETE", escaped: "/v2/orders/a%20b"},
			`{"status":204}`,
		},
		{
			"a form", "setStock", `{"warehouse":7,"sku":"a&b","quantity":3,"reason":"a&quantity=9"}`,
			204, ``,
			seen{method: "PUT", escaped: "/v2/stock/7/a&b", body: "quantity=3&reason=a%26quantity%3D9"},
			`{"status":204}`,
		},
		{
			"no operationId, and a null that may be", "GET_stock_warehouse_sku", `{"warehouse":7,"sku":"x"}`,
			200, `{"sku":"x","quantity":1,"reserved":null}`,
			seen{method: "GET", escaped: "/v2/stock/7/x"},
			`{"sku":"x","quantity":1}`,
		},
		{
			"defaults are the API's", "searchOrders", `{"text":"x"}`,
			200, `{"orders":[]}`,
			seen{method: "POST", escaped: "/v2/orders/search", body: `{"text":"x"}`},
			`{"orders":[]}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind := "application/json"
			if tt.answer == "" {
				kind = ""
			}
			a.answer = answers(tt.status, kind, tt.answer)
			if got := d.call(tt.tool, tt.args).String(); got != tt.result {
				t.Errorf("%s %s = %s\nwant %s", tt.tool, tt.args, got, tt.result)
			}
			got := a.last(t)
			if got.method != tt.want.method || got.escaped != tt.want.escaped || got.query != tt.want.query || got.body != tt.want.body {
				t.Errorf("%s %s arrived as\n%s %s ? %s\n%s\nwant\n%s %s ? %s\n%s", tt.tool, tt.args,
					got.method, got.escaped, got.query, got.body, tt.want.method, tt.want.escaped, tt.want.query, tt.want.body)
			}
			if got.header.Get("Authorization") != "Bearer key-of-ours" {
				t.Errorf("Authorization = %q, want the api's", got.header.Get("Authorization"))
			}
		})
	}
}

func TestWhatIsLeftOutIsTold(t *testing.T) {
	a := serve(t, nil)
	core, logs := observer.New(zap.InfoLevel)
	p, err := New(parse(t, a.declaredAt(shop)), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := p.Skipped(); len(got) != 1 || !strings.Contains(got[0], "attachFile of the api shop (testdata/orders.yaml:119): the body: it is multipart/form-data") {
		t.Errorf("Skipped = %q, want attachFile with its place and reason", got)
	}
	var told string
	for _, entry := range logs.All() {
		told += fmt.Sprintln(entry.Message, entry.ContextMap())
	}
	for _, want := range []string{
		"left out map[operations:[attachFile", `parameter "session" of the operation listOrders of the api shop is left out: it is in cookie`,
		`parameter "filter" of the operation listOrders of the api shop is left out: its style deepObject is not known here`,
		"is the tool cancelOrderAndReleaseAllItsReserv_185a8a", "children: its items: Category refers to itself",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("logged:\n%s\nwant %q in it", told, want)
		}
	}
	if got := p.Files(); !slices.Equal(got, []string{"testdata/orders.yaml"}) {
		t.Errorf("Files = %q, want the document", got)
	}
}

// writeDocument writes an OpenAPI document with one operation, and declares that it is chosen by name.
func writeDocument(t *testing.T, version, operation, components string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "api.yaml")
	text := "openapi: " + version + "\ninfo: {title: T, version: '1'}\npaths:\n  /x/{id}:\n    post:\n      operationId: op\n      summary: Does it.\n" +
		"      parameters:\n        - {name: id, in: path, required: true, schema: {type: string}}\n" + operation + components
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "apis:\n  a:\n    url: https://api.example.com\n    openapi: " + file + "\n    operations: [op]\n"
}

func TestDocumentsOfOtherForms(t *testing.T) {
	body := func(schema string) string {
		return "      requestBody: {required: true, content: {application/json: {schema: " + schema + "}}}\n      responses: {'204': {description: Done.}}\n"
	}
	tests := []struct {
		name, version, operation, components string
		want                                 string // the input schema's properties, or the fault
	}{
		{
			"3.1 says null by type", "3.1.0", body(`{type: object, properties: {a: {type: [string, "null"]}, b: {anyOf: [{type: integer}, {type: "null"}]}, c: {const: x, type: string}, d: {type: number, exclusiveMinimum: 2}}}`), "",
			`{"id":{"type":"string","description":"Id."},"a":{"type":"string","description":"A."},"b":{"type":"integer","description":"B."},` +
				`"c":{"type":"string","description":"C.","enum":["x"]},"d":{"type":"number","description":"D.","exclusiveMinimum":2}}`,
		},
		{
			"a choice within", "3.0.0", body(`{type: object, required: [a], properties: {a: {oneOf: [{type: string}, {type: integer}]}}}`), "",
			`{"id":{"type":"string","description":"Id."},"a":{"description":"A.","anyOf":[{"type":"string"},{"type":"integer"}]}}`,
		},
		{
			"an array as the body", "3.0.0", body(`{type: array, items: {type: string}}`), "",
			`{"id":{"type":"string","description":"Id."},"body":{"type":"array","items":{"type":"string"},"description":"Body."}}`,
		},
		{
			"a free form as the body", "3.0.0", body(`{type: object, additionalProperties: {type: string}}`), "",
			`{"id":{"type":"string","description":"Id."},"body":{"type":"object","description":"Body.","additionalProperties":{"type":"string"}}}`,
		},
		{
			"names that no model API takes", "3.0.0", body(`{type: object, properties: {"a b!": {type: string}, "ä": {type: string}}}`), "",
			`{"id":{"type":"string","description":"Id."},"a_b":{"type":"string","description":"A b."},"argument":{"type":"string","description":"Ä."}}`,
		},
		{
			"a pattern that cannot be read is left to the API", "3.0.0", body(`{type: object, properties: {a: {type: string, pattern: "^(?!x)"}}}`), "",
			`{"id":{"type":"string","description":"Id."},"a":{"type":"string","description":"A."}}`,
		},
		{"a choice as the body", "3.0.0", body(`{oneOf: [{type: object}, {type: array, items: {type: string}}]}`), "", "the body: it is one of several"},
		{
			"recursion that is required", "3.0.0", body(`{type: object, required: [n], properties: {n: {$ref: '#/components/schemas/Node'}}}`),
			"components: {schemas: {Node: {type: object, required: [next], properties: {next: {$ref: '#/components/schemas/Node'}}}}}\n", "Node refers to itself",
		},
		{"a reference out of the document", "3.0.0", body(`{$ref: 'other.yaml#/X'}`), "", "refers to other files, which is not followed"},
		{"a reference to another host", "3.0.0", body(`{$ref: 'http://169.254.169.254/x.yaml'}`), "", "refers to other files, which is not followed"},
		{"several types", "3.1.0", body(`{type: object, required: [a], properties: {a: {type: [string, integer]}}}`), "", "it has several types: string, integer"},
		{"a list of anything", "3.1.0", body(`{type: object, required: [a], properties: {a: {type: array}}}`), "", "it is an array of anything"},
		{"a cookie that is required", "3.0.0", "        - {name: s, in: cookie, required: true, schema: {type: string}}\n      responses: {}\n", "", `parameter "s": it is in cookie`},
		{"a header that servers trust", "3.0.0", "        - {name: X-Forwarded-Host, in: header, required: true, schema: {type: string}}\n      responses: {}\n", "", "since servers trust it"},
		{"another version", `"2.0"`, "      responses: {}\n", "", "is not an OpenAPI document of version 3"},
		{"the version before", "\nswagger: '2.0'", "      responses: {}\n", "", "is not an OpenAPI document of version 3"},
		{"no YAML", "3.0.0", "\t", "", "cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(parse(t, writeDocument(t, tt.version, tt.operation, tt.components)), nil)
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("New = %v\nwant %s", err, tt.want)
				}
				return
			}
			defer p.Close()
			var input struct{ Properties json.RawMessage }
			if err := json.Unmarshal(p.operations[0].input, &input); err != nil {
				t.Fatal(err)
			}
			if string(input.Properties) != tt.want {
				t.Errorf("properties = %s\nwant %s", input.Properties, tt.want)
			}
		})
	}
}

func TestToolNamesOfOperations(t *testing.T) {
	tests := []struct {
		prefix, operation, want string
		shortened               bool
	}{
		{"", "getOrder", "getOrder", false},
		{"o_", "GET /orders/{id}", "o_GET_orders_id", false},
		{"", "orders.get-all", "orders_get-all", false},
		{"", "2fa", "op_2fa", false},
		{"", strings.Repeat("a", 40), strings.Repeat("a", 40), false},
		{"", strings.Repeat("a", 41), strings.Repeat("a", 33) + "_c0f8bd", true},
	}
	for _, tt := range tests {
		got, shortened := toolNameOf(tt.prefix, tt.operation)
		if got != tt.want || shortened != tt.shortened || len(got) > maxToolName {
			t.Errorf("toolNameOf(%q, %q) = %q, %v; want %q, %v", tt.prefix, tt.operation, got, shortened, tt.want, tt.shortened)
		}
	}
}
