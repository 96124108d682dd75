package sqltool

import (
	"fmt"
	"strings"
	"testing"
)

func TestDescribes(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		w.exec(t, "CREATE TABLE sales (id INTEGER PRIMARY KEY, good INTEGER NOT NULL, FOREIGN KEY (good) REFERENCES goods (id))",
			"CREATE VIEW cheap AS SELECT id FROM goods WHERE price < 1", "CREATE TABLE secret_keys (id INTEGER)")
		p := w.pack(t, `describe: [goods, "sal*", cheap]`, "")
		s := server(t, p)
		prefix := ""
		if w.dialect == postgresDialect {
			prefix = "public."
		}
		got := call(t, s, "describe_tables", `{"table":"sales"}`)
		for _, want := range []string{`"name":"` + prefix + `sales","kind":"table"`, `"name":"id"`, `"primary":true`, `goods(id)"`, `"total":1`} {
			if !strings.Contains(got, want) {
				t.Errorf("describe_tables sales = %s\nwant %s in it", got, want)
			}
		}
		got = call(t, s, "describe_tables", `{}`)
		if !strings.Contains(got, `"kind":"view"`) || !strings.Contains(got, `"total":3`) || strings.Contains(got, "secret") {
			t.Errorf("describe_tables = %s, want goods, sales and cheap", got)
		}
		if got, want := call(t, s, "describe_tables", `{"table":"gods"}`), "did you mean goods"; !strings.Contains(got, want) {
			t.Errorf("describe_tables gods = %s, want %s", got, want)
		}
		if got := call(t, s, "describe_tables", `{"table":"secret_keys"}`); !strings.HasPrefix(got, "failed: there is no table") {
			t.Errorf("describe_tables secret_keys = %s, want that there is none", got)
		}
		if got := ask(t, s, "resources/read", `{"uri":"sql://db"}`); !strings.Contains(got, "sql://db/"+prefix+"sales") {
			t.Errorf("sql://db = %s, want sales in it", got)
		}
		if got := ask(t, s, "resources/read", `{"uri":"sql://db/goods"}`); !strings.Contains(got, `price`) {
			t.Errorf("sql://db/goods = %s, want price in it", got)
		}
		for _, uri := range []string{"sql://db/secret_keys", "sql://db/none", "sql://other/goods"} {
			if got := ask(t, s, "resources/read", `{"uri":"`+uri+`"}`); !strings.HasPrefix(got, "error") {
				t.Errorf("%s = %s, want an error", uri, got)
			}
		}
		complete := `{"ref":{"type":"ref/resource","uri":"sql://{database}/{table}"},"argument":{"name":"%s","value":"%s"}}`
		if got := ask(t, s, "completion/complete", fmt.Sprintf(complete, "table", "go")); !strings.Contains(got, `["`+prefix+`goods"]`) {
			t.Errorf("completion of go = %s, want goods", got)
		}
		if got := ask(t, s, "completion/complete", fmt.Sprintf(complete, "database", "d")); !strings.Contains(got, `["db"]`) {
			t.Errorf("completion of d = %s, want db", got)
		}
		hidden := w.pack(t, "describe: []", findGoods).Features()
		if len(hidden.Tools) != 1 || len(hidden.Resources)+len(hidden.Templates) != 0 {
			t.Errorf("describe: [] offers %d tools, %d resources, %d templates; want find_goods alone", len(hidden.Tools), len(hidden.Resources), len(hidden.Templates))
		}
	})
}

func TestOutputSchemasNameColumns(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		p := w.pack(t, "", findGoods+`
    columns: {note: {description: What people say., sensitive: true}, big: {type: string}}
`)
		got := ask(t, server(t, p), "tools/list", `{}`)
		for _, want := range []string{
			`"id":{"type":"integer"`, `"name":{"type":"string"`, `"price":{"type":"number"`, `"big":{"type":"string"`, `"What people say."`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("tools/list = %s\nwant %s in it", got, want)
			}
		}
		if err := p.Check(t.Context()); err != nil {
			t.Errorf("Check = %v", err)
		}
	})
}
