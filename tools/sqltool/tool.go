package sqltool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/tools/internal/declare"
)

// tool is one declared tool over its database.
type tool struct {
	toolSettings
	pack       *Pack
	db         *database
	query      *query
	parameters map[string]declare.Parameter
	columns    []column // of its results, as far as they are known
}

// newTool makes a tool of settings without faults.
func newTool(p *Pack, db *database, s toolSettings) (*tool, error) {
	st, err := parse(db.dialect(), s.SQL)
	if err != nil {
		return nil, s.At.Errorf("tool %q: sql: %w", s.Name, err)
	}
	t := &tool{toolSettings: s, pack: p, db: db, parameters: map[string]declare.Parameter{}}
	for _, p := range s.Parameters {
		t.parameters[p.Name] = p
	}
	limit := or(s.MaxRows, db.MaxRows)
	if s.One {
		limit = 1
	}
	t.query = &query{
		statement: st, write: s.Write, limit: limit, timeout: or(s.Timeout, db.Timeout),
		samples: bind(st.names, t.parameters, nil),
	}
	t.columns = t.declaredColumns(nil)
	return t, nil
}

// learn has the database read the statement and keeps what its result looks like.
func (t *tool) learn(ctx context.Context) error {
	leave, err := t.pack.enter()
	if err != nil {
		return err
	}
	defer leave()
	found, err := t.db.engine.describe(ctx, t.query)
	if err != nil || found == nil {
		return err
	}
	distinct(found)
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		if !slices.ContainsFunc(found, func(c column) bool { return c.name == name }) {
			return fmt.Errorf("columns: the result has no column %q", name)
		}
	}
	t.columns = t.declaredColumns(found)
	return nil
}

// declaredColumns is what was found, with what the declaration says on top of it.
func (t *tool) declaredColumns(found []column) []column {
	columns := slices.Clone(found)
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		if i < 0 {
			i = len(columns)
			columns = append(columns, column{name: name})
		}
		said := t.Columns[name]
		columns[i].description, columns[i].sensitive = said.Description, said.Sensitive
		if said.Type != "" {
			columns[i].kind = kindNames[said.Type]
		}
	}
	return columns
}

// margin is what a call is given beyond its statement's time, so that the answer about it still goes out.
const margin = 3 * time.Second

func (t *tool) feature() *mcp.Tool {
	d := t.declared()
	return mcp.NewTool(mcp.ToolSpec{
		Name:        d.Name,
		Title:       d.ShownTitle(),
		Description: d.Description,
		Annotations: mcp.ToolAnnotations{
			ReadOnlyHint: !d.Write, DestructiveHint: d.Write && d.Destructive, IdempotentHint: !d.Write || d.Idempotent,
		},
		InputSchema:  d.InputSchema(),
		OutputSchema: jsontext.Value(outputSchema(t.shape(), t.columns)),
		Timeout:      t.query.timeout + grace + margin,
	}, t.call)
}

func (t *tool) call(ctx context.Context, _ *mcp.Call, given declare.Arguments) (jsontext.Value, error) {
	leave, err := t.pack.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	rows := &rowset{columns: t.columns, limit: t.query.limit}
	done, err := t.db.engine.run(ctx, t.query, bind(t.query.names, t.parameters, given), rows)
	if err == nil {
		err = rows.failure
	}
	if err != nil {
		return nil, t.failed(ctx, err)
	}
	return t.answer(rows, done)
}

// answer puts a result together; its rows are JSON already.
func (t *tool) answer(rows *rowset, done effect) (jsontext.Value, error) {
	to := make([]byte, 0, len(rows.buf)+128)
	switch t.shape() {
	case oneShape:
		to = strconv.AppendBool(append(to, `{"found":`...), rows.rows > 0)
		if rows.rows > 0 {
			to = append(append(to, `,"row":`...), rows.first()...)
		}
	case writeShape:
		to = strconv.AppendInt(append(to, `{"rowsAffected":`...), done.rowsAffected, 10)
		if done.lastInsertID != 0 {
			to = strconv.AppendInt(append(to, `,"lastInsertId":`...), done.lastInsertID, 10)
		}
		if len(rows.columns) > 0 && rows.keys != nil && len(rows.keys) > 0 {
			to = append(append(to, `,"rows":`...), rows.json()...)
			to = strconv.AppendBool(append(to, `,"truncated":`...), rows.truncated)
		}
	default:
		to = append(append(to, `{"rows":`...), rows.json()...)
		to = strconv.AppendInt(append(to, `,"rowCount":`...), int64(rows.rows), 10)
		to = strconv.AppendBool(append(to, `,"truncated":`...), rows.truncated)
	}
	if t.shape() == oneShape && rows.truncated && rows.rows > 0 {
		rows.note("there are more rows than this one")
	}
	if len(rows.notes) > 0 {
		notes, err := json.Marshal(rows.notes)
		if err != nil {
			return nil, fmt.Errorf("encode the notes: %w", err)
		}
		to = append(append(to, `,"notes":`...), notes...)
	}
	return append(to, '}'), nil
}

// failed is what a caller learns of an error: what it can act on as text for the model, the rest as it is.
func (t *tool) failed(ctx context.Context, err error) error {
	return t.pack.failed(ctx, t.db, t.query, "run "+t.Name, err)
}

// Bounds and times of what a failure tells.
const (
	maxMessage    = 600 // bytes of a database's message
	retryConflict = 1   // seconds
	retryDown     = 5   // seconds
)

func (p *Pack) failed(ctx context.Context, db *database, q *query, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s on %s: %w", doing, db.name, context.Cause(ctx))
	}
	if forModel, ok := errors.AsType[*mcp.ToolError](err); ok {
		return forModel
	}
	unsure := ""
	if q.write {
		unsure = "; it may have been done or not: look before you try again"
	}
	f := db.engine.explain(err)
	f.message = strings.ToValidUTF8(f.message, "\uFFFD")
	if len(f.message) > maxMessage {
		f.message = strings.ToValidUTF8(f.message[:maxMessage], "") + "…" // without a character that was cut in two
	}
	switch {
	case f.kind == refused:
		return mcp.ToolErrorf("the database %s refused: %s", db.name, f.message)
	case f.kind == conflict:
		return &mcp.ToolError{Message: fmt.Sprintf("the database %s is busy with others' changes, nothing was done: %s", db.name, f.message), RetryAfter: retryConflict}
	case errors.Is(err, errConnect):
		p.log.Warn("a database could not be reached", dbFields(db, err)...)
		return &mcp.ToolError{Message: fmt.Sprintf("the database %s could not be reached", db.name), RetryAfter: retryDown}
	case f.kind == slow, errors.Is(err, context.DeadlineExceeded) && !q.write:
		return mcp.ToolErrorf("the statement ran longer than %s, its limit on %s, and was stopped: ask for less", q.timeout, db.name)
	case errors.Is(err, context.DeadlineExceeded): // nothing says that a write was stopped
		p.log.Warn("a database did not answer in time", dbFields(db, err)...)
		return mcp.ToolErrorf("the database %s did not answer within %s%s", db.name, q.timeout, unsure)
	case f.kind == unreachable:
		p.log.Warn("a database was lost during a statement", dbFields(db, err)...)
		return &mcp.ToolError{Message: fmt.Sprintf("the database %s could not be reached%s", db.name, unsure)}
	}
	return fmt.Errorf("%s on %s: %w", doing, db.name, err)
}
