package httptool

import (
	"bytes"
	"context"
	stdjson "encoding/json" // it mends what answers often hold: repeated names, broken UTF-8
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

// openSchema is the output schema of a tool that says nothing of its results.
const openSchema = `{"type":"object"}`

// textSchema is that of a tool whose answers are text.
const textSchema = `{"type":"object","properties":{` +
	`"text":{"type":"string","description":"The answer."},` +
	`"contentType":{"type":"string","description":"Its media type."}},"required":["text"]}`

// response is what a tool makes of an answer.
type response struct {
	filter  *filter
	text    bool
	list    string // the name under which a list is the result; empty: "result"
	json    bool   // nothing but JSON will do
	noNulls bool   // what is null is left out, wherever it is a member
}

// result is an answer as an object.
func (r response) result(ctx context.Context, upstream string, resp *egress.Response, secrets []string) (jsontext.Value, error) {
	body := bytes.TrimSpace(bytes.TrimPrefix(resp.Body, []byte("\uFEFF")))
	for _, secret := range secrets {
		body = bytes.ReplaceAll(body, []byte(secret), []byte("***"))
	}
	written := resp.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(written)
	if err != nil {
		kind = strings.ToLower(strings.TrimSpace(written))
	}
	if r.text {
		return textResult(upstream, kind, body)
	}
	if len(body) == 0 {
		return json.Marshal(map[string]int{"status": resp.Status})
	}
	value, isJSON := jsonOf(body)
	switch {
	case !isJSON && (r.filter != nil || r.json):
		return nil, mcp.ToolErrorf("%s answered with %s where JSON was expected: %s", upstream, shownKind(kind), plain(string(body), maxMessage))
	case !isJSON, !claimsJSON(kind, body) && r.filter == nil && !r.json:
		return textResult(upstream, kind, body)
	}
	if r.filter != nil {
		if value, err = r.filter.run(ctx, value); err != nil {
			return nil, err
		}
	}
	if r.noNulls {
		if value, err = withoutNulls(value); err != nil {
			return nil, err
		}
	}
	if value.Kind() == '{' {
		return value, nil
	}
	name := "result"
	if r.list != "" && value.Kind() == '[' {
		name = r.list
	}
	return json.Marshal(map[string]jsontext.Value{name: value})
}

// jsonOf is a body as JSON that every reader takes.
func jsonOf(body []byte) (jsontext.Value, bool) {
	value := jsontext.Value(body)
	if value.IsValid() {
		return value, true
	}
	d := stdjson.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var mended any
	if d.Decode(&mended) != nil || d.More() {
		return nil, false
	}
	value, err := stdjson.Marshal(mended)
	return value, err == nil
}

// claimsJSON says whether JSON was meant. Servers that do not say so send objects and arrays as text.
func claimsJSON(kind string, body []byte) bool {
	return kind == "" || strings.HasSuffix(kind, "json") || body[0] == '{' || body[0] == '['
}

// textResult is an answer as a model reads it; what is no text is refused.
func textResult(upstream, kind string, body []byte) (jsontext.Value, error) {
	if !utf8.Valid(body) && !strings.HasPrefix(kind, "text/") || bytes.IndexByte(body, 0) >= 0 {
		return nil, mcp.ToolErrorf("%s answered with %d bytes of %s, which is no text", upstream, len(body), shownKind(kind))
	}
	return json.Marshal(struct {
		Text        string `json:"text"`
		ContentType string `json:"contentType,omitempty"`
	}{strings.ToValidUTF8(string(body), "\uFFFD"), plain(kind, maxKind)})
}

const maxKind = 100 // characters of a media type that are shown

func shownKind(kind string) string {
	if kind == "" {
		return "something without a media type"
	}
	return plain(kind, maxKind)
}

// withoutNulls leaves out members that are null.
func withoutNulls(value jsontext.Value) (jsontext.Value, error) {
	if !bytes.Contains(value, []byte("null")) {
		return value, nil
	}
	var out bytes.Buffer
	e := jsontext.NewEncoder(&out)
	if err := copyWithoutNulls(e, jsontext.NewDecoder(bytes.NewReader(value))); err != nil {
		return nil, fmt.Errorf("leave out what is null: %w", err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func copyWithoutNulls(e *jsontext.Encoder, d *jsontext.Decoder) error {
	kind := d.PeekKind()
	if kind != '{' && kind != '[' {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		return e.WriteValue(value)
	}
	opened, err := d.ReadToken()
	if err != nil {
		return err
	}
	if err := e.WriteToken(opened); err != nil {
		return err
	}
	for next := d.PeekKind(); next != '}' && next != ']'; next = d.PeekKind() {
		if kind == '{' {
			name, err := d.ReadValue()
			if err != nil {
				return err
			}
			name = name.Clone()
			if d.PeekKind() == 'n' {
				if _, err := d.ReadToken(); err != nil {
					return err
				}
				continue
			}
			if err := e.WriteValue(name); err != nil {
				return err
			}
		}
		if err := copyWithoutNulls(e, d); err != nil {
			return err
		}
	}
	closed, err := d.ReadToken()
	if err != nil {
		return err
	}
	return e.WriteToken(closed)
}
