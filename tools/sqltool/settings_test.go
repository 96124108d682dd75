package sqltool

import (
	"strings"
	"testing"

	"go.uber.org/zap"
)

func TestFaults(t *testing.T) {
	const db = "databases:\n  db: {driver: postgres, dsn: host=/nowhere, describe: []}\n"
	tool := func(keys string) string {
		return db + "tools:\n  - {name: t, description: T., database: db, " + keys + "}\n"
	}
	tests := []struct{ name, text, want string }{
		{"no driver", "databases:\n  db: {path: x}\n", `toolgate.yaml:2: tools.sql: database "db": a driver is required`},
		{"unknown driver", "databases:\n  db: {driver: oracle}\n", `driver "oracle" is none of sqlite, postgres, mysql, mariadb`},
		{"no path", "databases:\n  db: {driver: sqlite}\n", "path is required"},
		{"memory", "databases:\n  db: {driver: sqlite, path: ':memory:'}\n", "path must be that of a file"},
		{"a dsn for a file", "databases:\n  db: {driver: sqlite, path: x, dsn: y}\n", "dsn and url are for servers"},
		{"no dsn", "databases:\n  db: {driver: mysql}\n", "one of dsn and url is required"},
		{"dsn and url", "databases:\n  db: {driver: mysql, dsn: x, url: y}\n", "one of dsn and url is required"},
		{"a name that is no part of a URI", "databases:\n  'd b': {driver: sqlite, path: x}\n", "a name is made of letters"},
		{"rows", "databases:\n  db: {driver: sqlite, path: x, max_rows: 100001}\n", "max_rows is not within 1 and 100000"},
		{"connections", "databases:\n  db: {driver: sqlite, path: x, connections: -1}\n", "connections is not within 1 and 100"},
		{"time", "databases:\n  db: {driver: sqlite, path: x, timeout: 1ms}\n", "timeout is not within 10ms and 10m0s"},
		{"a pattern", "databases:\n  db: {driver: sqlite, path: x, describe: ['[']}\n", `describe: "[" is no pattern`},
		{"an unknown key", "databases:\n  db: {driver: sqlite, pth: x}\n", `unknown key "pth"; did you mean path?`},
		{"no database", db + "tools:\n  - {name: t, description: T., sql: SELECT 1}\n", "toolgate.yaml:4: tool \"t\": a database is required"},
		{"an unknown database", db + "tools:\n  - {name: t, description: T., database: x, sql: SELECT 1}\n", `there is no database "x"`},
		{"no description", db + "tools:\n  - {name: t, database: db, sql: SELECT 1}\n", "a description is required"},
		{"no statement", tool("sql: '-- nothing'"), "there is no statement"},
		{"an open quote", tool(`sql: "SELECT 'x"`), "a quote is never closed"},
		{"an open comment", tool(`sql: "SELECT 1 /* x"`), "a comment is never closed"},
		{"two statements", tool(`sql: "SELECT 1; SELECT 2"`), "there is a second statement after the semicolon"},
		{"a placeholder without a name", tool(`sql: "SELECT $1"`), "has no name: write a placeholder as :name"},
		{"an undeclared parameter", tool(`sql: "SELECT :x"`), ":x is no parameter: declare it"},
		{"an unused parameter", tool(`sql: "SELECT ':x'", parameters: [{name: x, description: X.}]`), "the SQL has no :x outside quotes and comments"},
		{"writing where nothing is written", tool("write: true, sql: DELETE FROM x"), `database "db" does not say write: true`},
		{"one row of a write", tool("one: true, write: true, sql: DELETE FROM x"), "one is for tools that read"},
		{"a column's type", tool("sql: SELECT 1, columns: {x: {type: date}}"), `column "x": type "date" is none of`},
		{"rows of a tool", tool("sql: SELECT 1, max_rows: -1"), "max_rows is not within"},
		{"time of a tool", tool("sql: SELECT 1, timeout: 1h"), "timeout is not within"},
		{"a tool's name twice", db + "tools:\n  - {name: t, description: T., database: db, sql: SELECT 1}\n  - {name: t, description: T., database: db, sql: SELECT 1}\n", "there is one of that name already, at toolgate.yaml:4"},
		{"the name of ours", db + "tools:\n  - {name: describe_tables, description: T., database: db, sql: SELECT 1}\n", "there is a tool of that name already"},
		{"a comment that MySQL runs", "databases:\n  db: {driver: mysql, dsn: x@/d}\ntools:\n  - {name: t, description: T., database: db, sql: 'SELECT 1 /*!50000 + 1 */'}\n", "/*! and /*M! are not taken"},
		{"MySQL's settings", "databases:\n  db: {driver: mysql, dsn: x@/d}\ntools:\n  - {name: t, description: T., database: db, sql: SET GLOBAL x = 1}\n", "not SET: set write: true"},
		{"MySQL's files", "databases:\n  db: {driver: mysql, dsn: x@/d}\ntools:\n  - {name: t, description: T., database: db, sql: 'SELECT 1 INTO/**/OUTFILE ''/x'''}\n", "INTO OUTFILE writes a file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(tree(t, tt.text), zap.NewNop())
			if err == nil {
				p.Close()
				t.Fatalf("no fault, want %s", tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "toolgate.yaml:") {
				t.Errorf("fault: %v\nwant %s, with its place", err, tt.want)
			}
		})
	}
}

func TestStatementsOfAFileMustFitIt(t *testing.T) {
	w := sqliteWorld(t)
	w.goods(t)
	for sql, want := range map[string]string{
		"SELECT id FROM nowhere":   "no such table: nowhere",
		"SELECT weight FROM goods": "no such column: weight",
		"SELEC 1":                  "syntax error",
		`SELECT "text" FROM goods`: "no such column",
	} {
		if _, err := w.try(t, "", "  - {name: t, description: T., database: db, sql: '"+sql+"'}\n"); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "toolgate.yaml:4: tool \"t\": ") {
			t.Errorf("%s: %v, want %s, with its place", sql, err, want)
		}
	}
	if _, err := w.try(t, "", "  - {name: t, description: T., database: db, sql: SELECT id FROM goods, columns: {ID: {description: x}}}\n"); err == nil ||
		!strings.Contains(err.Error(), `the result has no column "ID"`) {
		t.Errorf("a column that is not there: %v", err)
	}
}

func TestCheckNamesStatementsThatDoNotFitAServer(t *testing.T) {
	for _, w := range worlds(t)[1:] {
		p := w.pack(t, "", "  - {name: good, description: T., database: db, sql: SELECT 1 AS one}\n  - {name: bad, description: T., database: db, sql: SELECT x FROM nowhere}\n")
		err := p.Check(t.Context())
		if err == nil || !strings.Contains(err.Error(), `toolgate.yaml:5: tool "bad"`) || strings.Contains(err.Error(), `"good"`) {
			t.Errorf("%s: Check = %v, want a fault of bad alone", w.name, err)
		}
	}
}

func TestNothingConfiguredOffersNothing(t *testing.T) {
	p, err := New(tree(t, ""), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if f := p.Features(); len(f.Tools)+len(f.Resources)+len(f.Templates) != 0 {
		t.Errorf("an empty configuration offers %d tools", len(f.Tools))
	}
}
