package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	gh "github.com/google/go-github/v89/github"

	"toolgate/mcp"
	"toolgate/tools/internal/egress"
)

const (
	maxAnswer  = 16 << 20 // bytes of one answer of GitHub
	maxFile    = 10 << 20 // bytes of a file that is read; one in base64 fits into maxAnswer
	fullFolder = 1000     // entries of a folder that GitHub lists
)

// What a path can lead to.
const (
	kindFile      = "file"
	kindFolder    = "dir"
	kindSymlink   = "symlink"
	kindSubmodule = "submodule"
)

// mark at the beginning of a file says that large-file storage (Git LFS) has what is meant.
const lfsMark = "version https://git-lfs.github.com/spec/"

type getContentsArgs struct {
	repositoryArgs
	Path      string `json:"path,omitzero" jsonschema:"File or folder."`
	Ref       string `json:"ref,omitzero" jsonschema:"Branch, tag or commit."`
	StartLine int    `json:"startLine,omitzero" jsonschema:"First line." minimum:"1"`
	EndLine   int    `json:"endLine,omitzero" jsonschema:"Last line." minimum:"1"`
}

var contentsSchema = jsontext.Value(`{"type":"object","required":["path","type"],"properties":{"path":{"type":"string"},` +
	`"type":{"type":"string","description":"file, dir, symlink or submodule."},` +
	`"text":{"type":"string","description":"Lines startLine to endLine of totalLines."},` +
	`"entries":{"type":"array","description":"name, type, size.","items":{"type":"object"}},` +
	`"note":{"type":"string","description":"How to go on."}}}`)

type getContentsResult struct {
	Path       string  `json:"path"`
	Type       string  `json:"type"`
	SHA        string  `json:"sha,omitzero"`
	Size       int     `json:"size,omitzero"`
	StartLine  int     `json:"startLine,omitzero"`
	EndLine    int     `json:"endLine,omitzero"`
	TotalLines *int    `json:"totalLines,omitzero"`
	Text       *string `json:"text,omitzero"`
	Entries    []entry `json:"entries,omitzero"`
	Target     string  `json:"target,omitzero"` // of a symlink, or a submodule's repository
	Note       string  `json:"note,omitzero"`
}

// entry is one of a folder.
type entry struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int    `json:"size,omitzero"`
}

func (p *Pack) getContents(ctx context.Context, _ *mcp.Call, in getContentsArgs) (getContentsResult, error) {
	none := getContentsResult{}
	r, err := p.repository(in.repositoryArgs)
	if err != nil {
		return none, err
	}
	path, err := cleanPath(in.Path)
	if err != nil {
		return none, err
	}
	q := contentsQuestion{p, r, path, in.Ref}
	one, folder, err := q.ask(ctx)
	if err != nil {
		return none, err
	}
	if one == nil {
		return newFolder(path, folder), nil
	}
	result := getContentsResult{Path: one.GetPath(), Type: one.GetType(), SHA: one.GetSHA(), Size: one.GetSize()}
	switch {
	case one.GetType() == kindSymlink:
		result.Target = one.GetTarget()
		result.Note = "a symbolic link, to what target names; what is there is read by its own path"
		return result, nil
	case one.GetType() == kindSubmodule || one.GetSubmoduleGitURL() != "":
		result.Type, result.Size, result.Target = kindSubmodule, 0, one.GetSubmoduleGitURL()
		result.Note = "another repository, at the commit sha; what it holds is read there"
		return result, nil
	}
	content, err := q.content(ctx, one)
	if err != nil {
		return none, err
	}
	if err := result.show(content, in.StartLine, in.EndLine); err != nil {
		return none, err
	}
	return result, nil
}

// show fills in the lines that a call asked for.
func (r *getContentsResult) show(content []byte, start, end int) error {
	if binary(content) {
		return mcp.ToolErrorf("%s is a binary file of %d bytes: it cannot be shown as text", r.Path, len(content))
	}
	shown, err := lines(string(content), start, end, maxShown)
	if err != nil {
		return err
	}
	r.Size = len(content)
	r.Text, r.TotalLines, r.StartLine, r.EndLine = &shown.Text, &shown.Total, shown.Start, shown.End
	switch {
	case bytes.HasPrefix(content, []byte(lfsMark)):
		r.Note = "this only points to the file, which Git LFS keeps elsewhere"
	case shown.Cut:
		r.Note = fmt.Sprintf("line %d is too long: only its first %d bytes are shown", shown.End, len(shown.Text))
	case shown.End < shown.Total && (end == 0 || shown.End < end):
		r.Note = fmt.Sprintf("go on with startLine %d", shown.End+1)
	}
	return nil
}

func newFolder(path string, folder []*gh.RepositoryContent) getContentsResult {
	result := getContentsResult{Path: path, Type: kindFolder, Entries: make([]entry, 0, len(folder))}
	for _, e := range folder {
		one := entry{e.GetName(), e.GetType(), e.GetSize()}
		if one.Type == kindFile && e.GetSize() == 0 && strings.Contains(e.GetGitURL(), "/git/trees/") {
			one.Type = kindSubmodule // GitHub calls it a file, for programs that know no better
		}
		result.Entries = append(result.Entries, one)
	}
	if len(folder) >= fullFolder {
		result.Note = fmt.Sprintf("GitHub lists no more than %d entries of a folder; there may be others", fullFolder)
	}
	return result
}

// contentsQuestion is a path that is asked about.
type contentsQuestion struct {
	*Pack
	r    repository
	path string
	ref  string
}

func (q contentsQuestion) String() string {
	at := ""
	if q.ref != "" {
		at = fmt.Sprintf(" at %q", q.ref)
	}
	return fmt.Sprintf("%q in %s%s", q.path, q.r, at)
}

func (q contentsQuestion) settle(ctx context.Context, doing string, resp *gh.Response, err error) error {
	return q.Pack.settle(ctx, q.r, doing+" "+q.String(), "there is no "+q.String(), resp, err)
}

// ask finds out what is at the path: one thing, or a folder's entries. Requests are made here since go-github's own change
// paths that hold a colon.
func (q contentsQuestion) ask(ctx context.Context) (*gh.RepositoryContent, []*gh.RepositoryContent, error) {
	segments := strings.Split(q.path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	place := fmt.Sprintf("repos/%s/contents/%s", q.r, strings.Join(segments, "/"))
	if q.ref != "" {
		place += "?ref=" + url.QueryEscape(q.ref)
	}
	req, err := q.api.NewRequest(ctx, "GET", place, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("ask for %s: %w", q, err)
	}
	var answer json.RawMessage
	resp, err := q.api.Do(req, &answer)
	err = q.settle(ctx, "read", resp, err)
	if errors.Is(err, egress.ErrTooLarge) {
		return nil, nil, mcp.ToolErrorf("%s is too large to be read", q)
	}
	if err != nil {
		return nil, nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(answer), []byte("[")) {
		var folder []*gh.RepositoryContent
		if err := json.Unmarshal(answer, &folder); err != nil {
			return nil, nil, fmt.Errorf("read what is in %s: %w", q, err)
		}
		return nil, folder, nil
	}
	one := &gh.RepositoryContent{}
	if err := json.Unmarshal(answer, one); err != nil {
		return nil, nil, fmt.Errorf("read what %s is: %w", q, err)
	}
	return one, nil, nil
}

// content is a file's. Of files beyond 1 MiB the first answer has none, and the blob is asked for.
func (q contentsQuestion) content(ctx context.Context, one *gh.RepositoryContent) ([]byte, error) {
	if one.GetSize() > maxFile {
		return nil, mcp.ToolErrorf("%s has %d bytes: no file beyond %d is read", q, one.GetSize(), maxFile)
	}
	if one.GetEncoding() != "none" {
		text, err := one.GetContent()
		if err != nil {
			return nil, fmt.Errorf("read the content of %s: %w: %w", q, errGarbled, err)
		}
		if text != "" || one.GetSize() == 0 {
			return []byte(text), nil
		}
	}
	if !commitID(one.GetSHA()) {
		return nil, fmt.Errorf("read the content of %s: %w", q, errGarbled)
	}
	content, resp, err := q.api.Git.GetBlobRaw(ctx, q.r.owner, q.r.name, one.GetSHA())
	return content, q.settle(ctx, "read the content of", resp, err)
}

// commitID says that text is the id of a git object.
func commitID(text string) bool {
	return len(text) >= 40 && strings.Trim(text, "0123456789abcdef") == ""
}

// cleanPath is a path without slashes at its ends, none of whose segments leads anywhere else.
func cleanPath(text string) (string, error) {
	path := strings.Trim(strings.TrimPrefix(strings.TrimSpace(text), "./"), "/")
	if path == "" || path == "." {
		return "", nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "\x00\r\n") {
			return "", mcp.ToolErrorf("path %q is not one from the top of the repository, such as docs/readme.md", text)
		}
	}
	return path, nil
}
