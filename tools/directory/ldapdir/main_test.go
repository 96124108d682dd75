package ldapdir

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// The servers that all tests share and none changes: the large company with the memberof overlay, and without.
var overlaid, plain *slapd

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "ldapdir")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	var both sync.WaitGroup
	start := func(s **slapd, name string, memberOf bool) {
		both.Go(func() {
			own := filepath.Join(folder, name)
			err := os.Mkdir(own, 0o700)
			if err == nil {
				*s, err = loadSlapd(own, largeCompany(), memberOf, "")
			}
			if err == nil {
				err = (*s).start()
			}
			if err != nil {
				*s = nil
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
	start(&overlaid, "overlaid", true)
	start(&plain, "plain", false)
	both.Wait()
	code := 1
	if overlaid != nil && plain != nil {
		code = m.Run()
	}
	for _, s := range []*slapd{overlaid, plain} {
		if s != nil {
			s.kill()
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
