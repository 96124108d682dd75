package files

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

const helping = "read-one-pdf" // the argument that makes this binary a helper

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == helping {
		if err := Help(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// helper is a real helper process: this binary, which does not wait a second for races that end with it.
func helper(t testing.TB) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", self, helping}
}
