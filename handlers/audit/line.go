package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// The events of a record.
const (
	eventCall      = "tool_call" // a tools/call was answered or cancelled
	eventStart     = "start"     // a process goes on with the record, or begins it
	eventStop      = "stop"      // that process closed it
	eventGap       = "gap"       // calls before this line are missing
	eventRecovered = "recovered" // the file ended in half a line, which was cut off
	eventRotate    = "rotate"    // the file before was full; the first line of each file but the first
	eventPrune     = "prune"     // files up to the line "through" are about to be removed, by audit.keep
)

// line is one line of the record. Members that an event does not have are left out; those of a call are always there.
type line struct {
	Seq   uint64    `json:"seq"` // from 1, without holes, through all files
	Time  time.Time `json:"time"`
	ID    uuid.UUID `json:"id"` // version 7
	Event string    `json:"event"`

	Call *call `json:",embed"`

	PID     int    `json:"pid,omitzero"`     // of start
	Missed  uint64 `json:"missed,omitzero"`  // of gap: calls
	Bytes   int64  `json:"bytes,omitzero"`   // of recovered: cut off
	File    string `json:"file,omitzero"`    // of rotate: the name of the file before
	Through uint64 `json:"through,omitzero"` // of prune: the last line that is removed

	Prev string `json:"prev"`
}

// call is what a line says of a tool call.
type call struct {
	Principal    who            `json:"principal"`
	Address      string         `json:"address"`
	Transport    string         `json:"transport"`
	Session      string         `json:"session"`
	Client       software       `json:"client"`
	RequestID    string         `json:"request_id"`
	Tool         string         `json:"tool"` // empty where there is no such tool
	Arguments    jsontext.Value `json:"arguments,omitzero"`
	ArgumentsCut *cut           `json:"arguments_cut,omitzero"` // in place of arguments that are too long
	Outcome      string         `json:"outcome"`                // ok, tool_error, a JSON-RPC code, cancelled or timeout
	DurationMS   float64        `json:"duration_ms"`
}

type who struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type software struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// cut is the beginning of a text that was too long.
type cut struct {
	Bytes int    `json:"bytes"` // of all of it
	Start string `json:"start"`
}

const (
	hashSize = 2 * sha256.Size // characters

	// maxLine bounds a line that is read back, in bytes. A line that is written is far shorter: what strangers put into it is
	// bounded.
	maxLine = 1 << 20
)

// hashMember is the member that seals a line, at its very end, as it is written.
const (
	hashBegins = `,"hash":"`
	hashEnds   = `"}`
)

// noHash is prev of the first line of all.
func noHash() string { return strings.Repeat("0", hashSize) }

// hashForm is the form of a hash.
var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// appendSealed appends l, sealed and with its line break, to b, and returns its hash too.
func appendSealed(b []byte, l *line) (sealed []byte, hash string, err error) {
	text, err := json.Marshal(l)
	if err != nil {
		return b, "", fmt.Errorf("encode a line: %w", err)
	}
	text = escaped(text)
	sum := sha256.Sum256(text)
	hash = hex.EncodeToString(sum[:])
	b = append(b, text[:len(text)-1]...)
	b = append(b, hashBegins...)
	b = append(b, hash...)
	return append(b, hashEnds+"\n"...), hash, nil
}

// escaped is JSON with everything escaped that a terminal might obey. The encoder escapes C0 controls alone; C1 and what
// turns the direction of a text can only stand within strings, where an escape says the same.
func escaped(text []byte) []byte {
	if bytes.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for _, r := range string(text) {
		switch {
		case unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

var (
	errNoLine  = errors.New("it is not a line of a record")
	errChanged = errors.New("it is not as it was written: its hash does not fit it")
)

// readSealed reads one line, without its line break. The error is errNoLine or errChanged; with the latter l is what it says
// now.
func readSealed(text []byte) (l line, hash string, err error) {
	at := len(text) - len(hashBegins) - hashSize - len(hashEnds)
	if at <= 0 || !bytes.HasPrefix(text[at:], []byte(hashBegins)) || !bytes.HasSuffix(text, []byte(hashEnds)) {
		return l, "", errNoLine
	}
	hash = string(text[len(text)-len(hashEnds)-hashSize : len(text)-len(hashEnds)])
	digest := sha256.New()
	digest.Write(text[:at])
	digest.Write([]byte("}"))
	if err := json.Unmarshal(text, &l); err != nil || l.Seq == 0 || !hashForm.MatchString(l.Prev) || !hashForm.MatchString(hash) {
		return l, "", errNoLine
	}
	if hex.EncodeToString(digest.Sum(nil)) != hash {
		return l, hash, errChanged
	}
	return l, hash, nil
}
