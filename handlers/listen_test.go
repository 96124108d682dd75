package handlers

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestListen(t *testing.T) {
	open := func(t *testing.T, addresses ...string) []net.Listener {
		t.Helper()
		listeners, err := Listen(t.Context(), addresses)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			for _, l := range listeners {
				_ = l.Close()
			}
		})
		return listeners
	}
	t.Run("every address", func(t *testing.T) {
		if got := open(t, "127.0.0.1:0", "127.0.0.2:0"); len(got) != 2 {
			t.Errorf("got %d listeners, want 2", len(got))
		}
	})
	t.Run("an address that this machine lacks is left out", func(t *testing.T) {
		if got := open(t, "127.0.0.1:0", "[2001:db8::1]:0"); len(got) != 1 {
			t.Errorf("got %d listeners, want 1", len(got))
		}
		if got := open(t, "192.0.2.1:0", "127.0.0.1:0"); len(got) != 1 {
			t.Errorf("got %d listeners, want 1", len(got))
		}
	})
	t.Run("none remains", func(t *testing.T) {
		if got, err := Listen(t.Context(), []string{"192.0.2.1:0"}); err == nil {
			t.Errorf("got %v, want an error", got)
		}
	})
	t.Run("or none", func(t *testing.T) {
		taken := open(t, "127.0.0.1:0")[0].Addr().String()
		free := open(t, "127.0.0.2:0")[0]
		address := free.Addr().String()
		if err := free.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := Listen(t.Context(), []string{address, taken})
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), taken) {
			t.Errorf("got %v, want to hear that %s is in use", err, taken)
		}
		open(t, address) // what was opened before the fault is closed again
	})
}
