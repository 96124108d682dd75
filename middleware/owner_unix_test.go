//go:build unix

package middleware

import (
	"os"
	"syscall"
	"testing"
)

// TestAKeyFileKeepsItsOwnerAndGroup: who changes it is often root, and the server another.
func TestAKeyFileKeepsItsOwnerAndGroup(t *testing.T) {
	uid, gid := os.Geteuid(), os.Getegid()
	if groups, err := os.Getgroups(); err == nil && len(groups) > 0 {
		gid = groups[len(groups)-1] // what anybody may give away
	}
	if os.Geteuid() == 0 {
		uid, gid = 23456, 34567
	}
	f := KeyFile(keyFile(t, ""))
	if err := os.Chmod(string(f), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(string(f), uid, gid); err != nil {
		t.Fatal(err)
	}
	added(t, f, "ci")
	info, err := os.Stat(string(f))
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); int(stat.Uid) != uid || int(stat.Gid) != gid || info.Mode().Perm() != 0o640 {
		t.Errorf("it is %d:%d %v, want %d:%d 0640", stat.Uid, stat.Gid, info.Mode(), uid, gid)
	}
}
