package sqltool

import (
	"context"
	"time"
)

// engine is one database as this pack uses it. Its methods may be called from several goroutines; each returns when ctx
// ends, or at the latest grace later, and stops at the server what it began there.
type engine interface {
	// describe has the database read a statement without running it. The columns are nil where they cannot be known
	// beforehand, and empty where there are none.
	describe(ctx context.Context, q *query) ([]column, error)

	// run runs a statement once, in a transaction of its own that only reads unless q.write, and fills rows.
	run(ctx context.Context, q *query, args []argument, rows *rowset) (effect, error)

	// catalog is the statements that list tables, columns and keys.
	catalog() catalogQueries

	// explain says what an error of run or describe is.
	explain(err error) failure

	// close lets go of every connection. Nothing runs by then.
	close()
}

// query is a statement as it is run.
type query struct {
	statement
	write   bool
	limit   int           // rows
	timeout time.Duration // at the database
	samples []argument    // of the parameters' kinds, without values; for statements whose types do not show
}

// returnsRows says whether a statement that writes has rows to give, for databases that do not say so themselves.
func (q *query) returnsRows() bool {
	switch q.words[0] {
	case "select", "with", "values", "table", "show", "call", "explain", "describe", "desc", "pragma":
		return true
	}
	return q.has("returning")
}

// effect is what a statement that writes did.
type effect struct {
	rowsAffected int64
	lastInsertID int64 // 0: there is none
}

// grace is how long after its time a statement that the database does not stop is let go of.
const grace = 2 * time.Second

// lateness is what the database is given on top of a statement's time, so that it is the database that stops the statement:
// the connection is good afterwards.
const lateness = 250 * time.Millisecond

// failureKind says who can act on a failure.
type failureKind int

const (
	ours        failureKind = iota // nobody who calls: the declaration, or we, are wrong
	refused                        // the database says what is wrong with the values, or why it will not
	conflict                       // another transaction was in the way: again may do
	slow                           // it took too long
	unreachable                    // there is no talking to the database
)

// failure is an error of a database, told apart.
type failure struct {
	kind    failureKind
	message string // the database's, of refused and conflict: safe to be shown
}
