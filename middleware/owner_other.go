//go:build !unix

package middleware

import "os"

func sameOwner(string, *os.File) error { return nil }
