package handlers

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// setUserTimeout makes the kernel give up on peers that acknowledge nothing; accepted connections inherit it.
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
	return errors.Join(err, set)
}

// isNoSuchAddress says that this machine lacks the address, or its IP version altogether.
func isNoSuchAddress(err error) bool {
	return errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT)
}
