//go:build unix

package oauthfront

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Root that writes the file leaves it to the server. Others can only show that theirs stays theirs.
func TestTheStateFileKeepsItsOwner(t *testing.T) {
	file := filepath.Join(t.TempDir(), "front.json")
	w := newWorld(t, withState(file))
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 {
		uid, gid = 65534, 65534
	}
	if err := os.Chown(file, uid, gid); err != nil {
		t.Fatal(err)
	}
	w.registerClient(callback)
	if err := w.front.Close(); err != nil {
		t.Fatal(err)
	}
	if owner, ok := fileInfo(t, file).Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != uid || int(owner.Gid) != gid {
		t.Errorf("the file is now that of %+v, want %d:%d", owner, uid, gid)
	}
}
