package mcp

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxWhole is what a tool may give in all, in bytes. Beyond it there is no continuation: the tool is asked for less.
const maxWhole = 10 << 20

// present makes a tool's result fit for its client: structure as text too, nothing the revision does not know, and no
// larger than the server's limit. What does not fit is kept for read_more, and the result says so.
func (s *Server) present(x *exchange, r *CallToolResult) *CallToolResult {
	shown := *r
	shown.Content = append([]Content(nil), r.Content...)
	note := ""
	limit, mode := s.opts.MaxResult, s.opts.ContentMode
	if t := x.tool.Load(); t != nil {
		limit, mode = s.maxResult(t), s.contentMode(t)
	}
	if size := shown.size(); size > limit {
		var err error
		if note, err = s.cut(x, &shown, size, limit); err != nil {
			return failed(err.Error())
		}
	}
	if shown.StructuredContent != nil {
		structured := x.peer.Revision.Structured && mode != ContentText
		if len(shown.Content) == 0 && (!structured || mode != ContentStructured) {
			shown.Content = []Content{TextContent(string(shown.StructuredContent))}
		}
		if !structured {
			shown.StructuredContent = nil
		}
	}
	if note != "" {
		shown.Content = append(shown.Content, TextContent(note))
	}
	for i := range shown.Content {
		projectContent(&shown.Content[i], x.peer.Revision)
	}
	return &shown
}

// size is about what the result weighs, in bytes, counted once where it is sent twice.
func (r *CallToolResult) size() int {
	n := len(r.StructuredContent)
	for i := range r.Content {
		b := &r.Content[i]
		n += len(b.Data)
		if b.Text != nil {
			n += len(*b.Text)
		}
		if b.Resource != nil {
			n += len(b.Resource.Text) + len(b.Resource.Blob)
		}
	}
	return n
}

// cut shortens a result to the limit, and keeps the rest. JSON is cut between the elements of its longest array, text at
// a line's end; anything else cannot be cut, and the error asks the model for less.
func (s *Server) cut(x *exchange, r *CallToolResult, size, limit int) (note string, err error) {
	tooLarge := fmt.Errorf("the result of %s is too large (%d bytes, at most %d): ask for less, e.g. by a narrower query or a smaller limit", x.tool.Load().Name, size, limit)
	if size > max(maxWhole, s.opts.MaxResult) {
		return "", tooLarge
	}
	owner := x.peer.Principal.ID
	if r.StructuredContent != nil {
		short, rest, ok := cutJSON(r.StructuredContent, limit)
		if !ok {
			return "", tooLarge
		}
		rest.limit = limit
		r.StructuredContent, r.Content = short, nil
		return s.rests.keep(owner, rest), nil
	}
	if len(r.Content) != 1 || r.Content[0].Text == nil {
		return "", tooLarge
	}
	head, tail := cutText(*r.Content[0].Text, limit)
	r.Content[0].Text = &head
	return s.rests.keep(owner, rest{text: tail, limit: limit}), nil
}

// cutText parts a text at the last line's end within limit bytes, else at a rune's. The head of a text is never empty.
func cutText(text string, limit int) (head, tail string) {
	if len(text) <= limit {
		return text, ""
	}
	at := strings.LastIndexByte(text[:limit], '\n') + 1
	if at == 0 {
		for at = limit; at > max(1, limit-utf8.UTFMax) && !utf8.RuneStart(text[at]); {
			at--
		}
	}
	return text[:at], text[at:]
}

// cutJSON shortens the longest array among an object's members until the object fits limit bytes. The object keeps its
// shape, so that it still fits the tool's output schema.
func cutJSON(object jsontext.Value, limit int) (short jsontext.Value, left rest, ok bool) {
	members, err := splitObject(object)
	if err != nil {
		return nil, left, false
	}
	longest := -1
	for i, m := range members {
		if m.value.Kind() == '[' && (longest < 0 || len(m.value) > len(members[longest].value)) {
			longest = i
		}
	}
	if longest < 0 {
		return nil, left, false
	}
	var items []jsontext.Value
	if err := json.Unmarshal(members[longest].value, &items); err != nil {
		return nil, left, false
	}
	room := limit - (len(object) - len(members[longest].value)) - len("[]")
	n := fitting(items, room)
	if n == 0 {
		return nil, left, false
	}
	members[longest].value = joinArray(items[:n])
	return joinObject(members), rest{member: members[longest].name, items: items[n:], shown: n}, true
}

// fitting is how many items, with commas between, fit room bytes.
func fitting(items []jsontext.Value, room int) (n int) {
	for ; n < len(items); n++ {
		if room -= len(items[n]) + 1; room < 0 {
			break
		}
	}
	return n
}

type member struct {
	name  string
	value jsontext.Value
}

func splitObject(object jsontext.Value) (members []member, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(object))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		text := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		members = append(members, member{text, value.Clone()})
	}
	return members, nil
}

func joinObject(members []member) jsontext.Value {
	object := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			object = append(object, ',')
		}
		object, _ = jsontext.AppendQuote(object, m.name) // the name was decoded, so it is valid
		object = append(append(object, ':'), m.value...)
	}
	return append(object, '}')
}

func joinArray(items []jsontext.Value) jsontext.Value {
	return append(append([]byte{'['}, bytes.Join(asBytes(items), []byte{','})...), ']')
}

func asBytes(items []jsontext.Value) [][]byte {
	b := make([][]byte, len(items))
	for i, item := range items {
		b[i] = item
	}
	return b
}
