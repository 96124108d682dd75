//go:build !unix

package handlers

import (
	"errors"
	"io"
	"io/fs"
)

// isBrokenPipe says that the other side has closed its end.
func isBrokenPipe(err error) bool {
	return errors.Is(err, io.ErrClosedPipe) || errors.Is(err, fs.ErrClosed)
}
