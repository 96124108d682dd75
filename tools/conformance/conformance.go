// Package conformance offers what the official conformance suite of the protocol asks a server for: tools, resources,
// prompts and a skill with fixed names, each of which shows one thing that a server can do. It is for testing a server; to
// models it is of no use. Nothing outside the pack is read or changed.
package conformance

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolgate/mcp"
)

// Name is the pack's name in tools.toolsets.
const Name = "conformance"

//go:embed media schema.json skill
var content embed.FS

// Pack is what is offered, and changes when a tool of it is asked to change it.
type Pack struct {
	pixel   []byte         // a PNG
	silence []byte         // a WAV
	schema  jsontext.Value // of json_schema_2020_12_tool
	skill   *mcp.Skill
	changed func(mcp.Features) error

	extraTool   *mcp.Tool // comes and goes
	extraPrompt *mcp.Prompt

	mu       sync.Mutex
	features mcp.Features
}

// New reads the embedded files. changed is called with everything that is offered from then on, before the tool that
// changes it returns; what it refuses does not change.
func New(changed func(mcp.Features) error) (*Pack, error) {
	p := &Pack{changed: changed}
	for _, file := range []struct {
		name string
		into *[]byte
	}{{"media/pixel.png", &p.pixel}, {"media/silence.wav", &p.silence}, {"schema.json", (*[]byte)(&p.schema)}} {
		data, err := content.ReadFile(file.name)
		if err != nil {
			return nil, fmt.Errorf("read an embedded file: %w", err)
		}
		*file.into = data
	}
	folder, err := fs.Sub(content, "skill")
	if err != nil {
		return nil, fmt.Errorf("find the embedded skill: %w", err)
	}
	if p.skill, err = mcp.NewSkill(folder); err != nil {
		return nil, fmt.Errorf("read the embedded skill: %w", err)
	}
	p.extraTool, p.extraPrompt = p.extras()
	p.features = mcp.Features{
		Tools: slices.Concat( // the suite calls the first one without arguments
			p.contentTools(), reportTools(), questionTools(), p.schemaTools(), p.listTools(), roundTools(), workTools(),
		),
		Resources: p.resources(),
		Templates: templates(),
		Prompts:   p.prompts(),
		Skills:    []*mcp.Skill{p.skill},
	}
	return p, nil
}

// Features is what is offered now.
func (p *Pack) Features() mcp.Features {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.features
}

// none is the arguments of a tool that takes none.
type none struct{}

// pause is a step's work: it takes d, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
