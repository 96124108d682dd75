package sqltool

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// exactDigits is how many digits a number may have for every reader of JSON to take it as it is.
const exactDigits = 15

// mysqlColumns are the columns of a result.
func mysqlColumns(rows driver.Rows) []column {
	names, labels := rows.Columns(), typeNames(rows)
	columns := make([]column, len(names))
	for i, name := range names {
		columns[i] = column{name: name, kind: mysqlKind(labels[i]), label: strings.ToLower(labels[i])}
		if sized, ok := rows.(driver.RowsColumnTypePrecisionScale); ok && labels[i] == "DECIMAL" {
			if precision, _, known := sized.ColumnTypePrecisionScale(i); known && precision <= exactDigits {
				columns[i].kind = numberKind
			}
		}
	}
	return columns
}

func mysqlKind(label string) kind {
	switch strings.TrimPrefix(label, "UNSIGNED ") {
	case "BIGINT":
		if label != "BIGINT" {
			return numberKind // beyond what int64 holds
		}
		return integerKind
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "YEAR":
		return integerKind
	case "FLOAT", "DOUBLE":
		return numberKind
	case "DECIMAL", "NULL", "":
		return anyKind
	case "JSON":
		return jsonKind
	}
	return stringKind
}

// mysqlValue is what a value of the driver is, by the name of its column's type.
func mysqlValue(v driver.Value, label string) any {
	switch v := v.(type) {
	case uint64:
		return numeral(fmt.Sprint(v))
	case float32:
		return numeral(fmt.Sprint(v))
	case []byte:
		return mysqlText(v, label)
	}
	return v
}

func mysqlText(v []byte, label string) any {
	switch label {
	case "DECIMAL", "BIGINT", "UNSIGNED BIGINT":
		return numeral(v)
	case "JSON":
		return document(v)
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "BIT", "GEOMETRY":
		return v
	case "DATETIME":
		return strings.Replace(string(v), " ", "T", 1)
	case "TIMESTAMP": // the session's zone is UTC
		return strings.Replace(string(v), " ", "T", 1) + "Z"
	}
	return string(v)
}

// Errors of MySQL and MariaDB servers, by what a caller can do.
var (
	mysqlRefusals = map[uint16]bool{
		1044: true, 1142: true, 1143: true, 1227: true, 1370: true, // privileges
		1792: true, // read-only transaction
		1022: true, 1048: true, 1062: true, 1169: true, 1216: true, 1217: true, 1364: true, 1451: true, 1452: true, 1557: true,
		1586: true, 1761: true, 1762: true, 3819: true, 4025: true, // constraints
		1264: true, 1265: true, 1292: true, 1366: true, 1367: true, 1406: true, 1411: true, 1690: true, 1365: true, 3140: true,
		3141: true, 3156: true, 1644: true, 4038: true, // values
	}
	mysqlConflicts = map[uint16]bool{1205: true, 1213: true}
	mysqlSlow      = map[uint16]bool{1317: true, 1969: true, 3024: true}
	mysqlClosed    = map[uint16]bool{1040: true, 1045: true, 1049: true, 1053: true, 1129: true, 1130: true, 1203: true, 1698: true}
)

func (e *mysqlEngine) explain(err error) failure {
	if fault, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch {
		case mysqlRefusals[fault.Number]:
			return failure{refused, fault.Message}
		case mysqlConflicts[fault.Number]:
			return failure{conflict, fault.Message}
		case mysqlSlow[fault.Number] && errors.Is(err, errCommit):
			return failure{kind: unreachable}
		case mysqlSlow[fault.Number]:
			return failure{kind: slow}
		case mysqlClosed[fault.Number]:
			return failure{kind: unreachable}
		}
		return failure{}
	}
	if errors.Is(err, errConnect) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) {
		return failure{kind: unreachable}
	}
	return failure{}
}

func (e *mysqlEngine) close() {
	_ = e.pool.Close()
	_ = e.killer.Close()
}

// Close lets go of the connection; the server drops its statements.
func (s *mysqlSession) Close() error { return s.mysqlConn.Close() }

func unescape(text string) (string, error) { return url.PathUnescape(text) }
