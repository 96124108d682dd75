package httptool

import (
	"net/url"
	"strings"
	"testing"
)

const requests = `
private: [HOST]
apis:
  orders:
    url: SERVER/v2
    headers: {X-Key: key-of-ours}
    query: {tenant: shop-1}
tools:
  - name: get_order
    description: One order.
    api: orders
    path: /orders/{id}/lines:all
    query: {expand: lines, status: "{status}", tag: "{tags}", note: "n-{note}-{status}", literal: "{{id}}"}
    headers: {X-Trace: "t-{trace}", X-Static: always, Accept: application/vnd.shop+json}
    parameters:
      - {name: id, description: Id.}
      - {name: status, description: State., required: false}
      - {name: tags, type: array, description: Tags., required: false}
      - {name: note, description: Note., required: false}
      - {name: trace, description: Trace., required: false}
  - name: create_order
    description: Creates one.
    api: orders
    method: post
    path: /orders
    body:
      customer: "{customer}"
      qty: "{qty}"
      express: "{express}"
      tags: ["fixed", "{tags}", "{note}"]
      text: "for {customer}, {qty} pieces"
      nested: {note: "{note}"}
      empty: {}
      number: 12345678901234567890
      on: true
      none: null
      when: 2026-01-02
    parameters:
      - {name: customer, description: Who.}
      - {name: qty, type: integer, description: How many., default: 1}
      - {name: express, type: boolean, description: Fast., required: false}
      - {name: tags, type: array, items: integer, description: Tags., required: false}
      - {name: note, description: Note., required: false}
  - name: say_xml
    description: Says it in XML.
    url: SERVER/soap/{action}
    method: PUT
    body_text: <say who="{who}">{what}</say>
    content_type: application/soap+xml; charset=utf-8
    parameters:
      - {name: action, type: number, description: Action.}
      - {name: who, description: Who.}
      - {name: what, description: What., required: false}
  - name: send_form
    description: Sends a form.
    url: SERVER/form
    method: POST
    body_text: a={a}&b=2
    content_type: application/x-www-form-urlencoded
    parameters:
      - {name: a, description: A.}
`

func TestArgumentsArriveWhereTheyBelong(t *testing.T) {
	a := serve(t, answers(200, "application/json", `{"ok":true}`))
	d := open(t, a.declaredAt(requests))
	tests := []struct {
		name, tool, args string
		want             seen
	}{
		{
			"what was not given is left out", "get_order", `{"id":"A 7"}`,
			seen{method: "GET", escaped: "/v2/orders/A%207/lines:all", query: "expand=lines&literal=%7Bid%7D&tenant=shop-1"},
		},
		{
			"texts, lists and what is beside them", "get_order", `{"id":"ü&=+;,","status":"a&b=c","tags":["x","y z"],"note":"","trace":"1"}`,
			seen{
				method: "GET", escaped: "/v2/orders/%C3%BC&=+%3B%2C/lines:all",
				query: "expand=lines&literal=%7Bid%7D&note=n--a%26b%3Dc&status=a%26b%3Dc&tag=x&tag=y+z&tenant=shop-1",
			},
		},
		{
			"JSON keeps types", "create_order", `{"customer":"O'Neil \"x\"","express":false,"tags":[1,2]}`,
			seen{
				method: "POST", escaped: "/v2/orders", query: "tenant=shop-1",
				body: `{"customer":"O'Neil \"x\"","qty":1,"express":false,"tags":["fixed",[1,2]],"text":"for O'Neil \"x\", 1 pieces","empty":{},` +
					`"number":12345678901234567890,"on":true,"none":null,"when":"2026-01-02"}`,
			},
		},
		{
			"all of it", "create_order", `{"customer":"c","qty":3,"express":true,"tags":[],"note":"n"}`,
			seen{
				method: "POST", escaped: "/v2/orders", query: "tenant=shop-1",
				body: `{"customer":"c","qty":3,"express":true,"tags":["fixed",[],"n"],"text":"for c, 3 pieces","nested":{"note":"n"},"empty":{},` +
					`"number":12345678901234567890,"on":true,"none":null,"when":"2026-01-02"}`,
			},
		},
		{
			"XML is escaped", "say_xml", `{"action":1e2,"who":"\"><x>","what":"a & b"}`,
			seen{method: "PUT", escaped: "/soap/100", body: `<say who="&#34;&gt;&lt;x&gt;">a &amp; b</say>`},
		},
		{
			"of a text, what was not given is nothing", "say_xml", `{"action":2.5,"who":"me"}`,
			seen{method: "PUT", escaped: "/soap/2.5", body: `<say who="me"></say>`},
		},
		{
			"a form is escaped", "send_form", `{"a":"1&admin=true"}`,
			seen{method: "POST", escaped: "/form", body: `a=1%26admin%3Dtrue&b=2`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := d.call(tt.tool, tt.args); got.IsError {
				t.Fatalf("%s %s = %v", tt.tool, tt.args, got)
			}
			got := a.last(t)
			if got.method != tt.want.method || got.escaped != tt.want.escaped || got.query != tt.want.query || got.body != tt.want.body {
				t.Errorf("%s %s arrived as\n%s %s ? %s\n%s\nwant\n%s %s ? %s\n%s", tt.tool, tt.args,
					got.method, got.escaped, got.query, got.body, tt.want.method, tt.want.escaped, tt.want.query, tt.want.body)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	a := serve(t, answers(200, "application/json", `{}`))
	d := open(t, a.declaredAt(requests))
	d.call("get_order", `{"id":"1","trace":"ü 7"}`)
	got := a.last(t).header
	for name, want := range map[string]string{
		"X-Key": "key-of-ours", "X-Trace": "t-ü 7", "X-Static": "always", "Accept": "application/vnd.shop+json", "Content-Type": "",
	} {
		if got.Get(name) != want {
			t.Errorf("header %s = %q, want %q", name, got.Get(name), want)
		}
	}
	d.call("get_order", `{"id":"1"}`)
	if got := a.last(t).header; got.Values("X-Trace") != nil {
		t.Errorf("X-Trace = %q without its argument, want none", got.Get("X-Trace"))
	}
	d.call("say_xml", `{"action":1,"who":"x"}`)
	got = a.last(t).header
	if want := "application/soap+xml; charset=utf-8"; got.Get("Content-Type") != want {
		t.Errorf("Content-Type = %q, want %q", got.Get("Content-Type"), want)
	}
	if got.Get("X-Key") != "" {
		t.Errorf("a tool with an address of its own sent the api's key")
	}
}

// What an argument of a path may be: one name within its segment, whatever a server on the way makes of it.
func TestAPathIsNotLed(t *testing.T) {
	a := serve(t, answers(200, "application/json", `{}`))
	d := open(t, a.declaredAt(`
private: [HOST]
tools:
  - name: get
    description: Gets it.
    url: SERVER/a/{x}/b/pre-{y}{z}
    parameters:
      - {name: x, description: X., default: x}
      - {name: y, description: Y., default: y}
      - {name: z, description: Z., default: z}
  - name: dots
    description: Dots.
    url: SERVER/a/{x}{y}
    parameters:
      - {name: x, description: X.}
      - {name: y, description: Y.}
`))
	refused := []string{
		"", ".", "..", "../x", "a/b", "/", `a\b`, `..\..`, "%2e%2e", "%2E%2e%2F", "a%2fb", "%252e%252e%252f", "%25252e%25252e", "a\u0000b", "a\r\nX-Evil: 1", "a%0d%0ab",
		"..;", "..;a=b", "%2e%2e;", " ..", "http://169.254.169.254/", "//169.254.169.254", "%5c..%5c",
	}
	for _, value := range refused {
		t.Run("refused "+url.QueryEscape(value), func(t *testing.T) {
			if got := d.call("get", `{"x":`+quoted(value)+`}`); !got.IsError || strings.Contains(got.String(), "internal error") {
				t.Errorf("x = %q: %v, want an error that says what to do", value, got)
			}
			a.unasked(t)
		})
	}
	for _, pair := range [][2]string{{".", "."}, {".", ".;x"}} {
		if got := d.call("dots", `{"x":`+quoted(pair[0])+`,"y":`+quoted(pair[1])+`}`); !got.IsError {
			t.Errorf("x, y = %q: %v, want an error", pair, got)
		}
		a.unasked(t)
	}
	for value, want := range map[string]string{
		"a?b=c#d": "/a/a%3Fb=c%23d/b/pre-yz", "...": "/a/.../b/pre-yz", "50%": "/a/50%25/b/pre-yz", "@evil.example": "/a/@evil.example/b/pre-yz",
		"a b:c": "/a/a%20b:c/b/pre-yz", "2130706433": "/a/2130706433/b/pre-yz",
	} {
		if got := d.call("get", `{"x":`+quoted(value)+`}`); got.IsError {
			t.Errorf("x = %q: %v, want a result", value, got)
			continue
		}
		if got := a.last(t).escaped; got != want {
			t.Errorf("x = %q: path %q, want %q", value, got, want)
		}
	}
}

func TestAHeaderIsNotEnded(t *testing.T) {
	a := serve(t, answers(200, "application/json", `{}`))
	d := open(t, a.declaredAt(requests))
	for _, value := range []string{"1\r\nX-Evil: 1", "1\nX-Evil: 1", "1\rX", "a\u0000", "a\u0085b"} {
		got := d.call("get_order", `{"id":"1","trace":`+quoted(value)+`}`)
		if want := `"trace" must not hold line breaks`; !strings.Contains(got.String(), want) {
			t.Errorf("trace = %q: %v, want %q", value, got, want)
		}
		a.unasked(t)
	}
}
