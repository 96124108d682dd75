package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// shop is a pack that counts how often it was opened and closed. Its one tool is named by a section of the configuration.
type shop struct {
	opened, closed atomic.Int32
	begun          atomic.Int32
	hold           chan struct{} // while it is there, calls wait for it
	files          []string
}

func (s *shop) pack() pack {
	return pack{
		name:    "shop",
		section: func(cfg config.Tools) any { return cfg.SQL },
		missing: func(cfg config.Tools) string {
			if cfg.SQL.IsZero() {
				return "tools.sql"
			}
			return ""
		},
		open: func(cfg config.Tools, _ hooks) (offer, error) {
			var d struct {
				Tool string `yaml:"tool"`
			}
			if err := cfg.SQL.Decode(&d); err != nil {
				return offer{}, err
			}
			if d.Tool == "broken" {
				return offer{}, errors.New("no such shop")
			}
			s.opened.Add(1)
			tool := mcp.NewTool(mcp.ToolSpec{Name: d.Tool, Description: "Sells.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}},
				func(ctx context.Context, _ *mcp.Call, _ pageArgs) (mcp.Text, error) {
					if s.hold != nil {
						<-s.hold
					}
					return "sold", nil
				})
			return offer{
				features: mcp.Features{Tools: []*mcp.Tool{tool}}, files: s.files,
				start: func() { s.begun.Add(1) }, close: func() { s.closed.Add(1) },
			}, nil
		},
	}
}

func selling(t *testing.T, tool string) config.Tools {
	t.Helper()
	tree, err := config.ParseTree("toolgate.yaml", "tool: "+tool)
	if err != nil {
		t.Fatal(err)
	}
	return config.Tools{Toolsets: []string{"shop", "desk"}, SQL: tree}
}

func TestAReloadMakesAnewWhatChanged(t *testing.T) {
	s := &shop{files: []string{"prices.yaml"}}
	b, err := open(selling(t, "sell_pen"), []pack{s.pack(), (&desk{}).pack()}, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	var followed []string
	b.Follow(func(f mcp.Features) error {
		followed = append(followed, strings.Join(names(f.Tools), " "))
		return nil
	}, nil)
	steps := []struct {
		name           string
		cfg            config.Tools
		changed        []string
		everything     bool
		fault          string
		offered        string
		opened, closed int32
	}{
		{"the same again", selling(t, "sell_pen"), nil, false, "", "sell_pen read_page", 1, 0},
		{"the same, from another line", selling(t, " sell_pen"), nil, false, "", "sell_pen read_page", 1, 0},
		{"another tool", selling(t, "sell_ink"), nil, false, "", "sell_ink read_page", 2, 1},
		{"a fault", selling(t, "broken"), nil, false, "build the toolset shop: no such shop", "sell_ink read_page", 2, 1},
		{"a file it was made of", selling(t, "sell_ink"), []string{"prices.yaml"}, false, "", "sell_ink read_page", 3, 2},
		{"another file", selling(t, "sell_ink"), []string{"toolgate.yaml"}, false, "", "sell_ink read_page", 3, 2},
		{"everything", selling(t, "sell_ink"), nil, true, "", "sell_ink read_page", 4, 3},
		{"not configured, but asked for", config.Tools{Toolsets: []string{"shop"}}, nil, false, "shop has nothing to offer: set tools.sql", "sell_ink read_page", 4, 3},
		{"no more of it", config.Tools{Toolsets: []string{"desk"}}, nil, false, "", "read_page", 4, 4},
	}
	for _, step := range steps {
		err := b.Reload(step.cfg, config.Changes{Files: step.changed, Everything: step.everything})
		if got := errorText(err); !strings.Contains(got, step.fault) || (step.fault == "") != (err == nil) {
			t.Errorf("%s: Reload = %v, want %q", step.name, err, step.fault)
		}
		b.retiring.Wait()
		if got := strings.Join(names(b.Features().Tools), " "); got != step.offered || followed[len(followed)-1] != step.offered && len(followed) > 0 {
			t.Errorf("%s: offered %q, followed %q, want %q", step.name, got, followed, step.offered)
		}
		if got := [3]int32{s.opened.Load(), s.begun.Load(), s.closed.Load()}; got != [3]int32{step.opened, step.opened, step.closed} {
			t.Errorf("%s: opened %d, begun %d, closed %d, want %d, %d, %d", step.name, got[0], got[1], got[2], step.opened, step.opened, step.closed)
		}
	}
}

// TestAToolStaysTheSameWhileOthersComeAndGo: its slots and kept results go on, and nothing of the tools that went stays.
func TestAToolStaysTheSameWhileOthersComeAndGo(t *testing.T) {
	calls := 0
	stay := mcp.NewTool(mcp.ToolSpec{Name: "stay", Description: "Stays.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}},
		func(context.Context, *mcp.Call, pageArgs) (mcp.Text, error) { calls++; return "here", nil })
	passing := func(i int) *mcp.Tool {
		return mcp.NewTool(mcp.ToolSpec{Name: fmt.Sprintf("pass_%d", i), Description: "Passes.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}},
			func(context.Context, *mcp.Call, pageArgs) (mcp.Text, error) { return "", nil })
	}
	var changed func(mcp.Features) error
	known := []pack{{name: "garden", open: func(_ config.Tools, h hooks) (offer, error) {
		changed = h.changed
		return offer{features: mcp.Features{Tools: []*mcp.Tool{stay}}, close: func() {}}, nil
	}}}
	tree, err := config.ParseTree("toolgate.yaml", "garden: {cache_ttl: 1h}")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Tools{Toolsets: []string{"garden"}, Policy: tree}
	b, err := open(cfg, known, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, b.Features())
	b.Follow(c.server.SetFeatures, nil)
	c.call("stay", `{}`)
	for i := range 20 {
		if err := changed(mcp.Features{Tools: []*mcp.Tool{stay, passing(i)}}); err != nil {
			t.Fatal(err)
		}
		c.call("stay", `{}`)
	}
	if err := b.Reload(cfg, config.Changes{}); err != nil {
		t.Fatal(err)
	}
	c.call("stay", `{}`)
	if calls != 1 {
		t.Errorf("%d calls reached the tool, want its first result kept all the while", calls)
	}
	if n := len(b.policy.Load().governed); n != 2 {
		t.Errorf("%d tools are under terms, want the 2 that are offered", n)
	}
	other, err := config.ParseTree("toolgate.yaml", "garden: {cache_ttl: 2h}")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Policy = other
	if err := b.Reload(cfg, config.Changes{}); err != nil {
		t.Fatal(err)
	}
	if c.call("stay", `{}`); calls != 2 {
		t.Errorf("%d calls under another rule, want another start", calls)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestACallUnderWayEndsBeforeItsToolsetIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{hold: make(chan struct{})}
		b, err := open(selling(t, "sell_pen"), []pack{s.pack(), (&desk{}).pack()}, Options{Log: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		c := connect(t, b.Features())
		b.Follow(c.server.SetFeatures, nil)
		old := b.Features()
		sold := make(chan toolResult, 1)
		go func() { sold <- c.call("sell_pen", `{}`) }()
		synctest.Wait()
		if err := b.Reload(selling(t, "sell_ink"), config.Changes{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s.closed.Load() != 0 {
			t.Error("the toolset was closed under a call")
		}
		if late := connect(t, old).call("sell_pen", `{}`); !late.IsError || !strings.Contains(late.text(), "call again") {
			t.Errorf("a call that comes too late: %q, want to be told to call again", late.text())
		}
		close(s.hold)
		if r := <-sold; r.IsError || r.text() != "sold" {
			t.Errorf("the call under way: %q, want its result", r.text())
		}
		synctest.Wait()
		if s.closed.Load() != 1 {
			t.Errorf("closed %d times once the call was over, want once", s.closed.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b.Close(ctx)
		if s.closed.Load() != 2 {
			t.Errorf("closed %d times at the end, want each toolset once", s.closed.Load())
		}
	})
}

func TestCloseDoesNotWaitForACallThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{hold: make(chan struct{})}
		b, err := open(selling(t, "sell_pen"), []pack{s.pack(), (&desk{}).pack()}, Options{Log: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		c := connect(t, b.Features())
		over := make(chan toolResult, 1)
		go func() { over <- c.call("sell_pen", `{}`) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		b.Close(ctx)
		if took := time.Since(started); took != time.Second {
			t.Errorf("Close took %v, want the second it was given", took)
		}
		close(s.hold)
		<-over
	})
}

func TestKeepFollowsTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "toolgate.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tool: sell_pen")
	load := func() (config.Tools, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return config.Tools{}, err
		}
		tree, err := config.ParseTree(file, string(text))
		return config.Tools{Toolsets: []string{"shop"}, SQL: tree}, err
	}
	first, err := load()
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{}
	b, err := open(first, []pack{s.pack()}, Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	offered := make(chan string, 10)
	server, err := mcp.NewServer(b.Features(), mcp.Options{Info: mcp.Implementation{Name: "test", Version: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	b.Serve(server)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	hangup := make(chan os.Signal)
	watched := make(chan struct{}, 100)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		config.Keep{
			Files: func() []string {
				select {
				case watched <- struct{}{}:
				default:
				}
				return []string{file}
			},
			Hangup: hangup,
			Apply: func(c config.Changes) error {
				cfg, err := load()
				text, _ := os.ReadFile(file)
				if err == nil {
					err = b.Reload(cfg, c)
				}
				offered <- string(text)
				return err
			},
			Log: zap.NewNop(),
		}.Run(ctx)
	}()
	next := func(want string) {
		t.Helper()
		select {
		case got := <-offered:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("loaded (-want +got):\n%s", diff)
			}
		case <-ctx.Done():
			t.Fatalf("nothing was loaded, want %q", want)
		}
	}
	<-watched
	<-watched
	write("tool: sell_ink")
	next("tool: sell_ink")
	write("tool: broken")
	next("tool: broken")
	select {
	case hangup <- os.Interrupt:
	case <-ctx.Done():
	}
	next("tool: broken")
	write("tool: sell_ink") // as it is in force, but everything was to be read anew
	next("tool: sell_ink")
	stop()
	<-kept
	if s.opened.Load() != 3 {
		t.Errorf("opened %d times, want 3: what could not be read anew is, once it can", s.opened.Load())
	}
	if diff := cmp.Diff([]string{"sell_ink"}, names(b.Features().Tools)); diff != "" {
		t.Errorf("offered in the end (-want +got):\n%s", diff)
	}
}
