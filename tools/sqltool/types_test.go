package sqltool

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestTypes reads one value of each type.
func TestTypes(t *testing.T) {
	type value struct{ sql, want string }
	tests := map[dialect][]value{
		postgresDialect: {
			{"9223372036854775807::bigint", `9223372036854775807`},
			{"true", `true`},
			{"1.5::float8", `1.5`},
			{"0.1::float4", `0.1`},
			{"1e300::float8", `1e+300`},
			{"12.50::numeric(8,2)", `12.50`},
			{"12.50::numeric", `12.50`},
			{"123456789012345678.25::numeric", `"123456789012345678.25"`},
			{"NULL::int", ``},
			{"''", `""`},
			{"E'a\"\\n\\u0001ž'", `"a\"\n\u0001ž"`},
			{"'2024-02-03'::date", `"2024-02-03"`},
			{"'2024-02-03 04:05:06.789+02'::timestamptz", `"2024-02-03T02:05:06.789Z"`},
			{"'2024-02-03 04:05:06'::timestamp", `"2024-02-03T04:05:06"`},
			{"'infinity'::timestamptz", `"infinity"`},
			{"'1 day 2 hours'::interval", `"P1DT2H"`},
			{"'\\x0001ff'::bytea", `"AAH/"`},
			{`'{"a": [1, null]}'::jsonb`, `{"a":[1,null]}`},
			{"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`},
			{"ARRAY[1,NULL,3]", `[1,null,3]`},
			{`ARRAY['a b','c"d\e','','NULL',NULL]`, `["a b","c\"d\\e","","NULL",null]`},
			{"ARRAY[[1,2],[3,4]]", `[[1,2],[3,4]]`},
			{"'[0:1]={1,2}'::int[]", `[1,2]`},
			{"'{}'::text[]", `[]`},
			{"ARRAY['2024-02-03 04:05:06+00'::timestamptz]", `["2024-02-03T04:05:06Z"]`},
			{"'10.0.0.1'::inet", `"10.0.0.1"`},
			{"'NaN'::numeric", `"NaN"`},
			{"count(*)", `1`},
		},
		mysqlDialect: {
			{"CAST(9223372036854775807 AS SIGNED)", `9223372036854775807`},
			{"CAST(18446744073709551615 AS UNSIGNED)", `18446744073709551615`},
			{"TRUE", `1`},
			{"CAST(1.5 AS DOUBLE)", `1.5`},
			{"CAST(12.50 AS DECIMAL(8,2))", `12.50`},
			{"CAST('123456789012345678.25' AS DECIMAL(30,2))", `"123456789012345678.25"`},
			{"SUM(3)", `3`},
			{"CAST(NULL AS SIGNED)", ``},
			{"'a\"ž🐎'", `"a\"ž🐎"`},
			{"CAST('2024-02-03' AS DATE)", `"2024-02-03"`},
			{"CAST('2024-02-03 04:05:06' AS DATETIME)", `"2024-02-03T04:05:06"`},
			{"FROM_UNIXTIME(0)", `"1970-01-01T00:00:00"`},
			{"CAST('04:05:06' AS TIME)", `"04:05:06"`},
			{"CAST(x'0001ff' AS BINARY)", `"AAH/"`},
			{"YEAR('2024-02-03')", `2024`},
		},
		sqliteDialect: {
			{"9223372036854775807", `9223372036854775807`},
			{"1.5", `1.5`},
			{"9e999", `"+Inf"`},
			{"NULL", ``},
			{"'a\"ž'", `"a\"ž"`},
			{"x'0001ff'", `"AAH/"`},
			{"json('[1, null]')", `"[1,null]"`},
			{"count(*)", `1`},
		},
	}
	each(t, func(t *testing.T, w world) {
		var tools strings.Builder
		for i, v := range tests[w.dialect] {
			fmt.Fprintf(&tools, "  - {name: t%d, description: T., database: db, one: true, sql: %q}\n", i, "SELECT "+v.sql+" AS v")
		}
		s := server(t, w.pack(t, "", tools.String()))
		for i, v := range tests[w.dialect] {
			want := `{"found":true,"row":{"v":` + v.want + `}}`
			if v.want == "" {
				want = `{"found":true,"row":{}}`
			}
			if got := call(t, s, fmt.Sprintf("t%d", i), `{}`); got != want {
				t.Errorf("%s = %s, want %s", v.sql, got, want)
			}
		}
	})
}

func TestColumnsOfAFileHoldAnything(t *testing.T) {
	w := sqliteWorld(t)
	w.exec(t, "CREATE TABLE odd (id INTEGER PRIMARY KEY, n INTEGER, r REAL, b BOOLEAN, d DATE, at DATETIME, j JSON, x TEXT)",
		`INSERT INTO odd VALUES (1, 5, 1, 1, '2024-02-03', '2024-02-03 04:05:06', '{"a": 1}', 7), (2, 'many', 'x', 3, 'soon', 0, 'not json', x'00')`)
	p := w.pack(t, "", `
  - {name: odd, description: Odd., database: db, sql: "SELECT n, r, b, d, at, j, x FROM odd WHERE id = :id", one: true, parameters: [{name: id, type: integer, description: Id.}]}
  - {name: said, description: As declared., database: db, one: true, sql: "SELECT n, b, x, j FROM odd WHERE id = 1",
     columns: {n: {type: string}, b: {type: integer}, x: {type: number}, j: {type: string, sensitive: true}}}
  - {name: hushed, description: Hushed., database: db, one: true, sql: "SELECT n FROM odd WHERE id = 2", columns: {n: {type: integer, sensitive: true}}}
`)
	s := server(t, p)
	for _, tt := range []struct{ tool, arguments, want string }{
		{"odd", `{"id":1}`, `{"found":true,"row":{"n":5,"r":1,"b":true,"d":"2024-02-03","at":"2024-02-03T04:05:06Z","j":{"a":1},"x":"7"}}`},
		{"odd", `{"id":2}`, `{"found":true,"row":{"d":"soon","at":"0","j":"not json","x":"AA=="},"notes":["row 1: n is \"many\", no whole number: left out","row 1: r is \"x\", no number: left out","row 1: b is \"3\", no boolean: left out"]}`},
		{"said", `{}`, `{"found":true,"row":{"n":"5","b":1,"x":7,"j":"{\"a\": 1}"}}`},
		{"hushed", `{}`, `{"found":true,"row":{},"notes":["row 1: n is \"***\", no whole number: left out"]}`},
	} {
		if got := call(t, s, tt.tool, tt.arguments); got != tt.want {
			t.Errorf("%s %s = %s\nwant %s", tt.tool, tt.arguments, got, tt.want)
		}
	}
}

func TestResultsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		body, long := "TEXT", "repeat('x', 1000000)"
		switch w.dialect {
		case mysqlDialect:
			body = "LONGTEXT"
		case sqliteDialect:
			long = "hex(zeroblob(500000))"
		}
		w.exec(t, "CREATE TABLE texts (id INTEGER PRIMARY KEY, body "+body+")")
		for i := range 6 {
			w.exec(t, fmt.Sprintf("INSERT INTO texts VALUES (%d, %s)", i, long))
		}
		got := call(t, server(t, w.pack(t, "", "  - {name: texts, description: Long., database: db, sql: 'SELECT id, body FROM texts ORDER BY id'}\n")), "texts", `{}`)
		if len(got) > maxResult+1000 || !strings.Contains(got, `"rowCount":4,"truncated":true`) || !strings.Contains(got, "row 5 and those after it are left out") {
			t.Errorf("texts has %d bytes and ends %s", len(got), got[len(got)-200:])
		}
	})
}

func TestIntegersOfAFileAreWhatIsDeclaredSoAlone(t *testing.T) {
	w := sqliteWorld(t)
	w.exec(t, "CREATE TABLE mixed (p POINT, f FLOATING POINT, v INTERVAL, i INT(11), u UNSIGNED BIG INT, s smallint)",
		"INSERT INTO mixed VALUES ('here', 1.5, '2 days', 1, 2, 'three')")
	p := w.pack(t, "", "  - {name: mixed, description: Mixed., database: db, one: true, sql: SELECT * FROM mixed}\n")
	s := server(t, p)
	want := `{"found":true,"row":{"p":"here","f":1.5,"v":"2 days","i":1,"u":2},"notes":["row 1: s is \"three\", no whole number: left out"]}`
	if got := call(t, s, "mixed", `{}`); got != want {
		t.Errorf("mixed = %s, want %s", got, want)
	}
	if got, want := ask(t, s, "tools/list", `{}`), `"i":{"type":"integer"`; !strings.Contains(got, want) {
		t.Errorf("tools/list = %s\nwant %s in it", got, want)
	}
}

func TestArraysOfPostgreSQLHaveABoundedDepth(t *testing.T) {
	for _, text := range []string{strings.Repeat("{", 4<<20), strings.Repeat("{", 7) + strings.Repeat("}", 7)} {
		if got, ok := postgresArray(text, oidText); ok {
			t.Errorf("postgresArray of %d bytes = %.50s, want that it is none", len(text), got)
		}
	}
	deepest := strings.Repeat("{", 6) + "1" + strings.Repeat("}", 6)
	if got, ok := postgresArray(deepest, oidInt4); !ok || string(got) != "[[[[[[1]]]]]]" {
		t.Errorf("postgresArray(%s) = %s, %t, want [[[[[[1]]]]]]", deepest, got, ok)
	}
}

func TestRowsetCutsBinaries(t *testing.T) {
	r := rowset{limit: 1}
	r.begin([]column{{name: "b", kind: stringKind}})
	r.open()
	r.put(0, make([]byte, maxBinary+1))
	r.close()
	if got, most := len(r.json()), maxBinary*4/3+100; got > most || len(r.notes) != 1 || r.notes[0] != "row 1: b has 65537 bytes; the first 65536 are given" {
		t.Errorf("a binary in %d bytes of JSON, notes %q; want at most %d and a note", got, r.notes, most)
	}
}

func TestColumnsOfOneNameAreToldApart(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := server(t, w.pack(t, "", "  - {name: twice, description: Two., database: db, sql: 'SELECT 1 AS a, 2 AS a, 3 AS b'}\n"))
		want := `{"rows":[{"a":1,"a_2":2,"b":3}],"rowCount":1,"truncated":false}`
		if got := call(t, s, "twice", `{}`); got != want {
			t.Errorf("twice = %s, want %s", got, want)
		}
	})
}

func TestParametersWhoseTypeDoesNotShow(t *testing.T) {
	w := postgresWorld(t)
	s := server(t, w.pack(t, "", `
  - name: none
    description: None.
    database: db
    one: true
    sql: SELECT :x IS NULL AS missing, :n IS NULL AS also
    parameters: [{name: x, description: X., required: false}, {name: n, description: N., type: array, items: integer, required: false}]
`))
	if got, want := call(t, s, "none", `{"n":[1]}`), `{"found":true,"row":{"missing":true,"also":false}}`; got != want {
		t.Errorf("none = %s, want %s", got, want)
	}
}

func TestTablesThatChangeUnderAStatement(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.exec(t, "CREATE TABLE shifts (id INTEGER)", "INSERT INTO shifts VALUES (1)")
		s := server(t, w.pack(t, "connections: 1", "  - {name: all, description: All., database: db, sql: SELECT * FROM shifts}\n"))
		if got, want := call(t, s, "all", `{}`), `{"rows":[{"id":1}],"rowCount":1,"truncated":false}`; got != want {
			t.Errorf("all = %s, want %s", got, want)
		}
		w.exec(t, "ALTER TABLE shifts ADD COLUMN more INTEGER", "UPDATE shifts SET more = 2")
		if got, want := call(t, s, "all", `{}`), `{"rows":[{"id":1,"more":2}],"rowCount":1,"truncated":false}`; got != want {
			t.Errorf("all after a column was added = %s, want %s", got, want)
		}
	})
}

func TestConnectionsThatTheServerCut(t *testing.T) {
	const cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'toolgate' AND datname = current_database()"
	w := postgresWorld(t)
	w.goods(t)
	s := server(t, w.pack(t, "connections: 2", findGoods))
	call(t, s, "find_goods", `{}`)
	w.value(t, cut)
	if got := call(t, s, "find_goods", `{}`); !strings.Contains(got, `"rowCount":3`) {
		t.Errorf("find_goods after the server cut the connections = %s, want three rows", got)
	}
}

func TestIntegersThatDoNotFit(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "-9223372036854775808": math.MinInt64, "9007199254740993": 9007199254740993, "1e3": 1000, "12.0": 12} {
		if got, err := integer([]byte(text)); got != want || err != nil {
			t.Errorf("integer(%s) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"9223372036854775808", "1.5", "1e999999999", "1e30", strings.Repeat("9", 100)} {
		if got, err := integer([]byte(text)); err == nil {
			t.Errorf("integer(%.30s) = %d, want an error", text, got)
		}
	}
}
