//go:build unix && !linux

package dbtest

import "syscall"

func notOutlive(*syscall.SysProcAttr, syscall.Signal) {}
