package audit

import (
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
)

// What strangers put into a line, and how much of it a line takes.
const (
	maxArguments = 8 << 10 // bytes of JSON; of more, the beginning
	maxName      = 128     // bytes of a client's name or version, of a principal's name or id
	maxRequestID = 128     // bytes
)

// entry is one call as it waits to be written: nothing in it belongs to anybody else any more.
type entry struct {
	at            time.Time
	principal     *mcp.Principal // never changed
	addr          string
	wire          mcp.Wire
	session       string
	client        string
	clientVersion string
	id            mcp.ID
	tool          string
	arguments     []byte // the first maxArguments bytes
	argumentBytes int    // of all of them
	outcome       string
	took          time.Duration
}

// entryOf copies what is only good while an observer runs.
func entryOf(o mcp.Outcome, arguments bool) entry {
	e := entry{
		at: time.Now(), principal: o.Principal, addr: o.Addr, wire: o.Wire, session: o.Session,
		client: o.Client.Name, clientVersion: o.Client.Version, id: o.ID, tool: o.Tool, outcome: o.Error, took: o.Took,
	}
	if !arguments {
		return e
	}
	if all := o.Arguments(); len(all) > 0 {
		e.argumentBytes = len(all)
		e.arguments = append([]byte(nil), all[:min(len(all), maxArguments)]...)
	}
	return e
}

// line is e as the record has it.
func (e *entry) line() *line {
	c := &call{
		Address: e.addr, Transport: string(e.wire), Session: e.session,
		Client:    software{clean(e.client, maxName), clean(e.clientVersion, maxName)},
		RequestID: requestID(e.id), Tool: e.tool, Outcome: e.outcome, DurationMS: float64(e.took.Microseconds()) / 1000,
	}
	if e.principal != nil {
		c.Principal = who{clean(e.principal.ID, maxName), clean(e.principal.Name, maxName)}
	}
	if c.Outcome == "" {
		c.Outcome = "ok"
	}
	switch {
	case e.argumentBytes > len(e.arguments):
		c.ArgumentsCut = &cut{Bytes: e.argumentBytes, Start: whole(string(e.arguments))}
	case jsontext.Value(e.arguments).IsValid():
		c.Arguments = e.arguments
	}
	return &line{Time: e.at.UTC(), Event: eventCall, Call: c}
}

// requestID is an id as people write it: a text without its quotes.
func requestID(id mcp.ID) string {
	raw := id.String()
	if text, err := jsontext.AppendUnquote(nil, raw); err == nil {
		raw = string(text)
	}
	return clean(raw, maxRequestID)
}

// clean is a stranger's text as people may look at it in a terminal: nothing in it moves the cursor, breaks the line or turns
// its direction, and it is no longer than limit bytes, and what says that it was.
func clean(s string, limit int) string {
	if len(s) > limit {
		s = whole(s[:limit]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// whole is s without the part of a character that a cut left at its end.
func whole(s string) string { return strings.ToValidUTF8(s, "") }
