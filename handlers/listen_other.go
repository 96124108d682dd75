//go:build !linux

package handlers

import (
	"errors"
	"syscall"
)

// setUserTimeout does nothing here: keep-alive finds dead peers later.
func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }

// isNoSuchAddress says that this machine lacks the address, or its IP version altogether.
func isNoSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}
