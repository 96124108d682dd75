package mcp

import (
	"encoding/base64"
	"strings"
)

// page cuts one page out of a list in its stable order. A cursor is the name of the last entry shown, sealed against
// nothing and trusted for nothing: it is a position. An entry that went away between two pages is an invalid cursor, and
// the client lists anew (list_changed has told it).
func page[T any](kind string, list []T, name func(T) string, cursor string, size int) (shown []T, next string, err error) {
	from := 0
	if cursor != "" {
		after, ok := decodeCursor(kind, cursor)
		if !ok {
			return nil, "", badCursor()
		}
		for from < len(list) && name(list[from]) != after {
			from++
		}
		if from++; from > len(list) {
			return nil, "", badCursor()
		}
	}
	to := min(from+size, len(list))
	if to < len(list) {
		next = encodeCursor(kind, name(list[to-1]))
	}
	return list[from:to], next, nil
}

func badCursor() error {
	return Errorf(CodeInvalidParams, "the cursor is not one of this list's: list again without a cursor")
}

func encodeCursor(kind, name string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + "\x00" + name))
}

func decodeCursor(kind, cursor string) (name string, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(text), kind+"\x00")
}
