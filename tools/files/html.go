package files

import (
	"fmt"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
)

const (
	smallHTML   = 256 << 10 // bytes of a page that is made into Markdown here: what costs the square of them is bearable
	maxHTML     = 4 << 20   // bytes of a page that a helper makes into Markdown; larger ones are given as they are
	maxMarkdown = 16 << 20  // bytes that come of it
)

// markdownOfHTML makes Markdown of a page. The parser bounds how deep its elements are nested.
func markdownOfHTML(page string) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("convert the page: %v", r)
		}
	}()
	c := converter.NewConverter(converter.WithPlugins(base.NewBasePlugin(), commonmark.NewCommonmarkPlugin(), table.NewTablePlugin()))
	if text, err = c.ConvertString(page); err != nil {
		return "", fmt.Errorf("convert the page: %w", err)
	}
	if len(text) > maxMarkdown {
		return "", fmt.Errorf("convert the page: %d bytes came of it", len(text))
	}
	return strings.ToValidUTF8(text, "\uFFFD"), nil
}
