package files

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// pdfOf makes a PDF file of objects, the first of which is its catalog.
func pdfOf(objects ...string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	offsets := make([]int, 0, len(objects))
	for i, object := range objects {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return out.Bytes()
}

func stream(head, data string) string {
	return fmt.Sprintf("<<%s /Length %d>>\nstream\n%s\nendstream", head, len(data), data)
}

func deflated(head, data string) string {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return stream(head+" /Filter /FlateDecode", out.String())
}

// pages makes a PDF file with these drawing operators on its pages.
func pages(contents ...string) []byte {
	objects := []string{"<</Type /Catalog /Pages 2 0 R>>", ""}
	font := "<</Font <</F1 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>>> >>"
	var kids strings.Builder
	for _, content := range contents {
		n := len(objects) + 1
		fmt.Fprintf(&kids, "%d 0 R ", n)
		objects = append(objects, fmt.Sprintf("<</Type /Page /Parent 2 0 R /Resources %s /Contents %d 0 R>>", font, n+1), content)
	}
	objects[1] = fmt.Sprintf("<</Type /Pages /Kids [%s] /Count %d>>", kids.String(), len(contents))
	return pdfOf(objects...)
}

const drawn = `BT /F1 12 Tf 72 700 Td (Leave policy) Tj 0 -14 Td (Up to thir) Tj (ty days) Tj
0 -14 Td [(Kerned) -20 (text) -400 (apart)] TJ ET
BT /F1 12 Tf 1 0 0 1 72 600 Tm (Left) Tj 1 0 0 1 300 600 Tm (Right) Tj T* 14 TL T* (Next) Tj (Caf\351) ' ET`

func TestTextOfPDF(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"plain.pdf": string(pages(stream("", drawn), deflated("", "BT /F1 12 Tf 72 700 Td (Second page) Tj ET"))),
	})
	r, fault := connect(t, docs(t, dir)).readFile("plain.pdf")
	want := "Leave policy\nUp to thirty days\nKernedtext apart\n\nLeft Right\nNext\nCafé\n\nSecond page"
	if fault != "" || r.Text != want || r.MIMEType != "text/plain" {
		t.Errorf("read_file = %s %q, %q, want %q", r.MIMEType, r.Text, fault, want)
	}
}

// hostilePDFs is a file for each thing that the library does not survive, or that costs too much.
func hostilePDFs() map[string][]byte {
	return map[string][]byte{
		"no PDF":                       []byte("hello"),
		"a head alone":                 []byte("%PDF-1.4\n%%EOF"),
		"cut short":                    pages(stream("", drawn))[:300],
		"a string that never ends":     pages(stream("", "BT /F1 12 Tf <4142")),
		"a table of numbers too large": []byte("%PDF-1.4\nxref\n4000000000 1\n0000000000 65535 f \ntrailer\n<</Size 1>>\nstartxref\n9\n%%EOF"),
		"endless pages":                pdfOf("<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [2 0 R] /Count 1000000>>"),
		"nested too deeply":            pdfOf("<</Type /Catalog /Pages 2 0 R>>", strings.Repeat("[", 1_000_000)),
		"a previous table that is itself": []byte("%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 1 /Root 1 0 R /Prev 9>>\n" +
			strings.Repeat(" ", 100) + "\nstartxref\n9\n%%EOF"),
		"a bomb": pages(deflated("", strings.Repeat(" ", 64<<20)+"BT /F1 12 Tf ("+strings.Repeat("a", 16<<20)+") Tj ET")),
		"a font that counts to a great number": pdfOf("<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [3 0 R] /Count 1>>",
			"<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</Font <</F1 <</Type /Font /Encoding /Identity-H /ToUnicode 5 0 R>> >> >> >>",
			stream("", drawn), stream("", "1000000000000 beginbfchar endbfchar")),
		"a form in itself": pdfOf("<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [3 0 R] /Count 1>>",
			"<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</XObject <</X 5 0 R>> >> >>", stream("", "/X Do"),
			stream("/Subtype /Form /Resources <</XObject <</X 5 0 R>> >>", "/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do")),
		"an object stream in itself": inItself(),
	}
}

// inItself has an object that is said to be in a stream that is in itself.
func inItself() []byte {
	table := []byte{0, 0, 0, 2, 1, 0, 2, 2, 0} // the object 1 is in the stream 1
	var out bytes.Buffer
	out.WriteString("%PDF-1.5\n")
	fmt.Fprintf(&out, "9 0 obj\n<</Type /XRef /Size 3 /W [1 1 1] /Root 1 0 R /Length %d>>\nstream\n%s\nendstream\nendobj\n", len(table), table)
	fmt.Fprintf(&out, "%sstartxref\n9\n%%%%EOF\n", strings.Repeat("\n", 80))
	return out.Bytes()
}

func TestHostilePDFsHarmNobody(t *testing.T) {
	for name, data := range hostilePDFs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			text, err := ask(t.Context(), helper(t), 2*time.Second, helpPDF, data)
			if _, ours := errors.AsType[*helperError](err); ours {
				t.Errorf("ask = %v, want a reason for models", err)
			}
			if len(text) > maxPDFText+100 || time.Since(began) > 20*time.Second {
				t.Errorf("ask = %d bytes, %v, in %v", len(text), err, time.Since(began))
			}
		})
	}
}

func TestPDFsThatGiveNoTextSayWhy(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"scan.pdf": string(pages(stream("", "q Q"))), "damaged.pdf": "%PDF-1.4\n",
	})
	c := connect(t, docs(t, dir))
	for path, want := range map[string]string{
		"scan.pdf":    "the text of scan.pdf cannot be read: its pages hold no text: they may be pictures of paper",
		"damaged.pdf": "the text of damaged.pdf cannot be read: it is damaged, or not what its name says",
	} {
		if r, fault := c.readFile(path); fault != want {
			t.Errorf("read_file(%s) = %q, %q, want %q", path, r.Text, fault, want)
		}
	}
}

func TestHelpersThatDoNotHelp(t *testing.T) {
	data := pages(stream("", drawn))
	began := time.Now()
	ours := func(err error) bool { _, is := errors.AsType[*helperError](err); return is }
	if _, err := ask(t.Context(), nil, time.Second, helpPDF, data); err == nil || ours(err) {
		t.Errorf("without a helper: %v, want a reason for models", err)
	}
	if _, err := ask(t.Context(), []string{"/does/not/exist"}, time.Second, helpPDF, data); !ours(err) {
		t.Errorf("a helper that is not there: %v, want our error", err)
	}
	if _, err := ask(t.Context(), []string{"/bin/echo", "hello"}, 10*time.Second, helpPDF, data); !ours(err) {
		t.Errorf("a program that is no helper: %v, want our error", err)
	}
	if _, err := ask(t.Context(), []string{"/bin/sh", "-c", "exit 3"}, 10*time.Second, helpPDF, data); !errors.Is(err, errDamaged) {
		t.Errorf("a helper that fell over: %v, want %v", err, errDamaged)
	}
	if _, err := ask(t.Context(), []string{"/bin/sh", "-c", "sleep 60"}, 50*time.Millisecond, helpPDF, data); !errors.Is(err, errDamaged) {
		t.Errorf("a helper that hangs: %v, want %v", err, errDamaged)
	}
	if _, err := ask(t.Context(), []string{"/bin/sh", "-c", "yes"}, 10*time.Second, helpPDF, data); !errors.Is(err, errDamaged) {
		t.Errorf("a helper that talks without end: %v, want %v", err, errDamaged)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(ctx, helper(t), time.Second, helpPDF, data); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that is over: %v, want %v", err, context.Canceled)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("all of it took %v: some of them were waited for", took)
	}
}

func TestHelpersKnowNoSecrets(t *testing.T) {
	t.Setenv("TOOLGATE_AUTH_SECRET", secret)
	text, err := ask(t.Context(), []string{"/bin/sh", "-c", "echo text; env"}, 10*time.Second, helpPDF, nil)
	if err != nil || strings.Contains(text, secret) || !strings.Contains(text, "GOMAXPROCS=2") {
		t.Errorf("the environment of a helper is %q, %v, want none of ours", text, err)
	}
}

// FuzzPDF: whatever the file, a helper gives a bounded text, or a reason, and nobody else comes to harm.
func FuzzPDF(f *testing.F) {
	f.Add(pages(stream("", drawn)))
	f.Add(pages(stream("", "BT [(a) 1 (b)] TJ (c) \" ET"), deflated("", "/X Do")))
	f.Add([]byte("%PDF-1.7\nstartxref\n0\n%%EOF"))
	self := helper(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := ask(t.Context(), self, 3*time.Second, helpPDF, data)
		if _, ours := errors.AsType[*helperError](err); ours || len(text) > maxPDFText+100 || !utf8.ValidString(text) {
			t.Fatalf("ask = %d bytes, %v", len(text), err)
		}
	})
}
