package sqltool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/zap"
)

// mysqlLifetime is how long a connection is kept, below what servers and the things before them cut.
const mysqlLifetime = 30 * time.Minute

// mysqlEngine is a MySQL or MariaDB server.
type mysqlEngine struct {
	pool   *sql.DB
	killer *sql.DB // connections of its own: the pool's may all be busy with what is to be stopped
}

var _ engine = (*mysqlEngine)(nil)

// commitTime is what the server is given to end a transaction.
const commitTime = 10 * time.Second

// errSpent says that all is well, and that the connection cannot be used again.
var errSpent = fmt.Errorf("the connection is spent: %w", driver.ErrBadConn)

// errCommit is wrapped by what goes wrong as a transaction is kept. A server that is told to stop then may have kept it.
var errCommit = errors.New("commit")

// errDSN says no more: what is wrong may be a part of a password.
var errDSN = errors.New("it cannot be read: write USER:PASSWORD@tcp(HOST:3306)/DATABASE, or a URL mysql://USER:PASSWORD@HOST/DATABASE")

// openMySQL connects to nothing yet. What a DSN may allow beyond one statement at a time is turned off.
func openMySQL(dsn string, connections int, log *zap.Logger) (*mysqlEngine, error) {
	cfg, err := mysqlConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.MultiStatements = false
	cfg.AllowAllFiles = false // LOAD DATA LOCAL reads files of ours
	cfg.InterpolateParams = false
	cfg.ParseTime = false
	cfg.ColumnsWithAlias = false
	cfg.Logger = mysqlLog{log}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errDSN
	}
	e := &mysqlEngine{pool: sql.OpenDB(&mysqlConnector{connector}), killer: sql.OpenDB(connector)}
	e.pool.SetMaxOpenConns(connections)
	e.pool.SetMaxIdleConns(connections)
	e.pool.SetConnMaxLifetime(mysqlLifetime)
	e.killer.SetMaxIdleConns(0)
	return e, nil
}

// mysqlConfig reads a DSN, or a URL.
func mysqlConfig(dsn string) (*mysql.Config, error) {
	for _, scheme := range []string{"mysql://", "mariadb://"} {
		rest, isURL := strings.CutPrefix(dsn, scheme)
		if !isURL {
			continue
		}
		authority, path, _ := strings.Cut(rest, "/")
		credentials, host := "", authority
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			credentials, host = authority[:at], authority[at+1:]
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), "3306")
		}
		name, password, _ := strings.Cut(credentials, ":")
		cfg, err := mysql.ParseDSN("tcp(" + host + ")/" + path)
		if err != nil {
			return nil, errDSN
		}
		if cfg.User, err = unescape(name); err == nil {
			cfg.Passwd, err = unescape(password)
		}
		if err != nil {
			return nil, errDSN
		}
		return cfg, nil
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errDSN
	}
	return cfg, nil
}

// mysqlLog takes what the driver says of connections that broke.
type mysqlLog struct{ log *zap.Logger }

// Print is the driver's.
func (l mysqlLog) Print(v ...any) { l.log.Debug("mysql driver", zap.String("said", fmt.Sprint(v...))) }

// mysqlConnector opens the pool's connections.
type mysqlConnector struct{ inner driver.Connector }

// Driver is database/sql's.
func (c *mysqlConnector) Driver() driver.Driver { return c.inner.Driver() }

// Connect opens one connection and asks the server what it is.
func (c *mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &mysqlSession{mysqlConn: opened.(mysqlConn), statements: prepared{}}
	if err := s.introduce(ctx); err != nil {
		_ = opened.Close()
		return nil, err
	}
	return s, nil
}

// mysqlConn is what the driver's connections can do.
type mysqlConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// mysqlSession is one connection.
type mysqlSession struct {
	mysqlConn
	id         string // the server's for it
	mariaDB    bool
	bounds     string // the SET that is in force
	statements prepared
}

func (s *mysqlSession) introduce(ctx context.Context) error {
	// Backslashes in strings mean what the scanner of statements takes them for; times have no zone, so it is fixed.
	const setup = `SET SESSION time_zone = '+00:00', sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')`
	if _, err := s.ExecContext(ctx, setup, nil); err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, "SELECT VERSION(), CAST(CONNECTION_ID() AS CHAR)", nil)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	said := make([]driver.Value, 2)
	if err := rows.Next(said); err != nil {
		return err
	}
	s.mariaDB = strings.Contains(fmt.Sprintf("%s", said[0]), "MariaDB")
	s.id = fmt.Sprintf("%s", said[1])
	return nil
}

// bound tells the server how many rows and how much time the next statements may take, and whether transactions may write
// that begin by themselves, as after a statement that ends the one before.
func (s *mysqlSession) bound(ctx context.Context, rows int, timeout time.Duration, write bool) error {
	readOnly := 1
	if write {
		readOnly = 0
	}
	bounds := fmt.Sprintf("SET SESSION sql_select_limit = %d, max_execution_time = %d, transaction_read_only = %d", rows, timeout.Milliseconds(), readOnly)
	if s.mariaDB {
		bounds = fmt.Sprintf("SET SESSION sql_select_limit = %d, max_statement_time = %.3f, tx_read_only = %d", rows, timeout.Seconds(), readOnly)
	}
	if bounds == s.bounds {
		return nil
	}
	if _, err := s.ExecContext(ctx, bounds, nil); err != nil {
		return err
	}
	s.bounds = bounds
	return nil
}

// stoppable has the server end what the connection does once ctx is done; the statement then says so, and the connection
// stays good. Where that does not help, the context that it returns ends too. The caller calls settle before it gives the
// connection away.
func (e *mysqlEngine) stoppable(ctx context.Context, s *mysqlSession) (inner context.Context, settle func()) {
	inner, abandon := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		killing, cancel := context.WithTimeout(inner, grace)
		defer cancel()
		if _, err := e.killer.ExecContext(killing, "KILL QUERY "+s.id); err != nil {
			abandon()
			return
		}
		<-killing.Done() // ends early once settle is called
		abandon()
	})
	return inner, func() {
		abandon()
		if !stop() {
			<-over
		}
	}
}

func (e *mysqlEngine) describe(ctx context.Context, q *query) (columns []column, err error) {
	err = withSession(ctx, e.pool, func(s *mysqlSession) error {
		if _, err := s.statements.on(ctx, s, q.text); err != nil {
			return err
		}
		if q.write || q.words[0] == "show" || q.words[0] == "explain" || q.words[0] == "describe" || q.words[0] == "desc" {
			return nil
		}
		// The driver keeps to itself what the server says of a prepared statement's columns. The same statement without any
		// row has them too; where it cannot stand inside another, they stay unknown.
		if columns, err = s.columns(ctx, q); err != nil {
			columns = nil
		}
		return nil
	})
	return columns, err
}

func (s *mysqlSession) columns(ctx context.Context, q *query) ([]column, error) {
	values := make([]driver.NamedValue, len(q.slots))
	for i, slot := range q.slots {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: q.samples[slot].sample()}
	}
	if _, err := s.ExecContext(ctx, "START TRANSACTION READ ONLY", nil); err != nil {
		return nil, err
	}
	defer func() { _, _ = s.ExecContext(ctx, "ROLLBACK", nil) }()
	st, err := s.PrepareContext(ctx, "SELECT * FROM ("+q.text+"\n) described LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = st.Close() }()
	rows, err := st.(driver.StmtQueryContext).QueryContext(ctx, values)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	return mysqlColumns(rows), nil
}

func (e *mysqlEngine) run(ctx context.Context, q *query, args []argument, into *rowset) (done effect, err error) {
	values, err := named(q, args)
	if err != nil {
		return effect{}, err
	}
	run := func() error {
		ctx, cancel := context.WithTimeout(ctx, q.timeout+lateness)
		defer cancel()
		err := withSession(ctx, e.pool, func(s *mysqlSession) error {
			inner, settle := e.stoppable(ctx, s)
			defer settle()
			if err := s.start(inner, q); err != nil {
				return fmt.Errorf("%w: %w", errConnect, err)
			}
			if done, err = s.within(inner, q, values, into); err == nil && ctx.Err() != nil {
				return errSpent // KILL may be under way, and would hit whatever comes next
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%w: %w (%w)", err, ctx.Err(), driver.ErrBadConn)
			}
			return err
		})
		if errors.Is(err, errSpent) {
			return nil
		}
		return err
	}
	err = run()
	if errors.Is(err, errConnect) && errors.Is(err, driver.ErrBadConn) && ctx.Err() == nil {
		err = run() // a connection that had died while it was idle; nothing was done on it
	}
	return done, err
}

func (s *mysqlSession) start(ctx context.Context, q *query) error {
	if err := s.bound(ctx, q.limit+1, q.timeout, q.write); err != nil {
		return err
	}
	begin := "START TRANSACTION READ ONLY"
	if q.write {
		begin = "START TRANSACTION READ WRITE"
	}
	_, err := s.ExecContext(ctx, begin, nil)
	return err
}

// within runs a statement in the transaction that was started, and ends the transaction.
func (s *mysqlSession) within(ctx context.Context, q *query, values []driver.NamedValue, into *rowset) (done effect, err error) {
	end := "ROLLBACK"
	defer func() {
		if errors.Is(err, errSpent) {
			return
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
		defer cancel()
		if _, failed := s.ExecContext(ending, end, nil); failed != nil && err == nil {
			err = failed
			if q.write {
				err = fmt.Errorf("%w: %w", errCommit, failed)
			}
		}
	}()
	st, err := s.statements.on(ctx, s, q.text)
	if err != nil {
		return effect{}, err
	}
	if q.write && !q.returnsRows() {
		result, err := st.(driver.StmtExecContext).ExecContext(ctx, values)
		if err != nil {
			return effect{}, err
		}
		done.rowsAffected, _ = result.RowsAffected() // the driver has both by now
		done.lastInsertID, _ = result.LastInsertId()
		end = "COMMIT"
		return done, nil
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(ctx, values)
	if err != nil {
		return effect{}, err
	}
	columns := mysqlColumns(rows)
	labels := typeNames(rows)
	into.begin(columns)
	whole, err := fill(rows, into, func(i int, v driver.Value) any { return mysqlValue(v, labels[i]) })
	if !whole && !q.write && err == nil {
		// The statement has a LIMIT of its own. Reading all that the server has for us could take long.
		return effect{}, errSpent
	}
	if !whole && err == nil {
		err = pass(rows, into)
	}
	if closing := rows.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return effect{}, err
	}
	done.rowsAffected = int64(into.seen)
	end = "COMMIT"
	return done, nil
}
