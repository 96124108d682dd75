package tools

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/config"
	"toolgate/mcp"
)

// metaUntrusted marks results whose text comes from elsewhere: data for a model to read, never instructions to it.
const metaUntrusted = "toolgate/untrusted"

// foreign marks what a tool gives as text from elsewhere, and cleans it of characters that deceive who reads it.
func foreign(how config.Cleaning) mcp.Around {
	return func(ctx context.Context, _ *mcp.Call, _ jsontext.Value, next func(context.Context) (*mcp.CallToolResult, error)) (*mcp.CallToolResult, error) {
		result, err := next(ctx)
		if err != nil {
			return nil, err
		}
		marked := *result
		marked.Meta = map[string]any{metaUntrusted: true}
		for k, v := range result.Meta {
			marked.Meta[k] = v
		}
		if how == config.CleaningEscape || how == config.CleaningStrip {
			if err := clean(&marked, how); err != nil {
				return nil, err
			}
		}
		return &marked, nil
	}
}

// clean replaces the texts of a result in place.
func clean(r *mcp.CallToolResult, how config.Cleaning) error {
	blocks := make([]mcp.Content, len(r.Content))
	for i, b := range r.Content {
		if b.Text != nil {
			text := cleanText(*b.Text, how)
			b.Text = &text
		}
		blocks[i] = b
	}
	if r.Content != nil {
		r.Content = blocks
	}
	if r.StructuredContent == nil {
		return nil
	}
	cleaned, err := cleanJSON(r.StructuredContent, how)
	if err != nil {
		return fmt.Errorf("clean the result: %w", err)
	}
	r.StructuredContent = cleaned
	return nil
}

// cleanJSON cleans every string in a value, the names of members included.
func cleanJSON(value jsontext.Value, how config.Cleaning) (jsontext.Value, error) {
	var out bytes.Buffer
	in := jsontext.NewDecoder(bytes.NewBuffer(value))
	to := jsontext.NewEncoder(&out)
	for {
		token, err := in.ReadToken()
		if err == io.EOF { //nolint:errorlint // the decoder's own word for the end
			return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
		}
		if err != nil {
			return nil, err
		}
		if token.Kind() == '"' {
			as := how
			if kind, n := in.StackIndex(in.StackDepth()); kind == '{' && n%2 == 1 {
				as = config.CleaningEscape // a name: two that were different stay so
			}
			token = jsontext.String(cleanText(token.String(), as))
		}
		if err := to.WriteToken(token); err != nil {
			return nil, err
		}
	}
}

// cleanText takes out, or writes as escapes, what is not seen: control characters but for tabs and line ends, and the
// format characters of Unicode, which hide text or turn its direction.
func cleanText(text string, how config.Cleaning) string {
	if strings.IndexFunc(text, deceives) < 0 {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		switch {
		case !deceives(r):
			out.WriteRune(r)
		case how == config.CleaningEscape && r > 0xffff:
			fmt.Fprintf(&out, "\\U%08x", r)
		case how == config.CleaningEscape:
			fmt.Fprintf(&out, "\\u%04x", r)
		}
	}
	return out.String()
}

func deceives(r rune) bool {
	if r < utf8.RuneSelf {
		return (r < ' ' || r == 0x7f) && r != '\n' && r != '\t' && r != '\r'
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}
