package sqltool

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name    string
		dialect dialect
		sql     string
		text    string
		names   string
	}{
		{"one", postgresDialect, "SELECT :a", "SELECT $1", "a"},
		{"twice", postgresDialect, "SELECT :a, :b, :a", "SELECT $1, $2, $1", "a b"},
		{"twice, by place", mysqlDialect, "SELECT :a, :b, :a", "SELECT ?, ?, ?", "a b"},
		{"a cast", postgresDialect, "SELECT :a::int, b::text", "SELECT $1::int, b::text", "a"},
		{"an assignment", postgresDialect, "SELECT f(x := :a)", "SELECT f(x := $1)", "a"},
		{"a slice", postgresDialect, "SELECT v[1:2], v[i:j], v[(x):y], v[2:]", "SELECT v[1:2], v[i:j], v[(x):y], v[2:]", ""},
		{"placeholders in brackets", postgresDialect, "SELECT v[:i], ARRAY[:a, :b], v[:i : :j]", "SELECT v[$1], ARRAY[$2, $3], v[$1 : $4]", "i a b j"},
		{"a keyword in brackets", postgresDialect, "SELECT ARRAY[CASE WHEN :a THEN 1 END]", "SELECT ARRAY[CASE WHEN $1 THEN 1 END]", "a"},
		{"parentheses in brackets", postgresDialect, "SELECT v[(SELECT x :a)]", "SELECT v[(SELECT x $1)]", "a"},
		{"after a word", postgresDialect, "x ILIKE:a", "x ILIKE $1", "a"},
		{"quotes", postgresDialect, `SELECT ':a', ":a", 'it''s :a', :a`, `SELECT ':a', ":a", 'it''s :a', $1`, "a"},
		{"a backslash is one", postgresDialect, `SELECT '\', :a, ''`, `SELECT '\', $1, ''`, "a"},
		{"unless after E", postgresDialect, `SELECT E'\' :a', :a`, `SELECT E'\' :a', $1`, "a"},
		{"a word that ends in e", postgresDialect, `SELECT name'\', :a`, `SELECT name'\', $1`, "a"},
		{"dollars", postgresDialect, `SELECT $$ :a $x$ $$, $x$ :a $$ $x$, :a`, `SELECT $$ :a $x$ $$, $x$ :a $$ $x$, $1`, "a"},
		{"a dollar in a name", postgresDialect, `SELECT a$b$, :a, c$b$`, `SELECT a$b$, $1, c$b$`, "a"},
		{"comments", postgresDialect, "SELECT 1 -- :a\n/* :a /* :a */ :a */ + :a", "SELECT 1 -- :a\n/* :a /* :a */ :a */ + $1", "a"},
		{"question marks are operators", postgresDialect, "SELECT j ? 'x' AND j ?| :a", "SELECT j ? 'x' AND j ?| $1", "a"},
		{"the end", postgresDialect, "SELECT :a ; -- done", "SELECT $1 ", "a"},
		{"comments do not nest", mysqlDialect, "SELECT /* /* */ :a", "SELECT /* /* */ ?", "a"},
		{"backslashes", mysqlDialect, `SELECT '\' :a', "\" :a", :a`, `SELECT '\' :a', "\" :a", ?`, "a"},
		{"backquotes", mysqlDialect, "SELECT `:a\\`, :a, `x``:a`", "SELECT `:a\\`, ?, `x``:a`", "a"},
		{"a hash", mysqlDialect, "SELECT 1 # :a\n, :a", "SELECT 1 # :a\n, ?", "a"},
		{"two minuses", mysqlDialect, "SELECT 1--:a", "SELECT 1--?", "a"},
		{"variables", mysqlDialect, "SELECT @x := :a", "SELECT @x := ?", "a"},
		{"brackets are quotes", sqliteDialect, "SELECT [:a], :a", "SELECT [:a], ?", "a"},
		{"an arrow", sqliteDialect, "SELECT j ->> '$.x', :a", "SELECT j ->> '$.x', ?", "a"},
		{"beyond ASCII", sqliteDialect, "SELECT 'ž', ž, :a", "SELECT 'ž', ž, ?", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st, err := parse(tt.dialect, tt.sql)
			if err != nil {
				t.Fatal(err)
			}
			if st.text != tt.text || strings.Join(st.names, " ") != tt.names {
				t.Errorf("parse(%q) = %q of %q\nwant %q of %q", tt.sql, st.text, st.names, tt.text, tt.names)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		dialect   dialect
		sql, want string
	}{
		{sqliteDialect, "SELECT ?1", "no name"},
		{sqliteDialect, "SELECT @a", "no name"},
		{sqliteDialect, "SELECT $a", "no name"},
		{mysqlDialect, "SELECT ?", "no name"},
		{mysqlDialect, "SELECT 1 /*!1*/", "/*!"},
		{mysqlDialect, "SELECT 1 /*M!1*/", "/*!"},
		{postgresDialect, "SELECT 1 /* /* */", "never closed"},
		{postgresDialect, "SELECT $x$ $y$", "never closed"},
		{postgresDialect, "SELECT \x00", "NUL"},
		{postgresDialect, "SELECT '\xff'", "UTF-8"},
		{postgresDialect, strings.Repeat(" ", maxStatement) + "SELECT 1", "bytes"},
		{postgresDialect, " ; ", "no statement"},
	} {
		if _, err := parse(tt.dialect, tt.sql); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("parse(%.40q) = %v, want %s", tt.sql, err, tt.want)
		}
	}
}

// quoted puts text where the database does not read it, in every way there is.
func quoted(d dialect, text string) []string {
	all := []string{
		"'" + strings.ReplaceAll(text, "'", "''") + "'",
		`"` + strings.ReplaceAll(text, `"`, `""`) + `"`,
		"-- " + strings.ReplaceAll(text, "\n", " ") + "\n",
		"/* " + strings.NewReplacer("*/", "", "/*", "", "*", " ", "/", " ").Replace(text) + " */",
	}
	switch d {
	case sqliteDialect:
		all = append(all, "["+strings.ReplaceAll(text, "]", "")+"]", "`"+strings.ReplaceAll(text, "`", "``")+"`")
	case postgresDialect:
		all = append(all, "$q$"+strings.ReplaceAll(text, "$", "")+"$q$", "E'"+strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text)+"'")
	case mysqlDialect:
		all[0], all[1] = strings.ReplaceAll(all[0], `\`, `\\`), strings.ReplaceAll(all[1], `\`, `\\`)
		all = append(all, "`"+strings.ReplaceAll(text, "`", "``")+"`", "# "+strings.ReplaceAll(text, "\n", " ")+"\n")
	}
	return all
}

// FuzzParse holds that text outside placeholders stays as it is, byte for byte, and that what is quoted is never rewritten.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"SELECT :a, ':b' -- :c", "a[1:b]::int", "$x$ :a $x$", "E'\\' :a'", "/* /* :a */ */", "?", "[:a]", "`:a`", "; SELECT 2", "x:a", "#:a\n:b", "0$:a", ":a$x$ :b $x$", ":aé",
	} {
		f.Add(0, seed)
		f.Add(1, seed)
		f.Add(2, seed)
	}
	f.Fuzz(func(t *testing.T, which int, sql string) {
		d := dialect(((which % 3) + 3) % 3)
		tokens, err := scan(d, sql)
		if err != nil {
			return
		}
		at := 0
		for _, k := range tokens {
			if k.start != at || k.end <= k.start {
				t.Fatalf("%q: a token from %d to %d after %d", sql, k.start, k.end, at)
			}
			at = k.end
		}
		if at != len(sql) {
			t.Fatalf("%q: tokens end at %d of %d", sql, at, len(sql))
		}
		if st, err := parse(d, sql); err == nil {
			// What the database's placeholders are put back to is what was written.
			back, number := scanBack(d, st.text, st)
			if number != len(st.slots) && d != postgresDialect {
				t.Errorf("%q: %d placeholders in %q, %d slots", sql, number, st.text, len(st.slots))
			}
			if before, _, _ := cutStatement(d, sql); strings.ReplaceAll(back, " ", "") != strings.ReplaceAll(before, " ", "") {
				t.Errorf("%q\nbecame %q\nand back %q", sql, st.text, back)
			}
		}
		for _, hidden := range quoted(d, strings.ReplaceAll(sql, "!", "")) {
			st, err := parse(d, "SELECT "+hidden+" , :z")
			if err != nil {
				continue
			}
			if !strings.HasPrefix(st.text, "SELECT "+hidden+" , ") || !slices.Equal(st.names, []string{"z"}) {
				t.Errorf("dialect %d: %q became %q of %q", d, hidden, st.text, st.names)
			}
		}
	})
}

// cutStatement is what stands before the semicolon that ends the statement.
func cutStatement(d dialect, sql string) (before, after string, found bool) {
	tokens, _ := scan(d, sql)
	for _, k := range tokens {
		if k.kind == semicolonToken {
			return sql[:k.start], sql[k.end:], true
		}
	}
	return sql, "", false
}

// scanBack writes names in the places of the database's placeholders.
func scanBack(d dialect, text string, st statement) (string, int) {
	tokens, _ := scan(d, text)
	var back strings.Builder
	n := 0
	for i := 0; i < len(tokens); i++ {
		piece := text[tokens[i].start:tokens[i].end]
		if tokens[i].kind != positionalToken {
			back.WriteString(piece)
			continue
		}
		slot := n
		if d == postgresDialect {
			i++
			number := 0
			digits := text[tokens[i].start:tokens[i].end]
			for k := 0; k < len(digits) && digits[k] >= '0' && digits[k] <= '9'; k++ {
				number = number*10 + int(digits[k]-'0')
			}
			slot = number - 1
			back.WriteString(":" + st.names[slot])
			n++
			continue
		}
		back.WriteString(":" + st.names[st.slots[slot]])
		n++
	}
	return back.String(), n
}
