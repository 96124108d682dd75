package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"toolgate/config"
)

// fullRecord has several files, of which keep full ones are kept.
func fullRecord(t *testing.T, keep int) (cfg config.Audit, files []string) {
	t.Helper()
	cfg = newRecord(t)
	cfg.MaxSize, cfg.Keep = 8*config.KiB, keep
	w := newWorld(t, cfg)
	w.says(t, 100)
	w.close(t)
	files, err := folder{cfg.File}.files()
	if err != nil {
		t.Fatal(err)
	}
	return cfg, files
}

func TestTheChainGoesThroughEveryFile(t *testing.T) {
	cfg, files := fullRecord(t, 0)
	if len(files) < 5 || files[len(files)-1] != cfg.File {
		t.Fatalf("got files %v, want several, and the one that is written last", files)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 16<<10 {
			t.Errorf("%s: got %d bytes, want about 8 KiB", file, info.Size())
		}
	}
	all := written(t, cfg.File)
	for i, l := range all {
		if l["seq"] != float64(i+1) {
			t.Fatalf("line %d has seq %v", i+1, l["seq"])
		}
	}
	if got := len(calls(t, cfg.File)); got != 100 {
		t.Errorf("got %d calls, want 100", got)
	}
	out, err := audit(t, cfg, "verify")
	if err != nil || !strings.Contains(out, "100 calls") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	// By name the newest comes first: the order of words on the command line is not that of lines.
	wantIntact(t, cfg, append([]string{cfg.File}, files[:len(files)-1]...)...)
	wantIntact(t, cfg, files[1:3]...)
}

func TestAFileThatIsMissingIsFound(t *testing.T) {
	cfg, files := fullRecord(t, 0)
	if err := os.Rename(files[2], files[2]+".away"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, files[3], 1, "are missing before it: removed")
	if err := os.Rename(files[2]+".away", files[2]); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, cfg)
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, files[1], 1, "no line says that audit.keep removed them")
	wantIntact(t, cfg, files[1:]...)
}

func TestOldFilesAreRemovedAndThatIsSaid(t *testing.T) {
	cfg, files := fullRecord(t, 2)
	if len(files) != 3 {
		t.Fatalf("got files %v, want two full ones and the one that is written", files)
	}
	out, err := audit(t, cfg, "verify")
	if err != nil || strings.Contains(out, "lines 1 to") {
		t.Errorf("verify of what is left: %v\n%s", err, out)
	}
	wantIntact(t, cfg)
}

func TestHalfALineIsCutOffAndThatIsSaid(t *testing.T) {
	for name, half := range map[string]string{
		"half a line": `{"seq":3,"time":"2026-01-0`, "zeros": strings.Repeat("\x00", 5000), "a line without its break": "",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := newRecord(t)
			whole := bytes.Join(sealed(t, 3), nil)
			want := int64(len(half))
			if half == "" {
				last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
				want = int64(len(whole)-last) - 1
				whole = whole[:len(whole)-1]
			}
			if err := os.WriteFile(cfg.File, append(whole, half...), 0o600); err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, cfg)
			w.says(t, 1)
			w.close(t)
			wantIntact(t, cfg)
			found := false
			for _, l := range written(t, cfg.File) {
				if l["event"] == eventRecovered {
					found = true
					if l["bytes"] != float64(want) {
						t.Errorf("recovered: got %v bytes, want %d", l["bytes"], want)
					}
				}
			}
			if !found {
				t.Error("no line says that something was cut off")
			}
		})
	}
}

// TestACrashBetweenTwoFiles has the old file renamed already, and the new one not there or empty.
func TestACrashBetweenTwoFiles(t *testing.T) {
	for name, empty := range map[string]bool{"none": false, "empty": true} {
		t.Run(name, func(t *testing.T) {
			cfg := newRecord(t)
			w := newWorld(t, cfg)
			w.says(t, 3)
			w.close(t)
			full := cfg.File + ".20260102T030405Z-000000000005"
			if err := os.Rename(cfg.File, full); err != nil {
				t.Fatal(err)
			}
			if empty {
				if err := os.WriteFile(cfg.File, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w = newWorld(t, cfg)
			w.says(t, 3)
			w.close(t)
			out, err := audit(t, cfg, "verify")
			if err != nil || !strings.Contains(out, "lines 1 to 10 in 2 files: 6 calls, 2 starts") {
				t.Errorf("verify: %v\n%s", err, out)
			}
		})
	}
}

func TestAKilledProcessIsSeen(t *testing.T) {
	cfg := newRecord(t)
	lines := sealed(t, 3)
	if err := os.WriteFile(cfg.File, bytes.Join(lines[:len(lines)-1], nil), 0o600); err != nil { // without its stop
		t.Fatal(err)
	}
	newWorld(t, cfg).close(t)
	out, err := audit(t, cfg, "verify")
	if err != nil || !strings.Contains(out, "2 starts, 1 of them after no stop") {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// TestAFileOfAnotherNameIsNotOurs has files beside the record that look like it.
func TestAFileOfAnotherNameIsNotOurs(t *testing.T) {
	cfg := newRecord(t)
	for _, name := range []string{".bak", ".1", ".20260102T030405Z-x", ".20260102T030405Z-5.gz", "2.20260102T030405Z-5"} {
		if err := os.WriteFile(cfg.File+name, []byte("other\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newWorld(t, cfg).close(t)
	wantIntact(t, cfg)
	files, err := folder{cfg.File}.files()
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "audit.jsonl" {
		t.Errorf("the record's files: got %v (%v), want one", files, err)
	}
}
