package ldapdir

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	maxAnswer  = 64 << 20        // bytes that one question may read: a server that never stops is not read on
	aliveCheck = 3 * time.Second // how long an idle connection may take to prove that it works
)

// A connection is bound, encrypted where that was asked for, and used by one question at a time.
type connection struct {
	ldap      *ldap.Conn
	line      *line
	most      int64 // bytes that one question may read
	idleSince time.Time
}

// line is the connection to the server, below TLS. It reads a bounded number of bytes a question.
type line struct {
	net.Conn
	left atomic.Int64
}

var errFlooded = errors.New("the answer is larger than a question may read")

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.left.Add(-int64(n)) < 0 && err == nil {
		err = errFlooded
	}
	return n, err
}

// use calls question. Where ctx ends before it returns, the connection is cut off: the server gives the question up, and
// question returns.
func (c *connection) use(ctx context.Context, question func(*connection) error) error {
	c.line.left.Store(c.most)
	stop := context.AfterFunc(ctx, func() { c.line.Close() })
	defer stop()
	err := question(c)
	if c.flooded() {
		return errFlooded
	}
	return err
}

// alive asks for nothing.
func (c *connection) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, aliveCheck)
	defer cancel()
	err := c.use(ctx, func(c *connection) error {
		_, err := c.ldap.Search(&ldap.SearchRequest{Scope: ldap.ScopeBaseObject, Filter: anything, Attributes: []string{noAttributes}})
		return err
	})
	return (err == nil || isAnswer(err)) && !c.broken()
}

// broken says that nothing more can be asked.
func (c *connection) broken() bool { return c.ldap.IsClosing() }

// flooded says that the server sent more than a question may read.
func (c *connection) flooded() bool { return c.line.left.Load() < 0 }

// close never waits for the server.
func (c *connection) close() {
	c.line.Close()
	c.ldap.Close()
}

// connect makes a connection to the first server that answers, beginning with the one that did last. Each gets its share of
// the time that ctx leaves.
func (d *Directory) connect(ctx context.Context) (*connection, error) {
	if err := d.gate.check(); err != nil {
		return nil, err
	}
	var last error
	first, n := int(d.first.Load()), len(d.addresses)
	for i := range n {
		at := (first + i) % n
		c, err := d.connectTo(ctx, d.addresses[at], n-i)
		if err == nil {
			d.first.Store(int32(at))
			d.gate.opened()
			if !d.pool.add(c) {
				c.close()
				return nil, net.ErrClosed
			}
			return c, nil
		}
		last = err
		// The others hold the same passwords, and lock accounts after a few wrong ones.
		if ctx.Err() != nil || isRefusedBind(err) {
			break
		}
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		d.gate.failed(last)
	}
	return nil, last
}

// connectTo makes a connection to one of so many servers that are still to be tried.
func (d *Directory) connectTo(ctx context.Context, a address, still int) (*connection, error) {
	if deadline, bounded := ctx.Deadline(); bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(still))
		defer cancel()
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", a.String())
	if err != nil {
		return nil, unreachable("connect", err)
	}
	l := &line{Conn: raw}
	l.left.Store(d.most)
	security := d.tls.Clone()
	security.ServerName = a.host

	var top net.Conn = l
	if a.tls {
		encrypted := tls.Client(l, security)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			l.Close()
			return nil, unreachable("agree on TLS", err)
		}
		top = encrypted
	}
	c := &connection{ldap: ldap.NewConn(top, a.tls), line: l, most: d.most}
	c.ldap.Start()
	err = c.use(ctx, func(c *connection) error {
		if d.cfg.StartTLS && !a.tls {
			if err := c.ldap.StartTLS(security); err != nil {
				return unreachable("start TLS", err)
			}
		}
		return d.bind(c)
	})
	if ctx.Err() != nil {
		err = unreachable("bind", ctx.Err())
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// bind says who we are. An empty password would be taken for nobody's name, and for success (RFC 4513, 5.1.2): it is never
// sent.
func (d *Directory) bind(c *connection) error {
	if d.cfg.BindDN == "" {
		return nil
	}
	_, err := c.ldap.SimpleBind(ldap.NewSimpleBindRequest(d.cfg.BindDN, d.cfg.BindPassword.Reveal(), nil))
	if err != nil && isAnswer(err) {
		return refusedBind(err)
	}
	if err != nil {
		return unreachable("bind", err)
	}
	return nil
}
