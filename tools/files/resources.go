package files

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"toolgate/mcp"
)

const (
	indexPage    = 500  // files of an index that are given at once
	maxProposals = 1000 // paths proposed; a client sees the first of them
	typeJSON     = "application/json"
)

func (p *Pack) template() *mcp.ResourceTemplate {
	return &mcp.ResourceTemplate{
		URITemplate: scheme + "{root}/{+path}", Name: "files", Title: "Files",
		Description: "A document by its root and path; a path that ends with a slash gives the index of that folder. " + p.rootsOnly(),
		Read: func(ctx context.Context, _ *mcp.Call, uri string, _ map[string]string) ([]mcp.ResourceContents, error) {
			return p.readURI(ctx, uri)
		},
		Complete: map[string]mcp.CompleteFunc{"root": p.completeRoot, "path": p.completePath},
	}
}

// shelf is what is listed of one root.
type shelf struct {
	found  listing // by now
	index  *mcp.Resource
	listed []entry         // as they were when they were listed; nil where there are too many
	files  []*mcp.Resource // of each
}

func (s *shelf) resources() []*mcp.Resource { return append([]*mcp.Resource{s.index}, s.files...) }

// shelve lists what was found. What is as it was on the old shelf, which may be nil, stays the same resource.
func (p *Pack) shelve(f *folder, old *shelf, found listing) *shelf {
	s := &shelf{found: found}
	if old != nil {
		s.index = old.index
	} else {
		s.index = &mcp.Resource{
			URI: uriOf(f.name, ""), Name: f.name, Title: f.title, MIMEType: typeJSON,
			Description: f.description + " This is the index of its files.",
			Read: func(ctx context.Context, _ *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
				return p.readURI(ctx, uri)
			},
		}
	}
	if len(found.entries) > maxListed {
		return s
	}
	s.listed = found.entries
	for _, e := range found.entries {
		if old != nil {
			if i, same := slices.BinarySearchFunc(old.listed, e, byPath); same && e.like(old.listed[i]) {
				s.files = append(s.files, old.files[i])
				continue
			}
		}
		s.files = append(s.files, p.resource(f, e))
	}
	return s
}

func (p *Pack) resource(f *folder, e entry) *mcp.Resource {
	return &mcp.Resource{
		URI: uriOf(f.name, e.path), Name: f.name + "/" + e.path, Title: path.Base(e.path), MIMEType: kindOf(e.path).textMIME(),
		Description: fmt.Sprintf("%s in %s.", e.path, f.title), Size: e.size,
		Annotations: &mcp.Annotations{LastModified: stamp(e.modified)},
		Read: func(ctx context.Context, _ *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
			return p.readURI(ctx, uri)
		},
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// readURI reads a file or an index.
func (p *Pack) readURI(ctx context.Context, uri string) ([]mcp.ResourceContents, error) {
	at, ok := parseURI(uri)
	i := slices.IndexFunc(p.folders, func(f *folder) bool { return f.name == at.root })
	if !ok || i < 0 {
		return nil, mcp.ErrResourceNotFound
	}
	f := p.folders[i]
	if at.isIndex() {
		return p.readIndex(ctx, f, at, uri)
	}
	contents, err := p.readContents(ctx, f, at.path)
	if errors.Is(err, errNotThere) || errors.Is(err, errOutside) {
		return nil, fmt.Errorf("%s: %w", uri, mcp.ErrResourceNotFound)
	}
	if refused, isRefused := errors.AsType[*unreadable](err); isRefused {
		return nil, mcp.Errorf(mcp.CodeInvalidParams, "%s", refused.message)
	}
	contents.URI = uri
	return []mcp.ResourceContents{contents}, err
}

func (p *Pack) readContents(ctx context.Context, f *folder, name string) (mcp.ResourceContents, error) {
	root, err := f.enter()
	if err != nil {
		return mcp.ResourceContents{}, err
	}
	defer root.Close()
	if k := kindOf(name); k.isPicture() {
		opened, err := f.open(root, name)
		if err != nil {
			return mcp.ResourceContents{}, err
		}
		defer opened.Close()
		data, err := opened.read(min(maxResource, f.maxFile))
		return mcp.ResourceContents{MIMEType: k.mime, Blob: data}, err
	}
	d, err := p.docs.document(ctx, f, root, name)
	if err != nil {
		return mcp.ResourceContents{}, err
	}
	if len(d.text) > maxResource {
		return mcp.ResourceContents{}, &unreadable{fmt.Sprintf("the text of %s has %s, and a resource gives at most %s; read it in parts by read_file, with startLine and endLine", name, amount(int64(len(d.text))), amount(maxResource))}
	}
	return mcp.ResourceContents{MIMEType: d.mime, Text: d.text}, nil
}

// index is the contents of a root's or folder's index.
type index struct {
	Root        string      `json:"root"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Folder      string      `json:"folder,omitempty"`
	Total       int         `json:"total"`
	Complete    bool        `json:"complete"` // false: there are more files than are looked at
	Files       []indexFile `json:"files"`
	Next        string      `json:"next,omitempty"` // URI of what comes after these
}

type indexFile struct {
	Path     string `json:"path"`
	URI      string `json:"uri"`
	Size     int64  `json:"size"`
	Modified string `json:"modified"`
}

func (p *Pack) readIndex(ctx context.Context, f *folder, at place, uri string) ([]mcp.ResourceContents, error) {
	found, err := f.list(ctx, nil)
	if err != nil {
		return nil, err
	}
	x := index{Root: f.name, Title: f.title, Description: f.description, Folder: at.path, Complete: found.complete, Files: []indexFile{}}
	for _, e := range found.entries {
		if !strings.HasPrefix(e.path, at.path) {
			continue
		}
		x.Total++
		if e.path <= at.after || x.Next != "" {
			continue
		}
		if len(x.Files) == indexPage {
			x.Next = place{f.name, at.path, x.Files[indexPage-1].Path}.uri()
			continue
		}
		x.Files = append(x.Files, indexFile{e.path, uriOf(f.name, e.path), e.size, stamp(e.modified)})
	}
	if x.Total == 0 && at.path != "" {
		return nil, fmt.Errorf("%s: %w", uri, mcp.ErrResourceNotFound)
	}
	text, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode the index of %s: %w", f.name, err)
	}
	return []mcp.ResourceContents{{URI: uri, MIMEType: typeJSON, Text: string(text)}}, nil
}

func (p *Pack) completeRoot(_ context.Context, _ *mcp.Call, value string, _ map[string]string) ([]string, error) {
	proposed := []string{}
	for _, name := range p.names() {
		if strings.HasPrefix(name, strings.ToLower(value)) {
			proposed = append(proposed, name)
		}
	}
	return proposed, nil
}

// completePath proposes paths that begin with the value, then those that hold it.
func (p *Pack) completePath(ctx context.Context, _ *mcp.Call, value string, given map[string]string) ([]string, error) {
	value = fold(value)
	type proposal struct {
		path  string
		place int // of the value in it
	}
	found := []proposal{}
	for _, f := range p.folders {
		if root := given["root"]; root != "" && root != f.name {
			continue
		}
		files, err := f.list(ctx, nil)
		if err != nil {
			return nil, err
		}
		for _, e := range files.entries {
			if at := strings.Index(fold(e.path), value); at >= 0 {
				found = append(found, proposal{e.path, min(at, 1)})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b proposal) int { return cmp.Compare(a.place, b.place) })
	proposed := []string{}
	for _, f := range found[:min(len(found), maxProposals)] {
		if !slices.Contains(proposed, f.path) {
			proposed = append(proposed, f.path)
		}
	}
	return proposed, nil
}
