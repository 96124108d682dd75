//go:build unix

package middleware

import (
	"os"
	"syscall"
)

// sameOwner gives f the owner of the file of a name, where that is there: root must not take a file from the server.
func sameOwner(name string, f *os.File) error {
	info, err := os.Stat(name)
	if err != nil {
		return nil //nolint:nilerr // there is no owner to keep
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && (int(stat.Uid) != os.Getuid() || int(stat.Gid) != os.Getgid()) {
		return f.Chown(int(stat.Uid), int(stat.Gid))
	}
	return nil
}
