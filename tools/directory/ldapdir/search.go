package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-ldap/ldap/v3"

	"toolgate/tools/directory"
)

const (
	anything     = "(objectClass=*)"
	noAttributes = "1.1" // RFC 4511, 4.5.1.8: entries alone
	unpaged      = 10    // entries wanted, up to which no pages are asked for
)

// query is one search.
type query struct {
	base       string
	scope      int // ldap.ScopeBaseObject, ldap.ScopeWholeSubtree
	filter     string
	attributes []string
	limit      int  // entries wanted at most; 0: cfg.SizeLimit
	paged      bool // the server gives its answers in pages
}

// search asks the server for entries: limit of them at most, and whether there are more. Entries that other servers hold are
// not followed. Where a single entry is asked for by its DN, not to be there is no error; where many are, a base that is not
// there is one. Errors are as those of ask; a refusal by the server is a *directory.Failure that wraps the *ldap.Error.
func (d *Directory) search(ctx context.Context, what string, q query) (entries []*ldap.Entry, more bool, err error) {
	if q.limit == 0 {
		q.limit = d.cfg.SizeLimit
	}
	err = d.ask(ctx, what, func(c *connection) error {
		entries, more, err = d.pages(ctx, c, q)
		return err
	})
	if err == nil {
		return entries, more, nil
	}
	if !isAnswer(err) {
		return nil, false, err
	}
	switch {
	case q.scope == ldap.ScopeBaseObject && ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultReferral, ldap.LDAPResultInvalidDNSyntax):
		return nil, false, nil
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultReferral):
		err = &directory.Failure{
			Message: "the directory does not hold the entry that everything is looked for below; an operator has to look at tools.directory.ldap.base_dn",
			Err:     err,
		}
	default:
		err = failureOf(err)
	}
	d.report(what, err)
	return nil, false, err
}

// pages reads the answer, page by page where it may be long. All pages come over one connection, as servers keep their place
// with it.
func (d *Directory) pages(ctx context.Context, c *connection, q query) (entries []*ldap.Entry, more bool, err error) {
	req := &ldap.SearchRequest{
		BaseDN: q.base, Scope: q.scope, DerefAliases: ldap.NeverDerefAliases,
		Filter: q.filter, Attributes: q.attributes,
	}
	var paging *ldap.ControlPaging
	if q.paged && q.limit > unpaged {
		paging = ldap.NewControlPaging(uint32(min(d.cfg.PageSize, q.limit+1)))
		req.Controls = []ldap.Control{paging}
	} else {
		req.SizeLimit, req.EnforceSizeLimit = q.limit+1, true
	}
	for {
		req.TimeLimit = seconds(ctx, d.cfg.Timeout)
		result, err := c.ldap.Search(req)
		if result != nil {
			entries = append(entries, result.Entries...)
		}
		switch {
		case errors.Is(err, ldap.ErrSizeLimitExceeded): // by our own count: the server is still sending
			c.close()
			more = true
		case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
			more = true
		case err != nil:
			return nil, false, err
		}
		if len(entries) > q.limit {
			entries, more = entries[:q.limit], true
		}
		cookie := cookieOf(result)
		if len(cookie) == 0 || paging == nil {
			return entries, more, nil
		}
		paging.SetCookie(cookie)
		if more {
			// RFC 2696, 3: a page of none ends it.
			paging.PagingSize = 0
			if _, err := c.ldap.Search(req); err != nil {
				c.close()
			}
			return entries, true, nil
		}
	}
}

// cookieOf is where the server goes on; empty after the last page, and from servers without pages.
func cookieOf(result *ldap.SearchResult) []byte {
	if result == nil {
		return nil
	}
	paging, _ := ldap.FindControl(result.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
	if paging == nil {
		return nil
	}
	return paging.Cookie
}

// seconds is how long the server may take, in whole seconds, not less than we wait.
func seconds(ctx context.Context, most time.Duration) int {
	if deadline, bounded := ctx.Deadline(); bounded {
		most = min(most, time.Until(deadline))
	}
	return max(1, int((most+time.Second-1)/time.Second))
}

// all is search for answers of which no part may be missing.
func (d *Directory) all(ctx context.Context, what string, q query) ([]*ldap.Entry, error) {
	entries, more, err := d.search(ctx, what, q)
	if err == nil && more {
		err = d.tooMany(what)
	}
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// tooMany is the failure of a question whose answer we or the server cut off.
func (d *Directory) tooMany(what string) error {
	err := &directory.Failure{
		Message: fmt.Sprintf("to %s, more entries have to be read than is allowed here or than the directory gives out: ask for less", what),
		Err:     errors.New("size limit exceeded"),
	}
	d.report(what, err)
	return err
}
