package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"toolgate/mcp"
)

// told is what hooks were told of.
type told struct {
	updated chan string
	listed  chan []string // URIs, each time they change
}

// watched is a pack that watches dir, at a pace.
func watched(t *testing.T, dir string, at pace, log *zap.Logger, keys ...string) (*Pack, told) {
	t.Helper()
	to := told{make(chan string, 10_000), make(chan []string, 1000)}
	p, err := New(tree(t, dir, keys...), Hooks{
		Updated: func(uri string) { to.updated <- uri },
		Changed: func(f mcp.Features) error {
			var uris []string
			for _, r := range f.Resources {
				uris = append(uris, r.URI)
			}
			to.listed <- uris
			return nil
		},
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	p.pace = at
	p.Start()
	t.Cleanup(p.Close)
	return p, to
}

func quick() pace { return pace{5 * time.Millisecond, time.Hour, 100} }

// await waits until something is told that fits.
func await[T any](t *testing.T, from chan T, what string, fits func(T) bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for {
		select {
		case got := <-from:
			if fits(got) {
				return
			}
		case <-ctx.Done():
			t.Fatalf("not told in time: %s", what)
		}
	}
}

func (to told) awaitUpdated(t *testing.T, uri string) {
	t.Helper()
	await(t, to.updated, "updated "+uri, func(got string) bool { return got == uri })
}

func (to told) awaitListed(t *testing.T, want ...string) {
	t.Helper()
	await(t, to.listed, fmt.Sprint("list ", want), func(got []string) bool { return slices.Equal(got, want) })
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestChangesAreTold(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.md": "one"})
	_, to := watched(t, dir, quick(), zap.NewNop())
	const index, a = "files://docs/", "files://docs/a.md"

	write(t, dir, map[string]string{"a.md": "changed"})
	to.awaitUpdated(t, a)
	to.awaitUpdated(t, index)

	write(t, dir, map[string]string{"b.md": "new"})
	to.awaitListed(t, index, a, "files://docs/b.md")
	to.awaitUpdated(t, index)

	write(t, dir, map[string]string{"sub/deep/c.md": "in new folders"})
	to.awaitListed(t, index, a, "files://docs/b.md", "files://docs/sub/deep/c.md")
	write(t, dir, map[string]string{"sub/deep/c.md": "changed in a new folder"})
	to.awaitUpdated(t, "files://docs/sub/deep/c.md")

	remove(t, filepath.Join(dir, "b.md"))
	to.awaitListed(t, index, a, "files://docs/sub/deep/c.md")
	to.awaitUpdated(t, "files://docs/b.md")

	if err := os.Rename(filepath.Join(dir, "sub"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	to.awaitListed(t, index, a, "files://docs/moved/deep/c.md")
	write(t, dir, map[string]string{"moved/deep/c.md": "changed after it moved, and longer"})
	to.awaitUpdated(t, "files://docs/moved/deep/c.md")

	remove(t, filepath.Join(dir, "moved"))
	to.awaitListed(t, index, a)
	write(t, dir, map[string]string{"moved/deep/c.md": "once more"})
	to.awaitListed(t, index, a, "files://docs/moved/deep/c.md")
	write(t, dir, map[string]string{"moved/deep/c.md": "a folder that took the place of one"})
	to.awaitUpdated(t, "files://docs/moved/deep/c.md")
}

func TestChangesOfWhatIsLeftOutAreNotTold(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.md": "one", "drafts/x.md": "x", ".git/x.md": "x"})
	_, to := watched(t, dir, quick(), zap.NewNop(), `exclude: ["drafts/**"]`)
	write(t, dir, map[string]string{"drafts/x.md": secret, "drafts/y.md": secret, ".git/x.md": secret, ".hidden.md": secret, "photo.png": secret})
	write(t, dir, map[string]string{"z.md": "the last change"})
	await(t, to.updated, "z.md", func(uri string) bool {
		if uri != "files://docs/" {
			t.Errorf("updated %s, want nothing of what is left out", uri)
		}
		return uri == "files://docs/"
	})
	to.awaitListed(t, "files://docs/", "files://docs/a.md", "files://docs/z.md")
}

func TestWhatChangedBeforeStartIsTold(t *testing.T) {
	dir := t.TempDir()
	to := told{make(chan string, 100), make(chan []string, 100)}
	p, err := New(tree(t, dir), Hooks{Updated: func(uri string) { to.updated <- uri }}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"a.md": "after New"})
	p.Start()
	defer p.Close()
	to.awaitUpdated(t, "files://docs/")
}

func TestManyChangesAtOnce(t *testing.T) {
	dir := t.TempDir()
	_, to := watched(t, dir, quick(), zap.NewNop())
	files := map[string]string{}
	want := []string{"files://docs/"}
	for i := range 150 {
		name := fmt.Sprintf("d%d/f%03d.md", i/50, i)
		files[name] = "x"
		want = append(want, uriOf("docs", name))
	}
	write(t, dir, files)
	to.awaitListed(t, want...)
	write(t, dir, map[string]string{"d0/more/a.md": "", "d1/b.md": ""})
	for i := range 60 {
		write(t, dir, map[string]string{fmt.Sprintf("d3/g%02d.md", i): ""})
	}
	to.awaitListed(t, "files://docs/") // more than are listed one by one
}

func TestBeyondTheLimitOfWatchesChangesAreFoundBySeeking(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/a.md": "", "b/b.md": "", "c/c.md": ""})
	core, logs := observer.New(zap.WarnLevel)
	_, to := watched(t, dir, pace{5 * time.Millisecond, 20 * time.Millisecond, 1}, zap.New(core))
	write(t, dir, map[string]string{"c/c.md": "changed", "c/new/d.md": "new"})
	to.awaitListed(t, "files://docs/", "files://docs/a/a.md", "files://docs/b/b.md", "files://docs/c/c.md", "files://docs/c/new/d.md")
	said := logs.FilterMessageSnippet("not every folder can be watched").Len()
	if said != 1 {
		t.Errorf("the log says so %d times, want once: %v", said, logs.All())
	}
}

func TestListsCatchUpWithSizes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.md": "one"})
	sizes := make(chan int64, 1000)
	p, err := New(tree(t, dir), Hooks{Changed: func(f mcp.Features) error {
		sizes <- f.Resources[1].Size
		return errors.New("refused by a test")
	}}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	p.pace = pace{5 * time.Millisecond, 30 * time.Millisecond, 10}
	p.Start()
	defer p.Close()
	write(t, dir, map[string]string{"a.md": "longer"})
	await(t, sizes, "the new size", func(size int64) bool { return size == int64(len("longer")) })
}

func TestARootThatGoesAndComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "docs")
	write(t, dir, map[string]string{"a.md": "one"})
	core, logs := observer.New(zap.WarnLevel)
	gone := make(chan struct{}, 100)
	log := zap.New(core, zap.Hooks(func(e zapcore.Entry) error {
		if strings.Contains(e.Message, "cannot be read") {
			gone <- struct{}{}
		}
		return nil
	}))
	_, to := watched(t, dir, pace{5 * time.Millisecond, 20 * time.Millisecond, 100}, log)
	remove(t, dir)
	await(t, gone, "that the root is gone", func(struct{}) bool { return true })
	write(t, dir, map[string]string{"b.md": "two"})
	to.awaitListed(t, "files://docs/", "files://docs/b.md")
	if n := logs.FilterMessage("a root cannot be read").Len(); n != 1 {
		t.Errorf("the log says %d times that the root is gone, want once", n)
	}
}

func TestARootThatIsNotWatchedIsReadAsItIs(t *testing.T) {
	dir := t.TempDir()
	p, _ := watched(t, dir, quick(), zap.NewNop(), "watch: false")
	write(t, dir, map[string]string{"a.md": "needle"})
	c := connect(t, p)
	if r := c.search("needle"); r.Files != 1 {
		t.Errorf("search_files = %+v, want the new file", r)
	}
}
