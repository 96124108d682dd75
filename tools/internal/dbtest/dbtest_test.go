package dbtest

import (
	"os"
	"sync"
	"testing"
)

func TestServersStartAndLeaveNothingBehind(t *testing.T) {
	starters := map[string]func() (*Server, error){"PostgreSQL": Postgres, "MariaDB": MariaDB}
	var running sync.WaitGroup
	for name, start := range starters {
		running.Go(func() {
			s, err := start()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if err := s.Close(); err != nil {
				t.Errorf("%s: stop: %v", name, err)
			}
			if _, err := os.Stat(s.folder); !os.IsNotExist(err) {
				t.Errorf("%s: its folder after Close: %v, want that it does not exist", name, err)
			}
		})
	}
	running.Wait()
}
