package files

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

func TestTextIsReadInEveryEncoding(t *testing.T) {
	const text = "Grüße aus Köln – für 5 €\nzweite Zeile mit mehr Text\n"
	western := "Grüße aus Köln\nzweite Zeile\n"
	encoded := func(enc interface{ Bytes([]byte) ([]byte, error) }, text string) string {
		t.Helper()
		b, err := enc.Bytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	tests := []struct{ name, data, want string }{
		{"UTF-8", text, text},
		{"UTF-8 with a mark", "\xEF\xBB\xBF" + text, text},
		{"UTF-16, little endian, with a mark", encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), text), text},
		{"UTF-16, big endian, with a mark", encoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder(), text), text},
		{"UTF-16, little endian, without a mark", encoded(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder(), text), text},
		{"UTF-16, big endian, without a mark", encoded(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder(), text), text},
		{"UTF-32", encoded(utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewEncoder(), text), text},
		{"Windows-1252", encoded(charmap.Windows1252.NewEncoder(), text), text},
		{"Latin-1", encoded(charmap.ISO8859_1.NewEncoder(), western), western},
		{"empty", "", ""},
		{"colours of a terminal", "\x1b[31mred\x1b[0m is a colour that logs have\n" + strings.Repeat("more of the log\n", 20), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if want == "" {
				want = tt.data
			}
			if got, ok := decodeText([]byte(tt.data)); !ok || got != want {
				t.Errorf("decodeText = %q, %v, want %q", got, ok, want)
			}
		})
	}
}

func TestWhatIsNoTextIsKnown(t *testing.T) {
	for name, data := range map[string]string{
		"a picture":       "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01",
		"a program":       "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00>\x00",
		"zeros":           strings.Repeat("\x00", 100),
		"one zero":        "text\x00text",
		"control signs":   strings.Repeat("\x01\x02\x03abc", 50),
		"noise":           "\xe5\x07\x10\x99\x12\x1c\xff\x02\x03\xc3\x28\x0e\x11\x16",
		"half of a UTF-8": strings.Repeat("\x80\x05\x06", 40),
	} {
		if text, ok := decodeText([]byte(data)); ok {
			t.Errorf("%s is taken for the text %q", name, text)
		}
	}
}

func TestMarkdownOfHTML(t *testing.T) {
	page := `<!doctype html><html><head><title>T</title><style>p{}</style><script>alert(1)</script></head>
<body><h1>Leave</h1><p>Up to <b>30</b> days, see <a href="/x">here</a>.</p><ul><li>one</li><li>two</li></ul>
<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></body></html>`
	got, err := markdownOfHTML(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Leave", "**30**", "[here](/x)", "- one", "| A | B |", "| 1 | 2 |"} {
		if !strings.Contains(got, want) {
			t.Errorf("markdown is %q, want %q in it", got, want)
		}
	}
	if strings.Contains(got, "alert") || strings.Contains(got, "p{}") {
		t.Errorf("markdown is %q, with what is no text", got)
	}
}

func TestAPageNestedTooDeeplyIsGivenAsItIs(t *testing.T) {
	dir := t.TempDir()
	page := strings.Repeat("<div>", 100_000) + "deep"
	write(t, dir, map[string]string{"deep.html": page})
	r, fault := connect(t, docs(t, dir)).readFile("deep.html")
	if fault != "" || r.MIMEType != "text/html" || !strings.HasPrefix(r.Text, "<div><div>") {
		t.Errorf("read_file = %s %.30q, %q, want the page as it is", r.MIMEType, r.Text, fault)
	}
}

func TestLargePagesAreReadByAHelper(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"large.html":   "<h1>Large</h1>" + strings.Repeat("<p>A paragraph of text.</p>\n", 20_000),
		"slow.html":    strings.Repeat("<td>x", 800_000),
		"toolong.html": strings.Repeat("<p>A paragraph of text.</p>\n", 200_000),
	})
	p := docs(t, dir)
	p.docs.patience = 5 * time.Second
	c := connect(t, p)
	for path, want := range map[string]string{"large.html": "text/markdown", "slow.html": "text/html", "toolong.html": "text/html"} {
		if r, fault := c.readFile(path); r.MIMEType != want || r.Text == "" {
			t.Errorf("read_file(%s) = %s %.30q, %q, want %s", path, r.MIMEType, r.Text, fault, want)
		}
	}
}
