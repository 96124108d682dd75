package files

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const wordHead = `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`

const wordStylesXML = `<w:styles><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Mine"><w:name w:val="Mine"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style></w:styles>`

const wordNumberingXML = `<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>
<w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="6"><w:abstractNumId w:val="1"/></w:num></w:numbering>`

// word makes a Word document of the XML in its body.
func word(t testing.TB, body string) []byte {
	t.Helper()
	return zipped(t, map[string]string{
		"[Content_Types].xml": "<Types/>", "word/document.xml": wordHead + body + `</w:body></w:document>`,
		"word/styles.xml": wordStylesXML, "word/numbering.xml": wordNumberingXML,
	})
}

func zipped(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for name, text := range parts {
		part, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func para(properties, text string) string {
	return `<w:p><w:pPr>` + properties + `</w:pPr><w:r><w:t xml:space="preserve">` + text + `</w:t></w:r></w:p>`
}

func TestMarkdownOfDOCX(t *testing.T) {
	style := func(id string) string { return fmt.Sprintf(`<w:pStyle w:val=%q/>`, id) }
	entry := func(num, level int) string {
		return fmt.Sprintf(`<w:numPr><w:ilvl w:val="%d"/><w:numId w:val="%d"/></w:numPr>`, level, num)
	}
	cell := func(text string) string { return "<w:tc>" + para("", text) + "</w:tc>" }
	body := para(style("Titel"), "Handbook") +
		para(style("berschrift1"), "Leave &amp; rest") +
		para("", "Up to ") + `<w:p/>` +
		`<w:p><w:r><w:t>thirty</w:t></w:r><w:r><w:tab/><w:t>days</w:t><w:br/><w:t>a year</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>` +
		para(style("Mine"), "Steps") +
		para(entry(5, 0), "ask") + para(entry(5, 1), "twice") + para(entry(5, 0), "wait") +
		para("", "between") + para(entry(6, 0), "first") +
		`<w:tbl><w:tr>` + cell("Who") + cell("Days|max") + `</w:tr><w:tr>` + cell("All") + `<w:tc>` + para("", "30") + para("", "or more") + `</w:tc></w:tr></w:tbl>` +
		`<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent>` + para("", "in a box") + `</w:txbxContent></mc:Choice><mc:Fallback><w:t>in a box</w:t></mc:Fallback></mc:AlternateContent><w:t>around it</w:t></w:r></w:p>` +
		`<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:r><w:t>end</w:t></w:r></w:p>`
	want := `# Handbook

# Leave & rest

Up to

thirty	days
a year

## Steps

- ask
   1. twice
- wait

between

1. first

| Who | Days\|max |
| --- | --- |
| All | 30 or more |

in a box

around it

end
`
	got, err := markdownOfDOCX(t.Context(), word(t, body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("markdown (-want +got):\n%s", diff)
	}
}

func TestHostileDOCX(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"no zip", []byte("PK\x03\x04 and no more"), errDocument},
		{"a zip of something else", zipped(t, map[string]string{"a.txt": "a"}), errDocument},
		{"broken XML", word(t, "<w:p><w:t"), errDocument},
		{"a bomb", word(t, para("", "text")+strings.Repeat(" ", maxDocument)), errUnpacks},
		{"a bomb of styles", zipped(t, map[string]string{"word/document.xml": "<a/>", "word/styles.xml": strings.Repeat(" ", maxStyles+1)}), errUnpacks},
		{"nested too deeply", word(t, strings.Repeat("<w:p>", 100_000)), errDocument},
		{"entities of its own", zipped(t, map[string]string{"word/document.xml": `<!DOCTYPE x [<!ENTITY a "b">]><w:p><w:t>&a;</w:t></w:p>`}), errDocument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if text, err := markdownOfDOCX(t.Context(), tt.data); !errors.Is(err, tt.want) {
				t.Errorf("markdown = %.40q, %v, want %v", text, err, tt.want)
			}
		})
	}
}

func TestReadingADOCXEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if text, err := markdownOfDOCX(ctx, word(t, para("", "a"))); !errors.Is(err, context.Canceled) {
		t.Errorf("markdown = %q, %v, want %v", text, err, context.Canceled)
	}
}

// FuzzDOCX: whatever the parts hold, there is a text, which is no longer than they are but for marks, or a plain reason.
func FuzzDOCX(f *testing.F) {
	f.Add(wordHead+para("", "text"), wordStylesXML, wordNumberingXML)
	f.Add("<w:tbl><w:tr><w:tc><w:p>", "<w:style>", "<w:num>")
	f.Add("</w:tbl></w:p></w:r></w:t>", "", "</a>")
	f.Add(strings.Repeat("<w:tbl>", 150), "&", "<")
	f.Fuzz(func(t *testing.T, document, styles, numbering string) {
		data := zipped(t, map[string]string{"word/document.xml": document, "word/styles.xml": styles, "word/numbering.xml": numbering})
		text, err := markdownOfDOCX(t.Context(), data)
		if err != nil && !errors.Is(err, errDocument) && !errors.Is(err, errUnpacks) {
			t.Fatalf("error = %v, want a reason for models", err)
		}
		if most := 8*len(document) + 100; len(text) > most || !utf8.ValidString(text) {
			t.Fatalf("%d bytes came of %d, valid: %v", len(text), len(document), utf8.ValidString(text))
		}
	})
}

func FuzzDOCXArchive(f *testing.F) {
	f.Add(word(f, para("", "text")))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if text, err := markdownOfDOCX(t.Context(), data); err != nil && !errors.Is(err, errDocument) && !errors.Is(err, errUnpacks) {
			t.Fatalf("markdown = %q, %v, want a reason for models", text, err)
		}
	})
}
