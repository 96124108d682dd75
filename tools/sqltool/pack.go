// Package sqltool offers databases: tools made of SQL statements that an operator declares, and what tables there are.
// Callers give values, never SQL. Tools that read do so in read-only transactions, or on connections that the database
// itself keeps from writing.
package sqltool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/internal/near"
)

// Name is the pack's name in tools.toolsets.
const Name = "sql"

// describeTime is what a database is given at the start to tell what its tools' results look like.
const describeTime = 2 * time.Second

// Pack is the declared databases and the tools over them.
type Pack struct {
	databases map[string]*database
	order     []string // the databases' names
	tools     []*tool
	log       *zap.Logger

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// database is one declared database, open.
type database struct {
	databaseSettings
	name    string
	engine  engine
	catalog catalog
	names   tableNames
}

// New makes the pack of what is written under tools.sql. The error joins every fault there is, each with its file and line.
// Databases that are servers need not answer: their tools' results are described the better if they do within two seconds.
// The statements of SQLite files that exist must fit them.
func New(tree config.Tree, log *zap.Logger) (*Pack, error) {
	var s settings
	if err := tree.Decode(&s); err != nil {
		return nil, err
	}
	p := &Pack{databases: map[string]*database{}, order: slices.Sorted(maps.Keys(s.Databases)), log: log}
	faults := s.check()
	if faults == nil {
		faults = p.open(s)
	}
	if faults == nil {
		faults = p.learn()
	}
	if faults != nil {
		p.Close()
		return nil, faults
	}
	return p, nil
}

// check returns every fault that shows without a database.
func (s settings) check() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(s.Databases)) {
		faults = append(faults, s.Databases[name].faults(name))
	}
	first := map[string]config.Position{}
	for _, t := range s.Tools {
		st, err := parse(s.Databases[t.Database].dialect(), t.SQL)
		if err != nil {
			faults = append(faults, t.At.Errorf("tool %q: sql: %w", t.Name, err), t.faults(s.Databases, nil))
		} else {
			faults = append(faults, t.faults(s.Databases, &st))
		}
		if at, twice := first[t.Name]; twice {
			faults = append(faults, t.At.Errorf("tool %q: there is one of that name already, at %s", t.Name, at))
		}
		first[t.Name] = t.At
	}
	return errors.Join(faults...)
}

// open makes the databases and tools of settings that have no fault.
func (p *Pack) open(s settings) error {
	var faults []error
	for _, name := range p.order {
		d := s.Databases[name]
		d.MaxRows, d.Timeout, d.Connections = or(d.MaxRows, defaultRows), or(d.Timeout, defaultTimeout), or(d.Connections, defaultConnections)
		e, err := d.engine(p.log)
		if err != nil {
			faults = append(faults, d.At.Errorf("tools.sql: database %q: %w", name, err))
			continue
		}
		db := &database{databaseSettings: d, name: name, engine: e}
		p.databases[name] = db
		if db.catalog, err = newCatalog(d.dialect(), e.catalog()); err != nil {
			faults = append(faults, fmt.Errorf("read the statements about tables: %w", err))
		}
	}
	if faults != nil {
		return errors.Join(faults...)
	}
	for _, t := range s.Tools {
		made, err := newTool(p, p.databases[t.Database], t)
		if err != nil {
			faults = append(faults, err)
		}
		p.tools = append(p.tools, made)
	}
	return errors.Join(faults...)
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func (s databaseSettings) engine(log *zap.Logger) (engine, error) {
	switch s.dialect() {
	case postgresDialect:
		return openPostgres(s.secret().Reveal(), s.Connections, s.Write)
	case mysqlDialect:
		return openMySQL(s.secret().Reveal(), s.Connections, log)
	}
	return openSQLite(s.Path, s.Connections, s.Write)
}

// learn asks each database what its tools' results look like. A statement that does not fit a file is a fault; one that
// does not fit a server is one for the log, since the server may be in the middle of something.
func (p *Pack) learn() error {
	ctx, cancel := context.WithTimeout(context.Background(), describeTime)
	defer cancel()
	errs := p.describeAll(ctx)
	var faults []error
	for i, t := range p.tools {
		err := errs[i]
		if err == nil {
			continue
		}
		if t.db.dialect() == sqliteDialect && t.db.engine.explain(err).kind != unreachable {
			faults = append(faults, t.At.Errorf("tool %q: %w", t.Name, err))
			continue
		}
		p.log.Warn("the columns of a declared tool are not known: its results are described in general terms",
			zap.String("tool", t.Name), zap.String("database", t.db.name), zap.Stringer("declared", t.At), zap.Error(err))
	}
	return errors.Join(faults...)
}

// describeAll has every statement read by its database, several databases at once. An error is that of the tool in its
// place.
func (p *Pack) describeAll(ctx context.Context) []error {
	errs := make([]error, len(p.tools))
	var asking sync.WaitGroup
	for _, db := range p.databases {
		asking.Go(func() {
			for i, t := range p.tools {
				if t.db == db {
					errs[i] = t.learn(ctx)
				}
			}
		})
	}
	asking.Wait()
	return errs
}

// Check has every statement read by its database, without running it: its syntax, tables, columns and parameters. The error
// joins every fault, each with its file and line, and names databases that do not answer. It must not run beside Features.
func (p *Pack) Check(ctx context.Context) error {
	var faults []error
	for i, err := range p.describeAll(ctx) {
		if err != nil {
			faults = append(faults, p.tools[i].At.Errorf("tool %q: %w", p.tools[i].Name, err))
		}
	}
	return errors.Join(faults...)
}

// Features returns the declared tools, in their order, and where a database's tables may be shown a tool and resources that
// do so.
func (p *Pack) Features() mcp.Features {
	var f mcp.Features
	for _, t := range p.tools {
		f.Tools = append(f.Tools, t.feature())
	}
	p.addDescriptions(&f)
	return f
}

// Files is empty: what a database's file holds is data, which changes without the tools being others. A file that another
// one was moved over is noticed within a minute.
func (p *Pack) Files() []string { return nil }

// Close lets no further statement begin, waits for those that run, each of which has a limit, and lets go of the databases.
func (p *Pack) Close() {
	p.mu.Lock()
	already := p.closed
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	if already {
		return
	}
	for _, db := range p.databases {
		db.engine.close()
	}
}

// enter says that a statement begins; the caller calls leave at its end.
func (p *Pack) enter() (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, mcp.ToolErrorf("the databases were closed just now: call again")
	}
	p.running.Add(1)
	return p.running.Done, nil
}

// database finds a database by its name.
func (p *Pack) database(name string) (*database, error) {
	if db := p.databases[name]; db != nil && db.shown() {
		return db, nil
	}
	if closest := near.Names(name, p.shown(), 1); len(closest) > 0 {
		return nil, mcp.ToolErrorf("there is no database %q; did you mean %s?", name, closest[0])
	}
	return nil, mcp.ToolErrorf("there is no database %q; choose from %q", name, p.shown())
}
