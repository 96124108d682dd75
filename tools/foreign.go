package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
			return nil, cleanError(err, how)
		}
		marked := *result
		marked.Meta = map[string]any{metaUntrusted: true}
		for k, v := range result.Meta {
			marked.Meta[k] = v
		}
		if cleans(how) {
			if err := clean(&marked, how); err != nil {
				return nil, err
			}
		}
		return &marked, nil
	}
}

// cleanError cleans what a model reads of an error: upstreams are quoted in it.
func cleanError(err error, how config.Cleaning) error {
	var said *mcp.ToolError
	if !cleans(how) || !errors.As(err, &said) {
		return err
	}
	return &mcp.ToolError{Message: cleanText(said.Message, how), RetryAfter: said.RetryAfter}
}

func cleans(how config.Cleaning) bool {
	return how == config.CleaningEscape || how == config.CleaningStrip
}

// cleanContents cleans what was read of a resource.
func cleanContents(contents []mcp.ResourceContents, how config.Cleaning) []mcp.ResourceContents {
	cleaned := slices.Clone(contents)
	for i := range cleaned {
		cleaned[i].Text = cleanText(cleaned[i].Text, how)
	}
	return cleaned
}

// resources are those of a part, cleaned as they are read.
func (p *policy) resources(from *part, all []*mcp.Resource) []*mcp.Resource {
	if !from.outside || !cleans(p.cfg.Untrusted) {
		return all
	}
	cleaned := make([]*mcp.Resource, len(all))
	for i, r := range all {
		copied, read := *r, r.Read
		copied.Read = func(ctx context.Context, c *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
			contents, err := read(ctx, c, uri)
			return cleanContents(contents, p.cfg.Untrusted), cleanError(err, p.cfg.Untrusted)
		}
		cleaned[i] = &copied
	}
	return cleaned
}

// templates is resources for families of them.
func (p *policy) templates(from *part, all []*mcp.ResourceTemplate) []*mcp.ResourceTemplate {
	if !from.outside || !cleans(p.cfg.Untrusted) {
		return all
	}
	cleaned := make([]*mcp.ResourceTemplate, len(all))
	for i, t := range all {
		copied, read := *t, t.Read
		copied.Read = func(ctx context.Context, c *mcp.Call, uri string, vars map[string]string) ([]mcp.ResourceContents, error) {
			contents, err := read(ctx, c, uri, vars)
			return cleanContents(contents, p.cfg.Untrusted), cleanError(err, p.cfg.Untrusted)
		}
		cleaned[i] = &copied
	}
	return cleaned
}

// clean replaces the texts of a result in place.
func clean(r *mcp.CallToolResult, how config.Cleaning) error {
	blocks := make([]mcp.Content, len(r.Content))
	for i, b := range r.Content {
		if b.Text != nil {
			text := cleanText(*b.Text, how)
			b.Text = &text
		}
		if b.Resource != nil {
			copied := *b.Resource
			copied.Text = cleanText(copied.Text, how)
			b.Resource = &copied
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
