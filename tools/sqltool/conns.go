package sqltool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// prepared keeps a connection's statements, by their text. A connection is used by one goroutine at a time.
type prepared map[string]driver.Stmt

// on prepares text, once a connection.
func (p prepared) on(ctx context.Context, c driver.ConnPrepareContext, text string) (driver.Stmt, error) {
	if st, ok := p[text]; ok {
		return st, nil
	}
	st, err := c.PrepareContext(ctx, text)
	if err == nil {
		p[text] = st
	}
	return st, err
}

// withSession lends the driver's connection out of a pool to f. Where f returns an error that wraps driver.ErrBadConn the
// connection is not used again.
func withSession[S any](ctx context.Context, db *sql.DB, f func(S) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errConnect, err)
	}
	var failed error
	err = c.Raw(func(session any) error {
		failed = f(session.(S))
		if errors.Is(failed, driver.ErrBadConn) {
			return driver.ErrBadConn
		}
		return nil
	})
	if failed == nil && err != nil {
		failed = fmt.Errorf("%w: %w", errConnect, err)
	}
	_ = c.Close() // gives it back; what is bad is closed already
	return failed
}

// errConnect is wrapped by what goes wrong before a statement reaches its database.
var errConnect = errors.New("connect")

// named turns arguments into what drivers take, a value for each placeholder.
func named(q *query, args []argument) ([]driver.NamedValue, error) {
	values := make([]driver.NamedValue, len(q.slots))
	for i, slot := range q.slots {
		v, err := args[slot].driverValue()
		if err != nil {
			return nil, err
		}
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return values, nil
}

// fill reads a driver's rows until there are no more, or no room for more: whole then is false.
func fill(rows driver.Rows, into *rowset, convert func(i int, value driver.Value) any) (whole bool, err error) {
	values := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(values)
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if !into.open() {
			return false, nil
		}
		for i, v := range values {
			into.put(i, convert(i, v))
		}
		into.close()
	}
}

// pass reads what fill left of a driver's rows, to count them.
func pass(rows driver.Rows, into *rowset) error {
	values := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(values)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		into.seen++
	}
}

// typeNames are the database's names of the types of a result's columns.
func typeNames(rows driver.Rows) []string {
	names := make([]string, len(rows.Columns()))
	if typed, ok := rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		for i := range names {
			names[i] = typed.ColumnTypeDatabaseTypeName(i)
		}
	}
	return names
}

// countsOf reads the one row of a statement that asks for a change's counts.
func countsOf(rows *rowset) (effect, error) {
	var counts struct {
		Changes int64 `json:"changes"`
		ID      int64 `json:"id"`
	}
	if err := json.Unmarshal(rows.first(), &counts); err != nil {
		return effect{}, fmt.Errorf("count the changes: %w", err)
	}
	return effect{rowsAffected: counts.Changes, lastInsertID: counts.ID}, nil
}
