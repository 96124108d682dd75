// Package files offers folders of documents: their files as resources, and two tools that search and read their text.
// Only what a root's globs let through exists for callers; nothing outside a root, and nothing but regular files, is ever
// opened. Content is handed on as data and never interpreted.
package files

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// Name is the pack's name in tools.toolsets.
const Name = "files"

// Limits of the pack.
const (
	maxListed   = 200      // files of a root that are listed one by one: what a person looks through in a picker
	maxResource = 1 << 20  // bytes of text, or of a picture, that a resource gives at once
	cacheBytes  = 64 << 20 // of text that was made of documents, kept
	minLoads    = 4        // files read at once, whatever the number of processors: each may take max_file of memory
)

// Hooks are what the pack may call, from goroutines of its own, between Start and the end of Close.
type Hooks struct {
	Updated func(uri string)         // a resource has new contents, or is gone
	Changed func(mcp.Features) error // other files are listed from now on; the error is why they cannot be served

	// Helper is the command that reads PDF files and large pages: this program, started so that it calls Help. Files come
	// from anywhere, and none of them may take the server down with it. Empty: PDF files are not read, and large pages are
	// given as they are.
	Helper []string
}

// Pack is the tools and resources over the configured roots.
type Pack struct {
	folders []*folder // ordered by name
	hooks   Hooks
	log     *zap.Logger
	docs    *reader
	pace    pace
	tools   []*mcp.Tool
	files   *mcp.ResourceTemplate

	watchers sync.WaitGroup
	stop     context.CancelFunc // nil before Start

	telling sync.Mutex // held while hooks are called

	mu     sync.Mutex
	listed map[string]*shelf // by root
}

// New opens the roots that tree, the section tools.files, names, and lists their files. The error joins every fault, each
// with its file and line. Without Start the pack works, and tells of no changes.
func New(tree config.Tree, hooks Hooks, log *zap.Logger) (*Pack, error) {
	folders, err := foldersOf(tree)
	if err != nil {
		return nil, err
	}
	p := &Pack{
		folders: folders, hooks: hooks, log: log, listed: map[string]*shelf{}, pace: defaultPace(),
		docs: newReader(hooks.Helper, max(minLoads, runtime.GOMAXPROCS(0))),
	}
	p.tools, p.files = []*mcp.Tool{p.searchTool(), p.readTool()}, p.template()
	var faults []error
	for _, f := range folders {
		found, err := f.list(context.Background(), nil)
		if err != nil {
			faults = append(faults, f.at.Errorf("tools.files: root %q: %w", f.name, err))
			continue
		}
		if !found.complete {
			log.Warn("a root has more files than are looked at", zap.String("root", f.name), zap.Int("max_files", f.maxFiles))
		}
		p.listed[f.name] = p.shelve(f, nil, found)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return p, nil
}

// Features returns the tools, a resource for each root and, of small roots, for each file, and the template of all files.
func (p *Pack) Features() mcp.Features {
	p.mu.Lock()
	defer p.mu.Unlock()
	features := mcp.Features{Tools: p.tools, Templates: []*mcp.ResourceTemplate{p.files}}
	for _, f := range p.folders {
		features.Resources = append(features.Resources, p.listed[f.name].resources()...)
	}
	return features
}

// Start begins to watch the roots that are to be watched. It is called once, when hooks may be called.
func (p *Pack) Start() {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	for _, f := range p.folders {
		if f.watch {
			p.watchers.Go(func() { p.watch(ctx, f) })
		}
	}
}

// Close ends watching, and waits for hooks that are being called. Calls of tools are not touched.
func (p *Pack) Close() {
	if p.stop != nil {
		p.stop()
	}
	p.watchers.Wait()
}

// folder finds a root by its name. The error tells the model which there are.
func (p *Pack) folder(name string) (*folder, error) {
	if i := slices.IndexFunc(p.folders, func(f *folder) bool { return f.name == name }); i >= 0 {
		return p.folders[i], nil
	}
	return nil, mcp.ToolErrorf("there is no root %q; roots are %s", clip(name, 64), strings.Join(p.names(), ", "))
}

func (p *Pack) names() []string {
	names := make([]string, 0, len(p.folders))
	for _, f := range p.folders {
		names = append(names, f.name)
	}
	return names
}

// about names the roots, for the descriptions of the tools.
func (p *Pack) about() string {
	const enough = 160 // bytes of one description: it is sent with every list of tools
	parts := make([]string, 0, len(p.folders))
	for _, f := range p.folders {
		parts = append(parts, fmt.Sprintf("%s (%s)", f.name, strings.TrimSuffix(clip(f.description, enough), ".")))
	}
	return "Roots: " + strings.Join(parts, "; ") + "."
}

// clip shortens a text to at most n bytes, at a rune.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
