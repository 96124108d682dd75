//go:build unix

package handlers

import (
	"errors"
	"io"
	"syscall"
)

// isBrokenPipe says that the other side has closed its end.
func isBrokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
