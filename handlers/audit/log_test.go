package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/mcp"
)

// TestEachCallIsALine also has what a line says of it.
func TestEachCallIsALine(t *testing.T) {
	cfg := newRecord(t)
	w := newWorld(t, cfg)
	w.call(t, peer(), `"a-7"`, "say", `{ "text" : "hello" }`)
	w.call(t, peer(), "2", "fail", `{}`)
	w.call(t, peer(), "3", "nothing", `{}`)
	w.close(t)

	got := calls(t, cfg.File)
	if len(got) != 3 {
		t.Fatalf("got %d lines of calls, want 3: %v", len(got), got)
	}
	first := got[0]
	at, err := time.Parse(time.RFC3339Nano, first["time"].(string))
	if err != nil || at.Location() != time.UTC || time.Since(at) > time.Minute {
		t.Errorf("time: got %v, want now in UTC", first["time"])
	}
	if id, err := uuid.Parse(first["id"].(string)); err != nil || id.Version() != 7 {
		t.Errorf("id: got %v, want a UUID of version 7", first["id"])
	}
	if took, ok := first["duration_ms"].(float64); !ok || took < 0 || took > 60_000 {
		t.Errorf("duration_ms: got %v", first["duration_ms"])
	}
	for _, name := range []string{"time", "id", "duration_ms", "prev", "hash"} {
		delete(first, name)
	}
	want := map[string]any{
		"seq": 2.0, "event": "tool_call", "principal": map[string]any{"id": "key:1", "name": "alice"}, "address": "192.0.2.7",
		"transport": "http", "session": "handle", "client": map[string]any{"name": "tester", "version": "1.2"}, "request_id": "a-7",
		"tool": "say", "arguments": map[string]any{"text": "hello"}, "outcome": "ok",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("the line of a call (-want +got):\n%s", diff)
	}
	for i, want := range []string{"ok", "tool_error", "-32602"} {
		if got[i]["outcome"] != want {
			t.Errorf("outcome of call %d: got %v, want %s", i, got[i]["outcome"], want)
		}
	}
	wantIntact(t, cfg)
}

func TestOtherRequestsAreNotRecorded(t *testing.T) {
	cfg := newRecord(t)
	w := newWorld(t, cfg)
	m, fault := mcp.Decode([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	if fault != nil {
		t.Fatal(fault)
	}
	w.server.Answer(t.Context(), peer(), m)
	w.close(t)
	if got := calls(t, cfg.File); len(got) != 0 {
		t.Errorf("a list of tools is in the record: %v", got)
	}
}

func TestSensitiveArgumentsAreNeverWritten(t *testing.T) {
	const canary = "canary-4711"
	cfg := newRecord(t)
	w := newWorld(t, cfg)
	w.call(t, peer(), "1", "say", `{"text":"open","secret":"`+canary+`"}`)
	w.call(t, peer(), "2", "say", `{"text":"`+strings.Repeat("x", 2*maxArguments)+`","secret":"`+canary+`"}`)
	w.call(t, peer(), "3", "say", `{"secret":"`+canary+`"}`) // refused: text is missing
	w.close(t)

	text, err := os.ReadFile(cfg.File)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), canary) {
		t.Errorf("the record has a sensitive argument:\n%s", text)
	}
	if n := strings.Count(string(text), "***"); n < 2 {
		t.Errorf("got %d hidden arguments in the record, want one a call that shows them:\n%s", n, text)
	}
}

func TestArgumentsAreLeftOutWhereNotWanted(t *testing.T) {
	cfg := newRecord(t)
	cfg.Arguments = false
	w := newWorld(t, cfg)
	w.call(t, peer(), "1", "say", `{"text":"private"}`)
	w.close(t)
	if text, err := os.ReadFile(cfg.File); err != nil || strings.Contains(string(text), "private") {
		t.Errorf("the record has arguments (%v):\n%s", err, text)
	}
}

func TestLongArgumentsAreCut(t *testing.T) {
	cfg := newRecord(t)
	w := newWorld(t, cfg)
	long := `{"text":"` + strings.Repeat("é", maxArguments) + `"}` // 2 bytes each, so that the cut is within one
	w.call(t, peer(), "1", "say", long)
	w.close(t)
	got := calls(t, cfg.File)[0]
	if got["arguments"] != nil {
		t.Errorf("arguments: got %v, want none beside what was cut", got["arguments"])
	}
	note, _ := got["arguments_cut"].(map[string]any)
	start, _ := note["start"].(string)
	if note["bytes"] != float64(len(long)) || !strings.HasPrefix(long, start) || len(start) < maxArguments-2 || len(start) > maxArguments {
		t.Errorf("arguments_cut: got %v bytes and a start of %d, want %d and about %d", note["bytes"], len(start), len(long), maxArguments)
	}
	wantIntact(t, cfg)
}

// TestStrangersTextCannotDriveATerminal also holds for arguments, in which C1 controls are plain JSON.
func TestStrangersTextCannotDriveATerminal(t *testing.T) {
	cfg := newRecord(t)
	w := newWorld(t, cfg)
	p := peer()
	p.Client = mcp.Implementation{Name: "evil\x1b[2J\r\n{\"seq\":9}", Version: strings.Repeat("9", 10_000)}
	w.call(t, p, `"\u001b[31m"`, "say", "{\"text\":\"a\\u001b[2Jb \u009b2J \u202egnp.exe \U000e0041\\n\"}")
	w.close(t)
	text, err := os.ReadFile(cfg.File)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := audit(t, cfg, "tail")
	if err != nil {
		t.Fatal(err)
	}
	for where, s := range map[string]string{"the file": string(text), "tail": shown} {
		if at := strings.IndexFunc(s, func(r rune) bool { return r != '\n' && (r < ' ' || r == 0x9b || r == 0x202e || r == 0xe0041) }); at >= 0 {
			t.Errorf("%s has %q at %d", where, s[at:min(len(s), at+10)], at)
		}
	}
	if got := calls(t, cfg.File)[0]; !strings.HasPrefix(got["arguments"].(map[string]any)["text"].(string), "a\x1b[2Jb \u009b2J") {
		t.Errorf("the arguments are not what was sent: %q", got["arguments"])
	}
	if n := strings.Count(string(text), "\n"); n != 3 {
		t.Errorf("got %d lines, want start, the call and stop:\n%s", n, text)
	}
	wantIntact(t, cfg)
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	cfg := newRecord(t)
	cfg.MaxSize = 4 * config.KiB
	w := newWorld(t, cfg)
	w.says(t, 40)
	w.close(t)
	entries, err := os.ReadDir(filepath.Dir(cfg.File))
	if err != nil || len(entries) < 3 {
		t.Fatalf("got %v (%v), want several files", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: got mode %o, want 600", e.Name(), got)
		}
	}
}

func TestTheChainGoesOnAfterARestart(t *testing.T) {
	cfg := newRecord(t)
	for range 3 {
		w := newWorld(t, cfg)
		w.says(t, 2)
		w.close(t)
	}
	out, err := audit(t, cfg, "verify")
	if err != nil || !strings.Contains(out, "lines 1 to 12 in 1 files: 6 calls, 3 starts, 0 of them") {
		t.Errorf("verify after three processes: %v\n%s", err, out)
	}
}

func TestASecondProcessIsRefused(t *testing.T) {
	cfg := newRecord(t)
	w := newWorld(t, cfg)
	_, err := Open(cfg, zap.NewNop())
	if err == nil || !strings.Contains(err.Error(), "another process writes "+cfg.File) {
		t.Errorf("a second Open: got %v, want a refusal that says so", err)
	}
	w.close(t)
	again, err := Open(cfg, zap.NewNop())
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenSaysWhatToChange(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no record\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ file, want string }{
		"no folder":      {filepath.Join(dir, "none", "audit.jsonl"), "there is no folder " + filepath.Join(dir, "none") + ": make it"},
		"a folder":       {dir, "is a directory"},
		"another's file": {plain, "it is not a line of a record; move it away"},
		"not writable":   {"/proc/self/audit.jsonl", "there is no folder /proc/self"},
	} {
		l, err := Open(config.Audit{File: tt.file, MaxSize: config.MiB}, zap.NewNop())
		if err == nil {
			t.Errorf("%s: Open(%s) opened it", name, tt.file)
			_ = l.Close()
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %q, want %q in it", name, err, tt.want)
		}
	}
	if text, err := os.ReadFile(plain); err != nil || string(text) != "no record\n" {
		t.Errorf("another's file is now %q (%v)", text, err)
	}
}

func TestWithoutAFileNothingIsKept(t *testing.T) {
	l, err := Open(config.Audit{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if o := l.Observer(); o.Done != nil {
		t.Error("a log without a file observes calls")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := audit(t, config.Audit{}, "verify"); err == nil || !strings.Contains(err.Error(), "audit.file is empty") {
		t.Errorf("verify without a file: got %v", err)
	}
}

// TestManyCallers has calls come from everywhere at once; each is written, or counted as missing.
func TestManyCallers(t *testing.T) {
	cfg := newRecord(t)
	cfg.MaxSize, cfg.Keep = 64*config.KiB, 0
	w := newWorld(t, cfg)
	const callers, each = 8, 150
	var all sync.WaitGroup
	for range callers {
		all.Go(func() { w.says(t, each) })
	}
	all.Wait()
	w.close(t)
	sum := 0.0
	for _, l := range written(t, cfg.File) {
		switch l["event"] {
		case eventCall:
			sum++
		case eventGap:
			sum += l["missed"].(float64)
		}
	}
	if sum != callers*each {
		t.Errorf("got %v calls written or missing, want %d", sum, callers*each)
	}
	wantIntact(t, cfg)
}

func TestCloseMayBeCalledTwice(t *testing.T) {
	w := newWorld(t, newRecord(t))
	w.close(t)
	w.close(t)
}

// BenchmarkObserver is what a recorded call costs the one who is called: the copy and the queue. The queue is drained without
// writing. say has a sensitive argument, so that its arguments have to be read and hidden.
func BenchmarkObserver(b *testing.B) {
	for tool, arguments := range map[string]string{"shout": `{"text":"hello world"}`, "say": `{"text":"hello","secret":"x"}`} {
		b.Run(tool, func(b *testing.B) {
			var seen mcp.Outcome
			w := world{server: newServer(b, mcp.Observer{Done: func(o mcp.Outcome) { seen = o }})}
			w.call(b, peer(), "1", tool, arguments)
			l := &Log{arguments: true, queue: make(chan entry, queueSize)}
			var drain sync.WaitGroup
			drain.Go(func() {
				for range l.queue {
				}
			})
			done := l.Observer().Done
			b.ReportAllocs()
			for b.Loop() {
				done(seen)
			}
			close(l.queue)
			drain.Wait()
		})
	}
}

// BenchmarkWriter is what a line costs the writer: it encodes, seals and writes it.
func BenchmarkWriter(b *testing.B) {
	c := &chain{folder: folder{filepath.Join(b.TempDir(), "audit.jsonl")}, maxSize: int64(config.GiB), open: openFile}
	if _, err := c.resume(); err != nil {
		b.Fatal(err)
	}
	e := entry{at: time.Now(), principal: mcp.Anonymous(), tool: "say", arguments: []byte(`{"text":"hello world"}`), argumentBytes: 22}
	b.ReportAllocs()
	for b.Loop() {
		if err := errors.Join(c.add(e.line()), c.write()); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.close(); err != nil {
		b.Fatal(err)
	}
}
