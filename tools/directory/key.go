package directory

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// key is the form in which identities are compared: lower case, no outer spaces, and DNs in one spelling, as directories
// print them in more than one way: \2C for \, and spaces around "," and "=".
func key(identity string) string {
	identity = strings.TrimSpace(identity)
	if !strings.Contains(identity, "=") {
		return strings.ToLower(identity)
	}
	dn, err := ldap.ParseDN(identity)
	if err != nil {
		return strings.ToLower(identity)
	}
	for _, rdn := range dn.RDNs {
		for _, pair := range rdn.Attributes {
			pair.Value = strings.ToLower(pair.Value)
		}
	}
	return dn.String()
}

// Key is a DN, login, mail address or name in the form in which it is compared.
func Key(identity string) string { return key(identity) }
