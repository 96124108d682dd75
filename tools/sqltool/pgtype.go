package sqltool

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// maxDimensions is how deep PostgreSQL's arrays go. What a server sends beyond that would cost us our stack.
const maxDimensions = 6

// Object ids of PostgreSQL's own types. They never change.
const (
	oidBool, oidBytea, oidInt8, oidInt2, oidInt4, oidOID  = 16, 17, 20, 21, 23, 26
	oidJSON, oidJSONB                                     = 114, 3802
	oidFloat4, oidFloat8, oidNumeric                      = 700, 701, 1700
	oidDate, oidTime, oidTimestamp, oidTimestampTZ        = 1082, 1083, 1114, 1184
	oidText, oidName, oidBPChar, oidVarchar, oidUUID      = 25, 19, 1042, 1043, 2950
	oidTimeTZ, oidInterval, oidInet, oidCIDR, oidUnknown  = 1266, 1186, 869, 650, 705
	oidXML, oidMoney, oidBit, oidVarbit, oidChar, oidVoid = 142, 790, 1560, 1562, 18, 2278
)

// postgresNames are the names of types, as descriptions of columns show them.
var postgresNames = map[uint32]string{
	oidBool: "boolean", oidBytea: "bytea", oidInt8: "bigint", oidInt2: "smallint", oidInt4: "integer", oidOID: "oid",
	oidJSON: "json", oidJSONB: "jsonb", oidFloat4: "real", oidFloat8: "double precision", oidNumeric: "numeric",
	oidDate: "date", oidTime: "time", oidTimestamp: "timestamp without time zone", oidTimestampTZ: "timestamp with time zone",
	oidText: "text", oidName: "name", oidBPChar: "character", oidVarchar: "character varying", oidUUID: "uuid",
	oidTimeTZ: "time with time zone", oidInterval: "interval", oidInet: "inet", oidCIDR: "cidr", oidUnknown: "text",
	oidXML: "xml", oidMoney: "money", oidBit: "bit", oidVarbit: "bit varying", oidChar: "char", oidVoid: "void",
}

// postgresArrays are the types of the elements of arrays.
var postgresArrays = map[uint32]uint32{
	1000: oidBool, 1001: oidBytea, 1003: oidName, 1005: oidInt2, 1007: oidInt4, 1009: oidText, 1014: oidBPChar, 1015: oidVarchar,
	1016: oidInt8, 1021: oidFloat4, 1022: oidFloat8, 1028: oidOID, 1115: oidTimestamp, 1182: oidDate, 1183: oidTime,
	1185: oidTimestampTZ, 1231: oidNumeric, 2951: oidUUID, 199: oidJSON, 3807: oidJSONB, 1187: oidInterval, 1041: oidInet,
}

// postgresColumns are the columns of a statement's result.
func postgresColumns(fields []pgconn.FieldDescription) []column {
	columns := make([]column, len(fields))
	for i, f := range fields {
		c := column{name: f.Name, kind: postgresKind(f.DataTypeOID), label: postgresNames[f.DataTypeOID]}
		if element, isArray := postgresArrays[f.DataTypeOID]; isArray {
			c.label = postgresNames[element] + "[]"
		}
		const header = 4 // of a type modifier
		if f.DataTypeOID == oidNumeric && f.TypeModifier >= header && (f.TypeModifier-header)>>16 <= exactDigits {
			c.kind = numberKind
		}
		columns[i] = c
	}
	return columns
}

func postgresKind(oid uint32) kind {
	switch oid {
	case oidBool:
		return booleanKind
	case oidInt2, oidInt4, oidInt8, oidOID:
		return integerKind
	case oidFloat4, oidFloat8:
		return numberKind
	case oidNumeric:
		return anyKind
	case oidJSON, oidJSONB:
		return jsonKind
	}
	if _, isArray := postgresArrays[oid]; isArray {
		return arrayKind
	}
	return stringKind
}

// postgresValue is a value in the text format. Nil is NULL. It does not keep v.
func postgresValue(v []byte, oid uint32) any {
	if v == nil {
		return nil
	}
	switch oid {
	case oidBool:
		return len(v) == 1 && v[0] == 't'
	case oidInt2, oidInt4, oidInt8, oidOID:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return string(v)
		}
		return n
	case oidFloat4, oidFloat8:
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			return string(v)
		}
		return f
	case oidNumeric:
		return numeral(v)
	case oidJSON, oidJSONB:
		return document(v)
	case oidBytea:
		b, err := hex.DecodeString(strings.TrimPrefix(string(v), `\x`))
		if err != nil {
			return string(v)
		}
		return b
	case oidTimestamp, oidTimestampTZ:
		return postgresTime(string(v), oid == oidTimestampTZ)
	}
	if element, isArray := postgresArrays[oid]; isArray {
		if d, ok := postgresArray(string(v), element); ok {
			return d
		}
	}
	return string(v)
}

// postgresTime is a point in time as RFC 3339 has it; without a zone where the type has none. What RFC 3339 cannot say,
// such as infinity, stays as it is.
func postgresTime(v string, zoned bool) string {
	day, rest, ok := strings.Cut(v, " ")
	if !ok || strings.HasSuffix(v, "BC") {
		return v
	}
	if !zoned {
		return day + "T" + rest
	}
	at := strings.LastIndexAny(rest, "+-")
	switch {
	case at < 0:
		return v
	case rest[at:] == "+00":
		return day + "T" + rest[:at] + "Z"
	case len(rest)-at == len("+02"):
		return day + "T" + rest + ":00"
	}
	return day + "T" + rest
}

// postgresArray turns {1,"a b",NULL} into JSON; false where it is no array that this reads.
func postgresArray(v string, element uint32) (document, bool) {
	if eq := strings.Index(v, "={"); strings.HasPrefix(v, "[") && eq > 0 {
		v = v[eq+1:] // [0:2]={…}: where it begins to count
	}
	r := &arrayReader{text: v, element: element}
	if !r.array() || r.at != len(v) {
		return nil, false
	}
	return r.out, true
}

// arrayReader turns one array of PostgreSQL's text format into JSON.
type arrayReader struct {
	text    string
	at      int
	element uint32
	depth   int
	out     []byte
	cells   rowset // for what one element is in JSON
}

func (r *arrayReader) array() bool {
	if !strings.HasPrefix(r.text[r.at:], "{") || r.depth == maxDimensions {
		return false
	}
	r.depth++
	defer func() { r.depth-- }()
	r.at++
	r.out = append(r.out, '[')
	for first := true; r.at < len(r.text); first = false {
		if r.text[r.at] == '}' {
			r.at++
			r.out = append(r.out, ']')
			return true
		}
		if !first {
			if r.text[r.at] != ',' {
				return false
			}
			r.at++
			r.out = append(r.out, ',')
		}
		if !r.item() {
			return false
		}
	}
	return false
}

func (r *arrayReader) item() bool {
	if r.at >= len(r.text) {
		return false
	}
	switch r.text[r.at] {
	case '{':
		return r.array()
	case '"':
		var item []byte
		for r.at++; r.at < len(r.text); r.at++ {
			switch c := r.text[r.at]; c {
			case '"':
				r.at++
				r.value(item)
				return true
			case '\\':
				r.at++
				if r.at == len(r.text) {
					return false
				}
			}
			item = append(item, r.text[r.at])
		}
		return false
	}
	n := strings.IndexAny(r.text[r.at:], ",}")
	if n < 0 {
		return false
	}
	item := r.text[r.at : r.at+n]
	r.at += n
	if item == "NULL" {
		r.out = append(r.out, "null"...) // an element that is left out would move the others
		return true
	}
	r.value([]byte(item))
	return true
}

func (r *arrayReader) value(item []byte) {
	if item == nil {
		item = []byte{}
	}
	r.out = r.cells.appendNatural(r.out, postgresValue(item, r.element))
}
