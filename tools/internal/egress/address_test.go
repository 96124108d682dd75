package egress

import (
	"net/netip"
	"testing"
)

func TestPublicAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8":                  true,
		"93.184.215.14":            true,
		"100.63.255.255":           true,
		"100.128.0.0":              true,
		"172.15.255.255":           true,
		"172.32.0.0":               true,
		"223.255.255.255":          true,
		"2606:4700:4700::1111":     true,
		"2a00:1450:4001:80b::200e": true,
		"2001:4860:4860::8888":     true,

		"0.0.0.0":           false,
		"0.1.2.3":           false,
		"10.0.0.1":          false,
		"100.64.0.1":        false,
		"100.100.100.200":   false,
		"127.0.0.1":         false,
		"127.255.255.254":   false,
		"168.63.129.16":     false,
		"169.254.169.254":   false,
		"172.16.0.1":        false,
		"172.31.255.255":    false,
		"192.0.0.192":       false,
		"192.0.2.1":         false,
		"192.88.99.1":       false,
		"192.168.1.1":       false,
		"198.18.0.1":        false,
		"198.19.255.255":    false,
		"198.51.100.7":      false,
		"203.0.113.7":       false,
		"224.0.0.1":         false,
		"240.0.0.1":         false,
		"255.255.255.255":   false,
		"::":                false,
		"::1":               false,
		"::127.0.0.1":       false,
		"::ffff:127.0.0.1":  false,
		"::ffff:8.8.8.8":    false,
		"64:ff9b::7f00:1":   false,
		"64:ff9b::808:808":  false,
		"64:ff9b:1::a00:1":  false,
		"100::1":            false,
		"2001::1":           false,
		"2001:2::1":         false,
		"2001:10::1":        false,
		"2001:db8::1":       false,
		"2002:7f00:1::":     false,
		"3fff::1":           false,
		"5f00::1":           false,
		"fc00::1":           false,
		"fd00:ec2::254":     false,
		"fe80::1":           false,
		"fe80::1%eth0":      false,
		"fec0::1":           false,
		"ff02::1":           false,
		"2606:4700::1%eth0": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("public(%s) = %t, want %t", text, got, want)
		}
	}
	if public(netip.Addr{}) {
		t.Error("public(no address) = true, want false")
	}
}

func TestAddressesWhereCredentialsAre(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254":        true,
		"169.254.170.2":          true,
		"fe80::1":                true,
		"fe80::1%eth0":           true,
		"fd00:ec2::254":          true,
		"168.63.129.16":          true,
		"100.100.100.200":        true,
		"192.0.0.192":            true,
		"::ffff:169.254.169.254": true,
		"::169.254.169.254":      true,
		"64:ff9b::a9fe:a9fe":     true,
		"64:ff9b:1::a9fe:a9fe":   true,
		"2002:a9fe:a9fe::1":      true,
		"10.0.0.1":               false,
		"127.0.0.1":              false,
		"::1":                    false,
		"fd00:ec2::253":          false,
		"64:ff9b::808:808":       false,
	} {
		if got := metadata(netip.MustParseAddr(text)); got != want {
			t.Errorf("metadata(%s) = %t, want %t", text, got, want)
		}
	}
}

// FuzzPublic: an address let through is of no kind that netip knows to be special, however it is written.
func FuzzPublic(f *testing.F) {
	for _, text := range []string{"8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "fe80::1%x", "2606:4700::1111", "64:ff9b::1"} {
		a := netip.MustParseAddr(text)
		f.Add(a.AsSlice(), a.Zone())
	}
	f.Fuzz(func(t *testing.T, b []byte, zone string) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		addr = addr.WithZone(zone)
		if !public(addr) {
			return
		}
		for _, a := range []netip.Addr{addr, addr.Unmap(), carried(addr)} {
			if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() ||
				a.IsUnspecified() || a.Zone() != "" || a.Is4In6() || metadata(a) {
				t.Errorf("%s is let through, and is special", addr)
			}
		}
	})
}
