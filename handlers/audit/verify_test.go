package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"toolgate/config"
)

// sealed is a record of n calls in one text, as one process would write it.
func sealed(t testing.TB, n int) (lines [][]byte) {
	t.Helper()
	c := &chain{pending: link{0, noHash()}}
	add := func(l *line) {
		l.Time = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
		if err := c.add(l); err != nil {
			t.Fatal(err)
		}
	}
	add(&line{Event: eventStart, PID: 7})
	for i := range n {
		e := entry{tool: "say", arguments: fmt.Appendf(nil, `{"text":"call %d"}`, i), client: "tester"}
		e.argumentBytes = len(e.arguments)
		l := e.line()
		add(l)
	}
	add(&line{Event: eventStop})
	return slices.Collect(bytes.Lines(c.buffer))
}

// wantFault verifies files, and wants the first fault in a place of a file, saying something.
func wantFault(t *testing.T, cfg config.Audit, file string, line int, says string, args ...string) {
	t.Helper()
	out, err := audit(t, cfg, append([]string{"verify"}, args...)...)
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatalf("verify: got %v, want a fault\n%s", err, out)
	}
	if fault.File != file || fault.Line != line || !strings.Contains(fault.What, says) {
		t.Errorf("verify: got %q, want %s:%d and %q", fault, file, line, says)
	}
}

// TestEachTamperingIsFound has a record of lines 1 to 7, in which line 4 of the file is seq 4.
func TestEachTamperingIsFound(t *testing.T) {
	for name, tt := range map[string]struct {
		mangle func(l [][]byte) [][]byte
		line   int
		says   string
	}{
		"one character changed": {func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte("call 2"), []byte("call 3"), 1)
			return l
		}, 4, "its hash does not fit"},
		"a hash changed": {func(l [][]byte) [][]byte {
			at := len(l[3]) - 10
			l[3][at] = '0' + (l[3][at]+1)%10
			return l
		}, 4, "its hash does not fit"},
		"white space added": {func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte(`"outcome":`), []byte(`"outcome": `), 1)
			return l
		}, 4, "its hash does not fit"},
		"a member added after the hash": {func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte("\"}\n"), []byte("\",\"x\":1}\n"), 1)
			return l
		}, 4, "not a line of a record"},
		"changed and sealed anew": {func(l [][]byte) [][]byte {
			l[3] = resealed(l[3], "call 2", "call 3")
			return l
		}, 5, "does not follow line 4"},
		"removed":           {func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) }, 4, "line 4 is missing before it: removed"},
		"several removed":   {func(l [][]byte) [][]byte { return slices.Delete(l, 3, 5) }, 4, "lines 4 to 5 are missing before it: removed"},
		"the first removed": {func(l [][]byte) [][]byte { return l[1:] }, 1, "line 1 is missing, and no line says that audit.keep removed"},
		"a copy inserted":   {func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[1]) }, 4, "it was inserted or moved here: line 4 is due"},
		"a stranger's line inserted": {func(l [][]byte) [][]byte {
			return slices.Insert(l, 3, resealed(l[3], "call 2", "call 9"))
		}, 5, "it was inserted or moved here: line 5 is due"},
		"text inserted":      {func(l [][]byte) [][]byte { return slices.Insert(l, 3, []byte("hello\n")) }, 4, "not a line of a record"},
		"an empty line":      {func(l [][]byte) [][]byte { return slices.Insert(l, 3, []byte("\n")) }, 4, "not a line of a record"},
		"two swapped":        {func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }, 4, "line 4 was moved from here to audit.jsonl:5"},
		"moved to the end":   {func(l [][]byte) [][]byte { return append(slices.Delete(slices.Clone(l), 3, 4), l[3]) }, 4, "line 4 was moved from here to audit.jsonl:7"},
		"moved to the front": {func(l [][]byte) [][]byte { return slices.Insert(slices.Delete(slices.Clone(l), 3, 4), 1, l[3]) }, 2, "line 2 was moved from here to audit.jsonl:3"},
		"cut within a line":  {func(l [][]byte) [][]byte { l[6] = l[6][:len(l[6])/2]; return l }, 7, "cut off"},
		"the line break cut": {func(l [][]byte) [][]byte { l[6] = bytes.TrimSuffix(l[6], []byte("\n")); return l }, 7, "cut off"},
		"a line too long":    {func(l [][]byte) [][]byte { l[3] = bytes.Repeat([]byte("x"), maxLine+9); return l }, 4, "not a line of a record"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			cfg := config.Audit{File: "audit.jsonl"}
			if err := os.WriteFile(cfg.File, bytes.Join(tt.mangle(sealed(t, 5)), nil), 0o600); err != nil {
				t.Fatal(err)
			}
			wantFault(t, cfg, cfg.File, tt.line, tt.says)
		})
	}
}

// resealed is a line with one text for another and a hash that fits again, as one would who knows how.
func resealed(text []byte, before, after string) []byte {
	l, _, err := readSealed(bytes.TrimSuffix(text, []byte("\n")))
	if err != nil {
		panic(err)
	}
	l.Call.Arguments = bytes.Replace(l.Call.Arguments, []byte(before), []byte(after), 1)
	out, _, err := appendSealed(nil, &l)
	if err != nil {
		panic(err)
	}
	return out
}

func TestAHeadThatWasNotedTellsACutEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := config.Audit{File: "audit.jsonl"}
	lines := sealed(t, 5)
	write := func(lines [][]byte) {
		if err := os.WriteFile(cfg.File, bytes.Join(lines, nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(lines[:5])
	early := wantIntact(t, cfg)
	write(lines)
	head := wantIntact(t, cfg, "--head", early)
	write(lines[:5])
	wantIntact(t, cfg)
	wantFault(t, cfg, cfg.File, 1, "the noted head is nowhere in the record", "--head", head)
	wantIntact(t, cfg, "--head", strings.ToUpper(early))
}

func TestVerifyRefusesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	cfg := config.Audit{File: dir + "/audit.jsonl"}
	for name, tt := range map[string]struct {
		args  []string
		usage bool
		want  string
	}{
		"no record":        {[]string{"verify"}, false, "there is no record at " + cfg.File},
		"no file":          {[]string{"verify", dir + "/none"}, false, "no such file"},
		"a head too short": {[]string{"verify", "--head", "abc"}, true, "64 hexadecimal digits"},
		"another flag":     {[]string{"verify", "--tail"}, true, "-tail"},
		"another word":     {[]string{"prove"}, true, "there is no toolgate audit prove"},
		"no word":          {nil, true, "toolgate audit verify"},
		"lines below zero": {[]string{"tail", "-n", "-1"}, true, "-n from 0"},
	} {
		_, err := audit(t, cfg, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrUsage) != tt.usage {
			t.Errorf("%s: got %v, want %q and ErrUsage %t", name, err, tt.want, tt.usage)
		}
	}
}

func TestHelpSaysWhatThereIs(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"verify", "--help"}, {"tail", "-h"}} {
		out, err := audit(t, config.Audit{}, args...)
		if err != nil || !strings.Contains(out, "--head HASH") || !strings.Contains(out, "-n N") {
			t.Errorf("%v: got %v and\n%s", args, err, out)
		}
	}
}

// TestVerifyWhileItIsWritten has a line half written at the end of a file that a process has open.
func TestVerifyWhileItIsWritten(t *testing.T) {
	cfg := newRecord(t)
	l, err := Open(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(cfg.File, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":2,"ti`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wantIntact(t, cfg)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantFault(t, cfg, cfg.File, 2, "not a line of a record")
}

// FuzzVerify has bytes of a record replaced. Whatever they are replaced by, it is found, unless whole lines went from the end,
// which only a noted head tells.
func FuzzVerify(f *testing.F) {
	lines := sealed(f, 4)
	whole := bytes.Join(lines, nil)
	_, hash, err := readSealed(bytes.TrimSuffix(lines[len(lines)-1], []byte("\n")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(10), uint16(1), []byte("9"))
	f.Add(uint16(len(lines[0])), uint16(len(lines[1])), []byte(nil))
	f.Add(uint16(len(lines[0])), uint16(0), lines[0])
	f.Add(uint16(len(whole)-len(lines[5])), uint16(len(lines[5])), []byte(nil))
	f.Add(uint16(len(whole)), uint16(0), []byte(`{"seq":7}`))
	f.Fuzz(func(t *testing.T, at, length uint16, with []byte) {
		from := min(int(at), len(whole))
		to := min(from+int(length), len(whole))
		mangled := slices.Concat(whole[:from], with, whole[to:])
		for _, noted := range []string{"", hash} {
			v := &verifier{noted: noted, whole: true}
			if err := v.read(source{"f", bytes.NewReader(mangled), func() bool { return false }}, true); err != nil {
				t.Fatalf("read: %v", err)
			}
			fault := v.end()
			cut := bytes.HasPrefix(whole, mangled) && (len(mangled) == 0 || mangled[len(mangled)-1] == '\n')
			if good := bytes.Equal(mangled, whole) || cut && noted == ""; good != (fault == nil) {
				t.Fatalf("verify of %q with head %q: got %v, want a fault: %t", mangled, noted, fault, !good)
			}
		}
	})
}
