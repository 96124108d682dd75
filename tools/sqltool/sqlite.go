package sqltool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteBusy is how long a statement waits for another process that writes the file.
const sqliteBusy = 5 * time.Second

// sqliteReopen is how long a connection is kept: a file that another one was moved over is noticed by then.
const sqliteReopen = time.Minute

// sqliteEngine is a database in a file. Connections that read are opened so, and may do nothing but read; where the
// operator lets tools write, those have connections of their own.
type sqliteEngine struct {
	path    string
	readers *sql.DB
	writers *sql.DB // nil: nobody writes
}

var _ engine = (*sqliteEngine)(nil)

// errStopped is wrapped by what a statement whose time was over before it was to be kept ends with: what it changed is
// undone.
var errStopped = errors.New("stopped")

// openSQLite opens nothing yet: connections are made as they are needed.
func openSQLite(path string, connections int, write bool) (*sqliteEngine, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", path, err)
	}
	e := &sqliteEngine{path: abs, readers: sqlitePool(abs, "ro", mayRead, connections)}
	if write {
		e.writers = sqlitePool(abs, "rw", mayWrite, 1) // SQLite has one writer at a time
	}
	return e, nil
}

func sqlitePool(path, mode string, may sqlite.AuthorizerFn, connections int) *sql.DB {
	settings := url.Values{
		"mode": {mode}, "_defensive": {"1"}, "_dqs": {"0"}, "_error_rc": {"1"},
		"_busy_timeout": {strconv.FormatInt(sqliteBusy.Milliseconds(), 10)}, "_pragma": {"trusted_schema(0)"},
	}
	if mode == "ro" {
		settings.Set("_query_only", "1")
	} else {
		settings.Set("_foreign_keys", "1")
	}
	d := &sqlite.Driver{}
	d.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		return c.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(may)
	})
	db := sql.OpenDB(&sqliteConnector{d, "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + settings.Encode()})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(sqliteReopen)
	return db
}

// sqliteHidden are functions that reach beyond the database, wherever a build of SQLite has them.
var sqliteHidden = map[string]bool{"load_extension": true, "fts3_tokenizer": true, "readfile": true, "writefile": true, "edit": true}

// sqliteShows are the pragmas that only tell; those with true may be given a name.
var sqliteShows = map[string]bool{
	"table_info": true, "table_xinfo": true, "table_list": true, "index_list": true, "index_info": true, "index_xinfo": true,
	"foreign_key_list": true, "user_version": false, "schema_version": false, "application_id": false, "encoding": false,
	"data_version": false, "page_count": false, "page_size": false,
}

// mayRead is asked by SQLite about each thing that a statement would do, before it does anything.
func mayRead(action sqlite.AuthorizerActionCode, arg1, arg2, _, _ string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthSelect, sqlite.AuthRead, sqlite.AuthRecursive:
		return sqlite.AuthorizerOK
	case sqlite.AuthFunction:
		if !sqliteHidden[strings.ToLower(arg2)] {
			return sqlite.AuthorizerOK
		}
	case sqlite.AuthPragma:
		if named, tells := sqliteShows[strings.ToLower(arg1)]; tells && (named || arg2 == "") {
			return sqlite.AuthorizerOK
		}
	}
	return sqlite.AuthorizerDeny
}

// mayWrite lets a statement do whatever stays within the file.
func mayWrite(action sqlite.AuthorizerActionCode, arg1, arg2, database, trigger string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthAttach, sqlite.AuthDetach:
		return sqlite.AuthorizerDeny
	case sqlite.AuthPragma, sqlite.AuthFunction:
		return mayRead(action, arg1, arg2, database, trigger)
	}
	return sqlite.AuthorizerOK
}

// sqliteConnector opens the connections of one pool.
type sqliteConnector struct {
	driver *sqlite.Driver
	dsn    string
}

// Driver is database/sql's.
func (c *sqliteConnector) Driver() driver.Driver { return c.driver }

// Connect opens one connection.
func (c *sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	// The driver stops a statement only while it looks for the first row; what comes after it can be stopped by the
	// connection's handle, which the driver keeps to itself.
	handle := reflect.ValueOf(opened).Elem().FieldByName("db")
	if !handle.IsValid() || handle.Kind() != reflect.Uintptr {
		_ = opened.Close()
		return nil, errors.New("the SQLite driver has another shape than the one that this was made for")
	}
	return &sqliteSession{sqliteConn: opened.(sqliteConn), handle: uintptr(handle.Uint()), statements: prepared{}}, nil
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.SessionResetter
	driver.Validator
	ColumnInfo(query string) ([]sqlite.ColumnInfo, error)
}

// sqliteSession is one connection.
type sqliteSession struct {
	sqliteConn
	handle     uintptr
	statements prepared
}

// Close lets go of the statements too.
func (s *sqliteSession) Close() error {
	for _, st := range s.statements {
		_ = st.Close()
	}
	return s.sqliteConn.Close()
}

// stoppable interrupts what the connection does once ctx is done. The caller calls settle before it gives the connection
// away.
func (s *sqliteSession) stoppable(ctx context.Context) (settle func()) {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		tls := libc.NewTLS()
		defer tls.Close()
		sqlite3.Xsqlite3_interrupt(tls, s.handle)
	})
	return func() {
		if !stop() {
			<-over
		}
	}
}

func (e *sqliteEngine) pool(q *query) *sql.DB {
	if q.write {
		return e.writers
	}
	return e.readers
}

func (e *sqliteEngine) describe(ctx context.Context, q *query) (columns []column, err error) {
	if _, err := os.Stat(e.path); err != nil {
		return nil, fmt.Errorf("%w: %w", errConnect, err)
	}
	err = withSession(ctx, e.pool(q), func(s *sqliteSession) error {
		found, err := s.ColumnInfo(q.text)
		if err != nil {
			return err
		}
		columns = make([]column, len(found))
		for i, c := range found {
			columns[i] = column{name: c.Name, kind: affinity(c.DeclType), label: c.DeclType}
		}
		return nil
	})
	return columns, err
}

// sqliteIntegers are the types that promise whole numbers, without what is in parentheses.
var sqliteIntegers = map[string]bool{
	"INT": true, "INTEGER": true, "TINYINT": true, "SMALLINT": true, "MEDIUMINT": true, "BIGINT": true, "INT2": true, "INT8": true,
	"UNSIGNED BIG INT": true,
}

// affinity is what a column's declared type promises of its values. SQLite holds almost anything anywhere, so only what is
// usual is promised; a value that is otherwise is left out with a note.
func affinity(declared string) kind {
	declared, _, _ = strings.Cut(strings.ToUpper(declared), "(")
	contains := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(declared, w) {
				return true
			}
		}
		return false
	}
	switch {
	case sqliteIntegers[declared]:
		return integerKind
	case contains("INT"): // POINT, INTERVAL: numbers to SQLite, and text to those who declare them
		return anyKind
	case declared == "BOOLEAN", declared == "BOOL":
		return booleanKind
	case declared == "JSON", declared == "JSONB":
		return jsonKind
	case contains("CHAR", "CLOB", "TEXT", "BLOB", "DATE", "TIME", "UUID"):
		return stringKind
	case contains("REAL", "FLOAT", "DOUBLE", "NUMERIC", "DECIMAL"):
		return numberKind
	}
	return anyKind
}

func (e *sqliteEngine) run(ctx context.Context, q *query, args []argument, into *rowset) (done effect, err error) {
	values, err := named(q, args)
	if err != nil {
		return effect{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	err = withSession(ctx, e.pool(q), func(s *sqliteSession) error {
		settle := s.stoppable(ctx)
		defer settle()
		if !q.write {
			return s.rows(ctx, q.text, values, into)
		}
		done, err = s.change(ctx, q, values, into)
		return err
	})
	if ctx.Err() != nil && err != nil {
		err = fmt.Errorf("%w: %w", err, ctx.Err()) // whatever the driver calls it, that is why
		if !errors.Is(err, errCommit) {
			err = fmt.Errorf("%w: %w", errStopped, err)
		}
	}
	return done, err
}

// rows runs a statement and reads its rows.
func (s *sqliteSession) rows(ctx context.Context, text string, values []driver.NamedValue, into *rowset) (err error) {
	st, err := s.statements.on(ctx, s, text)
	if err != nil {
		return err
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(ctx, values)
	if err != nil {
		return err
	}
	defer func() {
		// An interrupted statement says so again as it is reset.
		if closing := rows.Close(); err == nil && ctx.Err() == nil {
			err = closing
		}
	}()
	labels, names := typeNames(rows), rows.Columns()
	columns := make([]column, len(names))
	for i, name := range names {
		columns[i] = column{name: name, kind: affinity(labels[i]), label: labels[i]}
	}
	into.begin(columns)
	_, err = fill(rows, into, func(i int, v driver.Value) any {
		if at, isTime := v.(time.Time); isTime {
			return sqliteTime(at, labels[i])
		}
		return v
	})
	return err
}

// sqliteTime is a time that the driver read out of a column declared to hold one.
func sqliteTime(at time.Time, label string) string {
	if label == "DATE" && at.Equal(at.Truncate(24*time.Hour)) {
		return at.Format(time.DateOnly)
	}
	return at.Format(time.RFC3339Nano)
}

// change runs a statement that writes in a transaction.
func (s *sqliteSession) change(ctx context.Context, q *query, values []driver.NamedValue, into *rowset) (done effect, err error) {
	if _, failed := s.ExecContext(ctx, "BEGIN IMMEDIATE", nil); failed != nil {
		return effect{}, failed
	}
	defer func() {
		if err == nil {
			return
		}
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if _, failed := s.ExecContext(undo, "ROLLBACK", nil); failed != nil {
			err = fmt.Errorf("%w (%w)", err, driver.ErrBadConn) // a connection with an open transaction is of no use
		}
	}()
	if failed := s.rows(ctx, q.text, values, into); failed != nil {
		return effect{}, failed
	}
	counts := rowset{limit: 1}
	if failed := s.rows(ctx, "SELECT changes() AS changes, last_insert_rowid() AS id", nil, &counts); failed != nil {
		return effect{}, failed
	}
	if done, err = countsOf(&counts); err != nil {
		return effect{}, err
	}
	if done.rowsAffected == 0 || !q.has("insert") && !q.has("replace") {
		done.lastInsertID = 0
	}
	// The driver does not say of a commit whose time is over whether it was done, so that is given more.
	deadline, _ := ctx.Deadline() // run gives every statement one
	keeping, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(grace))
	defer cancel()
	if _, failed := s.ExecContext(keeping, "COMMIT", nil); failed != nil {
		return done, fmt.Errorf("%w: %w", errCommit, failed)
	}
	return done, nil
}

func (e *sqliteEngine) explain(err error) failure {
	if fault, ok := errors.AsType[*sqlite.Error](err); ok {
		message := strings.TrimPrefix(sqliteMessage(fault.Error()), "constraint failed: ")
		switch fault.Code() & 0xff {
		case sqlite3.SQLITE_INTERRUPT:
			return failure{kind: slow}
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return failure{conflict, message}
		case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_PERM:
			return failure{kind: unreachable}
		case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_READONLY,
			sqlite3.SQLITE_AUTH, sqlite3.SQLITE_FULL:
			return failure{refused, message}
		}
		if strings.Contains(message, "malformed JSON") {
			return failure{refused, message}
		}
		return failure{}
	}
	switch {
	case errors.Is(err, errConnect):
		return failure{kind: unreachable}
	case errors.Is(err, errStopped):
		return failure{kind: slow}
	}
	return failure{}
}

// sqliteMessage is the driver's text without the number at its end.
func sqliteMessage(text string) string {
	if at := strings.LastIndex(text, " ("); at > 0 {
		text = text[:at]
	}
	return text
}

func (e *sqliteEngine) close() {
	_ = e.readers.Close()
	if e.writers != nil {
		_ = e.writers.Close()
	}
}
