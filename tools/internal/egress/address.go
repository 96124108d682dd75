package egress

import "net/netip"

// public says whether an address is one of the public Internet: one at which no operator's own network can be. Addresses
// that hold another one, such as those of NAT64 or 6to4, are not: what they lead to depends on the network.
func public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" || addr.Is4In6() {
		return false
	}
	if addr.Is6() && !prefix("2000::/3").Contains(addr) { // all that is given out as global unicast
		return false
	}
	for _, p := range reserved() {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

// reserved are the special-purpose addresses of IANA's registries (RFC 6890 and its successors), for IPv6 those within
// 2000::/3, and 168.63.129.16, behind which Azure gives machines their secrets.
func reserved() []netip.Prefix {
	return []netip.Prefix{
		prefix("0.0.0.0/8"),       // this network
		prefix("10.0.0.0/8"),      // private
		prefix("100.64.0.0/10"),   // carrier-grade NAT
		prefix("127.0.0.0/8"),     // loopback
		prefix("169.254.0.0/16"),  // link-local
		prefix("172.16.0.0/12"),   // private
		prefix("192.0.0.0/24"),    // protocol assignments
		prefix("192.0.2.0/24"),    // documentation
		prefix("192.88.99.0/24"),  // relays of 6to4
		prefix("192.168.0.0/16"),  // private
		prefix("198.18.0.0/15"),   // benchmarks
		prefix("198.51.100.0/24"), // documentation
		prefix("203.0.113.0/24"),  // documentation
		prefix("224.0.0.0/4"),     // multicast
		prefix("240.0.0.0/4"),     // reserved, broadcast
		prefix("168.63.129.16/32"),
		prefix("2001::/23"),     // protocol assignments: Teredo, benchmarks, ORCHID
		prefix("2001:db8::/32"), // documentation
		prefix("2002::/16"),     // 6to4
		prefix("3fff::/20"),     // documentation
	}
}

// metadata says whether an address is one where clouds keep machines' credentials: link-local ones, and those that a cloud
// took elsewhere.
func metadata(addr netip.Addr) bool {
	addr = carried(addr)
	switch addr {
	case netip.AddrFrom4([4]byte{168, 63, 129, 16}), // Azure
		netip.AddrFrom4([4]byte{100, 100, 100, 200}), // Alibaba Cloud
		netip.AddrFrom4([4]byte{192, 0, 0, 192}):     // Oracle Cloud
		return true
	}
	return addr.IsLinkLocalUnicast() || addr == netip.MustParseAddr("fd00:ec2::254") // AWS
}

// carried is the IPv4 address inside one of IPv6, where it is of a kind that has one; else the address itself.
func carried(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	switch {
	case prefix("64:ff9b::/96").Contains(addr), prefix("64:ff9b:1::/48").Contains(addr), prefix("::/96").Contains(addr) && b[12] != 0:
		return netip.AddrFrom4([4]byte(b[12:16]))
	case prefix("2002::/16").Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }
