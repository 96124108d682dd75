package sqltool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// attacks are statements that would change something if a tool that reads were only looked at. %s is a file.
var attacks = map[dialect][]string{
	sqliteDialect: {
		"DELETE FROM goods",
		"/* a comment */ -- first\n DELETE FROM goods",
		"WITH x AS (SELECT 1) DELETE FROM goods",
		"INSERT INTO goods (id, name) SELECT 9, 'x' RETURNING id",
		"PRAGMA writable_schema = 1",
		"PRAGMA query_only = 0",
		"PRAGMA journal_mode = WAL",
		"ATTACH DATABASE '%s' AS other",
		"VACUUM INTO '%s'",
		"CREATE TEMP TABLE t (x)",
		"SELECT load_extension('%s')",
		"SELECT writefile('%s', 'x')",
		"BEGIN IMMEDIATE",
		"COMMIT",
		"DROP TABLE goods",
		"CREATE TABLE made (x)",
		"UPDATE sqlite_schema SET sql = ''",
	},
	postgresDialect: {
		"DELETE FROM goods",
		"/* a /* nested */ comment */ -- first\n DELETE FROM goods",
		"WITH x AS (DELETE FROM goods RETURNING id) SELECT * FROM x",
		"SELECT id INTO made FROM goods",
		"CREATE TABLE made (x int)",
		"DO $$ BEGIN DELETE FROM goods; END $$",
		"DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM goods; END $$",
		"DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); DELETE FROM goods; END $$",
		"DO $$ BEGIN COMMIT; DELETE FROM goods; END $$",
		"SELECT set_config('transaction_read_only', 'off', false)",
		"SET TRANSACTION READ WRITE",
		"SELECT nextval('counter')",
		"SELECT setval('counter', 99)",
		"SELECT lo_from_bytea(0, 'x')",
		"SELECT wreck()",
		"CALL wreck_all()",
		"COPY goods TO PROGRAM 'touch %s'",
		"COPY goods TO '%s'",
		"SELECT pg_read_file('/etc/passwd')",
		"LOCK TABLE goods IN EXCLUSIVE MODE",
		"TRUNCATE goods",
		"SELECT * FROM goods FOR UPDATE",
	},
	mysqlDialect: {
		"DELETE FROM goods",
		"/* a comment */ -- first\n # and another\n DELETE FROM goods",
		"CREATE TABLE made (x int)",
		"DROP TABLE goods",
		"SELECT id FROM goods INTO OUTFILE '%s'",
		"SELECT id INTO DUMPFILE '%s' FROM goods LIMIT 1",
		"SELECT LOAD_FILE('/etc/passwd') IS NOT NULL AND 1/0 + wreck()",
		"SELECT wreck()",
		"CALL wreck_all()",
		"SET SESSION TRANSACTION READ WRITE",
		"SET GLOBAL read_only = 1",
		"SELECT 1 /*! INTO OUTFILE '%s' */",
		"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE goods",
		"REPLACE INTO goods (id, name) VALUES (1, 'x')",
		"TRUNCATE TABLE goods",
		"ANALYZE DELETE FROM goods",
		"EXECUTE IMMEDIATE 'DELETE FROM goods'",
		"PREPARE s FROM 'DELETE FROM goods'",
		"BEGIN",
	},
}

// wreckage makes what attacks call, and what they would change.
func (w world) wreckage(t testing.TB) {
	t.Helper()
	w.goods(t)
	switch w.dialect {
	case postgresDialect:
		w.exec(t, "CREATE SEQUENCE counter",
			"CREATE FUNCTION wreck() RETURNS int LANGUAGE sql AS 'DELETE FROM goods; SELECT 1'",
			"CREATE PROCEDURE wreck_all() LANGUAGE plpgsql AS 'BEGIN COMMIT; DELETE FROM goods; COMMIT; END'")
	case mysqlDialect:
		w.exec(t, "CREATE FUNCTION wreck() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM goods; RETURN 1; END",
			"CREATE PROCEDURE wreck_all() MODIFIES SQL DATA BEGIN DELETE FROM goods; END")
	}
}

// TestReadOnlyHolds runs what an operator must never declare as a tool that reads. Each is tried past every check of its
// text too: the database itself must refuse, or do nothing.
func TestReadOnlyHolds(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.wreckage(t)
		p := w.pack(t, "write: true", findGoods)
		s := server(t, p)
		db := p.databases["db"]
		for _, attack := range attacks[w.dialect] {
			file := filepath.Join(t.TempDir(), "made")
			text := strings.ReplaceAll(attack, "%s", file)
			declared, err := w.try(t, "", fmt.Sprintf("  - {name: attack, description: Attacks., database: db, sql: %q}\n", text))
			if err == nil {
				call(t, server(t, declared), "attack", `{}`)
			}
			if st, err := parse(w.dialect, text); err == nil {
				rows := &rowset{limit: 10}
				if _, err := db.engine.run(t.Context(), &query{statement: st, limit: 10, timeout: defaultTimeout}, nil, rows); err == nil && w.refuses(attack) {
					t.Errorf("%s: no error", attack)
				}
			}
			if got := w.value(t, "SELECT count(*) FROM goods"); got != "3" {
				t.Fatalf("goods after %s = %s, want 3", attack, got)
			}
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%s made a file", attack)
			}
			if got := call(t, s, "find_goods", `{"above":2}`); !strings.Contains(got, `"rowCount":1,`) {
				t.Fatalf("find_goods after %s = %s", attack, got)
			}
		}
		switch w.dialect {
		case sqliteDialect:
			if got := w.value(t, "SELECT count(*) FROM sqlite_schema WHERE name = 'made'"); got != "0" {
				t.Error("an attack made a table")
			}
		case postgresDialect:
			if got := w.value(t, "SELECT (to_regclass('made') IS NULL)::text || (SELECT is_called FROM counter)::text || (SELECT count(*) FROM pg_largeobject)::text"); got != "truefalse0" {
				t.Errorf("a table not made, a sequence called, large objects = %s, want truefalse0", got)
			}
		case mysqlDialect:
			if got := w.value(t, "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'made'"); got != "0" {
				t.Error("an attack made a table")
			}
		}
	})
}

// refuses says whether the database has a word to say against an attack, or lets it run to no effect: what ends or changes
// a transaction that is over afterwards, and in MySQL what only concerns the session.
func (w world) refuses(attack string) bool {
	switch attack {
	case "SELECT lo_from_bytea(0, 'x')", "LOCK TABLE goods IN EXCLUSIVE MODE", // undone with the transaction
		"SET TRANSACTION READ WRITE", "SET SESSION TRANSACTION READ WRITE", "BEGIN", "SELECT LOAD_FILE('/etc/passwd') IS NOT NULL AND 1/0 + wreck()", "PREPARE s FROM 'DELETE FROM goods'":
		return false
	}
	return true
}

// TestValuesAreOnlyData sends every attack as a value.
func TestValuesAreOnlyData(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.wreckage(t)
		s := server(t, w.pack(t, "write: true", findGoods))
		for _, attack := range append(attacks[w.dialect], "'; COMMIT; DROP TABLE goods; --", "\\'; DROP TABLE goods; #", "$1", ":name", "?", "%", "\u0000") {
			got := call(t, s, "find_goods", fmt.Sprintf(`{"name":%q}`, strings.ReplaceAll(attack, "\u0000", "x")))
			want := `"rowCount":0,`
			if attack == "%" {
				want = `"rowCount":3,`
			}
			if !strings.Contains(got, want) {
				t.Errorf("find_goods named %q = %s, want %s", attack, got, want)
			}
			if got := w.value(t, "SELECT count(*) FROM goods"); got != "3" {
				t.Fatalf("goods after a value %q = %s, want 3", attack, got)
			}
		}
		if got := call(t, s, "find_goods", `{"name":"a\u0000b"}`); w.dialect == postgresDialect && !strings.HasPrefix(got, "failed: the database db refused") {
			t.Errorf("find_goods with a NUL = %s, want what PostgreSQL says of it", got)
		}
	})
}

func TestASecondStatementIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		w.goods(t)
		for _, sql := range []string{"SELECT 1; DROP TABLE goods", "SELECT 1;; SELECT 2", "COMMIT; DROP TABLE goods", ";SELECT 1; SELECT 2"} {
			if _, err := w.try(t, "write: true", fmt.Sprintf("  - {name: two, description: Two., database: db, write: true, sql: %q}\n", sql)); err == nil ||
				!strings.Contains(err.Error(), "second statement") {
				t.Errorf("%q: %v, want that there is a second statement", sql, err)
			}
			// And past the check of the text: the protocol itself takes one.
			db := w.pack(t, "write: true", "").databases["db"]
			q := &query{statement: statement{text: sql, words: []string{"select"}}, limit: 1, timeout: defaultTimeout}
			if _, err := db.engine.run(t.Context(), q, nil, &rowset{limit: 1}); err == nil && w.dialect != sqliteDialect {
				t.Errorf("%q was run by the database", sql)
			}
			if got := w.value(t, "SELECT count(*) FROM goods"); got != "3" {
				t.Fatalf("goods after %q = %s, want 3", sql, got)
			}
		}
	})
}

func TestWritersStayInTheirFile(t *testing.T) {
	w := sqliteWorld(t)
	w.goods(t)
	for _, attack := range []string{"ATTACH DATABASE '%s' AS other", "VACUUM INTO '%s'", "SELECT load_extension('%s')", "PRAGMA writable_schema = 1"} {
		file := filepath.Join(t.TempDir(), "made")
		_, err := w.try(t, "write: true", fmt.Sprintf("  - {name: attack, description: Attacks., database: db, write: true, sql: %q}\n", strings.ReplaceAll(attack, "%s", file)))
		if err == nil && !strings.HasPrefix(attack, "VACUUM") {
			t.Errorf("%s: no fault, want that it is not authorized", attack)
		}
		if err == nil {
			p := w.pack(t, "write: true", fmt.Sprintf("  - {name: attack, description: Attacks., database: db, write: true, sql: %q}\n", strings.ReplaceAll(attack, "%s", file)))
			if got := call(t, server(t, p), "attack", `{}`); !strings.HasPrefix(got, "failed") && !strings.HasPrefix(got, "error") {
				t.Errorf("%s = %s, want a failure", attack, got)
			}
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s made a file", attack)
		}
	}
}

// TestNothingTellsPasswords looks for the passwords of the tests in every log line and answer.
func TestNothingTellsPasswords(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	p, err := New(tree(t, `
databases:
  pg: {driver: postgres, dsn: "postgres://u:the-canary@127.0.0.1:1/d?connect_timeout=1"}
  my: {driver: mysql, dsn: "u:the-canary@tcp(127.0.0.1:1)/d"}
tools:
  - {name: a, description: A., database: pg, sql: SELECT 1}
  - {name: b, description: B., database: my, sql: SELECT 1}
`), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s := server(t, p)
	said := call(t, s, "a", `{}`) + call(t, s, "b", `{}`) + call(t, s, "describe_tables", `{}`)
	for _, e := range logged.All() {
		said += fmt.Sprint(e.Message, e.ContextMap())
	}
	if logged.Len() == 0 || !strings.Contains(said, "could not be reached") || strings.Contains(said, "canary") {
		t.Errorf("said: %s\nwant that the databases could not be reached, in the log too, and no password", said)
	}
	for _, dsn := range []string{"driver: postgres, dsn: 'postgres://u:the-canary@h:x/d'", "driver: mysql, dsn: 'u:the-canary@tcp(h/d'", "driver: mysql, url: 'mysql://u:the-canary%zz@h/d'"} {
		_, err := New(tree(t, "databases:\n  db: {"+dsn+"}\n"), zap.NewNop())
		if err == nil || strings.Contains(err.Error(), "canary") || !strings.HasPrefix(err.Error(), "toolgate.yaml:2: ") {
			t.Errorf("%s: %v, want a fault with its place and no password", dsn, err)
		}
	}
}
