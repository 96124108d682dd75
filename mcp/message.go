package mcp

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of one message, whoever sends it (security: depth, batch and id bounds).
const (
	maxDepth   = 64   // nesting of arrays and objects
	maxBatch   = 50   // messages in a batch
	maxIDBytes = 1024 // of an id as it stands in the message
)

// Message is one JSON-RPC message, or a batch of them. Exactly one of these holds: Batch is set; Method is set (a
// request if ID is set, else a notification); neither (a response to us). Its slices alias the bytes it was decoded from.
type Message struct {
	ID     ID
	Method string
	Params jsontext.Value // an object, or nil where absent
	Result jsontext.Value // of a response; nil in an error
	Error  *Error         // of a response
	Batch  []*Message

	terms     *Terms     // what came beside it
	principal *Principal // who sent it, where that may be another credential of the session's principal; nil: who opened it
}

// IsRequest says whether the message wants an answer.
func (m *Message) IsRequest() bool { return m.Method != "" && !m.ID.IsZero() }

// Cancels says whether the message cancels a request, and which.
func (m *Message) Cancels() (ID, bool) {
	if m.Method != "notifications/cancelled" || !m.ID.IsZero() {
		return ID{}, false
	}
	var p cancelledParams
	if decodeParams(m.Params, &p) != nil || p.RequestID == nil {
		return ID{}, false
	}
	return ID{raw: string(p.RequestID)}, true
}

// isResponse says whether the message answers one of ours.
func (m *Message) isResponse() bool { return m.Method == "" && m.Batch == nil }

// Requests counts the messages that want an answer: 1 or 0, or as many as a batch holds.
func (m *Message) Requests() (n int) {
	if m.IsRequest() {
		return 1
	}
	for _, one := range m.Batch {
		n += one.Requests()
	}
	return n
}

// ID is a request's id exactly as it was written: a string or an integer of any size. The zero ID is none.
type ID struct{ raw string }

// IsZero says whether there is no id.
func (id ID) IsZero() bool { return id.raw == "" }

// String is the id as it stands on the wire; null where there is none.
func (id ID) String() string {
	if id.IsZero() {
		return "null"
	}
	return id.raw
}

// key tells ids apart by value: two spellings of one string are the same id, 1 and "1" are not.
func (id ID) key() string {
	if len(id.raw) > 0 && id.raw[0] == '"' && bytes.IndexByte([]byte(id.raw), '\\') >= 0 {
		if text, err := jsontext.AppendUnquote(nil, id.raw); err == nil {
			return `"` + string(text) + `"`
		}
	}
	return id.raw
}

// Decode reads the one message, or batch, that body holds: strict JSON (RFC 8259; no duplicate names, valid UTF-8,
// nothing after the value), keys exactly as the protocol writes them, bounded in depth. Unknown members are ignored.
// On failure the error is what to answer, and the Message holds the id where one could be read. The message aliases
// body, which must not change after.
func Decode(body []byte) (*Message, *Error) {
	if deeperThan(body, maxDepth) {
		return &Message{}, Errorf(CodeInvalidRequest, "nested deeper than %d levels", maxDepth)
	}
	d := decoders.Get().(*decoder)
	defer d.release()
	d.reset(body)
	switch d.PeekKind() {
	case '{':
		m, fault := d.message()
		if fault == nil {
			fault = d.end()
		}
		return m, fault
	case '[':
		return d.batch()
	}
	if _, err := d.ReadValue(); err != nil {
		return &Message{}, parseError(err)
	}
	if fault := d.end(); fault != nil {
		return &Message{}, fault
	}
	return &Message{}, Errorf(CodeInvalidRequest, "a message is a JSON object")
}

// decoder is jsontext's, which is strict by default, over one body.
type decoder struct {
	jsontext.Decoder
	body   []byte
	reader bytes.Buffer
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func (d *decoder) reset(body []byte) {
	d.body = body
	d.reader = *bytes.NewBuffer(body)
	d.Reset(&d.reader)
}

func (d *decoder) release() {
	d.body, d.reader = nil, bytes.Buffer{}
	decoders.Put(d)
}

// value reads the next value as a slice of the body, which outlives the decoder.
func (d *decoder) value() (jsontext.Value, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(d.InputOffset())
	return jsontext.Value(d.body[end-len(v) : end : end]), nil
}

// end demands that nothing but white space follows.
func (d *decoder) end() *Error {
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return Errorf(CodeParse, "there is something after the message: send one message a body")
	}
	return nil
}

func (d *decoder) batch() (*Message, *Error) {
	if _, err := d.ReadToken(); err != nil {
		return &Message{}, parseError(err)
	}
	batch := &Message{}
	for d.PeekKind() != ']' {
		if d.PeekKind() != '{' {
			if _, err := d.ReadValue(); err != nil {
				return &Message{}, parseError(err)
			}
			return &Message{}, Errorf(CodeInvalidRequest, "a batch holds JSON objects")
		}
		m, fault := d.message()
		if fault != nil {
			return &Message{}, fault
		}
		if batch.Batch = append(batch.Batch, m); len(batch.Batch) > maxBatch {
			return &Message{}, Errorf(CodeInvalidRequest, "a batch holds at most %d messages", maxBatch)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return &Message{}, parseError(err)
	}
	if len(batch.Batch) == 0 {
		return &Message{}, Errorf(CodeInvalidRequest, "a batch must not be empty")
	}
	return batch, d.end()
}

// message reads one JSON-RPC object. It reads to its end even where a member is at fault, so that the id is known.
func (d *decoder) message() (*Message, *Error) {
	m := &Message{}
	var members envelope
	if _, err := d.ReadToken(); err != nil {
		return m, parseError(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return m, parseError(err)
		}
		slot := members.slot(name)
		value, err := d.value()
		if err != nil {
			return m, parseError(err)
		}
		if slot != nil {
			*slot = value
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return m, parseError(err)
	}
	return m, members.fill(m)
}

// envelope holds the members that JSON-RPC gives a meaning.
type envelope struct{ jsonrpc, id, method, params, result, error jsontext.Value }

// slot is where a member's value goes; nil for one without a meaning. Only the exact name counts, unescaped.
func (e *envelope) slot(name jsontext.Token) *jsontext.Value {
	switch name.String() {
	case "jsonrpc":
		return &e.jsonrpc
	case "id":
		return &e.id
	case "method":
		return &e.method
	case "params":
		return &e.params
	case "result":
		return &e.result
	case "error":
		return &e.error
	}
	return nil
}

// fill judges the members and makes the message of them (JSON-RPC 2.0, 4 and 5; MCP: ids are strings or integers).
func (e *envelope) fill(m *Message) *Error {
	if fault := e.fillID(m); fault != nil {
		return fault
	}
	if string(e.jsonrpc) != `"2.0"` {
		return Errorf(CodeInvalidRequest, `jsonrpc must be "2.0"`)
	}
	if e.method == nil {
		return e.fillResponse(m)
	}
	if e.method.Kind() != '"' || len(e.method) == len(`""`) {
		return Errorf(CodeInvalidRequest, "method must be a string that is not empty")
	}
	if e.result != nil || e.error != nil {
		return Errorf(CodeInvalidRequest, "a message has a method, or a result or error, not both")
	}
	m.Method = text(e.method)
	if e.params != nil && e.params.Kind() != '{' {
		return Errorf(CodeInvalidParams, "params must be an object")
	}
	m.Params = e.params
	return nil
}

func (e *envelope) fillID(m *Message) *Error {
	switch {
	case e.id == nil:
		return nil
	case len(e.id) > maxIDBytes:
		return Errorf(CodeInvalidRequest, "id is longer than %d bytes", maxIDBytes)
	case e.id.Kind() == '"', e.id.Kind() == '0' && !bytes.ContainsAny(e.id, ".eE"):
		m.ID = ID{raw: string(e.id)}
		return nil
	case string(e.id) == "null" && e.method == nil && e.error != nil:
		return nil // an error about a message whose id the client could not read
	}
	return Errorf(CodeInvalidRequest, "id must be a string or an integer")
}

func (e *envelope) fillResponse(m *Message) *Error {
	switch {
	case e.result == nil && e.error == nil:
		return Errorf(CodeInvalidRequest, "method must be a string that is not empty")
	case e.result != nil && e.error != nil:
		return Errorf(CodeInvalidRequest, "a response has a result or an error, not both")
	case e.result != nil && m.ID.IsZero():
		return Errorf(CodeInvalidRequest, "a response needs the id of its request")
	case e.result != nil:
		m.Result = e.result
		return nil
	}
	m.Error = new(Error)
	if err := json.Unmarshal(e.error, m.Error); err != nil {
		return Errorf(CodeInvalidRequest, "error must be an object with code and message")
	}
	return nil
}

// text is a JSON string's value.
func text(v jsontext.Value) string {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	s, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return "" // cannot be: the decoder has read it
	}
	return string(s)
}

func parseError(err error) *Error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return Errorf(CodeInvalidRequest, "a name is there twice in one object")
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return Errorf(CodeParse, "the body is not JSON: %s at byte %d", syntax.Err, syntax.ByteOffset)
	}
	return Errorf(CodeParse, "the body is not JSON")
}

// deeperThan says whether arrays and objects nest deeper than most. It looks at brackets outside strings and judges
// nothing else, in one pass before the decoder, whose own limit is far higher.
func deeperThan(body []byte, most int) bool {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '[', '{':
			if depth++; depth > most {
				return true
			}
		case ']', '}':
			depth--
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
		}
	}
	return false
}

// AppendError appends an error response to id, which may be the zero ID (JSON-RPC 2.0: null).
func AppendError(dst []byte, id ID, e *Error) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, id.String()...)
	dst = append(dst, `,"error":`...)
	value, err := json.Marshal(e)
	if err != nil { // only Data can fail, and the rest is still an answer
		value = []byte(`{"code":` + strconv.Itoa(e.Code) + `,"message":"internal error"}`)
	}
	return append(append(dst, value...), '}')
}
