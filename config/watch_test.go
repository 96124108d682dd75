package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWatchTellsOfWhatBecameAnother(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("toolgate.yaml", "a")
	write("other.yaml", "not watched")

	told := make(chan []string)
	watching := make(chan struct{}, 1)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	done := make(chan error, 1)
	asked := 0
	go func() {
		done <- Watch(ctx, func() []string {
			if asked++; asked == 2 { // the first look was taken, and the folder is watched
				watching <- struct{}{}
			}
			return []string{file("toolgate.yaml"), file(".env")}
		}, func(files []string) { told <- files })
	}()
	next := func(want ...string) {
		t.Helper()
		select {
		case got := <-told:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("told of (-want +got):\n%s", diff)
			}
		case <-ctx.Done():
			t.Fatalf("nothing was told; want %q", want)
		}
	}

	<-watching
	write("other.yaml", "still not watched")
	write("toolgate.yaml", "ab")
	next(file("toolgate.yaml"))

	write("new", "abc") // as editors save: beside, and then in its place
	if err := os.Rename(file("new"), file("toolgate.yaml")); err != nil {
		t.Fatal(err)
	}
	next(file("toolgate.yaml"))

	write(".env", "A=1")
	next(file(".env"))
	if err := os.Remove(file(".env")); err != nil {
		t.Fatal(err)
	}
	next(file(".env"))

	// What becomes another while somebody reacts to a change is told of too, however busy the folder is.
	busy := make(chan struct{})
	noise := make(chan struct{})
	go func() {
		defer close(noise)
		for i := 0; ; i++ {
			select {
			case <-busy:
				return
			default:
				_ = os.WriteFile(file("noise"), []byte{byte(i)}, 0o600) // as a log beside the configuration
			}
		}
	}()
	write("toolgate.yaml", "abcd")
	next(file("toolgate.yaml"))
	write("toolgate.yaml", "abcde")
	next(file("toolgate.yaml"))
	close(busy)
	<-noise

	stop()
	if err := <-done; err != nil {
		t.Errorf("Watch = %v, want nil once its context ended", err)
	}
}
