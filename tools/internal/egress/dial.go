package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// dialer connects to what it may connect to. It decides about the address that a connection is really made to, after every
// look-up: a name that changes its address between a check and its use finds no gap.
type dialer struct {
	private hosts
	wires   wires
}

func (d *dialer) connect(ctx context.Context, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("the address of a URL: %w", err)
	}
	if numeric(name) {
		return nil, fmt.Errorf("%w: a host name that ends in a number", ErrRefused)
	}
	if d.wires.connect != nil {
		return d.wires.connect(ctx, address)
	}
	guarded := net.Dialer{
		Timeout:  connectTimeout,
		Resolver: d.wires.resolver,
		ControlContext: func(_ context.Context, network, reached string, _ syscall.RawConn) error {
			if err := d.check(name, port, network, reached); err != nil {
				return err
			}
			if d.wires.reached != nil {
				return d.wires.reached(reached)
			}
			return nil
		},
	}
	return guarded.DialContext(ctx, "tcp", address)
}

// check decides about a connection that is about to be made for a URL's host and port.
func (d *dialer) check(name, port, network, reached string) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: a connection of the kind %s", ErrRefused, network)
	}
	target, err := netip.ParseAddrPort(reached)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if public(target.Addr()) {
		return nil
	}
	if !d.private.match(name, port) {
		return fmt.Errorf("%w: %s", ErrRefused, target.Addr())
	}
	if _, err := netip.ParseAddr(name); metadata(target.Addr()) && err != nil {
		return fmt.Errorf("%w: %s is reached by its own address only", ErrRefused, target.Addr())
	}
	return nil
}

// dial is one connection made for the transport. The transport may go on with it after the request that wanted it ended:
// closing the client ends it.
func (c *Client) dial(ctx context.Context, d *dialer, address string) (net.Conn, error) {
	if !c.enter() {
		return nil, errClosed
	}
	defer c.running.Done()
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	return d.connect(ctx, address)
}
