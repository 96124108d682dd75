package sqltool

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// The statements around every statement, prepared once a connection. Setting the time takes the transaction's snapshot,
// after which PostgreSQL lets nothing make the transaction writable.
const (
	beginRead   = "toolgate_begin_read"
	beginWrite  = "toolgate_begin_write"
	setTime     = "toolgate_time"
	endRollback = "toolgate_rollback"
	endCommit   = "toolgate_commit"
)

var frame = map[string]string{
	beginRead:   "BEGIN READ ONLY",
	beginWrite:  "BEGIN READ WRITE",
	setTime:     "SELECT set_config('statement_timeout', $1::text, true)",
	endRollback: "ROLLBACK",
	endCommit:   "COMMIT",
}

// errBroken is wrapped by what goes wrong on the way to the server and back.
var errBroken = errors.New("the connection broke")

// postgresSession is one connection. One goroutine uses it at a time.
type postgresSession struct {
	conn       *pgconn.PgConn
	made, used time.Time
	spent      bool // not to be used again
	open       bool // in a transaction

	statements map[string]*pgconn.StatementDescription // by their text
	named      int
}

func (s *postgresSession) usable(ctx context.Context) bool {
	now := time.Now()
	switch {
	case s.conn.IsClosed(), now.Sub(s.made) > postgresAge:
		return false
	case now.Sub(s.used) < postgresIdle:
		return true
	}
	return s.conn.Ping(ctx) == nil
}

func (s *postgresSession) close() {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = s.conn.Close(ctx)
	select {
	case <-s.conn.CleanupDone():
	case <-ctx.Done():
	}
}

// exchange sends what send writes, as one packet, and hands on what comes back until the server is ready for more. The
// first error of the server's is the error.
func (s *postgresSession) exchange(ctx context.Context, send func(*pgproto3.Frontend), receive func(pgproto3.BackendMessage)) (err error) {
	settle := s.stoppable(ctx)
	defer settle()
	send(s.conn.Frontend())
	s.conn.Frontend().SendSync(&pgproto3.Sync{})
	if err := s.conn.Frontend().Flush(); err != nil {
		s.spent = true
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	var refused error
	for {
		// The deadline is on the connection: watching a context for every message costs more than the message.
		m, err := s.conn.ReceiveMessage(context.Background())
		if err != nil {
			s.spent = true
			if refused != nil {
				return refused // and then the server hung up
			}
			return fmt.Errorf("%w: %w", errBroken, err)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			if refused == nil {
				refused = pgconn.ErrorResponseToPgError(m)
			}
		case *pgproto3.ReadyForQuery:
			s.open = m.TxStatus != 'I'
			return refused
		default:
			receive(m)
		}
	}
}

// stoppable has the server stop what the connection does once ctx is done, and stops listening if that does not help. The
// connection is spent then: what stops one statement could hit the next. The caller calls settle before it goes on.
func (s *postgresSession) stoppable(ctx context.Context) (settle func()) {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		_ = s.conn.Conn().SetDeadline(time.Now().Add(grace))
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		_ = s.conn.CancelRequest(stopping)
	})
	return func() {
		if !stop() {
			<-over
			s.spent = true
		}
	}
}

func (s *postgresSession) prepareFrame(ctx context.Context) error {
	return s.exchange(ctx, func(f *pgproto3.Frontend) {
		for name, text := range frame {
			f.SendParse(&pgproto3.Parse{Name: name, Query: text})
		}
	}, func(pgproto3.BackendMessage) {})
}

// prepare has the server read a statement, once a connection.
func (s *postgresSession) prepare(ctx context.Context, q *query) (*pgconn.StatementDescription, error) {
	if st, ok := s.statements[q.text]; ok {
		return st, nil
	}
	s.named++
	name := "toolgate_" + strconv.Itoa(s.named)
	st, err := s.conn.Prepare(ctx, name, q.text, nil)
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok && (fault.Code == "42P18" || fault.Code == "42P08") {
		// The statement does not tell of what type its parameters are; their declarations do.
		types := make([]uint32, len(q.samples))
		for i, a := range q.samples {
			types[i] = a.postgresType()
		}
		st, err = s.conn.Prepare(ctx, name, q.text, types)
	}
	if err != nil {
		if _, answered := errors.AsType[*pgconn.PgError](err); !answered {
			s.spent = true
			err = fmt.Errorf("%w: %w", errBroken, err)
		}
		return nil, err
	}
	s.statements[q.text] = st
	return st, nil
}

// run runs a statement in a transaction of its own: all of it is sent at once, and the server itself stops one that reads
// after as many rows as there is room for.
func (s *postgresSession) run(ctx context.Context, q *query, values [][]byte, into *rowset) (done effect, err error) {
	st, err := s.prepare(ctx, q)
	if err != nil {
		return effect{}, err
	}
	begin, end, most := beginRead, endRollback, uint32(q.limit)+1 //nolint:gosec // a limit is small
	if q.write {
		// A statement that is not read to its end does not tell how many rows it changed.
		begin, end, most = beginWrite, endCommit, 0
	}
	const statement = 2 // those before it begin the transaction and set its time
	finished := 0
	columns := postgresColumns(st.Fields)
	into.begin(columns)
	err = s.exchange(ctx, func(f *pgproto3.Frontend) {
		do := func(name string, rows uint32, parameters ...[]byte) {
			f.SendBind(&pgproto3.Bind{PreparedStatement: name, Parameters: parameters})
			f.SendExecute(&pgproto3.Execute{MaxRows: rows})
		}
		do(begin, 0)
		do(setTime, 0, strconv.AppendInt(nil, q.timeout.Milliseconds(), 10))
		do(st.Name, most, values...)
		do(end, 0)
	}, func(m pgproto3.BackendMessage) {
		switch m := m.(type) {
		case *pgproto3.DataRow:
			if finished == statement && into.open() {
				for i, v := range m.Values {
					into.put(i, postgresValue(v, st.Fields[i].DataTypeOID))
				}
				into.close()
			}
		case *pgproto3.CommandComplete:
			if finished == statement {
				done.rowsAffected = pgconn.NewCommandTag(string(m.CommandTag)).RowsAffected()
			}
			finished++
		case *pgproto3.PortalSuspended, *pgproto3.EmptyQueryResponse:
			finished++
		}
	})
	s.leave(ctx)
	if s.stale(err) {
		delete(s.statements, q.text)
		return effect{}, errStale
	}
	return done, err
}

// leave ends a transaction that an error left open.
func (s *postgresSession) leave(ctx context.Context) {
	if s.spent || !s.open {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.exchange(ctx, func(f *pgproto3.Frontend) {
		f.SendBind(&pgproto3.Bind{PreparedStatement: endRollback})
		f.SendExecute(&pgproto3.Execute{})
	}, func(pgproto3.BackendMessage) {})
	s.spent = s.spent || err != nil || s.open
}

// stale says whether the server refused a prepared statement because of what was changed since.
func (s *postgresSession) stale(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (fault.Code == "0A000" && strings.Contains(fault.Message, "cached plan") || fault.Code == "26000")
}
