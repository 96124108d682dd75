package sqltool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"toolgate/mcp"
	"toolgate/tools/internal/near"
)

// describeName is the tool that shows tables.
const describeName = "describe_tables"

// How much one answer shows.
const (
	maxShown    = 200 // tables
	maxDetailed = 30  // tables with their columns
)

const (
	scheme        = "sql://"
	tableTemplate = scheme + "{database}/{table}"
	mimeJSON      = "application/json"
)

// shown are the names of the databases whose tables may be shown.
func (p *Pack) shown() []string {
	names := []string{}
	for _, name := range p.order {
		if p.databases[name].shown() {
			names = append(names, name)
		}
	}
	return names
}

// addDescriptions adds what shows tables, where any may be shown.
func (p *Pack) addDescriptions(f *mcp.Features) {
	names := p.shown()
	if len(names) == 0 {
		return
	}
	f.Tools = append(f.Tools, mcp.NewTool(mcp.ToolSpec{
		Name:        describeName,
		Title:       "Describe tables",
		Description: "Shows the tables of the databases " + strings.Join(names, ", ") + ": columns, types, keys and comments.",
		Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
		Timeout:     2*catalogTime + grace + margin,
	}, p.describeTables))
	for _, name := range names {
		f.Resources = append(f.Resources, &mcp.Resource{
			URI: scheme + name, Name: name, Title: "Tables of " + name, MIMEType: mimeJSON,
			Description: "The tables of the database " + name + ".",
			Read:        p.readDatabase,
		})
	}
	f.Templates = append(f.Templates, &mcp.ResourceTemplate{
		URITemplate: tableTemplate, Name: "table", Title: "Columns of a table", MIMEType: mimeJSON,
		Description: "The columns of one table: types, keys and comments.",
		Read:        p.readTable,
		Complete:    map[string]mcp.CompleteFunc{"database": p.completeDatabase, "table": p.completeTable},
	})
}

type describeArgs struct {
	Database string `json:"database,omitempty" jsonschema:"One database; all if left out." maxLength:"100"`
	Table    string `json:"table,omitempty" jsonschema:"One table by its exact name." maxLength:"300"`
	Like     string `json:"like,omitempty" jsonschema:"Part of the tables' names." maxLength:"300"`
}

type describeResult struct {
	Tables      []table  `json:"tables" jsonschema:"Tables, by name."`
	Total       int      `json:"total" jsonschema:"Tables that match, with those not shown."`
	Unreachable []string `json:"unreachable,omitempty" jsonschema:"Databases that did not answer."`
}

func (p *Pack) describeTables(ctx context.Context, _ *mcp.Call, in describeArgs) (describeResult, error) {
	asked := p.shown()
	if in.Database != "" {
		if _, err := p.database(in.Database); err != nil {
			return describeResult{}, err
		}
		asked = []string{in.Database}
	}
	result := describeResult{Tables: []table{}}
	var all []table
	var down error
	for _, name := range asked {
		found, err := p.tables(ctx, p.databases[name])
		if _, forModel := errors.AsType[*mcp.ToolError](err); forModel {
			down = err
			result.Unreachable = append(result.Unreachable, name)
			continue
		}
		if err != nil {
			return describeResult{}, err
		}
		all = append(all, found...)
	}
	if len(result.Unreachable) == len(asked) {
		return describeResult{}, down
	}
	matching := slices.DeleteFunc(slices.Clone(all), func(t table) bool { return !in.matches(t.Name) })
	if in.Table != "" && len(matching) == 0 && down == nil {
		return describeResult{}, noTable(in.Table, all)
	}
	result.Total = len(matching)
	result.Tables = append(result.Tables, matching[:min(len(matching), maxShown)]...)
	if len(result.Tables) > maxDetailed {
		return result, nil
	}
	for _, name := range asked {
		if err := p.detailOf(ctx, name, result.Tables); err != nil {
			return describeResult{}, err
		}
	}
	return result, nil
}

// detailOf fills in the columns of those tables that are of one database.
func (p *Pack) detailOf(ctx context.Context, name string, tables []table) error {
	first := slices.IndexFunc(tables, func(t table) bool { return t.Database == name })
	if first < 0 {
		return nil
	}
	last := first
	for last < len(tables) && tables[last].Database == name {
		last++
	}
	return p.detail(ctx, p.databases[name], tables[first:last])
}

func (in describeArgs) matches(name string) bool {
	if in.Table != "" && !sameTable(in.Table, name) {
		return false
	}
	return strings.Contains(strings.ToLower(name), strings.ToLower(in.Like))
}

// sameTable compares names; PostgreSQL's public schema need not be said.
func sameTable(asked, name string) bool {
	return strings.EqualFold(asked, name) || strings.EqualFold("public."+asked, name)
}

func noTable(name string, all []table) error {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Name
		if !strings.Contains(name, ".") {
			names[i] = strings.TrimPrefix(t.Name, "public.")
		}
	}
	if closest := near.Names(name, names, 3); len(closest) > 0 {
		return mcp.ToolErrorf("there is no table %q; did you mean %s?", name, strings.Join(closest, ", "))
	}
	return mcp.ToolErrorf("there is no table %q; call %s without table for those there are", name, describeName)
}

func (p *Pack) readDatabase(ctx context.Context, _ *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
	name := strings.TrimPrefix(uri, scheme)
	db := p.databases[name]
	if db == nil || !db.shown() {
		return nil, fmt.Errorf("database %q: %w", name, mcp.ErrResourceNotFound)
	}
	found, err := p.tables(ctx, db)
	if err != nil {
		return nil, forReader(err)
	}
	listed := make([]map[string]string, len(found))
	for i, t := range found {
		listed[i] = map[string]string{"uri": tableURI(t), "name": t.Name, "kind": t.Kind}
		if t.Comment != "" {
			listed[i]["comment"] = t.Comment
		}
	}
	return contents(uri, map[string]any{"database": name, "tables": listed})
}

func tableURI(t table) string { return scheme + t.Database + "/" + url.PathEscape(t.Name) }

func (p *Pack) readTable(ctx context.Context, _ *mcp.Call, uri string, vars map[string]string) ([]mcp.ResourceContents, error) {
	db := p.databases[vars["database"]]
	if db == nil || !db.shown() {
		return nil, fmt.Errorf("database %q: %w", vars["database"], mcp.ErrResourceNotFound)
	}
	found, err := p.tables(ctx, db)
	if err != nil {
		return nil, forReader(err)
	}
	i := slices.IndexFunc(found, func(t table) bool { return sameTable(vars["table"], t.Name) })
	if i < 0 {
		return nil, fmt.Errorf("table %q: %w", vars["table"], mcp.ErrResourceNotFound)
	}
	if err := p.detail(ctx, db, found[i:i+1]); err != nil {
		return nil, forReader(err)
	}
	return contents(uri, found[i])
}

// forReader makes of what a model could act on an error of the protocol, as resources have no other.
func forReader(err error) error {
	if forModel, ok := errors.AsType[*mcp.ToolError](err); ok {
		return mcp.Errorf(mcp.CodeInternal, "%s", forModel.Message)
	}
	return err
}

func contents(uri string, of any) ([]mcp.ResourceContents, error) {
	text, err := json.MarshalIndent(of, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the tables: %w", err)
	}
	return []mcp.ResourceContents{{URI: uri, MIMEType: mimeJSON, Text: string(text)}}, nil
}

func (p *Pack) completeDatabase(_ context.Context, _ *mcp.Call, value string, _ map[string]string) ([]string, error) {
	return beginningWith(value, p.shown()), nil
}

func (p *Pack) completeTable(ctx context.Context, _ *mcp.Call, value string, given map[string]string) ([]string, error) {
	names := []string{}
	for _, name := range p.shown() {
		if chosen := given["database"]; chosen != "" && chosen != name {
			continue
		}
		found, err := p.tableNames(ctx, p.databases[name])
		if err != nil {
			continue // proposals are an extra
		}
		names = append(names, found...)
	}
	return beginningWith(value, names), nil
}

// beginningWith returns the names that begin with value, without regard to case; those of which a part after a dot does
// come after them.
func beginningWith(value string, names []string) []string {
	value = strings.ToLower(value)
	first, then := []string{}, []string{}
	for _, name := range names {
		switch lower := strings.ToLower(name); {
		case strings.HasPrefix(lower, value):
			first = append(first, name)
		case strings.Contains(lower, "."+value):
			then = append(then, name)
		}
	}
	return append(first, then...)
}
