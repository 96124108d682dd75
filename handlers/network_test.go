package handlers

import (
	"net"
	"net/netip"
	"sync"
)

// network is a listener whose connections are pipes in memory. A write to one takes until the other side has read it, so a
// client that does not read is felt at once; and in a synctest bubble a connection that waits lets time go on.
type network struct {
	incoming chan net.Conn
	closed   chan struct{}
	close    sync.Once
}

// serverAddr is where all connections arrive.
const serverAddr = "127.0.0.1:3002"

func newNetwork() *network {
	return &network{incoming: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.incoming:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *network) Close() error {
	n.close.Do(func() { close(n.closed) })
	return nil
}

// Addr implements net.Listener.
func (n *network) Addr() net.Addr { return tcpAddr(serverAddr) }

// dial connects from an address of the caller's choice, "192.0.2.7:50000".
func (n *network) dial(from string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case n.incoming <- pipeConn{Conn: far, remote: tcpAddr(from)}:
		return near, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// pipeConn is the server's end of a pipe, with the addresses of a TCP connection.
type pipeConn struct {
	net.Conn
	remote net.Addr
}

func (c pipeConn) LocalAddr() net.Addr  { return tcpAddr(serverAddr) }
func (c pipeConn) RemoteAddr() net.Addr { return c.remote }

func tcpAddr(text string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)) }
