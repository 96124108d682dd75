package directory

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	fingerprintSize = 8    // bytes: cursors are mixed up by mistake, and there is nothing to gain by forging one
	maxCursor       = 1024 // characters of an encoded cursor; positions hold at most maxName bytes of one login or one list's name
)

// A cursor says where the next page of an answer begins. It is bound to the question it came from and holds nothing
// that the client does not know, so it works on every replica, survives a restart and never expires.
//
// On the wire it is base64url of the question's fingerprint and the position: opaque, and free to change.
type cursor struct {
	question string // tool and arguments
	after    string // position of the last entry already given; empty on the first page
}

// question names what was asked, for a cursor. Arguments that differ only as identities may are the same question.
func question(tool string, args ...any) string {
	var b strings.Builder
	b.WriteString(tool)
	for _, arg := range args {
		if s, ok := arg.(string); ok {
			arg = key(s)
		}
		fmt.Fprintf(&b, "\x00%v", arg)
	}
	return b.String()
}

// fingerprint is what ties the encoded cursor to its question.
func (c cursor) fingerprint() []byte {
	sum := sha256.Sum256([]byte(c.question))
	return sum[:fingerprintSize]
}

// String encodes the cursor.
func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(append(c.fingerprint(), c.after...))
}

// parseCursor decodes what a client sent for this question. An empty text is the first page. The error is a sentence
// for the model.
func parseCursor(text, question string) (cursor, error) {
	c := cursor{question: question}
	if text == "" {
		return c, nil
	}
	const remedy = "pass nextCursor as it was given, or leave cursor out for the first page"
	if len(text) > maxCursor {
		return c, fmt.Errorf("cursor is longer than any this tool gives out: %s", remedy)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	// Decoding skips line breaks and stray bits; one cursor has one spelling.
	spelled := err == nil && base64.RawURLEncoding.EncodeToString(raw) == text
	if !spelled || len(raw) <= fingerprintSize || !utf8.Valid(raw[fingerprintSize:]) {
		return c, fmt.Errorf("cursor %q is not one this tool gave out: %s", text, remedy)
	}
	if !bytes.Equal(raw[:fingerprintSize], c.fingerprint()) {
		return c, fmt.Errorf("cursor belongs to other arguments: repeat those it was given for, or leave cursor out for the first page")
	}
	c.after = string(raw[fingerprintSize:])
	return c, nil
}

// position is an entry's place in the order of an answer: by name, and where a directory has two of one name, by DN. Of a
// name that is longer than a cursor takes, the beginning counts.
func position(name, dn string) string {
	name = key(name)
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	sum := sha256.Sum256([]byte(key(dn)))
	return name + "\x00" + hex.EncodeToString(sum[:4])
}

// Position is a person's place among others: by login, and where two have one, or have long ones that begin alike, by DN. It
// fits a cursor, however long the login is.
func Position(p Person) string { return position(p.Login, p.DN) }

// page orders items by their positions, in place, and returns at most limit of those after the cursor, with the cursor
// of the next page, empty on the last one. Positions are unique.
func page[T any](c cursor, items []T, at func(T) string, limit int) (shown []T, next string) {
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(at(a), at(b)) })
	start, found := slices.BinarySearchFunc(items, c.after, func(item T, after string) int {
		return strings.Compare(at(item), after)
	})
	if found {
		start++
	}
	items = items[start:]
	if len(items) <= limit {
		return items, ""
	}
	items = items[:limit]
	c.after = at(items[limit-1])
	return items, c.String()
}
