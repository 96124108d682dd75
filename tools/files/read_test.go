package files

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// numbered is n lines, each of its number.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	return b.String()
}

// shown is the last line that is given.
func shown(r readResult) int {
	if r.TotalLines == 0 {
		return 0
	}
	return r.StartLine + strings.Count(r.Text, "\n")
}

func TestReadFileByLines(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"five.md": numbered(5), "many.md": numbered(5001), "empty.md": "", "crlf.txt": "a\r\nb\r\n", "noend.txt": "a\nb",
		"one.json": `{"a":"` + strings.Repeat("x", 300_000) + `"}` + "\nend", "quotes.txt": strings.Repeat(`"""""""""`+"\n", 5000),
	})
	tests := []struct {
		name, path       string
		start, end       int
		first, last      string // lines of the text
		from, to, totals int
		next             int
	}{
		{"all of a small file", "five.md", 0, 0, "line 1", "line 5", 1, 5, 5, 0},
		{"from a line on", "five.md", 4, 0, "line 4", "line 5", 4, 5, 5, 0},
		{"some lines", "five.md", 2, 3, "line 2", "line 3", 2, 3, 5, 0},
		{"one line", "five.md", 5, 5, "line 5", "line 5", 5, 5, 5, 0},
		{"more than there are", "five.md", 4, 100, "line 4", "line 5", 4, 5, 5, 0},
		{"the first part of a long file", "many.md", 0, 0, "line 1", "line 2000", 1, 2000, 5001, 2001},
		{"the last part of a long file", "many.md", 4001, 0, "line 4001", "line 5001", 4001, 5001, 5001, 0},
		{"more lines than are given at once", "many.md", 2, 4000, "line 2", "line 2001", 2, 2001, 5001, 2002},
		{"an empty file", "empty.md", 0, 0, "", "", 1, 0, 0, 0},
		{"line ends of Windows", "crlf.txt", 0, 0, "a", "b", 1, 2, 2, 0},
		{"no line end at the end", "noend.txt", 0, 0, "a", "b", 1, 2, 2, 0},
	}
	c := connect(t, docs(t, dir))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := map[string]any{"root": "docs", "path": tt.path}
			if tt.start > 0 {
				in["startLine"] = tt.start
			}
			if tt.end > 0 {
				in["endLine"] = tt.end
			}
			var r readResult
			if fault := c.call("read_file", in, &r); fault != "" {
				t.Fatal(fault)
			}
			lines := strings.Split(r.Text, "\n")
			if lines[0] != tt.first || lines[len(lines)-1] != tt.last || r.StartLine != tt.from || shown(r) != tt.to || r.TotalLines != tt.totals || r.NextLine != tt.next {
				t.Errorf("lines %d to %d of %d, next %d, %q to %q; want %+v", r.StartLine, shown(r), r.TotalLines, r.NextLine, lines[0], lines[len(lines)-1], tt)
			}
		})
	}
	t.Run("a line that is too long", func(t *testing.T) {
		r, fault := c.readFile("one.json")
		if fault != "" || len(r.Text) < maxPart/2 || len(r.Text) > maxPart || shown(r) != 1 || r.NextLine != 2 || !strings.Contains(r.Note, "Line 1 has 300.0 kB") {
			t.Errorf("read_file = %d bytes, lines %d to %d, next %d, note %q, %q", len(r.Text), r.StartLine, shown(r), r.NextLine, r.Note, fault)
		}
	})
	t.Run("text that grows as it is encoded", func(t *testing.T) {
		r, fault := c.readFile("quotes.txt")
		if fault != "" || encoded(r.Text) > maxPart+100 || r.NextLine != shown(r)+1 {
			t.Errorf("read_file = %d bytes as they are encoded, to line %d, next %d, %q", encoded(r.Text), shown(r), r.NextLine, fault)
		}
	})
}

func TestThePartsOfAFileAreTheFile(t *testing.T) {
	dir := t.TempDir()
	text := numbered(1500) + strings.Repeat("long \" line ", 500) + "\n" + numbered(4000) + "end"
	write(t, dir, map[string]string{"a.txt": text})
	c := connect(t, docs(t, dir))
	var lines []string
	for start := 1; start != 0; {
		var r readResult
		if fault := c.call("read_file", map[string]any{"root": "docs", "path": "a.txt", "startLine": start}, &r); fault != "" {
			t.Fatal(fault)
		}
		if start = r.NextLine; start != 0 && start <= r.StartLine {
			t.Fatalf("after line %d comes %d", r.StartLine, start)
		}
		lines = append(lines, strings.Split(r.Text, "\n")...)
	}
	if got := strings.Join(lines, "\n"); got != text {
		t.Errorf("the parts have %d bytes, the file %d", len(got), len(text))
	}
}

func TestReadFileRefusesInPlainWords(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"policies/travel.md": "a", "policies/leave.md": "b\n", "photo.png": "\x89PNG" + strings.Repeat("\x00", 1_200_000), "data.txt": "\x00\x01\x02",
		"big.txt": strings.Repeat("a", 2<<20), "sheet.xlsx": "PK", "odd.xyz": "\x7fELF\x00\x01", "text.xyz": "is text",
	})
	c := connect(t, docs(t, dir, `include: ["**"]`, `max_file: 1MiB`))
	tests := []struct {
		name string
		in   map[string]any
		want string
	}{
		{"a picture", map[string]any{"path": "photo.png"}, "photo.png is an image (image/png, 1.2 MB); only text can be read"},
		{"a spreadsheet", map[string]any{"path": "sheet.xlsx"}, "sheet.xlsx is a spreadsheet (application/vnd.openxml"},
		{"a text that is none", map[string]any{"path": "data.txt"}, "data.txt is a binary file (application/octet-stream, 3 bytes); only text can be read"},
		{"an unknown kind", map[string]any{"path": "odd.xyz"}, "odd.xyz is a binary file"},
		{"a file too large", map[string]any{"path": "big.txt"}, "big.txt has 2.1 MB, and files of at most 1.0 MB are read here"},
		{"a folder", map[string]any{"path": "policies"}, "policies is a folder; its files are policies/leave.md, policies/travel.md"},
		{"a folder with a slash", map[string]any{"path": "policies/"}, "policies/ is a folder; its files are policies/leave.md"},
		{"a typing error", map[string]any{"path": "policies/travle.md"}, `there is no file "policies/travle.md" in docs; did you mean policies/travel.md`},
		{"the name alone", map[string]any{"path": "leave.md"}, `did you mean policies/leave.md`},
		{"nothing like it", map[string]any{"path": "zzzzzzzz"}, `search_files finds files by their words`},
		{"another root", map[string]any{"root": "handbook", "path": "a"}, `there is no root "handbook"; roots are docs`},
		{"a path that leads out", map[string]any{"path": "../a"}, `"../a" is not a path below a root`},
		{"lines that are not there", map[string]any{"path": "policies/leave.md", "startLine": 3}, "policies/leave.md has 1 lines; startLine is beyond them"},
		{"lines in the wrong order", map[string]any{"path": "policies/leave.md", "startLine": 3, "endLine": 2}, "endLine 2 is before startLine 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, set := tt.in["root"]; !set {
				tt.in["root"] = "docs"
			}
			var r readResult
			if fault := c.call("read_file", tt.in, &r); !strings.Contains(fault, tt.want) {
				t.Errorf("read_file says %q, %+v, want %q", fault, r, tt.want)
			}
		})
	}
	if r, fault := c.readFile("text.xyz"); r.Text != "is text" {
		t.Errorf("a text of an unknown kind is %q, %q", r.Text, fault)
	}
}

func TestConvertedTextIsKeptUntilTheFileChanges(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.docx": string(word(t, para("", "first")))})
	p := docs(t, dir)
	c := connect(t, p)
	if r, fault := c.readFile("a.docx"); r.Text != "first" || r.MIMEType != "text/markdown" {
		t.Fatalf("read_file = %q, %q", r.Text, fault)
	}
	for _, key := range p.docs.kept.Keys() { // what is kept is what is given
		p.docs.keep(key, outcome{"kept", "text/markdown", nil})
	}
	if r, _ := c.readFile("a.docx"); r.Text != "kept" {
		t.Errorf("read_file = %q, want what was kept", r.Text)
	}
	write(t, dir, map[string]string{"a.docx": string(word(t, para("", "second, and longer")))})
	if r, _ := c.readFile("a.docx"); r.Text != "second, and longer" {
		t.Errorf("read_file = %q, want the new text", r.Text)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	r := newReader(nil, 1)
	text := strings.Repeat("a", cacheBytes/8)
	for i := range 50 {
		r.keep(version{path: fmt.Sprint(i)}, outcome{text: text})
	}
	if r.bytes > cacheBytes || r.kept.Len() != 7 || r.bytes != r.kept.Len()*(len(text)+512) {
		t.Errorf("%d texts of %d bytes are kept, want at most %d", r.kept.Len(), r.bytes, cacheBytes)
	}
	if got := r.kept.Keys(); !slices.ContainsFunc(got, func(v version) bool { return v.path == "49" }) {
		t.Errorf("the last one is not kept: %v", got)
	}
}
