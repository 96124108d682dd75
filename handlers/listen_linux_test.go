package handlers

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPeersThatVanishAreGivenUp: connections that we accept are given up by the kernel when nothing of what we sent was
// acknowledged for a while, and asked now and then whether they are there. With a heartbeat on every stream, a client that
// vanished without a word is gone within the time-out after the next one.
func TestPeersThatVanishAreGivenUp(t *testing.T) {
	listeners, err := Listen(t.Context(), []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer listeners[0].Close()
	client, err := net.Dial("tcp", listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := listeners[0].Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	raw, err := accepted.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	option := func(level, name int) (value int) {
		var fault error
		if err := raw.Control(func(fd uintptr) { value, fault = unix.GetsockoptInt(int(fd), level, name) }); err != nil || fault != nil {
			t.Fatal(err, fault)
		}
		return value
	}
	if got := time.Duration(option(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)) * time.Millisecond; got != 30*time.Second {
		t.Errorf("TCP_USER_TIMEOUT = %v, want 30s", got)
	}
	if option(unix.SOL_SOCKET, unix.SO_KEEPALIVE) == 0 {
		t.Error("keep-alive is off")
	}
}
