package redistest

import (
	"os/exec"
	"syscall"
)

// notOutlive has the kernel end the process if the test binary is killed before it could.
func notOutlive(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
