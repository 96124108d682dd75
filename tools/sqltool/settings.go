package sqltool

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"toolgate/config"
	"toolgate/tools/internal/declare"
)

// What holds where a declaration says nothing, and how far it may go.
const (
	defaultRows        = 1000
	maxRows            = 100_000
	defaultTimeout     = 10 * time.Second
	minTimeout         = 10 * time.Millisecond
	maxTimeout         = 10 * time.Minute
	defaultConnections = 4
	maxConnections     = 100
)

// databaseName keeps names fit for a URI.
var databaseName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// settings are tools.sql.
type settings struct {
	Databases map[string]databaseSettings `yaml:"databases"`
	Tools     []toolSettings              `yaml:"tools"`
}

// databaseSettings is one database of the file.
type databaseSettings struct {
	At          config.Position
	Driver      string        `yaml:"driver"`
	Path        string        `yaml:"path"` // of a SQLite file
	DSN         config.Secret `yaml:"dsn"`
	URL         config.Secret `yaml:"url"`
	Describe    *[]string     `yaml:"describe"` // patterns of tables that are shown; not written: all
	MaxRows     int           `yaml:"max_rows"`
	Timeout     time.Duration `yaml:"timeout"`
	Connections int           `yaml:"connections"`
	Write       bool          `yaml:"write"`
}

// toolSettings is one tool of the file.
type toolSettings struct {
	At          config.Position
	Name        string                    `yaml:"name"`
	Title       string                    `yaml:"title"`
	Description string                    `yaml:"description"`
	Database    string                    `yaml:"database"`
	SQL         string                    `yaml:"sql"`
	Parameters  []declare.Parameter       `yaml:"parameters"`
	Write       bool                      `yaml:"write"`
	Destructive bool                      `yaml:"destructive"`
	Idempotent  bool                      `yaml:"idempotent"`
	MaxRows     int                       `yaml:"max_rows"`
	Timeout     time.Duration             `yaml:"timeout"`
	Columns     map[string]columnSettings `yaml:"columns"`
	One         bool                      `yaml:"one"`
}

// columnSettings is what the file says of one column of a tool's result.
type columnSettings struct {
	At          config.Position
	Description string `yaml:"description"`
	Type        string `yaml:"type"`
	Sensitive   bool   `yaml:"sensitive"`
}

// drivers are the kinds of databases, by the names that a file may call them.
var drivers = map[string]dialect{
	"sqlite": sqliteDialect, "sqlite3": sqliteDialect,
	"postgres": postgresDialect, "postgresql": postgresDialect,
	"mysql": mysqlDialect, "mariadb": mysqlDialect,
}

func (s databaseSettings) dialect() dialect { return drivers[s.Driver] }

func (s databaseSettings) secret() config.Secret {
	if s.DSN.IsZero() {
		return s.URL
	}
	return s.DSN
}

// faults are what is wrong with a database, whatever its server says.
func (s databaseSettings) faults(name string) error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, s.At.Errorf("tools.sql: database %q: %s", name, fmt.Sprintf(format, args...)))
	}
	if !databaseName.MatchString(name) {
		fault("a name is made of letters, digits, _ and -")
	}
	d, known := drivers[s.Driver]
	switch {
	case s.Driver == "":
		fault("a driver is required: sqlite, postgres or mysql")
	case !known:
		fault("driver %q is none of sqlite, postgres, mysql, mariadb", s.Driver)
	case d == sqliteDialect && s.Path == "":
		fault("path is required: the database's file")
	case d == sqliteDialect && (!s.DSN.IsZero() || !s.URL.IsZero()):
		fault("dsn and url are for servers; a SQLite database has a path")
	case d == sqliteDialect && (s.Path == ":memory:" || strings.HasPrefix(s.Path, "file:")):
		fault("path must be that of a file")
	case d != sqliteDialect && s.Path != "":
		fault("path is for sqlite; a server has a dsn")
	case d != sqliteDialect && s.DSN.IsZero() == s.URL.IsZero():
		fault("one of dsn and url is required")
	}
	if s.MaxRows < 0 || s.MaxRows > maxRows {
		fault("max_rows is not within 1 and %d", maxRows)
	}
	if s.Connections < 0 || s.Connections > maxConnections {
		fault("connections is not within 1 and %d", maxConnections)
	}
	if s.Timeout != 0 && (s.Timeout < minTimeout || s.Timeout > maxTimeout) {
		fault("timeout is not within %s and %s", minTimeout, maxTimeout)
	}
	for _, pattern := range s.patterns() {
		if _, err := path.Match(pattern, ""); err != nil {
			fault("describe: %q is no pattern: write a table's name, with * for anything", pattern)
		}
	}
	return errors.Join(faults...)
}

func (s databaseSettings) patterns() []string {
	if s.Describe == nil {
		return []string{"*"}
	}
	return *s.Describe
}

func (s toolSettings) declared() declare.Tool {
	return declare.Tool{
		At: s.At, Name: s.Name, Title: s.Title, Description: s.Description, Parameters: s.Parameters,
		Write: s.Write, Destructive: s.Destructive, Idempotent: s.Idempotent,
	}
}

// shape is how the tool answers.
func (s toolSettings) shape() shape {
	switch {
	case s.Write:
		return writeShape
	case s.One:
		return oneShape
	}
	return listShape
}

// faults are what is wrong with a tool, whatever its database says. st is its statement where that could be read.
func (s toolSettings) faults(databases map[string]databaseSettings, st *statement) error {
	faults := []error{s.declared().Check()}
	fault := func(at config.Position, format string, args ...any) {
		faults = append(faults, at.Errorf("tool %q: %s", s.Name, fmt.Sprintf(format, args...)))
	}
	if s.Name == describeName {
		fault(s.At, "there is a tool of that name already: it shows the databases' tables")
	}
	db, known := databases[s.Database]
	switch {
	case s.Database == "":
		fault(s.At, "a database is required")
	case !known:
		fault(s.At, "there is no database %q in tools.sql.databases", s.Database)
	case s.Write && !db.Write:
		fault(s.At, "it writes, but database %q does not say write: true", s.Database)
	}
	if s.MaxRows < 0 || s.MaxRows > maxRows {
		fault(s.At, "max_rows is not within 1 and %d", maxRows)
	}
	if s.Timeout != 0 && (s.Timeout < minTimeout || s.Timeout > maxTimeout) {
		fault(s.At, "timeout is not within %s and %s", minTimeout, maxTimeout)
	}
	if s.One && s.Write {
		fault(s.At, "one is for tools that read")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Columns)) {
		if _, known := kindNames[s.Columns[name].Type]; !known {
			fault(s.Columns[name].At, "column %q: type %q is none of string, integer, number, boolean, json", name, s.Columns[name].Type)
		}
	}
	if st == nil {
		return errors.Join(faults...)
	}
	if !s.Write && db.dialect() == mysqlDialect {
		if err := onlyReads(st); err != nil {
			fault(s.At, "sql: %v", err)
		}
	}
	for _, name := range st.names {
		if !slices.ContainsFunc(s.Parameters, func(p declare.Parameter) bool { return p.Name == name }) {
			fault(s.At, "sql: :%s is no parameter: declare it", name)
		}
	}
	for _, p := range s.Parameters {
		if !slices.Contains(st.names, p.Name) {
			fault(p.At, "parameter %q: the SQL has no :%s outside quotes and comments", p.Name, p.Name)
		}
	}
	return errors.Join(faults...)
}

// onlyReads refuses what a read-only transaction of MySQL does not: settings of the session or the server, and files. It
// comes on top of the transaction and the account's privileges, not in their place.
func onlyReads(st *statement) error {
	switch st.words[0] {
	case "select", "with", "values", "table", "show", "describe", "desc", "explain":
	default:
		return fmt.Errorf("a tool that reads begins with SELECT, WITH, VALUES, TABLE, SHOW, DESCRIBE or EXPLAIN, not %s: set write: true", strings.ToUpper(st.words[0]))
	}
	for i, word := range st.words[1:] {
		if st.words[i] == "into" && (word == "outfile" || word == "dumpfile") {
			return errors.New("INTO " + strings.ToUpper(word) + " writes a file of the server")
		}
	}
	return nil
}
