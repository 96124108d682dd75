package sqltool

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	_ "modernc.org/sqlite"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/dbtest"
)

// servers are the real ones that the whole test binary shares. They start when the first test needs one: benchmarks and
// fuzzing need none.
var servers struct {
	once              sync.Once
	postgres, mariaDB *dbtest.Server
	failed            [2]error
}

func startServers() {
	servers.once.Do(func() {
		var starting sync.WaitGroup
		starting.Go(func() { servers.postgres, servers.failed[0] = dbtest.Postgres() })
		starting.Go(func() { servers.mariaDB, servers.failed[1] = dbtest.MariaDB() })
		starting.Wait()
	})
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range []*dbtest.Server{servers.postgres, servers.mariaDB} {
		if err := s.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "stop a server:", err)
			code = 1
		}
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// world is one kind of database, as tests set it up and declare it.
type world struct {
	name     string
	dialect  dialect
	exec     func(t testing.TB, statements ...string) // as the administrator
	value    func(t testing.TB, query string) string  // one value, as the administrator
	declared string                                   // the keys of the database in YAML
	sleep    string                                   // a statement that runs for a minute if nobody stops it
}

// worlds are the three, each with a database of the test's own.
func worlds(t testing.TB) []world {
	t.Helper()
	return []world{sqliteWorld(t), postgresWorld(t), mariaDBWorld(t)}
}

// each runs a test over all of them.
func each(t *testing.T, test func(t *testing.T, w world)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) world{"sqlite": sqliteWorld, "postgres": postgresWorld, "mariadb": mariaDBWorld} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func sqliteWorld(t testing.TB) world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's 100% a #db?.db")
	uri := "file:" + strings.NewReplacer("%", "%25", "#", "%23", "?", "%3f").Replace(path)
	open := func(t testing.TB) *sql.DB {
		db, err := sql.Open("sqlite", uri)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	w := world{
		name: "sqlite", dialect: sqliteDialect,
		declared: "driver: sqlite, path: " + fmt.Sprintf("%q", path),
		sleep:    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 0",
	}
	w.exec = func(t testing.TB, statements ...string) { execSQL(t, open(t), statements) }
	w.value = func(t testing.TB, query string) string { return valueSQL(t, open(t), query) }
	w.exec(t, "CREATE TABLE IF NOT EXISTS made (x)", "DROP TABLE made")
	return w
}

func execSQL(t testing.TB, db *sql.DB, statements []string) {
	t.Helper()
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func valueSQL(t testing.TB, db *sql.DB, query string) (value string) {
	t.Helper()
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

// own is a name for a database of the test's own.
func own(t testing.TB) string {
	return "t" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(filepath.Base(filepath.Dir(t.TempDir()))))
}

func postgresWorld(t testing.TB) world {
	t.Helper()
	startServers()
	if servers.postgres == nil {
		t.Fatal(servers.failed[0])
	}
	run := func(t testing.TB, dsn string, statements ...string) string {
		t.Helper()
		c, err := pgconn.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(t.Context()) }()
		value := ""
		for _, s := range statements {
			results, err := c.Exec(t.Context(), s).ReadAll()
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			for _, r := range results {
				if len(r.Rows) > 0 {
					value = string(r.Rows[0][0])
				}
			}
		}
		return value
	}
	name := own(t)
	admin := servers.postgres.DSN
	run(t, admin, "CREATE DATABASE "+name, "CREATE ROLE "+name+" LOGIN PASSWORD 'pg-canary'")
	dsn := strings.Replace(admin, "dbname=postgres", "dbname="+name, 1)
	run(t, dsn, "ALTER SCHEMA public OWNER TO "+name, "ALTER ROLE "+name+" SET role = "+name)
	return world{
		name: "postgres", dialect: postgresDialect,
		declared: "driver: postgres, dsn: " + fmt.Sprintf("%q", strings.Replace(dsn, "user=postgres", "user="+name+" password=pg-canary", 1)),
		sleep:    "SELECT pg_sleep(60)",
		exec: func(t testing.TB, statements ...string) {
			t.Helper()
			run(t, dsn, append([]string{"SET role = " + name}, statements...)...)
		},
		value: func(t testing.TB, query string) string { t.Helper(); return run(t, dsn, query) },
	}
}

func mariaDBWorld(t testing.TB) world {
	t.Helper()
	startServers()
	if servers.mariaDB == nil {
		t.Fatal(servers.failed[1])
	}
	open := func(t testing.TB, dsn string) *sql.DB {
		db, err := sql.Open("mysql", dsn)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	name := own(t)
	dsn := strings.Replace(servers.mariaDB.DSN, "/test", "/"+name, 1)
	execSQL(t, open(t, servers.mariaDB.DSN), []string{
		"CREATE DATABASE " + name + " CHARACTER SET utf8mb4", "CREATE USER " + name + " IDENTIFIED BY 'my-canary'",
		"GRANT ALL ON " + name + ".* TO " + name,
	})
	return world{
		name: "mariadb", dialect: mysqlDialect,
		declared: "driver: mariadb, dsn: " + fmt.Sprintf("%q", strings.Replace(dsn, "root@", name+":my-canary@", 1)+"?multiStatements=true"),
		sleep:    "SELECT SLEEP(60)",
		exec:     func(t testing.TB, statements ...string) { t.Helper(); execSQL(t, open(t, dsn), statements) },
		value:    func(t testing.TB, query string) string { t.Helper(); return valueSQL(t, open(t, dsn), query) },
	}
}

// pack makes a pack of a database called db and of tools, in YAML.
func (w world) pack(t testing.TB, database, tools string) *Pack {
	t.Helper()
	p, err := w.try(t, database, tools)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w world) try(t testing.TB, database, tools string) (*Pack, error) {
	t.Helper()
	if database != "" {
		database = ", " + database
	}
	if tools == "" {
		tools = "  []"
	}
	p, err := New(tree(t, "databases:\n  db: {"+w.declared+database+"}\ntools:\n"+tools), zap.NewNop())
	if err == nil {
		t.Cleanup(p.Close)
	}
	return p, err
}

func tree(t testing.TB, text string) config.Tree {
	t.Helper()
	tr, err := config.ParseTree("toolgate.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return tr
}

// server serves what a pack offers.
func server(t testing.TB, p *Pack) *mcp.Server {
	t.Helper()
	s, err := mcp.NewServer(p.Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends one request and returns its result, or its error, as JSON.
func ask(t testing.TB, s *mcp.Server, method, params string) string {
	t.Helper()
	m, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`))
	if fault != nil {
		t.Fatal(fault)
	}
	got := s.Answer(t.Context(), mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest()), m)
	var answer struct {
		Result, Error jsonText
	}
	if err := json.Unmarshal(got, &answer, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if answer.Error != nil {
		return "error " + string(answer.Error)
	}
	return string(answer.Result)
}

// call calls a tool and returns its structured result, or "failed: " and its text.
func call(t testing.TB, s *mcp.Server, name, arguments string) string {
	t.Helper()
	got := ask(t, s, "tools/call", `{"name":"`+name+`","arguments":`+arguments+`}`)
	var result struct {
		StructuredContent jsonText
		IsError           bool
		Content           []struct{ Text string }
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(got, "error ")), &result, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if result.IsError {
		return "failed: " + result.Content[0].Text
	}
	if result.StructuredContent == nil {
		return got
	}
	return string(result.StructuredContent)
}

type jsonText []byte

// UnmarshalJSON keeps the text.
func (j *jsonText) UnmarshalJSON(b []byte) error { *j = append(jsonText(nil), b...); return nil }
