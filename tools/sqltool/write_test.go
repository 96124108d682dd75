package sqltool

import (
	"strings"
	"testing"
	"unicode/utf8"

	"toolgate/mcp"
)

func TestWritesCountRowsThatAreNotShown(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.exec(t, "CREATE TABLE shelves (id INTEGER PRIMARY KEY)", "INSERT INTO shelves VALUES (1), (2), (3), (4), (5)")
		s := server(t, w.pack(t, "write: true, max_rows: 2", `
  - {name: add, description: Adds., database: db, write: true, sql: "INSERT INTO shelves VALUES (6), (7), (8) RETURNING id"}
  - {name: remove, description: Removes., database: db, write: true, destructive: true, sql: DELETE FROM shelves RETURNING id}
`))
		for _, want := range []struct{ tool, result, left string }{
			{"add", `{"rowsAffected":3,"rows":[{"id":6},{"id":7}],"truncated":true}`, "8"},
			{"remove", `{"rowsAffected":8,"rows":[{"id":1},{"id":2}],"truncated":true}`, "0"},
			{"remove", `{"rowsAffected":0,"rows":[],"truncated":false}`, "0"},
		} {
			got := strings.Replace(call(t, s, want.tool, `{}`), `,"lastInsertId":8`, "", 1) // SQLite has one
			if got != want.result {
				t.Errorf("%s = %s, want %s", want.tool, got, want.result)
			}
			if got := w.value(t, "SELECT count(*) FROM shelves"); got != want.left {
				t.Errorf("shelves after %s = %s, want %s", want.tool, got, want.left)
			}
		}
	})
}

func TestWritesCountARowThatDoesNotFit(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		long := map[dialect]string{
			sqliteDialect: "hex(zeroblob(2200000))", postgresDialect: "repeat('x', 4400000)", mysqlDialect: "REPEAT('x', 4400000)",
		}[w.dialect]
		w.exec(t, "CREATE TABLE shelves (id INTEGER PRIMARY KEY)", "INSERT INTO shelves VALUES (1)")
		s := server(t, w.pack(t, "write: true",
			`  - {name: remove, description: Removes., database: db, write: true, destructive: true, sql: "DELETE FROM shelves RETURNING `+long+` AS body"}`))
		got := call(t, s, "remove", `{}`)
		if !strings.HasPrefix(got, `{"rowsAffected":1,"rows":[],"truncated":true`) {
			t.Errorf("remove = %s, want one row affected and none shown", got)
		}
	})
}

func TestWritesThatTheDatabaseStoppedWereNotDone(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		long := map[dialect]string{
			sqliteDialect:   "INSERT INTO goods (id, name) WITH RECURSIVE c(n) AS (SELECT 9 UNION ALL SELECT n + 1 FROM c) SELECT n, 'x' || n FROM c WHERE n < 20",
			postgresDialect: "UPDATE goods SET note = pg_sleep(60)::text",
			mysqlDialect:    "UPDATE goods SET big = 4 + SLEEP(60)",
		}[w.dialect]
		s := server(t, w.pack(t, "write: true, timeout: 300ms", `
  - {name: dawdle, description: Takes long., database: db, write: true, sql: "`+long+`"}`))
		want := "failed: the statement ran longer than 300ms, its limit on db, and was stopped: ask for less"
		if got := call(t, s, "dawdle", `{}`); got != want {
			t.Errorf("dawdle = %s, want %s", got, want)
		}
		if got := w.value(t, "SELECT count(*) FROM goods WHERE big IN (9007199254740993, 2, 3)"); got != "3" {
			t.Errorf("goods as they were = %s, want 3", got)
		}
		if got := w.value(t, "SELECT count(*) FROM goods"); got != "3" {
			t.Errorf("goods = %s, want 3", got)
		}
	})
}

// TestWritesWithoutAnAnswerMayHaveBeenDone has the write arrive, and what the server says of it not.
func TestWritesWithoutAnAnswerMayHaveBeenDone(t *testing.T) {
	for _, tt := range []struct {
		make        func(testing.TB) world
		cue, hangUp string
	}{
		{postgresWorld, "the last of its kind", ""},
		{mariaDBWorld, "COMMIT", "KILL QUERY"},
	} {
		w := tt.make(t)
		t.Run(w.name, func(t *testing.T) {
			w.goods(t)
			s := server(t, w.behind(t, tt.cue, tt.hangUp).pack(t, "write: true, connections: 1, timeout: 500ms", `
  - name: add
    description: Adds.
    database: db
    write: true
    sql: INSERT INTO goods (id, name) VALUES (:id, :name)
    parameters: [{name: id, description: Id., type: integer}, {name: name, description: Name.}]
`))
			want := "failed: the database db did not answer within 500ms; it may have been done or not: look before you try again"
			if got := call(t, s, "add", `{"id":4,"name":"the last of its kind"}`); got != want {
				t.Errorf("add = %s, want %s", got, want)
			}
			if got := w.value(t, "SELECT count(*) FROM goods WHERE id = 4"); got != "1" {
				t.Errorf("goods of that id = %s, want 1: the server had it all", got)
			}
		})
	}
}

func TestMessagesOfDatabasesStayText(t *testing.T) {
	w := postgresWorld(t)
	s := server(t, w.pack(t, "", `
  - {name: number, description: Reads., database: db, sql: SELECT CAST(CAST(:n AS text) AS integer) AS n, parameters: [{name: n, description: N.}]}
`))
	for _, value := range []string{"x" + strings.Repeat("é", 2000), "xy" + strings.Repeat("é", 2000), "short é"} {
		got := call(t, s, "number", `{"n":"`+value+`"}`)
		want := `failed: the database db refused: invalid input syntax for type integer: "` + value[:5]
		if !strings.HasPrefix(got, want) || !utf8.ValidString(got) || strings.ContainsRune(got, utf8.RuneError) || len(got) > maxMessage+100 {
			t.Errorf("number of %.20q… = %s, want %s… in whole characters", value, got, want)
		}
	}
}

func TestMessagesThatAreNoTextAreMadeSo(t *testing.T) {
	w := sqliteWorld(t)
	p := w.pack(t, "", "")
	db := p.databases["db"]
	db.engine = refusing{db.engine, "bad \xff\xfe value"}
	err := p.failed(t.Context(), db, &query{}, "run a tool", errBroken)
	want := mcp.ToolErrorf("the database db refused: bad \uFFFD value").Error()
	if err.Error() != want {
		t.Errorf("failed = %q, want %q", err, want)
	}
}

// refusing is an engine that gives every failure one message.
type refusing struct {
	engine
	message string
}

func (r refusing) explain(error) failure { return failure{refused, r.message} }
