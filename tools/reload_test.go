package tools

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
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
	opened, closed int
	begun          int
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
			s.opened++
			tool := mcp.NewTool(mcp.ToolSpec{Name: d.Tool, Description: "Sells.", Annotations: mcp.ToolAnnotations{ReadOnlyHint: true}},
				func(ctx context.Context, _ *mcp.Call, _ pageArgs) (mcp.Text, error) {
					if s.hold != nil {
						<-s.hold
					}
					return "sold", nil
				})
			return offer{
				features: mcp.Features{Tools: []*mcp.Tool{tool}}, files: s.files,
				start: func() { s.begun++ }, close: func() { s.closed++ },
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
		fault          string
		offered        string
		opened, closed int
	}{
		{"the same again", selling(t, "sell_pen"), nil, "", "sell_pen read_page", 1, 0},
		{"the same, from another line", selling(t, " sell_pen"), nil, "", "sell_pen read_page", 1, 0},
		{"another tool", selling(t, "sell_ink"), nil, "", "sell_ink read_page", 2, 1},
		{"a fault", selling(t, "broken"), nil, "build the toolset shop: no such shop", "sell_ink read_page", 2, 1},
		{"a file it was made of", selling(t, "sell_ink"), []string{"prices.yaml"}, "", "sell_ink read_page", 3, 2},
		{"another file", selling(t, "sell_ink"), []string{"toolgate.yaml"}, "", "sell_ink read_page", 3, 2},
		{"not configured, but asked for", config.Tools{Toolsets: []string{"shop"}}, nil, "shop has nothing to offer: set tools.sql", "sell_ink read_page", 3, 2},
		{"no more of it", config.Tools{Toolsets: []string{"desk"}}, nil, "", "read_page", 3, 3},
	}
	for _, step := range steps {
		err := b.Reload(step.cfg, step.changed)
		if got := errorText(err); !strings.Contains(got, step.fault) || (step.fault == "") != (err == nil) {
			t.Errorf("%s: Reload = %v, want %q", step.name, err, step.fault)
		}
		b.retiring.Wait()
		if got := strings.Join(names(b.Features().Tools), " "); got != step.offered || followed[len(followed)-1] != step.offered && len(followed) > 0 {
			t.Errorf("%s: offered %q, followed %q, want %q", step.name, got, followed, step.offered)
		}
		if s.opened != step.opened || s.closed != step.closed || s.begun != s.opened {
			t.Errorf("%s: opened %d, begun %d, closed %d, want %d, %d, %d", step.name, s.opened, s.begun, s.closed, step.opened, step.opened, step.closed)
		}
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
		if err := b.Reload(selling(t, "sell_ink"), nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s.closed != 0 {
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
		if s.closed != 1 {
			t.Errorf("closed %d times once the call was over, want once", s.closed)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b.Close(ctx)
		if s.closed != 2 {
			t.Errorf("closed %d times at the end, want each toolset once", s.closed)
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
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	hangup := make(chan os.Signal)
	watched := make(chan struct{}, 100)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		b.Keep(ctx, Source{
			Files: func() []string {
				select {
				case watched <- struct{}{}:
				default:
				}
				return []string{file}
			},
			Hangup: hangup,
			Load: func() (config.Tools, error) {
				cfg, err := load()
				text, _ := os.ReadFile(file)
				offered <- string(text)
				return cfg, err
			},
		}, server)
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
	stop()
	<-kept
	if diff := cmp.Diff([]string{"sell_ink"}, names(b.Features().Tools)); diff != "" {
		t.Errorf("what is not valid must change nothing (-want +got):\n%s", diff)
	}
}
