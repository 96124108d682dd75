package files

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"toolgate/mcp"
	"toolgate/tools/internal/near"
)

// Bounds of one part of a file.
const (
	maxLines    = 2000
	maxPart     = 60 << 10 // bytes of text as it is encoded: with the rest, under what a result may be by default
	suggestions = 3        // paths that may have been meant
	folderShown = 20       // files of a folder that was taken for one
)

func (p *Pack) readTool() *mcp.Tool {
	return mcp.NewTool(mcp.ToolSpec{
		Name:        "read_file",
		Title:       "Read a file",
		Description: "Reads a document by lines: text, Markdown, HTML, Word, PDF. " + p.rootsOnly(),
		Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
	}, p.read)
}

func (p *Pack) rootsOnly() string { return "Roots: " + strings.Join(p.names(), ", ") + "." }

type readArgs struct {
	Root      string `json:"root" jsonschema:"Its root." minLength:"1"`
	Path      string `json:"path" jsonschema:"Its path, as search_files gives it." minLength:"1" maxLength:"4096"`
	StartLine int    `json:"startLine,omitempty" jsonschema:"First line." minimum:"1" default:"1"`
	EndLine   int    `json:"endLine,omitzero" jsonschema:"Last line." minimum:"1"`
}

type readResult struct {
	URI        string `json:"uri" jsonschema:"It as a resource."`
	MIMEType   string `json:"mimeType" jsonschema:"Type of the text."`
	Modified   string `json:"modified" jsonschema:"Last change."`
	StartLine  int    `json:"startLine" jsonschema:"First line given."`
	TotalLines int    `json:"totalLines" jsonschema:"Lines it has."`
	NextLine   int    `json:"nextLine,omitzero" jsonschema:"startLine to go on with; absent at the end."`
	Note       string `json:"note,omitempty" jsonschema:"What is cut."`
	Text       string `json:"text" jsonschema:"The lines."`
}

func (p *Pack) read(ctx context.Context, _ *mcp.Call, in readArgs) (readResult, error) {
	f, err := p.folder(in.Root)
	if err != nil {
		return readResult{}, err
	}
	if in.EndLine != 0 && in.EndLine < in.StartLine {
		return readResult{}, mcp.ToolErrorf("endLine %d is before startLine %d", in.EndLine, in.StartLine)
	}
	root, err := f.enter()
	if err != nil {
		return readResult{}, err
	}
	defer root.Close()
	d, err := p.docs.document(ctx, f, root, in.Path)
	if refused, isRefused := errors.AsType[*unreadable](err); isRefused {
		return readResult{}, mcp.ToolErrorf("%s", refused.message)
	}
	if errors.Is(err, errOutside) || errors.Is(err, errNotThere) {
		return readResult{}, p.nothing(ctx, f, in.Path, err)
	}
	if err != nil {
		return readResult{}, err
	}
	r := readResult{URI: uriOf(f.name, d.path), MIMEType: d.mime, Modified: stamp(d.modified)}
	lines := splitLines(d.text)
	r.TotalLines = len(lines)
	if in.StartLine > max(1, len(lines)) {
		return readResult{}, mcp.ToolErrorf("%s has %d lines; startLine is beyond them", d.path, len(lines))
	}
	r.part(lines, in.StartLine, in.EndLine)
	return r, nil
}

// splitLines parts a text. What ends with a line feed has no empty line after it.
func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return lines
}

// part fills in the lines from start to end, or to where the bounds are. end is 0 for no end asked for.
func (r *readResult) part(lines []string, start, end int) {
	asked := end
	if end == 0 || end > len(lines) {
		end = len(lines)
	}
	end = min(end, start+maxLines-1)
	room := maxPart
	at := start
	for ; at <= end; at++ {
		if room -= encoded(lines[at-1]); room < 0 {
			break
		}
	}
	shown := lines[start-1 : max(start, at)-1]
	if at == start && start <= end { // one line alone is too long
		line := lines[start-1]
		for cut := min(len(line), maxPart); ; cut /= 2 {
			if short := strings.ToValidUTF8(line[:cut], ""); encoded(short) <= maxPart {
				shown = []string{short}
				r.Note = fmt.Sprintf("Line %d has %s; the first %s are shown.", start, amount(int64(len(line))), amount(int64(len(short))))
				break
			}
		}
		at++
	}
	r.StartLine, r.Text = start, strings.Join(shown, "\n")
	if at <= len(lines) && (asked == 0 || at <= asked) {
		r.NextLine = at
	}
}

// encoded is how many bytes a line takes in a result.
func encoded(line string) int {
	n := len(line) + len(`\n`)
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"' || c == '\\' || c == '\t':
			n++
		case c < ' ':
			n += 5
		}
	}
	return n
}

// nothing is the error for a path that names no file that can be read, with what may have been meant: only what callers may
// read is ever named.
func (p *Pack) nothing(ctx context.Context, f *folder, asked string, err error) error {
	if errors.Is(err, errOutside) && !strings.HasSuffix(asked, "/") {
		return mcp.ToolErrorf("%q is not a path below a root: write it as search_files gives it, with single slashes, from the root on", clip(asked, 200))
	}
	found, err := f.list(ctx, nil)
	if err != nil {
		return err
	}
	inside := strings.TrimSuffix(strings.TrimPrefix(asked, "./"), "/") + "/"
	var below, all []string
	for _, e := range found.entries {
		all = append(all, e.path)
		if strings.HasPrefix(e.path, inside) {
			below = append(below, e.path)
		}
	}
	if len(below) > 0 {
		more := ""
		if len(below) > folderShown {
			more = fmt.Sprintf(" and %d more", len(below)-folderShown)
			below = below[:folderShown]
		}
		return mcp.ToolErrorf("%s is a folder; its files are %s%s", clip(asked, 200), strings.Join(below, ", "), more)
	}
	if closest := near.Names(asked, all, suggestions); len(closest) > 0 {
		return mcp.ToolErrorf("there is no file %q in %s; did you mean %s?", clip(asked, 200), f.name, strings.Join(closest, ", "))
	}
	return mcp.ToolErrorf("there is no file %q in %s; search_files finds files by their words", clip(asked, 200), f.name)
}
