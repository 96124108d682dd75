package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"toolgate/mcp"
)

const (
	fingerprintSize = 8  // bytes: cursors are mixed up by mistake, and there is nothing to gain by forging one
	maxCursor       = 64 // characters of a cursor
)

// cursor is a place in the ordered answer to one question: base64url of what tells the question from others, and how many
// matches were given. It holds nothing the client does not know, and works on every replica.
type cursor struct {
	question string
	given    int
}

func (c cursor) fingerprint() []byte {
	sum := sha256.Sum256([]byte(c.question))
	return sum[:fingerprintSize]
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(c.fingerprint(), uint64(c.given)))
}

// parseCursor reads what a client sent; an empty text is the first page.
func parseCursor(text, question string) (cursor, error) {
	c := cursor{question: question}
	if text == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) <= fingerprintSize {
		return c, mcp.ToolErrorf("cursor is not one this tool gave out: pass nextCursor as it was given, or leave cursor out for the first page")
	}
	given, n := binary.Uvarint(raw[fingerprintSize:])
	if n != len(raw)-fingerprintSize || given > maxHits || !bytes.Equal(raw[:fingerprintSize], c.fingerprint()) {
		return c, mcp.ToolErrorf("cursor belongs to other arguments: repeat those it was given for, or leave cursor out for the first page")
	}
	c.given = int(given)
	return c, nil
}

// question names what was asked, for a cursor.
func question(args ...string) string { return fmt.Sprintf("%q", args) }
