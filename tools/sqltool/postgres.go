package sqltool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Bounds of what a PostgreSQL server can cost us.
const (
	postgresMessage = 16 << 20         // bytes of one row
	postgresIdle    = time.Second      // after which a connection is looked at before it is used
	postgresConnect = 5 * time.Second  // where the DSN says nothing
	postgresAge     = 30 * time.Minute // of a connection
)

// postgresEngine is a PostgreSQL server. It speaks the extended protocol alone, which takes one statement at a time.
type postgresEngine struct {
	config *pgconn.Config
	slots  chan *postgresSession // one a connection there may be; nil where it is not open
}

var _ engine = (*postgresEngine)(nil)

// errPostgresDSN says no more: what is wrong may be a part of a password.
var errPostgresDSN = errors.New("it cannot be read: write postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, or host=… user=… password=… dbname=…")

// openPostgres connects to nothing yet.
func openPostgres(dsn string, connections int, write bool) (*postgresEngine, error) {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, errPostgresDSN
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = postgresConnect
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "toolgate"
	}
	config.MaxProtocolMessageBodyLen = postgresMessage
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	e := &postgresEngine{config: config, slots: make(chan *postgresSession, connections)}
	// How values are written, and how the scanner of statements reads strings, must not depend on the role's settings. A
	// database that nobody may write to is read-only twice.
	setup := "SET standard_conforming_strings = on; SET DateStyle = ISO; SET IntervalStyle = iso_8601; SET bytea_output = hex; SET extra_float_digits = 1; SET client_encoding = 'UTF8'; SET idle_in_transaction_session_timeout = '60s'"
	if config.RuntimeParams["timezone"] == "" && config.RuntimeParams["TimeZone"] == "" {
		setup += "; SET TimeZone = 'UTC'"
	}
	if !write {
		setup += "; SET default_transaction_read_only = on"
	}
	config.AfterConnect = func(ctx context.Context, c *pgconn.PgConn) error {
		_, err := c.Exec(ctx, setup).ReadAll()
		return err
	}
	for range connections {
		e.slots <- nil
	}
	return e, nil
}

// acquire takes a connection. fresh says that it was made for this call. The caller gives it back with release.
func (e *postgresEngine) acquire(ctx context.Context) (s *postgresSession, fresh bool, err error) {
	select {
	case s = <-e.slots:
	case <-ctx.Done():
		return nil, false, fmt.Errorf("%w: every connection is busy: %w", errConnect, ctx.Err())
	}
	if s != nil && !s.usable(ctx) {
		s.close()
		s = nil
	}
	if s != nil {
		return s, false, nil
	}
	s, err = e.connect(ctx)
	if err != nil {
		e.slots <- nil
		return nil, false, fmt.Errorf("%w: %w", errConnect, err)
	}
	return s, true, nil
}

// release gives a connection back; one that is not good any more is closed.
func (e *postgresEngine) release(s *postgresSession) {
	s.used = time.Now()
	if s.spent || s.conn.IsClosed() {
		s.close()
		s = nil
	}
	e.slots <- s
}

func (e *postgresEngine) connect(ctx context.Context) (*postgresSession, error) {
	c, err := pgconn.ConnectConfig(ctx, e.config)
	if err != nil {
		return nil, err
	}
	s := &postgresSession{conn: c, made: time.Now(), statements: map[string]*pgconn.StatementDescription{}}
	if err := s.prepareFrame(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (e *postgresEngine) describe(ctx context.Context, q *query) ([]column, error) {
	s, _, err := e.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer e.release(s)
	st, err := s.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	return postgresColumns(st.Fields), nil
}

func (e *postgresEngine) run(ctx context.Context, q *query, args []argument, into *rowset) (effect, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		var err error
		if values[i], err = a.postgresText(); err != nil {
			return effect{}, err
		}
	}
	// The server stops a statement at its time; this is for a server that does not.
	ctx, cancel := context.WithTimeout(ctx, q.timeout+lateness)
	defer cancel()
	blank := *into
	for attempt := 1; ; attempt++ {
		*into = blank
		s, fresh, err := e.acquire(ctx)
		if err != nil {
			return effect{}, err
		}
		done, err := s.run(ctx, q, values, into)
		e.release(s)
		switch {
		case err == nil:
			return done, nil
		case ctx.Err() != nil:
			return effect{}, fmt.Errorf("%w: %w", err, ctx.Err())
		case attempt > cap(e.slots)+1:
			return effect{}, err
		case errors.Is(err, errStale):
			// It was made before the tables changed, and ran nothing.
		case fresh || q.write || !broken(err):
			return effect{}, err
		}
	}
}

// errStale says that a prepared statement has to be prepared anew.
var errStale = errors.New("the statement was prepared for other tables")

// broken says whether the connection was lost rather than the statement refused.
func broken(err error) bool {
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(fault.Code, "57P") || strings.HasPrefix(fault.Code, "08")
	}
	return true
}

func (e *postgresEngine) explain(err error) failure {
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		if errors.Is(err, errConnect) {
			return failure{kind: unreachable}
		}
		message := fault.Message
		if fault.Detail != "" && strings.HasPrefix(fault.Code, "23") {
			message += ": " + fault.Detail
		}
		switch {
		case fault.Code == "57014":
			return failure{kind: slow}
		case fault.Code == "40001", fault.Code == "40P01", fault.Code == "55P03":
			return failure{conflict, message}
		case strings.HasPrefix(fault.Code, "22"), strings.HasPrefix(fault.Code, "23"), strings.HasPrefix(fault.Code, "25"),
			fault.Code == "42501", fault.Code == "P0001", fault.Code == "44000":
			return failure{refused, message}
		case strings.HasPrefix(fault.Code, "57P"), strings.HasPrefix(fault.Code, "08"), strings.HasPrefix(fault.Code, "53"):
			return failure{kind: unreachable}
		}
		return failure{}
	}
	_, isNet := errors.AsType[net.Error](err)
	if isNet || errors.Is(err, errConnect) || errors.Is(err, errBroken) {
		return failure{kind: unreachable}
	}
	return failure{}
}

// close takes every slot: nothing runs by then.
func (e *postgresEngine) close() {
	for range cap(e.slots) {
		if s := <-e.slots; s != nil {
			s.close()
		}
	}
}
