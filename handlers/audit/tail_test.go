package audit

import (
	"bufio"
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"toolgate/config"
)

func TestTailPrintsTheNewestLinesForPeople(t *testing.T) {
	cfg, _ := fullRecord(t, 0)
	out, err := audit(t, cfg, "tail", "-n", "60")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 60 {
		t.Fatalf("got %d lines, want 60:\n%s", len(lines), out)
	}
	if last := lines[59]; !strings.HasSuffix(last, "-- it stopped") {
		t.Errorf("the last line: got %q", last)
	}
	for _, want := range []string{" ok ", `alice: say {"text":"word word`, "(http 192.0.2.7 tester 1.2)", "-- goes on from audit.jsonl.20"} {
		if !strings.Contains(out, want) {
			t.Errorf("tail has no %q:\n%s", want, out)
		}
	}
	if out, err = audit(t, cfg, "tail", "-n", "0"); err != nil || out != "" {
		t.Errorf("tail -n 0: got %q, %v", out, err)
	}
	if out, err = audit(t, config.Audit{}, "tail", cfg.File); err != nil || strings.Count(out, "\n") != tailLines {
		t.Errorf("tail FILE: got %d lines, %v, want %d", strings.Count(out, "\n"), err, tailLines)
	}
}

func TestTailPrintsLinesAsTheyAre(t *testing.T) {
	cfg, _ := fullRecord(t, 0)
	out, err := audit(t, cfg, "tail", "--json", "-n", "1000")
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir() + "/copy.jsonl"
	if err := os.WriteFile(copied, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, cfg, copied)
}

func TestTailSaysWhatIsNoLine(t *testing.T) {
	file := t.TempDir() + "/audit.jsonl"
	if err := os.WriteFile(file, []byte("evil\x1b[2J\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := audit(t, config.Audit{File: file}, "tail")
	if err != nil || !strings.HasPrefix(out, "? it is not a line of a record: evil") || strings.Contains(out, "\x1b") {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestTailFollows has it see each line once, over many files, from before the record is there.
func TestTailFollows(t *testing.T) {
	cfg, _ := fullRecord(t, 0)
	head := len(written(t, cfg.File))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Command(ctx, []string{"tail", "-f", "--json", "-n", "1"}, cfg, w)
		_ = w.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	if !lines.Scan() {
		t.Fatalf("tail -f printed nothing: %v", lines.Err())
	}
	more := newWorld(t, cfg)
	more.says(t, 200)
	more.close(t)
	total := len(written(t, cfg.File))
	if files, err := (folder{cfg.File}).files(); err != nil || len(files) < 10 {
		t.Fatalf("got files %v (%v), want many", files, err)
	}
	for seq := head + 1; seq <= total; seq++ {
		wantSeq(t, lines, seq)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("at the end: %v", err)
	}
}

func wantSeq(t *testing.T, lines *bufio.Scanner, seq int) {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("tail -f ended before line %d: %v", seq, lines.Err())
	}
	if want := `{"seq":` + strconv.Itoa(seq) + `,`; !strings.HasPrefix(lines.Text(), want) {
		t.Fatalf("tail -f: got %.40s, want %s", lines.Text(), want)
	}
}
