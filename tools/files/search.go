package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"toolgate/mcp"
)

// Bounds of one search.
const (
	searchTime  = 20 * time.Second // under the default deadline of a call, so that there is an answer
	searchBytes = 1 << 30          // of files that are looked through
	maxHits     = 10_000           // matches that pages go through
)

func (p *Pack) searchTool() *mcp.Tool {
	return mcp.NewTool(mcp.ToolSpec{
		Name:        "search_files",
		Title:       "Search files",
		Description: "Finds documents with all the words, best first. " + p.about(),
		Annotations: mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
	}, p.search)
}

type searchArgs struct {
	Query  string `json:"query" jsonschema:"Words, and phrases in double quotes." minLength:"1" maxLength:"500"`
	Root   string `json:"root,omitempty" jsonschema:"This root alone."`
	Glob   string `json:"glob,omitempty" jsonschema:"Paths, e.g. *.md or policies/**." maxLength:"500"`
	Limit  int    `json:"limit,omitempty" jsonschema:"Matches a page." minimum:"1" maximum:"100" default:"20"`
	Cursor string `json:"cursor,omitempty" jsonschema:"nextCursor of the last page." maxLength:"64"`
}

type match struct {
	Root    string `json:"root" jsonschema:"Its root."`
	Path    string `json:"path" jsonschema:"Its path."`
	URI     string `json:"uri" jsonschema:"It as a resource."`
	Line    int    `json:"line" jsonschema:"Line number."`
	Snippet string `json:"snippet" jsonschema:"The line, or a part."`
}

type searchResult struct {
	Matches    []match `json:"matches" jsonschema:"Up to three lines a file."`
	Files      int     `json:"files" jsonschema:"Files that match."`
	Searched   int     `json:"searched" jsonschema:"Files looked at."`
	Skipped    int     `json:"skipped,omitzero" jsonschema:"Files without text."`
	Missing    string  `json:"missing,omitempty" jsonschema:"What was not looked at."`
	NextCursor string  `json:"nextCursor,omitempty" jsonschema:"cursor of the next page; absent on the last."`
}

func (p *Pack) search(ctx context.Context, c *mcp.Call, in searchArgs) (searchResult, error) {
	folders := p.folders
	if in.Root != "" {
		f, err := p.folder(in.Root)
		if err != nil {
			return searchResult{}, err
		}
		folders = []*folder{f}
	}
	q := parseQuery(in.Query)
	if len(q) == 0 {
		return searchResult{}, mcp.ToolErrorf("query holds no word: name words that the document has")
	}
	s := &search{pack: p, query: q}
	if in.Glob != "" {
		globs, faults := readGlobs("glob", []string{in.Glob})
		if faults != nil {
			return searchResult{}, mcp.ToolErrorf("%s", faults[0])
		}
		s.globs = globs
		if !strings.Contains(in.Glob, "/") {
			s.globs = []string{"**/" + globs[0]} // as people mean it: at any depth
		}
	}
	at, err := parseCursor(in.Cursor, question(in.Query, in.Root, in.Glob))
	if err != nil {
		return searchResult{}, err
	}
	limited, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	if err := s.run(limited, c, folders); err != nil && ctx.Err() == nil && limited.Err() == nil {
		return searchResult{}, err
	}
	if ctx.Err() != nil {
		return searchResult{}, context.Cause(ctx)
	}
	return s.result(at, in.Limit), nil
}

// search is one question while it is answered.
type search struct {
	pack  *Pack
	query query
	globs []string // of paths; empty: all

	jobs     []job
	searched atomic.Int64
	skipped  atomic.Int64
	large    atomic.Int64
	failed   atomic.Int64
	left     int  // files beyond searchBytes
	partial  bool // a root has more files than are looked at
}

// job is one file to look through.
type job struct {
	folder *folder
	root   *os.Root
	entry  entry
	hit    *hit // nil: no match
	done   bool
}

// run looks through the files of the folders until ctx ends. What it found by then counts.
func (s *search) run(ctx context.Context, c *mcp.Call, folders []*folder) error {
	bytes := int64(0)
	for _, f := range folders {
		root, err := f.enter()
		if err != nil {
			return err
		}
		defer root.Close() //nolint:gocritic // few roots, and each is read until the end
		found, err := f.walk(ctx, root, nil)
		if err != nil {
			s.partial = true
			return fmt.Errorf("list the root %s: %w", f.name, err)
		}
		s.partial = s.partial || !found.complete
		for _, e := range found.entries {
			if s.globs != nil && !matches(s.globs, fold(e.path)) {
				continue
			}
			if bytes += min(e.size, f.maxFile); bytes > searchBytes {
				s.left++
				continue
			}
			s.jobs = append(s.jobs, job{folder: f, root: root, entry: e})
		}
	}
	s.lookAll(ctx, c)
	return nil
}

func (s *search) lookAll(ctx context.Context, c *mcp.Call) {
	var (
		workers sync.WaitGroup
		next    atomic.Int64
	)
	for range min(runtime.GOMAXPROCS(0), len(s.jobs)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(s.jobs) {
					return
				}
				s.look(ctx, &s.jobs[i])
				if i%64 == 0 {
					c.Progress(float64(i), float64(len(s.jobs)), "looked at "+s.jobs[i].entry.path)
				}
			}
		})
	}
	workers.Wait()
}

// look looks through one file. What cannot be read is counted, and does not keep the others from being found.
func (s *search) look(ctx context.Context, j *job) {
	if kindOf(j.entry.path).form == formBinary {
		s.skipped.Add(1)
		j.done = true
		return
	}
	d, err := s.pack.docs.document(ctx, j.folder, j.root, j.entry.path)
	_, refused := errors.AsType[*unreadable](err)
	switch {
	case ctx.Err() != nil:
		return
	case refused && j.entry.size > j.folder.maxFile:
		s.large.Add(1)
	case refused || errors.Is(err, errNotThere):
		s.skipped.Add(1)
	case err != nil:
		s.failed.Add(1)
		s.pack.log.Error("search a file", zap.String("root", j.folder.name), zap.String("path", j.entry.path), zap.Error(err))
	default:
		h, ok := s.query.look(ctx, j.entry.path, d.text)
		if ctx.Err() != nil {
			return
		}
		if ok {
			h.root = j.folder.name
			if len(h.lines) == 0 {
				first, _, _ := strings.Cut(d.text, "\n")
				h.lines = []foundLine{{number: 1, snippet: snippet(first, 0)}}
			}
			j.hit = &h
		}
		s.searched.Add(1)
	}
	j.done = true
}

// result is the page of the answer that begins at a cursor.
func (s *search) result(at cursor, limit int) searchResult {
	var hits []*hit
	undone := 0
	for i := range s.jobs {
		if s.jobs[i].hit != nil {
			hits = append(hits, s.jobs[i].hit)
		}
		if !s.jobs[i].done {
			undone++
		}
	}
	slices.SortStableFunc(hits, func(a, b *hit) int { return b.score - a.score }) // equals stay ordered by root and path
	r := searchResult{
		Matches: []match{}, Files: len(hits), Searched: int(s.searched.Load()), Skipped: int(s.skipped.Load()), Missing: s.missing(undone),
	}
	n := 0
	for _, h := range hits {
		for _, l := range h.lines {
			if n++; n <= at.given {
				continue
			}
			if len(r.Matches) == limit || n > maxHits {
				at.given += len(r.Matches)
				if at.given < maxHits {
					r.NextCursor = at.String()
				}
				return r
			}
			r.Matches = append(r.Matches, match{h.root, h.path, uriOf(h.root, h.path), l.number, l.snippet})
		}
	}
	return r
}

// missing says what was not looked at; empty where all was.
func (s *search) missing(undone int) string {
	var parts []string
	count := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d files %s", n, what))
		}
	}
	count(undone, "for want of time")
	count(s.left, "beyond what one search reads")
	count(int(s.large.Load()), "that are too large")
	count(int(s.failed.Load()), "that could not be read")
	if s.partial {
		parts = append(parts, "files beyond the number that a root may have")
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + " were not looked at; a root or glob narrows the search"
}
