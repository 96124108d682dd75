// Package ldapdir is a directory of people and lists that an LDAP server holds: Active Directory, OpenLDAP and others.
//
// A question goes from a method of Directory (lookup.go, members.go, climb.go, near.go) by search (search.go), which
// asks on a connection of the pool (pool.go) that connect (connect.go) made. What the server is, and so which attributes it
// has, is learned with the first question (server.go, schema.go). What goes wrong becomes a directory.Failure (failure.go).
package ldapdir

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/tools/directory"
)

// Directory is what an LDAP server knows of people and lists. It keeps connections; Close ends them.
type Directory struct {
	cfg       config.LDAP
	log       *zap.Logger
	addresses []address
	first     atomic.Int32 // the address that answered last, tried first
	tls       *tls.Config
	base      *ldap.DN // of cfg.BaseDN; nil: ask the server
	pool      *pool
	gate      gate
	most      int64 // maxAnswer
	server    learned
	asking    sync.WaitGroup
	closing   context.Context // ends with Close, and with it what is asked, connecting included
	end       context.CancelFunc
}

var (
	_ directory.Directory = (*Directory)(nil)
	_ directory.Climber   = (*Directory)(nil)
	_ directory.Witness   = (*Directory)(nil)
)

// Open makes a directory of a configuration, whose every fault is in the error. It connects to nothing: the server may come
// and go.
func Open(cfg config.LDAP, log *zap.Logger) (*Directory, error) {
	d := &Directory{cfg: cfg, log: log, pool: newPool(cfg.Connections), most: maxAnswer}
	var faults []error
	fault := func(key string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("tools.directory.ldap.%s: %w", key, err))
		}
	}
	var err error
	d.addresses, err = parseAddresses(cfg.URI)
	fault("uri", err)
	d.tls, err = tlsConfig(cfg)
	fault("ca_file", err)
	if cfg.BaseDN != "" {
		d.base, err = ldap.ParseDN(cfg.BaseDN)
		fault("base_dn", err)
	}
	_, err = ldap.ParseDN(cfg.BindDN)
	if strings.ContainsAny(cfg.BindDN, `@\`) && !strings.Contains(cfg.BindDN, "=") {
		err = nil // Active Directory takes alice@corp.example.com and CORP\alice as well
	}
	fault("bind_dn", err)
	switch {
	case cfg.BindDN != "" && cfg.BindPassword.IsZero():
		fault("bind_password", errors.New("is empty, with which a server may take anybody for bind_dn: set it, or leave bind_dn out as well"))
	case cfg.BindDN == "" && !cfg.BindPassword.IsZero():
		fault("bind_dn", errors.New("is empty, and bind_password is set: say whose password it is"))
	}
	d.cfg.PeopleFilter, err = cleanFilter(cfg.PeopleFilter)
	fault("people_filter", err)
	d.cfg.GroupsFilter, err = cleanFilter(cfg.GroupsFilter)
	fault("groups_filter", err)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	d.closing, d.end = context.WithCancel(context.Background())
	d.warn()
	return d, nil
}

// warn tells the operator what is allowed and unsafe.
func (d *Directory) warn() {
	for _, a := range d.addresses {
		if !a.tls && !d.cfg.StartTLS && d.cfg.BindDN != "" && !a.loopback() {
			d.log.Warn("the bind password goes to the directory unencrypted: use ldaps:// or start_tls", zap.String("host", a.host))
		}
	}
	if !d.cfg.TLSVerify {
		d.log.Warn("the directory's certificate is not checked: anybody on the way can read the bind password")
	}
}

// Close ends every connection, and the questions that are being asked, and returns when all is over. Questions asked later
// fail.
func (d *Directory) Close() {
	d.pool.close() // first, so that what ends is known to end because of it
	d.end()
	d.asking.Wait()
}

// ask calls question with a connection that nobody else uses meanwhile, and again on another one if the connection breaks: a
// server may close one that was idle at any time. It blocks for cfg.Timeout at most, connecting included. what is for the log.
// The error is the cause of ctx's end, a *directory.Failure, or what question returned that the server said.
func (d *Directory) ask(ctx context.Context, what string, question func(*connection) error) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	if !d.pool.enter(&d.asking) {
		return closed()
	}
	defer d.asking.Done()
	defer context.AfterFunc(d.closing, cancel)()

	err := d.tryTwice(ctx, question)
	switch {
	case err == nil:
		return nil
	case caller.Err() != nil:
		return context.Cause(caller)
	case d.pool.isClosed():
		return closed()
	case ctx.Err() != nil:
		err = d.silent(err)
	case !isAnswer(err):
		err = failureOf(err)
	}
	d.report(what, err)
	return err
}

// tryTwice asks on an idle connection or a new one, and once more on a new one.
func (d *Directory) tryTwice(ctx context.Context, question func(*connection) error) error {
	if err := d.pool.wait(ctx); err != nil {
		return err
	}
	defer d.pool.leave()
	for again := false; ; again = true {
		c, err := d.connection(ctx)
		if err != nil {
			return err
		}
		err = c.use(ctx, question)
		if err == nil || isAnswer(err) && !c.broken() {
			d.pool.put(c)
			return err
		}
		c.close()
		d.pool.forget(c)
		if again || ctx.Err() != nil || isAnswer(err) || c.flooded() || d.pool.isClosed() {
			return err
		}
		// One that the server closed was not alone: the others are as old.
		d.pool.flush()
	}
}

// connection is an idle one that still works, or a new one.
func (d *Directory) connection(ctx context.Context) (*connection, error) {
	for {
		c := d.pool.take()
		if c == nil {
			return d.connect(ctx)
		}
		if idle := time.Since(c.idleSince); !c.broken() && (idle < d.pool.trusted || c.alive(ctx)) {
			return c, nil
		}
		c.close()
		d.pool.forget(c)
	}
}

// report logs what failed. What the gate keeps back was logged when it failed.
func (d *Directory) report(what string, err error) {
	if f, isFailure := errors.AsType[*directory.Failure](err); isFailure && f.Err != nil {
		d.log.Warn("the directory failed", zap.String("asked", what), zap.String("told", f.Message), zap.Error(f.Err))
	}
}
