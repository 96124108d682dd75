package dbtest

import "syscall"

// notOutlive has the kernel end the process if the test binary is killed before it could.
func notOutlive(attr *syscall.SysProcAttr, end syscall.Signal) { attr.Pdeathsig = end }
