package ldapdir

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
)

const (
	gateFailures = 5                // connections in a row that could not be made, after which the server is left be
	gatePause    = 5 * time.Second  // for how long
	bindPause    = 30 * time.Second // how long no bind is tried after a refused one: servers lock accounts after a few
	retrySoon    = 5                // seconds after which a server may be back, or less busy
)

var errAllInUse = errors.New("every connection is in use")

// gate keeps a server that cannot be reached, or that refuses us, from being asked over and over.
type gate struct {
	mu       sync.Mutex
	failures int
	until    time.Time
	why      *directory.Failure
}

// check is why no connection should be tried now; nil if one may.
func (g *gate) check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := time.Until(g.until)
	if left <= 0 {
		return nil
	}
	return &directory.Failure{Message: g.why.Message, Down: true, RetryAfter: int(left/time.Second) + 1}
}

func (g *gate) opened() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures = 0
}

func (g *gate) failed(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures++
	pause := gatePause
	if isRefusedBind(err) {
		pause = bindPause
	} else if g.failures < gateFailures {
		return
	}
	g.why, _ = errors.AsType[*directory.Failure](failureOf(err))
	g.until = time.Now().Add(pause)
}

// isAnswer says that err is what the server answered, over a connection that works.
func isAnswer(err error) bool {
	e, isLDAP := errors.AsType[*ldap.Error](err)
	_, isFailure := errors.AsType[*directory.Failure](err)
	return isLDAP && !isFailure && e.ResultCode < ldap.ErrorNetwork
}

// refusal is a bind that the server did not accept.
type refusal struct{ error }

func refusedBind(err error) error {
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable) {
		return failureOf(err)
	}
	return &directory.Failure{
		Message: "the directory refused the bind (" + meaning(err) + "); an operator has to look at tools.directory.ldap.bind_dn and bind_password",
		Down:    true, Err: refusal{fmt.Errorf("bind: %w", err)},
	}
}

func isRefusedBind(err error) bool {
	_, is := errors.AsType[refusal](err)
	return is
}

// unreachable is the failure of a connection that could not be made.
func unreachable(doing string, err error) error {
	f := &directory.Failure{Down: true, RetryAfter: retrySoon, Err: fmt.Errorf("%s: %w", doing, err)}
	f.Message = "the directory could not be reached: " + reason(err)
	return f
}

// reason says in a few words what is wrong, without addresses.
func reason(err error) string {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		unknown     x509.UnknownAuthorityError
		timeout     net.Error
	)
	switch {
	case errors.As(err, &certificate), errors.As(err, &unknown),
		strings.Contains(err.Error(), "x509: "): // StartTLS makes a text of it
		return "its certificate is not to be trusted"
	case errors.As(err, &dns):
		return "its host name could not be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to it"
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultProtocolError, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultUnavailable):
		return "it does not offer StartTLS"
	}
	return "the connection broke"
}

// failureOf is what went wrong between us and the server, or what the server answered, for models.
func failureOf(err error) error {
	if _, isFailure := errors.AsType[*directory.Failure](err); isFailure {
		return err
	}
	f := &directory.Failure{Err: err}
	switch {
	case errors.Is(err, errFlooded):
		f.Message = "the directory's answer is too large: ask for less"
	case !isAnswer(err):
		f.Down, f.RetryAfter = true, retrySoon
		f.Message = "the directory could not be reached: the connection broke"
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable):
		f.Down, f.RetryAfter = true, retrySoon
		f.Message = "the directory is " + meaning(err)
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultTimeLimitExceeded):
		f.Message = "the directory gave up on the question after a time limit of its own: ask for less"
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultAdminLimitExceeded):
		f.Message = "the question goes beyond what the directory allows: ask for less; an operator may lower tools.directory.ldap.page_size"
	default:
		f.Message = "the directory did not answer: " + meaning(err)
	}
	return f
}

// meaning is a result code in words. What the server wrote beside it may hold anything, and is for the log.
func meaning(err error) string {
	e, isLDAP := errors.AsType[*ldap.Error](err)
	if !isLDAP {
		return "unknown"
	}
	switch e.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		return "invalid credentials"
	case ldap.LDAPResultInsufficientAccessRights:
		return "its account here may not read this"
	case ldap.LDAPResultOperationsError:
		return "it may want a bind first, result code 1"
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		return "it wants an encrypted connection"
	case ldap.LDAPResultBusy:
		return "busy"
	case ldap.LDAPResultUnavailable:
		return "shutting down, or not ready"
	}
	return fmt.Sprintf("result code %d", e.ResultCode)
}

// silent is the failure of a server that did not answer in time.
func (d *Directory) silent(err error) error {
	message := fmt.Sprintf("the directory did not answer within %s", d.cfg.Timeout)
	if errors.Is(err, errAllInUse) {
		message = fmt.Sprintf("the directory could not be asked within %s: too many other questions were waiting for it", d.cfg.Timeout)
	}
	return &directory.Failure{Message: message, RetryAfter: retrySoon, Down: true, Err: err}
}

func closed() error {
	return &directory.Failure{Message: "the directory is not asked any more: the server is shutting down", Down: true}
}
