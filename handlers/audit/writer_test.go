package audit

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"toolgate/config"
	"toolgate/mcp"
)

// disk is a file on a disk that may be full, or slow.
type disk struct {
	*os.File
	full      atomic.Bool   // a write takes half of what it is given, and then fails
	stubborn  atomic.Bool   // nothing can be taken back either
	entered   chan struct{} // told of each write, where it is set
	goOn      chan struct{} // waited for by each write, where it is set
	syncs     atomic.Int64
	truncated atomic.Int64
}

func (d *disk) Write(b []byte) (int, error) {
	if d.entered != nil {
		d.entered <- struct{}{}
		<-d.goOn
	}
	if d.full.Load() {
		n, err := d.File.Write(b[:len(b)/2])
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return d.File.Write(b)
}

func (d *disk) Truncate(size int64) error {
	if d.stubborn.Load() {
		return syscall.EIO
	}
	d.truncated.Add(1)
	return d.File.Truncate(size)
}

func (d *disk) Sync() error { d.syncs.Add(1); return d.File.Sync() }

// openOn opens a record on a disk.
func openOn(t *testing.T, d *disk, cfg config.Audit, log *zap.Logger) *Log {
	t.Helper()
	l, err := open(cfg, log, func(path string) (sink, error) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, fileMode)
		d.File = f
		return d, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var aCall = mcp.Outcome{Method: "tools/call", Tool: "say", Principal: mcp.Anonymous()}

// TestAFullQueueIsAGap has a disk that does not come back from a write, and more calls than may wait.
func TestAFullQueueIsAGap(t *testing.T) {
	cfg := newRecord(t)
	cfg.MaxSize = config.GiB
	d := &disk{}
	l := openOn(t, d, cfg, zap.NewNop())
	d.entered, d.goOn = make(chan struct{}), make(chan struct{})
	done := l.Observer().Done
	done(aCall)
	<-d.entered // the writer has the first, and waits for the disk
	for range queueSize + 5 {
		done(aCall) // none of them waits
	}
	go func() { // the disk is well again
		close(d.goOn)
		for range d.entered {
		}
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	close(d.entered)
	if got := len(calls(t, cfg.File)); got != 1+queueSize {
		t.Errorf("got %d calls, want %d", got, 1+queueSize)
	}
	wantGaps(t, cfg, 5)
	out, err := audit(t, cfg, "verify")
	if err != nil || !strings.Contains(out, "gaps: 1, in which 5 calls are missing") {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// wantGaps wants so many calls to be missing, as the gap lines say.
func wantGaps(t *testing.T, cfg config.Audit, want float64) {
	t.Helper()
	missing := 0.0
	for _, l := range written(t, cfg.File) {
		if l["event"] == eventGap {
			missing += l["missed"].(float64)
		}
	}
	if missing != want {
		t.Errorf("gap lines: got %v calls missing, want %v", missing, want)
	}
}

func TestAFullDiskIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := newRecord(t)
		d := &disk{}
		core, logged := observer.New(zap.WarnLevel)
		l := openOn(t, d, cfg, zap.New(core))
		done := l.Observer().Done
		done(aCall)
		synctest.Wait()
		d.full.Store(true)
		for range 90 {
			done(aCall)
			<-time.After(time.Second) // the bubble's time
		}
		if got := logged.Len(); got != 2 {
			t.Errorf("a disk that is full for 90 s: got %d warnings, want one a minute: %v", got, logged.All())
		}
		d.stubborn.Store(true) // half a line stays in the file
		done(aCall)
		synctest.Wait()
		d.full.Store(false)
		d.stubborn.Store(false)
		done(aCall)
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if got := len(calls(t, cfg.File)); got != 2 {
			t.Errorf("got %d calls written, want the two of when the disk was well", got)
		}
		wantGaps(t, cfg, 91)
		wantIntact(t, cfg)
	})
}

// TestAFullDiskAtTheEnd has Close say what is lost.
func TestAFullDiskAtTheEnd(t *testing.T) {
	cfg := newRecord(t)
	d := &disk{}
	l := openOn(t, d, cfg, zap.NewNop())
	d.full.Store(true)
	l.Observer().Done(aCall)
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "1 calls are missing from the end") {
		t.Errorf("Close: got %v, want it to say that a call is missing", err)
	}
	wantIntact(t, cfg)
}

func TestLinesAreOnDiskWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := newRecord(t)
		d := &disk{}
		l := openOn(t, d, cfg, zap.NewNop())
		l.Observer().Done(aCall)
		synctest.Wait()
		if got := len(calls(t, cfg.File)); got != 1 {
			t.Errorf("got %d calls in the file at once, want 1", got)
		}
		<-time.After(syncInterval) // the bubble's time
		synctest.Wait()
		if got := d.syncs.Load(); got != 1 {
			t.Errorf("got %d syncs after a second, want 1", got)
		}
		<-time.After(time.Minute) // the bubble's time
		if got := d.syncs.Load(); got != 1 {
			t.Errorf("got %d syncs after a quiet minute, want still 1", got)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAFileThatCannotBeFullGrowsOn has a folder in the place of every name that the full file could get.
func TestAFileThatCannotBeFullGrowsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := newRecord(t)
		cfg.MaxSize = 1 * config.KiB
		core, logged := observer.New(zap.WarnLevel)
		l := openOn(t, &disk{}, cfg, zap.New(core))
		for seq := range uint64(30) {
			if err := os.MkdirAll(folder{cfg.File}.fullPath(time.Now(), seq)+"/taken", 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			l.Observer().Done(aCall)
			synctest.Wait()
		}
		if got := logged.Len(); got != 1 {
			t.Errorf("got %d warnings, want 1: %v", got, logged.All())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if got := len(calls(t, cfg.File)); got != 20 {
			t.Errorf("got %d calls, want 20", got)
		}
		wantIntact(t, cfg, cfg.File)
	})
}
