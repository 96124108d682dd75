package mcp

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/yosida95/uritemplate/v3"
)

// Features is what a server offers. The order of each slice is the order clients see.
type Features struct {
	Tools     []*Tool
	Resources []*Resource
	Templates []*ResourceTemplate
	Prompts   []*Prompt
	Skills    []*Skill
}

// Resource is one readable thing at a fixed URI. URI, Name, Description and Read are required.
type Resource struct {
	URI, Name, Title, Description, MIMEType string
	Size                                    int64 // bytes before base64; 0 where unknown
	Annotations                             *Annotations
	Icons                                   []Icon

	// Read returns the contents; it may block until ctx ends. It wraps ErrResourceNotFound where there is nothing.
	Read func(ctx context.Context, c *Call, uri string) ([]ResourceContents, error)
}

// ResourceTemplate is a family of resources, named by an RFC 6570 template. A URI is read by the first template that it
// matches; its variables come decoded.
type ResourceTemplate struct {
	URITemplate, Name, Title, Description, MIMEType string
	Annotations                                     *Annotations
	Icons                                           []Icon

	Read     func(ctx context.Context, c *Call, uri string, vars map[string]string) ([]ResourceContents, error)
	Complete map[string]CompleteFunc // by variable; nil where nothing can be proposed

	template *uritemplate.Template
}

// exploded matches a variable that is a list: {path*}.
var exploded = regexp.MustCompile(`\{[^}]*\*[^}]*\}`)

// compile reads URITemplate, once: a template that is served already is being read by others. Lists are refused: Read gets
// texts, and matching them takes time that grows with the square of the length.
func (t *ResourceTemplate) compile() (err error) {
	if exploded.MatchString(t.URITemplate) {
		return errors.New("a variable cannot be a list: write {+path} in place of {/path*}")
	}
	if t.template == nil {
		t.template, err = uritemplate.New(t.URITemplate)
	}
	return err
}

// Prompt is a ready conversation that a person picks. Name, Description and Render are required.
type Prompt struct {
	Name, Title, Description string
	Arguments                []PromptArgument
	Icons                    []Icon

	Render func(ctx context.Context, c *Call, args map[string]string) (*GetPromptResult, error)
}

// PromptArgument is one argument of a prompt; its value is always a string.
type PromptArgument struct {
	Name, Title, Description string
	Required                 bool
	Complete                 CompleteFunc // nil where nothing can be proposed
}

// CompleteFunc proposes values for an argument whose beginning is value, best first. given holds the arguments already
// filled in (2025-06-18 and later clients; else empty). At most 100 reach the client.
type CompleteFunc func(ctx context.Context, c *Call, value string, given map[string]string) ([]string, error)

// toolName is what every client and model API accepts: 1–64 characters (2025-11-25, tools; the shortest limit met).
var toolName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// check refuses features that would fail later: at start, all at once, each named.
func (f *Features) check() (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	seen := map[string]bool{}
	once := func(kind, name string) {
		if seen[kind+" "+name] {
			fault("%s %q is there twice", kind, name)
		}
		seen[kind+" "+name] = true
	}
	for _, t := range f.Tools {
		once("tool", t.Name)
		switch {
		case t.err != nil:
			fault("tool %q: %w", t.Name, t.err)
		case !toolName.MatchString(t.Name):
			fault("tool %q: a name is 1 to 64 of A-Z a-z 0-9 _ . -", t.Name)
		case t.Description == "":
			fault("tool %q: a description is required: models choose by it", t.Name)
		case t.MaxResult != 0 && t.MaxResult < 2*noteRoom:
			fault("tool %q: MaxResult must be at least %d bytes", t.Name, 2*noteRoom)
		}
	}
	for _, r := range f.Resources {
		once("resource", r.URI)
		if r.URI == "" || r.Name == "" || r.Description == "" || r.Read == nil {
			fault("resource %q: URI, Name, Description and Read are required", r.URI)
		}
	}
	for _, t := range f.Templates {
		once("resource template", t.URITemplate)
		if err := t.compile(); err != nil {
			fault("resource template %q: %w", t.URITemplate, err)
		} else if t.Name == "" || t.Description == "" || t.Read == nil {
			fault("resource template %q: Name, Description and Read are required", t.URITemplate)
		}
	}
	for _, k := range f.Skills {
		once("skill", k.name)
	}
	for _, p := range f.Prompts {
		once("prompt", p.Name)
		if p.Name == "" || p.Description == "" || p.Render == nil {
			fault("prompt %q: Name, Description and Render are required", p.Name)
		}
	}
	return faults
}
