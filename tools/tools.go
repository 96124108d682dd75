// Package tools puts together what a server offers: the packs that the configuration names, less what it forbids.
package tools

import (
	"fmt"
	"slices"
	"strings"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/conformance"
	"toolgate/tools/demo"
	"toolgate/tools/directory"
	"toolgate/tools/internal/near"
	"toolgate/tools/text"
)

// pack is one toolset: its name in tools.toolsets and how it is made.
type pack struct {
	name  string
	build func(config.Tools) (mcp.Features, error)
}

// packs lists every toolset, in the order in which clients see their tools. A pack that comes to offer something else
// calls changed with its name and all that it offers from then on.
func packs(changed func(name string, offered mcp.Features) error) []pack {
	return []pack{
		{text.Name, func(config.Tools) (mcp.Features, error) { return text.Features(), nil }},
		{directory.Name, buildDirectory},
		{demo.Name, buildDemo},
		{conformance.Name, func(config.Tools) (mcp.Features, error) {
			p, err := conformance.New(func(offered mcp.Features) error { return changed(conformance.Name, offered) })
			if err != nil {
				return mcp.Features{}, err
			}
			return p.Features(), nil
		}},
	}
}

func buildDirectory(cfg config.Tools) (mcp.Features, error) {
	open := directory.Demo
	if file := cfg.Directory.File; file != "" {
		open = func() (*directory.Memory, error) { return directory.Open(file) }
	}
	dir, err := open()
	if err != nil {
		return mcp.Features{}, fmt.Errorf("tools.directory.file: %w", err)
	}
	return directory.New(dir).Features(), nil
}

func buildDemo(config.Tools) (mcp.Features, error) {
	p, err := demo.New()
	if err != nil {
		return mcp.Features{}, err
	}
	return p.Features(), nil
}

// Toolsets returns the name of every toolset there is, in the order in which clients see their tools.
func Toolsets() []string {
	var names []string
	for _, p := range packs(nil) {
		names = append(names, p.name)
	}
	return names
}

// Build is what the toolsets that cfg names offer at first: Open, for those who need no changes.
func Build(cfg config.Tools) (mcp.Features, error) {
	b, err := Open(cfg)
	if err != nil {
		return mcp.Features{}, err
	}
	return b.Features(), nil
}

// allowed says whether a tool may be offered at all; who may call it is another question.
func allowed(t *mcp.Tool, cfg config.Tools) bool {
	if t.Annotations.ReadOnlyHint {
		return true
	}
	return !cfg.ReadOnly && slices.Contains(cfg.EnableWrites, t.Name)
}

func unknownToolsets(asked []string, known []pack) (faults []error) {
	var names []string
	for _, p := range known {
		names = append(names, p.name)
	}
	for _, name := range asked {
		if !slices.Contains(names, name) {
			faults = append(faults, fmt.Errorf("tools.toolsets: there is no toolset %q; %s", name, didYouMean(name, names)))
		}
	}
	return faults
}

func uselessWrites(enabled []string, tools []*mcp.Tool) (faults []error) {
	var writes []string
	readOnly := map[string]bool{}
	for _, t := range tools {
		if t.Annotations.ReadOnlyHint {
			readOnly[t.Name] = true
		} else {
			writes = append(writes, t.Name)
		}
	}
	for _, name := range enabled {
		switch {
		case slices.Contains(writes, name):
		case readOnly[name]:
			faults = append(faults, fmt.Errorf("tools.enable_writes: %q only reads and needs no enabling: take it out", name))
		default:
			faults = append(faults, fmt.Errorf("tools.enable_writes: no tool %q is in the toolsets offered; %s", name, didYouMean(name, writes)))
		}
	}
	return faults
}

// didYouMean names the nearest of the names, or all of them where none is near.
func didYouMean(name string, names []string) string {
	if closest := near.Names(name, names, 1); len(closest) > 0 {
		return fmt.Sprintf("did you mean %q?", closest[0])
	}
	if len(names) == 0 {
		return "there is none to choose from"
	}
	return "choose from " + strings.Join(names, ", ")
}
