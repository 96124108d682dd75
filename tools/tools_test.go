package tools

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
	"toolgate/tools/conformance"
)

func TestEveryPackCanBeServedAlone(t *testing.T) {
	for _, name := range Toolsets() {
		features, err := Build(Sample(name))
		if err != nil {
			t.Fatalf("Build(%s) = %v", name, err)
		}
		if _, err := mcp.NewServer(features, mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}}); err != nil {
			t.Errorf("a server of %s = %v", name, err)
		}
	}
}

func TestTheDefaultNamesEveryPackButThatForTesting(t *testing.T) {
	useful := slices.DeleteFunc(Toolsets(), func(name string) bool { return name == conformance.Name })
	if diff := cmp.Diff(useful, config.Default().Tools.Toolsets); diff != "" {
		t.Errorf("tools.toolsets (-packs +default):\n%s", diff)
	}
}

func TestTheDefaultConfigurationOffersWhatNeedsNone(t *testing.T) {
	want, err := Build(config.Tools{Toolsets: []string{"text", "directory", "demo"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Build(config.Default().Tools)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names(want.Tools), names(got.Tools)); diff != "" {
		t.Errorf("tools (-those +default):\n%s", diff)
	}
	if len(got.Tools) == 0 || len(got.Resources) == 0 || len(got.Templates) == 0 || len(got.Prompts) == 0 {
		t.Errorf("default offers %d tools, %d resources, %d templates, %d prompts, want some of each",
			len(got.Tools), len(got.Resources), len(got.Templates), len(got.Prompts))
	}
}

func TestAPackThatIsNotConfiguredSaysWhatItNeeds(t *testing.T) {
	for name, key := range map[string]string{"jira": "tools.jira.url", "github": "tools.github.token", "http": "tools.http", "sql": "tools.sql", "files": "tools.files"} {
		_, err := Build(config.Tools{Toolsets: []string{name}})
		if err == nil || !strings.Contains(err.Error(), "set "+key) {
			t.Errorf("%s = %v, want to be told of %s", name, err, key)
		}
	}
}

// everything is a configuration that has every pack.
func everything() config.Tools {
	cfg := config.Default().Tools
	cfg.Confirm = config.ConfirmNever
	for _, name := range Toolsets() {
		s := Sample(name)
		cfg.EnableWrites = append(cfg.EnableWrites, s.EnableWrites...)
		switch name {
		case "jira":
			cfg.Jira = s.Jira
		case "github":
			cfg.GitHub = s.GitHub
		case "http":
			cfg.HTTP = s.HTTP
		case "sql":
			cfg.SQL = s.SQL
		case "files":
			cfg.Files = s.Files
		}
	}
	return cfg
}

func TestNoToolsetsIsNothing(t *testing.T) {
	got, err := Build(config.Tools{})
	if err != nil || len(got.Tools)+len(got.Resources)+len(got.Templates)+len(got.Prompts) != 0 {
		t.Errorf("Build of no toolset = %d tools, %v, want nothing", len(got.Tools), err)
	}
}

func TestOrderIsThePacksNotTheConfigurations(t *testing.T) {
	a, err := Build(config.Tools{Toolsets: []string{"directory", "text"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Build(config.Tools{Toolsets: []string{"text", "directory"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names(a.Tools), names(b.Tools)); diff != "" {
		t.Errorf("the order of tools.toolsets changes the list:\n%s", diff)
	}
}

func TestDirectoryReadsTheFileNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.yaml")
	cfg := config.Tools{Toolsets: []string{"directory"}, Directory: config.Directory{File: file}}
	if _, err := Build(cfg); err == nil || !strings.Contains(err.Error(), "tools.directory.file") {
		t.Errorf("Build without the file = %v, want an error that names its key", err)
	}
	if err := os.WriteFile(file, []byte("people: [{login: ann}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(cfg); err != nil {
		t.Errorf("Build with the file = %v", err)
	}
}

// office is a pack with two tools that change something and one that does not.
func office() []pack {
	return []pack{{name: "office", open: offers(func() (mcp.Features, error) {
		type nothing struct{}
		run := func(context.Context, *mcp.Call, nothing) (mcp.Text, error) { return "", nil }
		return mcp.Features{Tools: []*mcp.Tool{
			mcp.NewTool(mcp.ToolSpec{Name: "read_page", Description: "Reads.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}}, run),
			mcp.NewTool(mcp.ToolSpec{Name: "write_page", Description: "Writes.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: false}}, run),
			mcp.NewTool(mcp.ToolSpec{Name: "delete_page", Description: "Deletes.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: false, DestructiveHint: true}}, run),
		}}, nil
	})}, {name: "broken", open: offers(func() (mcp.Features, error) { return mcp.Features{}, errors.New("no disk") })}}
}

func TestWritesAreOffUnlessNamed(t *testing.T) {
	tests := []struct {
		name string
		cfg  config.Tools
		want []string
	}{
		{"off by default", config.Tools{}, []string{"read_page"}},
		{"one named", config.Tools{EnableWrites: []string{"write_page"}}, []string{"read_page", "write_page"}},
		{"read_only beats the name", config.Tools{EnableWrites: []string{"write_page"}, ReadOnly: true}, []string{"read_page"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Toolsets = []string{"office"}
			box, err := open(tt.cfg, office(), Options{Log: zap.NewNop()})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, names(box.Features().Tools)); diff != "" {
				t.Errorf("tools (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name string
		cfg  config.Tools
		want []string // each in the error
	}{
		{"a toolset misspelled", config.Tools{Toolsets: []string{"ofice"}}, []string{"tools.toolsets", `"ofice"`, `did you mean "office"?`}},
		{"a toolset like none", config.Tools{Toolsets: []string{"zzz"}}, []string{"choose from office, broken"}},
		{"a pack that fails", config.Tools{Toolsets: []string{"broken"}}, []string{"toolset broken", "no disk"}},
		{"every fault at once", config.Tools{Toolsets: []string{"zzz", "broken"}}, []string{`"zzz"`, "no disk"}},
		{"a write misspelled", config.Tools{Toolsets: []string{"office"}, EnableWrites: []string{"wirte_page"}}, []string{"tools.enable_writes", `did you mean "write_page"?`}},
		{"a write that only reads", config.Tools{Toolsets: []string{"office"}, EnableWrites: []string{"read_page"}}, []string{`"read_page" only reads`}},
		{"a write of a toolset left out", config.Tools{EnableWrites: []string{"write_page"}}, []string{`no tool "write_page"`, "none to choose from"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(tt.cfg, office(), Options{Log: zap.NewNop()})
			if err == nil {
				t.Fatal("open = nil, want a refusal")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("open = %q, want %q in it", err, part)
				}
			}
		})
	}
}

func names(tools []*mcp.Tool) []string {
	var all []string
	for _, t := range tools {
		all = append(all, t.Name)
	}
	return all
}
