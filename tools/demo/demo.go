// Package demo offers a little of what is not a tool: a resource to read, a family of resources, and a prompt whose
// arguments complete. Its contents are embedded, so a new server has something to show.
package demo

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"toolgate/mcp"
)

// Name is the pack's name in tools.toolsets.
const Name = "demo"

const (
	readmeURI     = "demo://readme"
	notesTemplate = "demo://notes/{name}"
	markdown      = "text/markdown"
)

//go:embed readme.md notes/*.md
var content embed.FS

// Pack is the demo's pages, read once.
type Pack struct {
	readme string
	notes  map[string]string // by name, without ".md"
	names  []string          // of the notes, in order
}

// New reads the embedded pages.
func New() (*Pack, error) {
	readme, err := content.ReadFile("readme.md")
	if err != nil {
		return nil, fmt.Errorf("read the demo page: %w", err)
	}
	p := &Pack{readme: string(readme), notes: map[string]string{}}
	files, err := fs.Glob(content, "notes/*.md")
	if err != nil {
		return nil, fmt.Errorf("find the demo notes: %w", err)
	}
	for _, file := range files {
		note, err := content.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the demo note: %w", err)
		}
		name := strings.TrimSuffix(path.Base(file), ".md")
		p.notes[name] = string(note)
		p.names = append(p.names, name)
	}
	slices.Sort(p.names)
	return p, nil
}

// Features returns one resource, one resource template and one prompt.
func (p *Pack) Features() mcp.Features {
	return mcp.Features{
		Resources: []*mcp.Resource{{
			URI: readmeURI, Name: "readme", Title: "About this server", MIMEType: markdown,
			Description: "What this demo server offers and what to try first.",
			Size:        int64(len(p.readme)),
			Read:        p.readReadme,
		}},
		Templates: []*mcp.ResourceTemplate{{
			URITemplate: notesTemplate, Name: "note", Title: "Notes on the protocol", MIMEType: markdown,
			Description: "A short note on one part of the protocol: " + strings.Join(p.names, ", ") + ".",
			Read:        p.readNote,
			Complete:    map[string]mcp.CompleteFunc{"name": p.completeNote},
		}},
		Prompts: []*mcp.Prompt{{
			Name: "explain_note", Title: "Explain a note",
			Description: "Explains one of the notes on the protocol to an audience.",
			Arguments: []mcp.PromptArgument{
				{Name: "note", Title: "Note", Description: "Name of the note.", Required: true, Complete: p.completeNote},
				{Name: "audience", Title: "Audience", Description: "Who will read the explanation; a colleague if left out.", Complete: completeAudience},
			},
			Render: p.explainNote,
		}},
	}
}

func (p *Pack) readReadme(_ context.Context, _ *mcp.Call, uri string) ([]mcp.ResourceContents, error) {
	return []mcp.ResourceContents{{URI: uri, MIMEType: markdown, Text: p.readme}}, nil
}

func (p *Pack) readNote(_ context.Context, _ *mcp.Call, uri string, vars map[string]string) ([]mcp.ResourceContents, error) {
	note, found := p.notes[vars["name"]]
	if !found {
		return nil, fmt.Errorf("note %q: %w", vars["name"], mcp.ErrResourceNotFound)
	}
	return []mcp.ResourceContents{{URI: uri, MIMEType: markdown, Text: note}}, nil
}

func (p *Pack) explainNote(_ context.Context, _ *mcp.Call, args map[string]string) (*mcp.GetPromptResult, error) {
	note, found := p.notes[args["note"]]
	if !found {
		return nil, mcp.Errorf(mcp.CodeInvalidParams, "there is no note %q; notes are %s", args["note"], strings.Join(p.names, ", "))
	}
	audience := args["audience"]
	if audience == "" {
		audience = "a colleague"
	}
	return &mcp.GetPromptResult{
		Description: "Explains the note on " + args["note"],
		Messages: []mcp.PromptMessage{
			{Role: "user", Content: mcp.TextContent(fmt.Sprintf("Explain this note to %s, in at most five sentences.\n\n%s", audience, note))},
		},
	}, nil
}

func (p *Pack) completeNote(_ context.Context, _ *mcp.Call, value string, _ map[string]string) ([]string, error) {
	return beginningWith(value, p.names), nil
}

func completeAudience(_ context.Context, _ *mcp.Call, value string, _ map[string]string) ([]string, error) {
	return beginningWith(value, []string{"a child", "a colleague", "a manager", "a security reviewer"}), nil
}

// beginningWith returns the words that begin with value, in their order, without regard to case.
func beginningWith(value string, words []string) []string {
	value = strings.ToLower(value)
	found := []string{}
	for _, word := range words {
		if strings.HasPrefix(word, value) {
			found = append(found, word)
		}
	}
	return found
}
