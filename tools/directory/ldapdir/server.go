package ldapdir

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"

	"toolgate/config"
	"toolgate/tools/directory"
)

const (
	capabilityAD = "1.2.840.113556.1.4.800" // MS-ADTS, 3.1.1.3.4.3: LDAP_CAP_ACTIVE_DIRECTORY_OID
	oidPaging    = "1.2.840.113556.1.4.319" // RFC 2696
)

// server is what the server is, as far as it matters.
type server struct {
	*schema
	base  string
	baseP *ldap.DN // base, parsed
	paged bool     // it gives long answers in pages
}

// learned is what the server said of itself, once it has.
type learned struct {
	mu    sync.Mutex
	known *server
}

// facts is what the server is. The first call asks it; those that come meanwhile ask for themselves.
func (d *Directory) facts(ctx context.Context) (*server, error) {
	d.server.mu.Lock()
	known := d.server.known
	d.server.mu.Unlock()
	if known != nil {
		return known, nil
	}
	// The entry above all (RFC 4512, 5.1). A server that shows none of it is taken as the configuration says.
	entries, _, err := d.search(ctx, "read what the server is", query{
		scope: ldap.ScopeBaseObject, filter: anything, limit: 1,
		attributes: []string{"supportedCapabilities", "supportedControl", "defaultNamingContext", "namingContexts"},
	})
	if err != nil && !ldap.IsErrorAnyOf(err, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultUnwillingToPerform) {
		return nil, err
	}
	root := &ldap.Entry{}
	if len(entries) > 0 {
		root = entries[0]
	}
	s := &server{base: d.cfg.BaseDN, baseP: d.base}
	isAD := d.cfg.Flavor == config.LDAPAD || d.cfg.Flavor != config.LDAPGeneric && slices.Contains(root.GetAttributeValues("supportedCapabilities"), capabilityAD)
	s.schema = schemaOf(isAD, d.cfg)
	controls := root.GetAttributeValues("supportedControl")
	s.paged = len(controls) == 0 || slices.Contains(controls, oidPaging)
	if s.base == "" {
		if s.base, s.baseP, err = baseOf(root); err != nil {
			d.report("read what the server is", err)
			return nil, err
		}
	}
	d.log.Info("the directory is known", zap.Bool("active_directory", isAD), zap.String("base", s.base), zap.Bool("paged", s.paged))
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.server.known = s
	return s, nil
}

// baseOf is where the server's own data begins: what it says is the default, or the only one it has that is not about itself.
func baseOf(root *ldap.Entry) (string, *ldap.DN, error) {
	candidates := root.GetAttributeValues("defaultNamingContext")
	if len(candidates) == 0 {
		candidates = slices.DeleteFunc(root.GetAttributeValues("namingContexts"), func(dn string) bool {
			return dn == "" || slices.Contains([]string{"cn=config", "cn=monitor", "cn=changelog", "cn=accesslog", "o=netscaperoot"}, strings.ToLower(dn))
		})
	}
	if len(candidates) == 1 {
		if dn, err := ldap.ParseDN(candidates[0]); err == nil {
			return candidates[0], dn, nil
		}
	}
	return "", nil, &directory.Failure{
		Message: "the directory does not say where its entries begin; an operator has to set tools.directory.ldap.base_dn",
		Err:     errors.New("no default naming context, and not one alone: " + strings.Join(candidates, " ")),
	}
}

// holds says whether an entry is below the base, or it.
func (s *server) holds(dn *ldap.DN) bool { return s.baseP.EqualFold(dn) || s.baseP.AncestorOfFold(dn) }

// below is a search for everything of a kind.
func (s *server) below(filter string, attributes []string) query {
	return query{base: s.base, scope: ldap.ScopeWholeSubtree, filter: filter, attributes: attributes, paged: s.paged}
}

// at is a search for one entry, if it is of a kind.
func (s *server) at(dn, filter string, attributes []string) query {
	return query{base: dn, scope: ldap.ScopeBaseObject, filter: filter, attributes: attributes, limit: 1}
}
