package files

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/ledongthuc/pdf"
)

// Bounds of a PDF file.
const (
	maxPages   = 5000    // of a file; what comes after them is left out, and the text says so
	maxPDFText = 8 << 20 // bytes of text
	maxForms   = 8       // forms within forms, on a page
)

// errDamaged is why a file gives no text; for models.
var errDamaged = errors.New("it is damaged, or not what its name says")

// textOfPDF takes the text out of a PDF file, in the order in which it was drawn. The library it uses can be made to run
// for ever, to take all memory and to end the process by what is in a file: it is called in a process of its own, by Help.
func textOfPDF(data []byte) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			text, err = "", errDamaged
		}
	}()
	// Readers of PDF let what stands before and after the file pass, and this one does not.
	begin, end := bytes.Index(data, []byte("%PDF-")), bytes.LastIndex(data, []byte("%%EOF"))
	if begin < 0 || end < begin {
		return "", errDamaged
	}
	data = data[begin : end+len("%%EOF")]
	doc, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if errors.Is(err, pdf.ErrInvalidPassword) {
		return "", errors.New("it is encrypted")
	}
	if err != nil {
		return "", errDamaged
	}
	var out strings.Builder
	pages := doc.NumPage()
	for n := 1; n <= min(pages, maxPages) && out.Len() < maxPDFText; n++ {
		if n > 1 {
			out.WriteString("\n\n")
		}
		out.WriteString(textOfPage(doc, n))
	}
	text = tidy(out.String())
	switch {
	case len(text) > maxPDFText:
		text = clip(text, maxPDFText) + "\n[what comes after this is left out]\n"
	case pages > maxPages:
		text += fmt.Sprintf("\n[%d more pages are left out]\n", pages-maxPages)
	case text == "" && pages > 0:
		return "", errors.New("its pages hold no text: they may be pictures of paper")
	}
	return text, nil
}

// textOfPage is the text of one page. One that cannot be read does not take the others with it.
func textOfPage(doc *pdf.Reader, n int) (text string) {
	p := &pageText{}
	defer func() {
		if r := recover(); r != nil {
			text = p.out.String() + fmt.Sprintf("\n[page %d could not be read to its end]\n", n)
		}
	}()
	page := doc.Page(n)
	if contents := page.V.Key("Contents"); !contents.IsNull() {
		p.draw(contents, page.Resources(), 0)
	}
	return p.out.String()
}

// pageText puts the text of a page together. Where it stands is followed as far as it takes to tell words and lines apart.
type pageText struct {
	out     strings.Builder
	font    *pdf.Font
	size    float64
	leading float64
	line    position // where the line began that the text moves from
	at      position // where the next glyph is drawn
	scale   position // of the text's own coordinates
	last    position // where the last glyph ended
	drawn   bool     // something was drawn before
}

type position struct{ x, y float64 }

// draw follows a stream of drawing operators.
func (p *pageText) draw(contents, resources pdf.Value, depth int) {
	fonts := map[string]*pdf.Font{}
	pdf.Interpret(contents, func(stack *pdf.Stack, op string) {
		args := make([]pdf.Value, stack.Len())
		for i := len(args) - 1; i >= 0; i-- {
			args[i] = stack.Pop()
		}
		if p.out.Len() > maxPDFText {
			panic(errDamaged)
		}
		switch {
		case op == "Tf" && len(args) == 2:
			name := args[0].Name()
			if fonts[name] == nil {
				fonts[name] = &pdf.Font{V: resources.Key("Font").Key(name)}
			}
			p.font, p.size = fonts[name], args[1].Float64()
		case op == "Do" && len(args) == 1 && depth < maxForms:
			form := resources.Key("XObject").Key(args[0].Name())
			if form.Key("Subtype").Name() == "Form" {
				own := form.Key("Resources")
				if own.IsNull() {
					own = resources
				}
				p.draw(form, own, depth+1)
			}
		default:
			p.text(op, args)
		}
	})
}

// text follows the operators that move and show text.
func (p *pageText) text(op string, args []pdf.Value) {
	number := func(i int) float64 { return args[i].Float64() }
	switch {
	case op == "BT":
		p.line, p.scale = position{}, position{1, 1}
		p.at = p.line
	case op == "TL" && len(args) == 1:
		p.leading = number(0)
	case op == "Td" && len(args) == 2:
		p.move(number(0), number(1))
	case op == "TD" && len(args) == 2:
		p.leading = -number(1)
		p.move(number(0), number(1))
	case op == "Tm" && len(args) == 6:
		p.scale = position{math.Hypot(number(0), number(1)), math.Hypot(number(2), number(3))}
		p.line = position{number(4), number(5)}
		p.at = p.line
	case op == "T*":
		p.move(0, -p.leading)
	case op == "Tj" && len(args) == 1:
		p.show(args[0].RawString())
	case op == "'" && len(args) == 1:
		p.move(0, -p.leading)
		p.show(args[0].RawString())
	case op == "\"" && len(args) == 3:
		p.move(0, -p.leading)
		p.show(args[2].RawString())
	case op == "TJ" && len(args) == 1:
		for i := range args[0].Len() {
			if part := args[0].Index(i); part.Kind() == pdf.String {
				p.show(part.RawString())
			} else {
				p.at.x -= part.Float64() / 1000 * p.size * p.scale.x
			}
		}
	}
}

func (p *pageText) move(x, y float64) {
	p.line = position{p.line.x + x*p.scale.x, p.line.y + y*p.scale.y}
	p.at = p.line
}

// show writes glyphs, after a line's end or a space where they stand apart from those before.
func (p *pageText) show(raw string) {
	if p.font == nil {
		p.font = &pdf.Font{}
	}
	text := p.font.Encoder().Decode(raw)
	height := math.Abs(p.size * p.scale.y)
	if p.drawn {
		gap := p.at.x - p.last.x
		switch {
		case math.Abs(p.at.y-p.last.y) > height/2:
			p.out.WriteByte('\n')
			if math.Abs(p.at.y-p.last.y) > 1.8*height {
				p.out.WriteByte('\n')
			}
		case gap > height/6 || gap < -height:
			p.out.WriteByte(' ')
		}
	}
	p.out.WriteString(text)
	p.at.x += p.width(raw, text)
	p.last, p.drawn = p.at, p.drawn || text != ""
}

// width is about how far the glyphs reach. Where a font does not say, they are taken for half as wide as high.
func (p *pageText) width(raw, text string) float64 {
	const unknown = 500
	total := 0.0
	if first, last := p.font.FirstChar(), p.font.LastChar(); last > first {
		widths := p.font.V.Key("Widths")
		for i := range len(raw) {
			w := widths.Index(int(raw[i]) - first).Float64()
			if w <= 0 {
				w = unknown
			}
			total += w
		}
	} else {
		total = unknown * float64(len([]rune(text)))
	}
	return total / 1000 * p.size * p.scale.x
}

// tidy takes apart what fonts draw as one glyph, drops what is no text, and ends lines where they end.
func tidy(text string) string {
	text = strings.NewReplacer("ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "\u00A0", " ", "\u00AD", "", "\r\n", "\n", "\r", "\n").Replace(text)
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	text = strings.Trim(strings.Join(lines, "\n"), "\n")
	if text == "" {
		return ""
	}
	return text + "\n"
}
