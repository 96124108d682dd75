package ldapdir

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// chain is the rule by which a server of Active Directory follows memberships to their end (MS-ADTS, 3.1.1.3.4.4.3).
const chain = ":1.2.840.113556.1.4.1941:"

// cleanFilter is an operator's filter with its parentheses; empty stays empty.
func cleanFilter(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	if !strings.HasPrefix(text, "(") {
		text = "(" + text + ")"
	}
	if _, err := ldap.CompileFilter(text); err != nil {
		return "", fmt.Errorf("is no LDAP filter, such as (objectClass=person): %w", err)
	}
	return text, nil
}

// is matches entries with the value, whatever characters it has.
func is(attribute, value string) string {
	return "(" + attribute + "=" + ldap.EscapeFilter(value) + ")"
}

// begins matches entries with a value that begins with the text.
func begins(attribute, text string) string {
	return "(" + attribute + "=" + ldap.EscapeFilter(text) + "*)"
}

// contains matches entries with a value that has the text somewhere.
func contains(attribute, text string) string {
	return "(" + attribute + "=*" + ldap.EscapeFilter(text) + "*)"
}

func either(filters ...string) string { return "(|" + strings.Join(filters, "") + ")" }

func both(filters ...string) string { return "(&" + strings.Join(filters, "") + ")" }

// hasSID matches the entry with the SID, which is no text.
func hasSID(sid []byte) string {
	var b strings.Builder
	for _, octet := range sid {
		b.WriteString(`\` + hex.EncodeToString([]byte{octet}))
	}
	return "(objectSid=" + b.String() + ")"
}

// named matches the entries of a kind that have the value in one of the attributes.
func (s *schema) named(kind string, attributes []string, value string) string {
	var some []string
	for _, a := range attributes {
		some = append(some, is(a, value))
	}
	if s.proxies {
		some = append(some, is("proxyAddresses", "smtp:"+value))
	}
	return both(kind, either(some...))
}

// naming matches the lists that name one of these entries as a direct member; logins are those of people.
func (s *schema) naming(dns, logins []string) string {
	var some []string
	for _, dn := range dns {
		for _, a := range s.members {
			some = append(some, is(a, dn))
		}
	}
	if !s.ad {
		for _, login := range logins {
			some = append(some, is("memberUid", login))
		}
	}
	return either(some...)
}

// entry matches one entry that is below the base, and maybe others of its name: of servers other than Active Directory not
// all can be asked for an entry by its DN together with others.
func (s *schema) entry(dn *ldap.DN) string {
	if s.ad {
		return is("distinguishedName", dn.String())
	}
	var all []string
	for _, pair := range dn.RDNs[0].Attributes {
		all = append(all, is(pair.Type, pair.Value))
	}
	return both(all...)
}
