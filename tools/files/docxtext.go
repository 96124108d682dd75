package files

import (
	"strconv"
	"strings"
)

const maxWordColumns = 64 // cells of a row: more are no table to read

// wordText is the text of a Word document while it is put together.
type wordText struct {
	styles wordStyles
	out    strings.Builder
	inList bool // what was written last is a list's entry

	paragraphs []*wordParagraph // those that are open: a text box has paragraphs inside one
	inRun      int              // runs of text that are open
	inText     int

	tables int      // that are open; those inside another are text of its cell
	rows   int      // written, of the outermost
	cells  []string // of the row that is open
	cell   []string // paragraphs of the cell that is open
}

type wordParagraph struct {
	text      strings.Builder
	heading   int // its level; 0 for none
	numbering string
	level     string
}

func (w *wordText) paragraph() *wordParagraph {
	if len(w.paragraphs) == 0 {
		return nil
	}
	return w.paragraphs[len(w.paragraphs)-1]
}

func (w *wordText) begin(name string, attribute func(string) string) {
	switch name {
	case "tbl":
		w.tables++
		if w.tables == 1 {
			w.rows = 0
		}
	case "p":
		w.paragraphs = append(w.paragraphs, &wordParagraph{})
	case "r":
		w.inRun++
	case "t":
		w.inText++
	}
	p := w.paragraph()
	if p == nil {
		return
	}
	if w.inRun > 0 {
		switch name {
		case "tab":
			p.text.WriteByte('\t')
		case "br", "cr":
			p.text.WriteByte('\n')
		case "noBreakHyphen":
			p.text.WriteByte('-')
		}
		return
	}
	switch name {
	case "pStyle":
		p.heading = w.styles.headings[attribute("val")]
	case "outlineLvl":
		if n, err := strconv.Atoi(attribute("val")); err == nil && n >= 0 && n < 9 {
			p.heading = min(n+1, 6)
		}
	case "ilvl":
		p.level = attribute("val")
	case "numId":
		p.numbering = attribute("val")
	}
}

func (w *wordText) chars(text string) {
	if p := w.paragraph(); p != nil && w.inText > 0 {
		p.text.WriteString(text)
	}
}

func (w *wordText) end(name string) {
	switch name {
	case "t":
		w.inText = max(0, w.inText-1)
	case "r":
		w.inRun = max(0, w.inRun-1)
	case "p":
		if p := w.paragraph(); p != nil {
			w.paragraphs = w.paragraphs[:len(w.paragraphs)-1]
			w.write(p)
		}
	case "tc":
		if w.tables == 1 {
			if len(w.cells) < maxWordColumns {
				w.cells = append(w.cells, strings.Join(w.cell, " "))
			}
			w.cell = nil
		}
	case "tr":
		if w.tables == 1 {
			w.row()
		}
	case "tbl":
		w.tables = max(0, w.tables-1)
	}
}

func (w *wordText) write(p *wordParagraph) {
	text := strings.TrimSpace(p.text.String())
	if text == "" {
		return
	}
	if w.tables > 0 {
		w.cell = append(w.cell, strings.Join(strings.Fields(text), " "))
		return
	}
	isEntry := p.numbering != "" && p.numbering != "0" && p.heading == 0
	if isEntry && w.inList {
		w.out.WriteString("\n")
	} else {
		w.gap()
	}
	w.inList = isEntry
	switch {
	case p.heading > 0:
		w.out.WriteString(strings.Repeat("#", p.heading) + " " + strings.Join(strings.Fields(text), " "))
	case isEntry:
		level, _ := strconv.Atoi(p.level)
		mark := "1. "
		if w.styles.bullets[p.numbering+"/"+strconv.Itoa(level)] {
			mark = "- "
		}
		indent := strings.Repeat("   ", min(max(level, 0), 9))
		w.out.WriteString(indent + mark + strings.ReplaceAll(text, "\n", "\n"+indent+strings.Repeat(" ", len(mark))))
	default:
		w.out.WriteString(text)
	}
}

// gap parts what comes from what stands before it.
func (w *wordText) gap() {
	if w.out.Len() > 0 {
		w.out.WriteString("\n\n")
	}
}

// row writes a row of a table; the first one is its head.
func (w *wordText) row() {
	if len(w.cells) == 0 {
		return
	}
	if w.rows == 0 {
		w.gap()
		w.inList = false
	} else {
		w.out.WriteString("\n")
	}
	for _, cell := range w.cells {
		w.out.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
	}
	w.out.WriteString("|")
	if w.rows == 0 {
		w.out.WriteString("\n" + strings.Repeat("| --- ", len(w.cells)) + "|")
	}
	w.rows++
	w.cells = nil
}

func (w *wordText) markdown() string {
	for _, p := range w.paragraphs { // of a document that ends within one
		w.write(p)
	}
	if w.out.Len() == 0 {
		return ""
	}
	return strings.ToValidUTF8(w.out.String(), "\uFFFD") + "\n"
}
