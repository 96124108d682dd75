package files

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// pseudo says whether a file or folder is in a file system whose contents the kernel makes up: /proc/self/environ and the
// like are regular files by their mode, wherever they are mounted.
func pseudo(f *os.File) bool {
	var stat unix.Statfs_t
	conn, err := f.SyscallConn()
	if err != nil {
		return true
	}
	failed := error(nil)
	if err := conn.Control(func(fd uintptr) { failed = unix.Fstatfs(int(fd), &stat) }); err != nil || failed != nil {
		return true
	}
	return slices.Contains([]int64{
		unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC,
		unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC, unix.BPF_FS_MAGIC, unix.NSFS_MAGIC,
		unix.EFIVARFS_MAGIC, unix.PSTOREFS_MAGIC, unix.SELINUX_MAGIC, unix.BINFMTFS_MAGIC,
	}, int64(stat.Type)) //nolint:unconvert // the field has another type on other processors
}
