package sqltool

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// What one result may take, whatever its rows.
const (
	maxResult   = 4 << 20  // bytes of JSON
	maxBinary   = 64 << 10 // bytes of one binary value, before base64
	maxNotes    = 10
	notedLength = 60 // characters of a value that are shown in a note
)

// Values come from a database as int64, float64, bool, string, []byte (binary), or one of these. A nil is a NULL.
type (
	numeral  string // the digits of a number that may be more exact than a float64
	document []byte // JSON
)

// rowset is the rows of one result, encoded as they come: a JSON array of objects without NULLs. Values that do not fit
// what is promised of their column are left out, with a note.
type rowset struct {
	columns []column
	limit   int // rows

	buf       []byte
	keys      [][]byte // the columns' names, quoted, a colon after each
	rows      int
	seen      int // rows that there were, with those there was no room for
	cells     int // of the row that is being written
	rowStart  int
	truncated bool
	notes     []string
	failure   error // why it cannot be encoded
}

// begin says which columns there are. Those that were known before stay as they were known.
func (r *rowset) begin(found []column) {
	distinct(found)
	known := map[string]column{}
	for _, c := range r.columns {
		known[c.name] = c
	}
	r.columns = found
	for i, c := range found {
		if k, ok := known[c.name]; ok {
			r.columns[i] = k
		}
	}
	r.keys = make([][]byte, len(r.columns))
	for i, c := range r.columns {
		r.keys[i] = append(r.quote(nil, c.name), ':')
	}
	r.buf = append(r.buf, '[')
}

// open begins a row; false where there is no room for another.
func (r *rowset) open() bool {
	r.seen++
	if r.truncated || r.rows >= r.limit {
		r.truncated = true
		return false
	}
	r.rowStart, r.cells = len(r.buf), 0
	if r.rows > 0 {
		r.buf = append(r.buf, ',')
	}
	r.buf = append(r.buf, '{')
	r.rows++
	return true
}

// close ends a row. One that is too much is taken back.
func (r *rowset) close() {
	r.buf = append(r.buf, '}')
	if len(r.buf) <= maxResult {
		return
	}
	r.buf = r.buf[:r.rowStart]
	r.rows--
	r.truncated = true
	r.note("row %d and those after it are left out: they do not fit into %d MiB", r.rows+1, maxResult>>20)
}

// json is the array.
func (r *rowset) json() jsontext.Value {
	if len(r.buf) == 0 {
		return jsontext.Value("[]")
	}
	return append(r.buf, ']')
}

// first is the first row, without the array; nil where there is none.
func (r *rowset) first() jsontext.Value {
	if r.rows == 0 {
		return nil
	}
	return r.buf[1:]
}

func (r *rowset) note(format string, args ...any) {
	if len(r.notes) < maxNotes {
		r.notes = append(r.notes, strings.ToValidUTF8(fmt.Sprintf(format, args...), "\uFFFD"))
	}
}

func (r *rowset) misfit(i int, shown string) {
	c := r.columns[i]
	if c.sensitive {
		shown = "***"
	}
	if utf8.RuneCountInString(shown) > notedLength {
		shown = string([]rune(shown)[:notedLength]) + "…"
	}
	r.note("row %d: %s is %q, no %s: left out", r.rows, c.name, shown, c.kind.noun())
}

// put writes the value of a column of the row that is open, as what the column is.
func (r *rowset) put(i int, value any) {
	if value == nil {
		return
	}
	mark := len(r.buf)
	if r.cells > 0 {
		r.buf = append(r.buf, ',')
	}
	r.buf = append(r.buf, r.keys[i]...)
	if b, isBinary := value.([]byte); isBinary && len(b) > maxBinary {
		r.note("row %d: %s has %d bytes; the first %d are given", r.rows, r.columns[i].name, len(b), maxBinary)
		value = b[:maxBinary]
	}
	written, ok := r.appendAs(r.columns[i].kind, r.buf, value)
	if !ok {
		r.buf = r.buf[:mark]
		r.misfit(i, plain(value))
		return
	}
	r.buf = written
	r.cells++
}

func (r *rowset) appendAs(k kind, to []byte, value any) ([]byte, bool) {
	switch k {
	case stringKind:
		if text, isText := value.(string); isText {
			return r.quote(to, text), true
		}
		return r.quote(to, plain(value)), true
	case integerKind:
		n, ok := whole(value)
		return strconv.AppendInt(to, n, 10), ok
	case numberKind:
		return appendNumber(to, value)
	case booleanKind:
		b, ok := boolean(value)
		return strconv.AppendBool(to, b), ok
	case jsonKind:
		if text, isText := value.(string); isText {
			value = document(text)
		}
	case arrayKind:
		d, isDocument := value.(document)
		if !isDocument || len(d) == 0 || d[0] != '[' {
			return to, false
		}
	}
	return r.appendNatural(to, value), true
}

// appendNatural writes a value as what it is by itself.
func (r *rowset) appendNatural(to []byte, value any) []byte {
	switch v := value.(type) {
	case bool:
		return strconv.AppendBool(to, v)
	case document:
		if d := jsontext.Value(v); d.IsValid() {
			return append(to, d...)
		}
		return r.quote(to, string(v))
	case string, []byte:
		return r.quote(to, plain(v))
	}
	if n, isNumeral := value.(numeral); isNumeral && digits(string(n)) > exactDigits {
		return r.quote(to, string(n))
	}
	if written, ok := appendNumber(to, value); ok {
		return written
	}
	return r.quote(to, plain(value))
}

// digits counts those that a reader has to keep.
func digits(number string) int {
	n := 0
	for _, c := range strings.TrimLeft(number, "-0.") {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}

// quote appends a JSON string. Bytes that are not UTF-8 are replaced.
func (r *rowset) quote(to []byte, text string) []byte {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	quoted, err := jsontext.AppendQuote(to, text)
	if err != nil {
		r.failure = err
	}
	return quoted
}

// appendNumber writes a number in JSON; false where value is none, or none that JSON has.
func appendNumber(to []byte, value any) ([]byte, bool) {
	switch v := value.(type) {
	case int64:
		return strconv.AppendInt(to, v, 10), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return to, false
		}
		format := byte('f')
		if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			format = 'e'
		}
		return strconv.AppendFloat(to, v, format, -1, 64), true
	case numeral:
		return appendDigits(to, string(v))
	case string:
		return appendDigits(to, v)
	}
	return to, false
}

func appendDigits(to []byte, text string) ([]byte, bool) {
	d := jsontext.Value(text)
	if d.Kind() != '0' || !d.IsValid() || strings.TrimSpace(text) != text {
		return to, false
	}
	return append(to, d...), true
}

func whole(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return 0, false
		}
		return int64(v), true
	case numeral:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

func boolean(value any) (b, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case int64:
		return v == 1, v == 0 || v == 1
	case string:
		b, err := strconv.ParseBool(v)
		return b, err == nil
	case []byte: // BIT(1)
		return len(v) == 1 && v[0] == 1, len(v) == 1 && v[0] <= 1
	}
	return false, false
}

// plain is a value as text.
func plain(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case numeral:
		return string(v)
	case document:
		return string(v)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(value)
}
