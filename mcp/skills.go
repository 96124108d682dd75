package mcp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// extensionSkills is the extension's name (2026-07-28).
const extensionSkills = "io.modelcontextprotocol/skills"

// Limits of one skill (the extension).
const (
	maxSkillFiles = 512
	maxSkillBytes = 16 << 20
)

// skillFile is what every skill has at its root.
const skillFile = "SKILL.md"

// skillName is a skill's name, and the folder it stands in.
var skillName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Skill is a folder of instructions for models: SKILL.md, whose front matter names and describes it, and the files it
// refers to. It is read once and never changes.
type Skill struct {
	name        string
	frontmatter jsontext.Value
	files       []*skillItem // by URI
	listed      *Resource    // its SKILL.md, as resources/list shows it
}

type skillItem struct {
	uri  string
	mime string
	data []byte
	sum  string
}

// NewSkill reads a skill from a folder: SKILL.md and everything below. It refuses what clients would: a front matter without
// name and description, a name that is none, more than 512 files or 16 MiB.
func NewSkill(folder fs.FS) (*Skill, error) {
	manifest, err := fs.ReadFile(folder, skillFile)
	if err != nil {
		return nil, fmt.Errorf("read a skill: %w", err)
	}
	k := &Skill{}
	front, err := readFrontMatter(manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", skillFile, err)
	}
	if k.frontmatter, err = json.Marshal(front, json.Deterministic(true)); err != nil {
		return nil, fmt.Errorf("%s: front matter: what is not JSON cannot be served: %w", skillFile, err)
	}
	k.name, _ = front["name"].(string)
	description, _ := front["description"].(string)
	if !skillName.MatchString(k.name) || len(k.name) > 64 || description == "" {
		return nil, fmt.Errorf("%s: the front matter needs a name of a-z, 0-9 and single hyphens, and a description", skillFile)
	}
	total := 0
	err = fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		if total += len(data); total > maxSkillBytes || len(k.files) >= maxSkillFiles {
			return fmt.Errorf("a skill has at most %d files and %d bytes", maxSkillFiles, maxSkillBytes)
		}
		sum := sha256.Sum256(data)
		k.files = append(k.files, &skillItem{
			uri: k.root() + (&url.URL{Path: "/" + name}).EscapedPath(), mime: mimeOf(name), data: data, sum: "sha256:" + hex.EncodeToString(sum[:]),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", k.name, err)
	}
	k.listed = k.resource(description)
	return k, nil
}

// readFrontMatter is the YAML between the first two lines of ---.
func readFrontMatter(manifest []byte) (map[string]any, error) {
	rest, ok := bytes.CutPrefix(manifest, []byte("---\n"))
	front, _, closed := bytes.Cut(rest, []byte("\n---\n"))
	if !ok || !closed {
		return nil, errors.New("it must begin with a front matter between lines of ---")
	}
	var m map[string]any
	if err := yaml.Unmarshal(front, &m); err != nil {
		return nil, fmt.Errorf("front matter: %w", err)
	}
	return m, nil
}

func mimeOf(name string) string {
	if ext := path.Ext(name); ext == ".md" {
		return "text/markdown"
	} else if known, _, err := mime.ParseMediaType(mime.TypeByExtension(ext)); err == nil {
		return known
	}
	return "text/plain"
}

// root is the skill's folder as a URI.
func (k *Skill) root() string { return "skill://" + k.name }

func (k *Skill) uri() string { return k.root() + "/" + skillFile }

// file is the file of a URI; nil where the skill has none.
func (k *Skill) file(uri string) *skillItem {
	if i := slices.IndexFunc(k.files, func(f *skillItem) bool { return f.uri == uri }); i >= 0 {
		return k.files[i]
	}
	return nil
}

func (f *skillItem) contents() ResourceContents {
	if utf8.Valid(f.data) {
		return ResourceContents{URI: f.uri, MIMEType: f.mime, Text: string(f.data)}
	}
	return ResourceContents{URI: f.uri, MIMEType: f.mime, Blob: f.data}
}

// resource is the skill's SKILL.md as resources/list shows it.
func (k *Skill) resource(description string) *Resource {
	manifest := k.file(k.uri())
	return &Resource{
		URI: k.uri(), Name: k.name, Description: description, MIMEType: manifest.mime, Size: int64(len(manifest.data)),
		Read: func(context.Context, *Call, string) ([]ResourceContents, error) {
			return []ResourceContents{manifest.contents()}, nil
		},
	}
}

// children are the entries directly below a folder of the skill, by its URI; nil where there is no such folder.
func (k *Skill) children(folder string) []wireResource {
	var shown []wireResource
	seen := map[string]bool{}
	for _, f := range k.files {
		below, ok := strings.CutPrefix(f.uri, folder+"/")
		if !ok {
			continue
		}
		first, _, isFolder := strings.Cut(below, "/")
		name, err := url.PathUnescape(first)
		if err != nil || seen[name] {
			continue
		}
		seen[name] = true
		entry := wireResource{URI: folder + "/" + first, Name: name, MIMEType: f.mime, Size: int64(len(f.data))}
		if isFolder {
			entry.MIMEType, entry.Size = "inode/directory", 0
		}
		shown = append(shown, entry)
	}
	return shown
}
