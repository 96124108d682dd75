package audit

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newRecord is a record to be, in a folder of its own.
func newRecord(t *testing.T) config.Audit {
	t.Helper()
	return config.Audit{File: filepath.Join(t.TempDir(), "audit.jsonl"), MaxSize: config.MiB, Keep: 10, Arguments: true}
}

// world is a server whose calls are recorded.
type world struct {
	log    *Log
	server *mcp.Server
}

type sayIn struct {
	Text   string `json:"text" jsonschema:"What to say."`
	Secret string `json:"secret,omitempty"`
}

type said struct {
	Said string `json:"said"`
}

// newWorld opens a record and makes a server with the tools say, which has a sensitive argument, shout and fail.
func newWorld(t *testing.T, cfg config.Audit) world {
	t.Helper()
	l, err := Open(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return world{l, newServer(t, l.Observer())}
}

func newServer(t testing.TB, o mcp.Observer) *mcp.Server {
	t.Helper()
	read := mcp.ToolAnnotations{ReadOnlyHint: true}
	say := mcp.NewTool(mcp.ToolSpec{
		Name: "say", Description: "Says it.", Annotations: read,
		InputSchema: jsontext.Value(`{"type":"object","required":["text"],"properties":{"text":{"type":"string"},"secret":{"type":"string","x-sensitive":true}}}`),
	}, func(_ context.Context, _ *mcp.Call, in sayIn) (said, error) { return said{in.Text}, nil })
	shout := mcp.NewTool(mcp.ToolSpec{Name: "shout", Description: "Says it too.", Annotations: read},
		func(_ context.Context, _ *mcp.Call, in sayIn) (said, error) { return said{in.Text}, nil })
	fail := mcp.NewTool(mcp.ToolSpec{Name: "fail", Description: "Fails.", Annotations: read},
		func(context.Context, *mcp.Call, struct{}) (said, error) { return said{}, &mcp.ToolError{Message: "no"} })
	s, err := mcp.NewServer(mcp.Features{Tools: []*mcp.Tool{say, shout, fail}}, mcp.Options{Info: mcp.Implementation{Name: "t", Version: "1"}, Observer: o})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// peer is a client that calls.
func peer() *mcp.Peer {
	p := mcp.NewPeer(&mcp.Principal{ID: "key:1", Name: "alice", Scopes: []string{mcp.ScopeRead}}, "192.0.2.7", mcp.WireHTTP, mcp.Newest())
	p.Session, p.Client = "handle", mcp.Implementation{Name: "tester", Version: "1.2"}
	return p
}

// call has the server answer one call.
func (w world) call(t testing.TB, from *mcp.Peer, id, tool, arguments string) {
	t.Helper()
	m, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`))
	if fault != nil {
		t.Fatal(fault)
	}
	if answer := w.server.Answer(t.Context(), from, m); answer == nil {
		t.Fatalf("%s got no answer", tool)
	}
}

// says calls say n times.
func (w world) says(t testing.TB, n int) {
	t.Helper()
	for range n {
		w.call(t, peer(), "1", "say", `{"text":"`+strings.Repeat("word ", 40)+`"}`)
	}
}

func (w world) close(t *testing.T) {
	t.Helper()
	if err := w.log.Close(); err != nil {
		t.Fatal(err)
	}
}

// written are the lines of a record, of all its files.
func written(t *testing.T, file string) []map[string]any {
	t.Helper()
	paths, err := folder{file}.files()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for one := range bytes.Lines(text) {
			var l map[string]any
			if err := json.Unmarshal(one, &l); err != nil {
				t.Fatalf("%s has %q: %v", path, one, err)
			}
			all = append(all, l)
		}
	}
	return all
}

// calls are the lines of calls among them.
func calls(t *testing.T, file string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, l := range written(t, file) {
		if l["event"] == eventCall {
			all = append(all, l)
		}
	}
	return all
}

// audit is toolgate audit.
func audit(t *testing.T, cfg config.Audit, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := Command(t.Context(), args, cfg, &out)
	return out.String(), err
}

// wantIntact verifies a record and returns its head.
func wantIntact(t *testing.T, cfg config.Audit, args ...string) string {
	t.Helper()
	out, err := audit(t, cfg, append([]string{"verify"}, args...)...)
	if err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
	_, rest, found := strings.Cut(out, "head: ")
	if !found || len(rest) < hashSize {
		t.Fatalf("verify printed no head:\n%s", out)
	}
	return rest[:hashSize]
}
