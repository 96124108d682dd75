package sqltool

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/zap"

	"toolgate/tools/internal/declare"
)

// Bounds of what is read about a database.
const (
	maxTables   = 5000
	maxDetails  = 20_000           // columns
	catalogTime = 10 * time.Second // of one question
)

// catalogQueries are a database's statements about itself. tables gives name, kind and comment; columns takes :tables, an
// array of names, and gives table, name, type, nullable, primary, references and comment.
type catalogQueries struct{ tables, columns string }

// catalog is those statements, read.
type catalog struct{ tables, columns *query }

var catalogParameters = map[string]declare.Parameter{"tables": {Name: "tables", Type: "array", Items: "string"}}

func newCatalog(d dialect, texts catalogQueries) (catalog, error) {
	read := func(text string, limit int) (*query, error) {
		st, err := parse(d, text)
		return &query{statement: st, limit: limit, timeout: catalogTime, samples: bind(st.names, catalogParameters, nil)}, err
	}
	tables, err := read(texts.tables, maxTables)
	if err != nil {
		return catalog{}, err
	}
	columns, err := read(texts.columns, maxDetails)
	return catalog{tables, columns}, err
}

// table is one table or view, as it is shown.
type table struct {
	Database string        `json:"database" jsonschema:"The database."`
	Name     string        `json:"name" jsonschema:"Name of the table."`
	Kind     string        `json:"kind" jsonschema:"table or view."`
	Comment  string        `json:"comment,omitempty" jsonschema:"What it is for."`
	Columns  []tableColumn `json:"columns,omitempty" jsonschema:"Its columns; absent where too many tables match."`
}

type tableColumn struct {
	Table      string `json:"-"`
	Name       string `json:"name" jsonschema:"Name."`
	Type       string `json:"type" jsonschema:"The database's type."`
	Nullable   bool   `json:"nullable,omitempty" jsonschema:"It may be NULL."`
	Primary    bool   `json:"primary,omitempty" jsonschema:"Part of the primary key."`
	References string `json:"references,omitempty" jsonschema:"The table and column it points to."`
	Comment    string `json:"comment,omitempty" jsonschema:"What it holds."`
}

// shown says whether tables of the database may be shown at all.
func (d *database) shown() bool { return len(d.patterns()) > 0 }

// shows says whether the operator lets a table be shown.
func (d *database) shows(name string) bool {
	_, bare, qualified := strings.Cut(name, ".")
	for _, pattern := range d.patterns() {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
		if strings.HasPrefix(name, "public.") && qualified && !strings.Contains(pattern, ".") {
			if ok, _ := path.Match(pattern, bare); ok {
				return true
			}
		}
	}
	return false
}

// tables are those of a database that may be shown, by name.
func (p *Pack) tables(ctx context.Context, db *database) ([]table, error) {
	var found []table
	if err := p.ask(ctx, db, db.catalog.tables, nil, &found); err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(t table) bool { return !db.shows(t.Name) })
	for i := range found {
		found[i].Database = db.name
	}
	return found, nil
}

// detail fills in the columns of tables of one database.
func (p *Pack) detail(ctx context.Context, db *database, tables []table) error {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	if len(names) == 0 {
		return nil
	}
	list, err := json.Marshal(names)
	if err != nil {
		return fmt.Errorf("name the tables: %w", err)
	}
	var found []struct {
		Of string `json:"table"`
		tableColumn
	}
	if err := p.ask(ctx, db, db.catalog.columns, declare.Arguments{"tables": jsontext.Value(list)}, &found); err != nil {
		return err
	}
	for _, c := range found {
		if i := slices.Index(names, c.Of); i >= 0 {
			tables[i].Columns = append(tables[i].Columns, c.tableColumn)
		}
	}
	return nil
}

// ask runs one of the catalog's statements and reads its rows.
func (p *Pack) ask(ctx context.Context, db *database, q *query, given declare.Arguments, into any) error {
	leave, err := p.enter()
	if err != nil {
		return err
	}
	defer leave()
	rows := &rowset{limit: q.limit, columns: []column{
		{name: "nullable", kind: booleanKind},
		{name: "primary", kind: booleanKind},
		{name: "name", kind: stringKind},
		{name: "comment", kind: stringKind},
		{name: "type", kind: stringKind},
	}}
	if _, err := db.engine.run(ctx, q, bind(q.names, catalogParameters, given), rows); err != nil {
		return p.failed(ctx, db, q, "read the tables", err)
	}
	if err := json.Unmarshal(rows.json(), into); err != nil {
		return fmt.Errorf("read what %s says of its tables: %w", db.name, err)
	}
	return nil
}

func dbFields(db *database, err error) []zap.Field {
	return []zap.Field{zap.String("database", db.name), zap.Error(err)}
}

func (e *sqliteEngine) catalog() catalogQueries {
	return catalogQueries{
		tables: `SELECT name, type AS kind FROM sqlite_schema
			WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name`,
		columns: `SELECT t.value AS "table", c.name, c.type, c."notnull" = 0 AND c.pk = 0 AS nullable, c.pk > 0 AS "primary",
				(SELECT f."table" || '(' || coalesce(f."to", 'primary key') || ')' FROM pragma_foreign_key_list(t.value) f
					WHERE f."from" = c.name LIMIT 1) AS "references"
			FROM json_each(:tables) t, pragma_table_xinfo(t.value) c WHERE c.hidden <> 1 ORDER BY t.value, c.cid`,
	}
}

func (e *mysqlEngine) catalog() catalogQueries {
	return catalogQueries{
		tables: `SELECT t.table_name AS name, IF(t.table_type LIKE '%VIEW', 'view', 'table') AS kind,
				IF(t.table_type LIKE '%VIEW', NULL, NULLIF(t.table_comment, '')) AS comment
			FROM information_schema.tables t WHERE t.table_schema = DATABASE() ORDER BY t.table_name`,
		columns: "SELECT c.table_name AS `table`, c.column_name AS name, c.column_type AS type, c.is_nullable = 'YES' AS nullable," +
			` c.column_key = 'PRI' AS "primary", NULLIF(c.column_comment, '') AS comment,
				(SELECT CONCAT(k.referenced_table_name, '(', k.referenced_column_name, ')') FROM information_schema.key_column_usage k
					WHERE k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name
					AND k.referenced_table_name IS NOT NULL LIMIT 1) AS "references"
			FROM information_schema.columns c
			WHERE c.table_schema = DATABASE() AND JSON_CONTAINS(:tables, JSON_QUOTE(c.table_name))
			ORDER BY c.table_name, c.ordinal_position`,
	}
}

func (e *postgresEngine) catalog() catalogQueries {
	return catalogQueries{
		tables: `SELECT n.nspname || '.' || c.relname AS name, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS kind,
				obj_description(c.oid, 'pg_class') AS comment
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
				AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
			ORDER BY 1`,
		columns: `SELECT n.nspname || '.' || c.relname AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
				NOT a.attnotnull AS nullable, col_description(c.oid, a.attnum) AS comment,
				EXISTS (SELECT 1 FROM pg_catalog.pg_index i
					WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS "primary",
				(SELECT fn.nspname || '.' || fc.relname || '(' || fa.attname || ')' FROM pg_catalog.pg_constraint k
					JOIN pg_catalog.pg_class fc ON fc.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
					JOIN pg_catalog.pg_attribute fa ON fa.attrelid = fc.oid AND fa.attnum = k.confkey[array_position(k.conkey, a.attnum)]
					WHERE k.contype = 'f' AND k.conrelid = c.oid AND a.attnum = ANY (k.conkey) ORDER BY k.oid LIMIT 1) AS "references"
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
			WHERE a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
				AND n.nspname || '.' || c.relname = ANY (:tables)
			ORDER BY 1, a.attnum`,
	}
}
