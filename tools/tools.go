// Package tools puts together what a server offers: the packs that the configuration names and configures, under the
// policy that holds for every tool, wherever it comes from.
package tools

import (
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/conformance"
	"toolgate/tools/demo"
	"toolgate/tools/internal/near"
	"toolgate/tools/text"
)

// packs lists every toolset, in the order in which clients see their tools.
func packs() []pack {
	return []pack{
		{name: text.Name, open: offers(func() (mcp.Features, error) { return text.Features(), nil })},
		directoryPack(),
		{name: demo.Name, open: offers(func() (mcp.Features, error) {
			p, err := demo.New()
			if err != nil {
				return mcp.Features{}, err
			}
			return p.Features(), nil
		})},
		jiraPack(),
		githubPack(),
		httpPack(),
		sqlPack(),
		filesPack(),
		{name: conformance.Name, open: func(_ config.Tools, h hooks) (offer, error) {
			p, err := conformance.New(h.changed)
			if err != nil {
				return offer{}, err
			}
			return offer{features: p.Features()}, nil
		}},
	}
}

// Toolsets returns the name of every toolset there is, in the order in which clients see their tools.
func Toolsets() []string {
	var names []string
	for _, p := range packs() {
		names = append(names, p.name)
	}
	return names
}

// Build is what the toolsets that cfg names offer at first: Open, for those who need no changes. What the packs hold stays
// open until the process ends.
func Build(cfg config.Tools) (mcp.Features, error) {
	b, err := Open(cfg, Options{Log: zap.NewNop()})
	if err != nil {
		return mcp.Features{}, err
	}
	return b.Features(), nil
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
