package sqltool

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"toolgate/mcp"
)

// lookup is a SQLite database of a thousand rows, and a declared tool that looks one up.
func lookup(b *testing.B) (w world, s *mcp.Server) {
	b.Helper()
	w = sqliteWorld(b)
	w.exec(b, "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, mail TEXT, age INTEGER)",
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) INSERT INTO users SELECT n, 'user ' || n, 'u' || n || '@example.org', n % 90 FROM c")
	return w, server(b, w.pack(b, "", `
  - name: get_user
    description: One user.
    database: db
    one: true
    sql: SELECT id, name, mail, age FROM users WHERE id = :id
    parameters: [{name: id, description: Id., type: integer}]
`))
}

// BenchmarkLookup calls a declared tool through the dispatcher, as any way in does.
func BenchmarkLookup(b *testing.B) {
	_, s := lookup(b)
	peer := mcp.NewPeer(mcp.Anonymous(), "", mcp.WireLocal, mcp.Newest())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m, fault := mcp.Decode(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_user","arguments":{"id":%d}}}`, i%1000+1))
		if fault != nil {
			b.Fatal(fault)
		}
		if got := s.Answer(context.Background(), peer, m); !strings.Contains(string(got), `"found":true`) {
			b.Fatalf("%s", got)
		}
	}
}

// BenchmarkLookupDirect is the same query by database/sql, with a statement that is kept.
func BenchmarkLookupDirect(b *testing.B) {
	w, _ := lookup(b)
	path := strings.Trim(strings.TrimPrefix(w.declared, "driver: sqlite, path: "), `"`)
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer("%", "%25", "#", "%23", "?", "%3f").Replace(path)+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	st, err := db.Prepare("SELECT id, name, mail, age FROM users WHERE id = ?")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var id, age int64
		var name, mail string
		if err := st.QueryRowContext(ctx, i%1000+1).Scan(&id, &name, &mail, &age); err != nil {
			b.Fatal(err)
		}
	}
}
