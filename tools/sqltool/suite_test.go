package sqltool

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// goods makes a table in any of the databases.
func (w world) goods(t testing.TB) {
	t.Helper()
	w.exec(t, "CREATE TABLE goods (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL UNIQUE, big BIGINT, price NUMERIC(8,2), note VARCHAR(100))",
		"INSERT INTO goods VALUES (1, 'anvil', 9007199254740993, 12.5, NULL), (2, 'bolt', 2, 0.1, 'it''s; --fine'), (3, 'Čapek', 3, NULL, '')")
}

const findGoods = `
  - name: find_goods
    description: Finds goods.
    database: db
    sql: SELECT id, name, big, price, note FROM goods WHERE name LIKE :name AND (:above IS NULL OR id > :above) ORDER BY id LIMIT :limit
    parameters:
      - {name: name, description: Pattern., type: string, default: "%"}
      - {name: above, description: Least id., type: integer, required: false}
      - {name: limit, description: Rows., type: integer, default: 10}
`

func TestReads(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		s := server(t, w.pack(t, "", findGoods))
		tests := []struct{ name, arguments, want string }{
			{"all, exact numbers, no NULL", `{}`, `{"rows":[{"id":1,"name":"anvil","big":9007199254740993,"price":12.5},{"id":2,"name":"bolt","big":2,"price":0.1,"note":"it's; --fine"},{"id":3,"name":"Čapek","big":3,"note":""}],"rowCount":3,"truncated":false}`},
			{"a value", `{"name":"b%"}`, `{"rows":[{"id":2,"name":"bolt","big":2,"price":0.1,"note":"it's; --fine"}],"rowCount":1,"truncated":false}`},
			{"two values", `{"above":1,"limit":1}`, `{"rows":[{"id":2,"name":"bolt","big":2,"price":0.1,"note":"it's; --fine"}],"rowCount":1,"truncated":false}`},
			{"SQL in a value is a value", `{"name":"x' OR '1'='1'; DROP TABLE goods; --"}`, `{"rows":[],"rowCount":0,"truncated":false}`},
			{"a number written otherwise", `{"above":2e0}`, `{"rows":[{"id":3,"name":"Čapek","big":3,"note":""}],"rowCount":1,"truncated":false}`},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				want := tt.want
				if w.dialect == postgresDialect { // text and its two decimals are one
					want = strings.NewReplacer("12.5,", "12.50,", "0.1,", "0.10,", "12.5}", "12.50}").Replace(want)
				}
				if w.dialect == mysqlDialect {
					want = strings.NewReplacer("12.5,", "12.50,", "0.1,", "0.10,", "12.5}", "12.50}").Replace(want)
				}
				if got := call(t, s, "find_goods", tt.arguments); got != want {
					t.Errorf("find_goods %s = %s\nwant %s", tt.arguments, got, want)
				}
			})
		}
		if got := w.value(t, "SELECT count(*) FROM goods"); got != "3" {
			t.Errorf("goods after the calls = %s, want 3", got)
		}
	})
}

func TestOneRow(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		s := server(t, w.pack(t, "", `
  - name: good
    description: One.
    database: db
    one: true
    sql: SELECT id, name FROM goods WHERE id >= :id ORDER BY id;
    parameters: [{name: id, description: Id., type: integer}]
`))
		for arguments, want := range map[string]string{
			`{"id":3}`:  `{"found":true,"row":{"id":3,"name":"Čapek"}}`,
			`{"id":33}`: `{"found":false}`,
			`{"id":1}`:  `{"found":true,"row":{"id":1,"name":"anvil"},"notes":["there are more rows than this one"]}`,
		} {
			if got := call(t, s, "good", arguments); got != want {
				t.Errorf("good %s = %s, want %s", arguments, got, want)
			}
		}
	})
}

func TestRowsBeyondTheLimitAreLeftOut(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		s := server(t, w.pack(t, "max_rows: 2", `
  - {name: capped, description: Capped by the database., database: db, sql: SELECT id FROM goods ORDER BY id}
  - {name: exact, description: As many as there are., database: db, max_rows: 3, sql: SELECT id FROM goods ORDER BY id}
  - {name: own_limit, description: More than are shown., database: db, sql: SELECT id FROM goods ORDER BY id LIMIT 3}
`))
		two := `{"rows":[{"id":1},{"id":2}],"rowCount":2,"truncated":true}`
		for _, want := range []struct{ tool, result string }{
			{"capped", two},
			{"own_limit", two},
			{"own_limit", two},
			{"exact", `{"rows":[{"id":1},{"id":2},{"id":3}],"rowCount":3,"truncated":false}`},
			{"capped", two},
		} {
			if got := call(t, s, want.tool, `{}`); got != want.result {
				t.Errorf("%s = %s, want %s", want.tool, got, want.result)
			}
		}
	})
}

func TestArrays(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		where := map[dialect]string{
			sqliteDialect:   "id IN (SELECT value FROM json_each(:ids)) AND name IN (SELECT value FROM json_each(:names))",
			postgresDialect: "id = ANY(:ids) AND name = ANY(:names)",
			mysqlDialect:    "JSON_CONTAINS(:ids, id) AND name IN (SELECT j.v FROM JSON_TABLE(:names, '$[*]' COLUMNS (v VARCHAR(100) PATH '$')) j)",
		}[w.dialect]
		s := server(t, w.pack(t, "", fmt.Sprintf(`
  - name: some
    description: Some.
    database: db
    sql: |-
      SELECT name FROM goods WHERE %s ORDER BY id
    parameters:
      - {name: ids, description: Ids., type: array, items: integer}
      - {name: names, description: Names., type: array}
`, where)))
		for arguments, want := range map[string]string{
			`{"ids":[1,3,7],"names":["anvil","Čapek","{\"x\\,"]}`: `{"rows":[{"name":"anvil"},{"name":"Čapek"}],"rowCount":2,"truncated":false}`,
			`{"ids":[],"names":["anvil"]}`:                        `{"rows":[],"rowCount":0,"truncated":false}`,
		} {
			if got := call(t, s, "some", arguments); got != want {
				t.Errorf("some %s = %s, want %s", arguments, got, want)
			}
		}
	})
}

func TestWrites(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		s := server(t, w.pack(t, "write: true", `
  - name: rename
    description: Renames.
    database: db
    write: true
    sql: UPDATE goods SET name = :name WHERE id = :id
    parameters: [{name: id, description: Id., type: integer}, {name: name, description: Name.}]
  - name: remove
    description: Removes.
    database: db
    write: true
    destructive: true
    sql: DELETE FROM goods WHERE id = :id RETURNING name
    parameters: [{name: id, description: Id., type: integer}]
`))
		for _, tt := range []struct{ tool, arguments, want string }{
			{"rename", `{"id":2,"name":"nut"}`, `{"rowsAffected":1}`},
			{"rename", `{"id":22,"name":"nut"}`, `{"rowsAffected":0}`},
			{"remove", `{"id":1}`, `{"rowsAffected":1,"rows":[{"name":"anvil"}],"truncated":false}`},
			{"remove", `{"id":1}`, `{"rowsAffected":0,"rows":[],"truncated":false}`},
		} {
			if got := call(t, s, tt.tool, tt.arguments); got != tt.want {
				t.Errorf("%s %s = %s, want %s", tt.tool, tt.arguments, got, tt.want)
			}
		}
		got := call(t, s, "rename", `{"id":3,"name":"nut"}`)
		if !strings.HasPrefix(got, "failed: the database db refused: ") || !strings.Contains(got, "nut") && w.dialect != sqliteDialect {
			t.Errorf("rename to a name that is taken = %s, want what the database says of its constraint", got)
		}
		if got := w.value(t, "SELECT name FROM goods WHERE id = 2"); got != "nut" {
			t.Errorf("name of 2 = %s, want nut: the change is kept", got)
		}
		if got := w.value(t, "SELECT count(*) FROM goods"); got != "2" {
			t.Errorf("goods = %s, want 2", got)
		}
	})
}

func TestInsertTellsTheNewKey(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		key := map[dialect]string{
			sqliteDialect: "INTEGER PRIMARY KEY", postgresDialect: "INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY",
			mysqlDialect: "INTEGER PRIMARY KEY AUTO_INCREMENT",
		}[w.dialect]
		w.exec(t, "CREATE TABLE logs (id "+key+", line VARCHAR(100))", "INSERT INTO logs (line) VALUES ('a')")
		returning, want := "", `{"rowsAffected":1,"lastInsertId":2}`
		if w.dialect == postgresDialect {
			returning, want = " RETURNING id", `{"rowsAffected":1,"rows":[{"id":2}],"truncated":false}`
		}
		s := server(t, w.pack(t, "write: true", `
  - name: add_line
    description: Adds.
    database: db
    write: true
    sql: INSERT INTO logs (line) VALUES (:line)`+returning+`
    parameters: [{name: line, description: Line.}]
`))
		if got := call(t, s, "add_line", `{"line":"b"}`); got != want {
			t.Errorf("add_line = %s, want %s", got, want)
		}
	})
}

func TestTimeLimit(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := server(t, w.pack(t, "", fmt.Sprintf(`
  - {name: dawdle, description: Takes long., database: db, timeout: 200ms, sql: %q}
  - {name: quick, description: Is quick., database: db, sql: SELECT 1 AS one}
`, w.sleep)))
		for range 2 {
			began := time.Now()
			got := call(t, s, "dawdle", `{}`)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("dawdle took %s, want its limit of 200ms", took)
			}
			want := "failed: the statement ran longer than 200ms, its limit on db, and was stopped: ask for less"
			if got != want {
				t.Errorf("dawdle = %s, want %s", got, want)
			}
		}
		if got, want := call(t, s, "quick", `{}`), `{"rows":[{"one":1}],"rowCount":1,"truncated":false}`; got != want {
			t.Errorf("quick after that = %s, want %s", got, want)
		}
	})
}

func TestTimeLimitHoldsAfterTheFirstRow(t *testing.T) {
	w := sqliteWorld(t)
	s := server(t, w.pack(t, "", `
  - name: dawdle
    description: One row at once, then none for ever.
    database: db
    timeout: 200ms
    sql: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 2"
`))
	if got := call(t, s, "dawdle", `{}`); !strings.Contains(got, "ran longer than 200ms") {
		t.Errorf("dawdle = %s, want that it ran longer than 200ms", got)
	}
}

// TestCancelledCallsStopAtTheServer has a call take a lock there that only its end gives back.
func TestCancelledCallsStopAtTheServer(t *testing.T) {
	for _, tt := range []struct {
		make         func(testing.TB) world
		take, expect string
	}{
		{postgresWorld, "SELECT pg_advisory_xact_lock(%d), pg_sleep(60)", "SELECT pg_advisory_lock(%d)"},
		{mariaDBWorld, "SELECT GET_LOCK('l%d', 0), SLEEP(60)", "SELECT GET_LOCK('l%d', 30)"},
	} {
		w := tt.make(t)
		t.Run(w.name, func(t *testing.T) {
			const lock = 4711
			p := w.pack(t, "timeout: 50s", fmt.Sprintf("  - {name: hold, description: Holds a lock., database: db, sql: %q}\n", fmt.Sprintf(tt.take, lock)))
			tool := p.tools[0]
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := tool.call(ctx, nil, nil)
			if err == nil {
				t.Error("a call that was cancelled has a result")
			}
			w.value(t, fmt.Sprintf(tt.expect, lock))
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the lock was given back after %s, want as soon as the call was cancelled", took)
			}
		})
	}
}

func TestCloseWaitsForWhatRuns(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := w.pack(t, "", fmt.Sprintf("  - {name: dawdle, description: Takes long., database: db, timeout: 500ms, sql: %q}\n", w.sleep))
		ended := make(chan error, 1)
		leave, err := p.enter()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := p.tools[0].call(t.Context(), nil, nil)
			ended <- err
			leave()
		}()
		p.Close()
		select {
		case err := <-ended:
			if err == nil {
				t.Error("dawdle has a result, want its time to be over, or the pack closed")
			}
		default:
			t.Error("Close came back before the call had ended")
		}
		if _, err := p.tools[0].call(t.Context(), nil, nil); err == nil {
			t.Error("a call after Close has a result")
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		s := server(t, w.pack(t, "connections: 2", findGoods))
		const calls = 40
		got := make(chan string, calls)
		for i := range calls {
			go func() { got <- call(t, s, "find_goods", fmt.Sprintf(`{"above":%d,"limit":1}`, i%3)) }()
		}
		for range calls {
			if g := <-got; !strings.Contains(g, `"rowCount":`) {
				t.Errorf("find_goods among %d = %s", calls, g)
			}
		}
	})
}

func TestUnreachable(t *testing.T) {
	for driver, dsn := range map[string]string{
		"postgres": "host=/nowhere/at/all user=u password=canary dbname=d",
		"mysql":    "u:canary@unix(/nowhere/at/all)/d",
		"mariadb":  "mysql://u:c%61nary@127.0.0.1:1/d",
		"sqlite":   "",
	} {
		t.Run(driver, func(t *testing.T) {
			w := world{declared: fmt.Sprintf("driver: %s, dsn: %q", driver, dsn)}
			if driver == "sqlite" {
				w.declared = "driver: sqlite, path: /nowhere/at/all.db"
			}
			p := w.pack(t, "", "  - {name: one, description: One., database: db, sql: SELECT 1 AS one}\n")
			s := server(t, p)
			want := "failed: the database db could not be reached"
			if got := call(t, s, "one", `{}`); !strings.HasPrefix(got, want) {
				t.Errorf("one = %s, want %s", got, want)
			}
			if got := call(t, s, "describe_tables", `{}`); !strings.HasPrefix(got, want) {
				t.Errorf("describe_tables = %s, want %s", got, want)
			}
			err := p.Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), `toolgate.yaml:4: tool "one"`) || strings.Contains(err.Error(), "canary") {
				t.Errorf("Check = %v, want the tool's place and no password", err)
			}
		})
	}
}
