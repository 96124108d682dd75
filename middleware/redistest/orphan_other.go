//go:build !linux

package redistest

import "os/exec"

// notOutlive is the kernel's to do, and only Linux does it.
func notOutlive(*exec.Cmd) {}
