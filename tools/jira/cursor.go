package jira

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json"

	"toolgate/mcp"
)

const (
	fingerprintSize = 8    // bytes: cursors are mixed up by mistake; a forged one only asks what its caller may ask anyway
	maxCursor       = 4096 // characters of an encoded cursor; Jira's own tokens, which are inside, have several hundred
	maxStart        = 1 << 30
)

// cursor says where the next page of an answer begins. On the wire it is base64url of the question's fingerprint and the
// rest as JSON: opaque, bound to its question, good on every replica.
type cursor struct {
	Start   int    `json:"s,omitzero"` // entries of Jira's list before it
	Project int    `json:"p,omitzero"` // which of the allowed projects is asked
	Token   string `json:"t,omitzero"` // Jira's own
	Date    string `json:"d,omitzero"` // of the last entry given
	ID      int    `json:"i,omitzero"` // of the last entry given
}

// question names what was asked, for a cursor.
func question(tool string, args ...any) []byte {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q", tool)
	for _, arg := range args {
		fmt.Fprintf(sum, " %q", fmt.Sprint(arg))
	}
	return sum.Sum(nil)[:fingerprintSize]
}

// encode is the cursor as a client gets it.
func (c cursor) encode(question []byte) string {
	position, _ := json.Marshal(c) // of strings and numbers: cannot fail
	return base64.RawURLEncoding.EncodeToString(append(bytes.Clone(question), position...))
}

// parseCursor reads what a client sent. An empty text is the first page. The error is for the model.
func parseCursor(text string, question []byte) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	const remedy = "pass nextCursor as it was given, or leave cursor out for the first page"
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > maxCursor || len(raw) <= fingerprintSize || base64.RawURLEncoding.EncodeToString(raw) != text {
		return c, mcp.ToolErrorf("the cursor is not one this tool gave out: %s", remedy)
	}
	if !bytes.Equal(raw[:fingerprintSize], question) {
		return c, mcp.ToolErrorf("the cursor belongs to other arguments: repeat those it was given for, or leave cursor out for the first page")
	}
	err = json.Unmarshal(raw[fingerprintSize:], &c, json.RejectUnknownMembers(true))
	if err != nil || c.Start < 0 || c.Start > maxStart || c.Project < 0 || c.Project > maxStart || c.ID < 0 {
		return cursor{}, mcp.ToolErrorf("the cursor is not one this tool gave out: %s", remedy)
	}
	return c, nil
}
