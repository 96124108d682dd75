package tools

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// growing is office and, before it, a pack that offers nothing until it is told to grow.
func growing() (known []pack, grow func(names ...string) error) {
	var changed func(mcp.Features) error
	nothing := func(_ config.Tools, h hooks) (offer, error) {
		changed = h.changed
		return offer{}, nil
	}
	type none struct{}
	run := func(context.Context, *mcp.Call, none) (mcp.Text, error) { return "", nil }
	grow = func(names ...string) error {
		var f mcp.Features
		for _, name := range names {
			hints := mcp.ToolAnnotations{ReadOnlyHint: name[:4] != "make"}
			f.Tools = append(f.Tools, mcp.NewTool(mcp.ToolSpec{Name: name, Description: "Grew.", Annotations: hints}, run))
		}
		return changed(f)
	}
	return append([]pack{{name: "garden", open: nothing}}, office()...), grow
}

func openGrowing(t *testing.T, cfg config.Tools) (*Toolbox, func(names ...string) error) {
	t.Helper()
	known, grow := growing()
	b, err := open(cfg, known, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	return b, grow
}

func TestAChangeIsFollowed(t *testing.T) {
	b, grow := openGrowing(t, config.Tools{Toolsets: []string{"garden", "office"}})
	var followed [][]string
	b.Follow(func(f mcp.Features) error {
		followed = append(followed, names(f.Tools))
		return nil
	}, nil)
	for _, now := range [][]string{{"find_bee"}, {"find_bee", "make_honey"}, nil} {
		if err := grow(now...); err != nil {
			t.Fatalf("grow(%q) = %v", now, err)
		}
		if diff := cmp.Diff(followed[len(followed)-1], names(b.Features().Tools)); diff != "" {
			t.Errorf("followed and offered differ (-followed +offered):\n%s", diff)
		}
	}
	want := [][]string{
		{"read_page"}, // what there is when it begins to be followed
		{"find_bee", "read_page"},
		{"find_bee", "read_page"}, // what writes is off, whenever it comes
		{"read_page"},
	}
	if diff := cmp.Diff(want, followed); diff != "" {
		t.Errorf("followed (-want +got):\n%s", diff)
	}
}

func TestAChangeThatIsRefusedIsNotOffered(t *testing.T) {
	b, grow := openGrowing(t, config.Tools{Toolsets: []string{"garden"}})
	refusal := errors.New("no room")
	b.Follow(func(mcp.Features) error { return refusal }, nil)
	if err := grow("find_bee"); !errors.Is(err, refusal) {
		t.Errorf("grow = %v, want %v", err, refusal)
	}
	if got := names(b.Features().Tools); got != nil {
		t.Errorf("offered after a refusal: %q, want nothing", got)
	}
}

func TestAChangeThatNobodyFollowsIsOffered(t *testing.T) {
	b, grow := openGrowing(t, config.Tools{Toolsets: []string{"garden"}})
	if err := grow("find_bee"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"find_bee"}, names(b.Features().Tools)); diff != "" {
		t.Errorf("offered (-want +got):\n%s", diff)
	}
}

func TestSkillsOfAPackAreOffered(t *testing.T) {
	features, err := Build(config.Tools{Toolsets: []string{"conformance"}})
	if err != nil || len(features.Skills) != 1 {
		t.Errorf("Build(conformance) = %d skills, %v, want one", len(features.Skills), err)
	}
}
