package files

import (
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	scheme  = "files://"
	maxPath = 4096 // bytes: no file system takes more
)

var (
	// errNotThere is all that a caller learns of what is not there, is left out, is no regular file, or leads out of its root.
	errNotThere = errors.New("there is no such file")
	errOutside  = errors.New("the path is not one below a root")
)

// checkPath returns a path as it is used below a root: elements parted by single slashes, none of them empty or a dot or
// two. Nothing is decoded: a percent sign is one. A name that could not be sent to a client, or that another system would
// take for more than one name, names nothing.
func checkPath(path string) (string, error) {
	path = strings.TrimPrefix(path, "./")
	if path == "." || len(path) > maxPath || !fs.ValidPath(path) || !validName(path) || !filepath.IsLocal(filepath.FromSlash(path)) {
		return "", errOutside
	}
	return path, nil
}

// validName says whether a name, or path, can be sent to clients and come back the same.
func validName(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
}

// uriOf is the URI of a file. An empty path is the root's index.
func uriOf(root, path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return scheme + root + "/" + strings.Join(parts, "/")
}

// place is what a URI names: a file, or, where the path is empty or ends with a slash, an index of the files below it that
// come after one of them.
type place struct{ root, path, after string }

// parseURI reads a URI, decoding it exactly once.
func parseURI(uri string) (place, bool) {
	text, ok := strings.CutPrefix(uri, scheme)
	if !ok {
		return place{}, false
	}
	root, text, ok := strings.Cut(text, "/")
	if !ok {
		return place{}, false
	}
	text, query, paged := strings.Cut(text, "?") // in a name it is %3F
	p := place{root: root}
	var err error
	if p.path, err = url.PathUnescape(text); err != nil {
		return place{}, false
	}
	if paged {
		after, known := strings.CutPrefix(query, "after=")
		if p.after, err = url.PathUnescape(after); err != nil || !known || !p.isIndex() {
			return place{}, false
		}
	}
	return p, true
}

func (p place) isIndex() bool { return p.path == "" || strings.HasSuffix(p.path, "/") }

// uri is the place's own, in the one spelling that we give out.
func (p place) uri() string {
	if p.after == "" {
		return uriOf(p.root, p.path)
	}
	return uriOf(p.root, p.path) + "?after=" + url.QueryEscape(p.after)
}
