package ldapdir

import (
	"bytes"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"toolgate/config"
)

// FuzzFilters: whatever somebody asks for, a filter has the shape that it has for a plain word, and the text as its value.
func FuzzFilters(f *testing.F) {
	for _, seed := range append(oddNames, "alice", "*", "*)(uid=*))(|(uid=*", "\x00", `\00`, `\`, "\xff", ")(", "(&)", "uid=alice,dc=x", "") {
		f.Add(seed)
	}
	compiled := func(t *testing.T, filter string) *ber.Packet {
		p, err := ldap.CompileFilter(filter)
		if err != nil {
			t.Fatalf("filter %q: %v", filter, err)
		}
		return ber.DecodePacket(p.Bytes())
	}
	f.Fuzz(func(t *testing.T, asked string) {
		for _, ad := range []bool{false, true} {
			s := schemaOf(ad, config.LDAP{})
			p := compiled(t, s.named(s.people, s.personIdentity, asked))
			attributes := s.personIdentity
			if ad {
				attributes = append(attributes[:len(attributes):len(attributes)], "proxyAddresses")
			}
			if p.Tag != ldap.FilterAnd || len(p.Children) != 2 || p.Children[1].Tag != ldap.FilterOr || len(p.Children[1].Children) != len(attributes) {
				t.Fatalf("filter for %q has another shape", asked)
			}
			if !bytes.Equal(p.Children[0].Bytes(), compiled(t, s.people).Bytes()) {
				t.Fatalf("filter for %q is not of people", asked)
			}
			for i, one := range p.Children[1].Children {
				want := asked
				if attributes[i] == "proxyAddresses" {
					want = "smtp:" + asked
				}
				if one.Tag != ldap.FilterEqualityMatch || text(one.Children[0]) != attributes[i] || text(one.Children[1]) != want {
					t.Fatalf("filter for %q has %s = %q, want %s = %q", asked, text(one.Children[0]), text(one.Children[1]), attributes[i], want)
				}
			}
		}
		if asked == "" {
			return // parts of names that are looked for are never empty
		}
		for tag, filter := range map[ber.Tag]string{
			ldap.FilterSubstringsAny: contains("cn", asked), ldap.FilterSubstringsInitial: begins("cn", asked),
		} {
			p := compiled(t, filter)
			if p.Tag != ldap.FilterSubstrings || len(p.Children[1].Children) != 1 || p.Children[1].Children[0].Tag != tag || text(p.Children[1].Children[0]) != asked {
				t.Fatalf("filter %q is not for the part %q", filter, asked)
			}
		}
		p := compiled(t, hasSID([]byte(asked)))
		if p.Tag != ldap.FilterEqualityMatch || text(p.Children[1]) != asked {
			t.Fatalf("filter for the bytes %q has another value", asked)
		}
	})
}
