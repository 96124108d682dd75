package files

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Bounds of a Word document: a few kilobytes of it can unpack to gigabytes.
const (
	maxDocument = 32 << 20 // bytes of XML that hold the text
	maxStyles   = 4 << 20  // bytes of XML that say what its styles are, or its numbering
	maxNesting  = 200      // elements within elements
	maxStyleSet = 10_000   // styles and levels of numbering
)

// Why a document gives no text; for models.
var (
	errDocument = errors.New("it is damaged, or no Word document")
	errUnpacks  = errors.New("it unpacks to more than is read")
)

// markdownOfDOCX takes the text out of a Word document: its headings, paragraphs, lists and tables. The text is about as
// long as the XML that holds it, at most.
func markdownOfDOCX(ctx context.Context, data []byte) (string, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", errDocument
	}
	styles := wordStyles{headings: map[string]int{}, bullets: map[string]bool{}}
	for name, read := range map[string]func() wordPart{"word/styles.xml": styles.inStyles, "word/numbering.xml": styles.inNumbering} {
		if part, err := archive.Open(name); err == nil {
			if err := readPart(ctx, part, maxStyles, read()); err != nil {
				return "", err
			}
		}
	}
	part, err := archive.Open("word/document.xml")
	if err != nil {
		return "", errDocument
	}
	w := &wordText{styles: styles}
	if err := readPart(ctx, part, maxDocument, wordPart{w.begin, w.end, w.chars}); err != nil {
		return "", err
	}
	return w.markdown(), nil
}

// wordPart hears of the elements of one part of a document, by their names without prefixes. Any of them may be nil.
type wordPart struct {
	begin func(name string, attribute func(string) string)
	end   func(name string)
	chars func(text string)
}

// readPart reads a part to its end, and closes it. What is there twice, for older programs, is left out.
func readPart(ctx context.Context, part fs.File, limit int64, hear wordPart) error {
	defer part.Close()
	bounded := &io.LimitedReader{R: part, N: limit + 1}
	dec := xml.NewDecoder(bounded)
	depth, twice := 0, 0 // twice is the depth of the element that is left out
	for tokens := 0; ; tokens++ {
		if tokens%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		token, err := dec.RawToken()
		switch {
		case bounded.N <= 0:
			return errUnpacks
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errDocument
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxNesting {
				return errDocument
			}
			if twice == 0 && t.Name.Local == "Fallback" {
				twice = depth
			}
			if twice == 0 && hear.begin != nil {
				hear.begin(t.Name.Local, func(name string) string { return attribute(t, name) })
			}
		case xml.EndElement:
			if twice == 0 && hear.end != nil {
				hear.end(t.Name.Local)
			}
			if twice == depth {
				twice = 0
			}
			depth--
		case xml.CharData:
			if twice == 0 && hear.chars != nil {
				hear.chars(string(t))
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// wordStyles is what a document's styles and numberings mean.
type wordStyles struct {
	headings map[string]int  // level, from 1, by the style's identity
	bullets  map[string]bool // by numbering and level; what is not here is numbered
}

// inStyles hears the styles: what is called "heading 2", in whatever language the program was, or has an outline level.
func (s wordStyles) inStyles() wordPart {
	style := ""
	return wordPart{begin: func(name string, attribute func(string) string) {
		value := attribute("val")
		switch name {
		case "style":
			style = attribute("styleId")
		case "name":
			if level, ok := strings.CutPrefix(strings.ToLower(value), "heading "); ok {
				s.heading(style, level, 0)
			} else if strings.EqualFold(value, "title") {
				s.heading(style, "1", 0)
			}
		case "outlineLvl":
			s.heading(style, value, 1)
		}
	}}
}

func (s wordStyles) heading(style, level string, from int) {
	if n, err := strconv.Atoi(level); err == nil && n+from >= 1 && n+from <= 9 && len(s.headings) < maxStyleSet {
		s.headings[style] = min(n+from, 6)
	}
}

// inNumbering hears which levels of which numbering have bullets.
func (s wordStyles) inNumbering() wordPart {
	abstract, number, level := "", "", ""
	kinds := map[string]map[string]bool{} // by abstract numbering and level
	return wordPart{begin: func(name string, attribute func(string) string) {
		switch name {
		case "abstractNum":
			abstract, number = attribute("abstractNumId"), ""
			if len(kinds) < maxStyleSet {
				kinds[abstract] = map[string]bool{}
			}
		case "lvl":
			level = attribute("ilvl")
		case "numFmt":
			if levels := kinds[abstract]; levels != nil && len(levels) <= 9 && number == "" {
				levels[level] = attribute("val") == "bullet"
			}
		case "num":
			number = attribute("numId")
		case "abstractNumId":
			for level, bullet := range kinds[attribute("val")] {
				if bullet && len(s.bullets) < maxStyleSet {
					s.bullets[number+"/"+level] = true
				}
			}
		}
	}}
}
