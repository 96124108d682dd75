//go:build !linux

package files

import "os"

// pseudo is for systems that have no files made up by the kernel where folders of documents are.
func pseudo(*os.File) bool { return false }
